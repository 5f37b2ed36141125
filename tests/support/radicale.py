"""A throw-away Radicale: a real CalDAV and CardDAV server on loopback.

with Radicale() as server:
    server.make_calendar("home")
    server.put("home/one.ics", ics)
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from typing import Self

_CONFIG = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {home}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {home}/data
[logging]
level = error
"""
_CALENDAR = """<?xml version="1.0"?>
<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>
<displayname>{name}</displayname>
<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set>
</prop></set></C:mkcalendar>"""
_BOOK = """<?xml version="1.0"?>
<mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop>
<resourcetype><collection/><C:addressbook/></resourcetype><displayname>{name}</displayname>
</prop></set></mkcol>"""


class Radicale:
    """Started on entry, stopped and removed on exit. One user."""

    user = "me"
    password = "correct-horse"

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="radicale-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        (self._home / "users").write_text(f"{self.user}:{self.password}\n")
        (self._home / "config").write_text(_CONFIG.format(port=self.port, home=self._home))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "radicale", "--config", str(self._home / "config")]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for _ in range(400):  # until the port answers
            if self._process.poll() is not None:
                raise RuntimeError("Radicale ended")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return self
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Radicale does not listen")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self._home, ignore_errors=True)

    def make_calendar(self, name: str) -> str:
        """A new calendar; its address."""
        status, _, _ = self.request("MKCALENDAR", f"{name}/", _CALENDAR.format(name=name).encode())
        assert status == 201, status
        return f"{self.url}{self.user}/{name}/"

    def make_book(self, name: str) -> str:
        """A new address book; its address."""
        status, _, _ = self.request("MKCOL", f"{name}/", _BOOK.format(name=name).encode())
        assert status == 201, status
        return f"{self.url}{self.user}/{name}/"

    def put(self, path: str, data: bytes) -> None:
        """Write a resource as another client of the user would."""
        status, _, answer = self.request("PUT", path, data)
        assert status in (201, 204), (status, answer)

    def get(self, path: str) -> bytes:
        """A resource's content; empty if there is none."""
        status, _, answer = self.request("GET", path)
        return answer if status == 200 else b""

    def delete(self, path: str) -> None:
        """Remove a resource."""
        status, _, _ = self.request("DELETE", path)
        assert status in (200, 204), status

    def names(self, collection: str) -> list[str]:
        """The names of a collection's resources."""
        folder = self._home / "data/collection-root" / self.user / collection
        return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))

    def request(
        self, method: str, path: str, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """One request to a path below the user's home: status, headers, body."""
        login = b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"authorization": f"Basic {login}", "content-type": "text/plain"}
        if path.endswith(".ics"):
            headers["content-type"] = "text/calendar; charset=utf-8"
        elif path.endswith(".vcf"):
            headers["content-type"] = "text/vcard; charset=utf-8"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, f"/{self.user}/{path}", body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()
