"""A throw-away Dovecot: a real IMAP server on loopback with as many users as wanted."""

from __future__ import annotations

import imaplib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Self

BINARY = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = "Dovecot is not installed: apt-get install dovecot-imapd"

_CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
ssl = {ssl}
{certificate}
disable_plaintext_auth = no
auth_mechanisms = plain{mechanisms}
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{home}/mail/%u
{oauth}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Drafts {{
    auto = create
    special_use = \\Drafts
  }}
  mailbox "Sent Mail" {{
    auto = create
    special_use = \\Sent
  }}
}}
"""
_OAUTH = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {home}/oauth.conf
}}
"""


class Dovecot:
    """Started on entry, stopped and removed on exit. Any user may log in with the password."""

    user = "me@home.example"
    password = "correct-horse"

    def __init__(self, certificate: str = "", key: str = "", *, userinfo: str = "") -> None:
        """With a certificate and its key it speaks TLS: STARTTLS at ``port``, and TLS from the
        beginning at ``tls_port``. ``userinfo``: where an issuer tells whose token it is; XOAUTH2 is
        offered then."""
        if BINARY is None:
            raise RuntimeError(MISSING)
        self._home = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._home.chmod(0o755)
        self._count = itertools.count(1)
        free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.tls_port = (int(each.getsockname()[1]) for each in free)
        for each in free:
            each.close()
        self._write_config(certificate, key, userinfo)
        self._process: subprocess.Popen[bytes] | None = None

    def _write_config(self, certificate: str, key: str, userinfo: str) -> None:
        root = os.getuid() == 0
        owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        mail = self._home / "mail"
        mail.mkdir()
        if root:
            os.chown(mail, owner.pw_uid, owner.pw_gid)
        me = pwd.getpwuid(os.getuid()).pw_name
        internal = "dovecot" if root else me
        text = _CONFIG.format(
            home=self._home,
            password=self.password,
            internal=internal,
            group=pwd.getpwnam(internal).pw_gid if not root else "dovecot",
            login="dovenull" if root else me,
            ssl="yes" if certificate else "no",
            certificate=f"ssl_cert = <{certificate}\nssl_key = <{key}" if certificate else "",
            mechanisms=" xoauth2" if userinfo else "",
            oauth=_OAUTH.format(home=self._home) if userinfo else "",
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            port=self.port,
            tls_port=self.tls_port if certificate else 0,
        )
        (self._home / "dovecot.conf").write_text(text)
        (self._home / "oauth.conf").write_text(
            f"introspection_mode = auth\nintrospection_url = {userinfo}\n"
            "username_attribute = email\n"
        )

    def __enter__(self) -> Self:
        command = [str(BINARY), "-F", "-c", str(self._home / "dovecot.conf")]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, process_group=0)
        for _ in range(200):  # until the port answers
            if self._process.poll() is not None:
                raise RuntimeError(f"Dovecot ended: {self._process.communicate()[1].decode()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return self
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Dovecot does not listen")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        # All of its processes: it waits nine seconds for one whose client is idle.
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.communicate(timeout=20)
        shutil.rmtree(self._home, ignore_errors=True)

    def fresh(self) -> Self:
        """From now on an empty mailbox, of another user."""
        self.user = f"me{next(self._count)}@home.example"
        return self

    @property
    def folder(self) -> Path:
        """Where this user's inbox lies on disk, as a mail directory."""
        return self._home / "mail" / self.user

    def own(self) -> None:
        """Give what was written below ``folder`` to the user that the server works as."""
        if os.getuid() == 0:
            owner = pwd.getpwnam("nobody")
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, owner.pw_uid, owner.pw_gid)

    def client(self) -> imaplib.IMAP4:
        """A plain connection, logged in."""
        client = imaplib.IMAP4("127.0.0.1", self.port)
        client.login(self.user, self.password)
        return client

    def put(
        self, *messages: EmailMessage | bytes, folder: str = "INBOX", seen: bool = False
    ) -> None:
        """Deliver messages as they are, in this order."""
        client = self.client()
        for message in messages:
            raw = message if isinstance(message, bytes) else message.as_bytes()
            status, data = client.append(f'"{folder}"', r"\Seen" if seen else None, None, raw)
            assert status == "OK", data
        client.logout()

    def contents(self, folder: str = "INBOX") -> list[tuple[bytes, bytes]]:
        """Flags and bytes of every message of a folder."""
        client = self.client()
        _, count = client.select(f'"{folder}"', readonly=True)
        many = bool(count[0] and int(count[0]))
        data = client.fetch("1:*", "(FLAGS BODY.PEEK[])")[1] if many else []
        client.logout()
        return [(part[0], part[1]) for part in data if isinstance(part, tuple)]
