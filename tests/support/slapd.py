"""A throw-away slapd: a real LDAP directory on loopback, with TLS and a sign-in.

with Slapd(LDIF) as server:
    Directory(settings(**server.settings))
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import trustme

BINARY = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
MISSING = "needs slapd and python-ldap: apt install slapd libldap-dev libsasl2-dev, `make ldap`"
READY = BINARY is not None and importlib.util.find_spec("ldap") is not None
BASE = "dc=acme,dc=example"
_ROOT = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: acme
o: Acme

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: cn=reader,{BASE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {{password}}
"""
_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/pid
TLSCertificateFile {home}/cert.pem
TLSCertificateKeyFile {home}/key.pem
sizelimit {most}
database mdb
maxsize 10485760
suffix "{base}"
directory {home}/data
access to * by anonymous auth by users read
"""


class Slapd:
    """Started on entry, stopped and removed on exit. Only who signs in may read."""

    user = f"cn=reader,{BASE}"
    password = "correct-horse"

    def __init__(self, people: str, *, most: int = 500) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="slapd-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        (self._home / "data").mkdir()
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(self._home / "ca.pem")
        certificate.private_key_pem.write_to_path(self._home / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(self._home / "cert.pem")
        (self._home / "people.ldif").write_text(
            _ROOT.format(password=self.password) + f"\n{people}", "utf-8"
        )
        (self._home / "conf").write_text(_CONFIG.format(home=self._home, base=BASE, most=most))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str | bool]:
        """The people skill's settings that lead here."""
        return {
            "ldap_url": f"ldap://127.0.0.1:{self.port}",
            "ldap_base": f"ou=people,{BASE}",
            "ldap_user": self.user,
            "ldap_password": self.password,
            "ldap_ca_file": str(self._home / "ca.pem"),
        }

    def __enter__(self) -> Self:
        conf, ldif = str(self._home / "conf"), str(self._home / "people.ldif")
        add = [str(BINARY), "-T", "add", "-f", conf, "-l", ldif]
        done = subprocess.run(add, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        self._process = subprocess.Popen(
            [str(BINARY), "-d", "0", "-f", conf, "-h", f"ldap://127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise RuntimeError("slapd did not start")

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def stop(self) -> None:
        """End it; its port stays closed."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
