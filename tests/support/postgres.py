"""A throw-away Postgres: made by the first test that needs it, gone when the tests end."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

INSTALL = "no Postgres server binary: `apt-get install postgresql`"
_names = itertools.count(1)


class Postgres:
    """A server on a Unix socket in a temporary folder.

    ``durable``: it syncs each commit to the disk, as a real one does.
    """

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="wlm-pg-"))
        self.log = self.folder / "log"
        if _is_root():
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
        # Whether a test's data survives a power cut does not matter.
        sync = "on" if durable else "off"
        options = f"-k {self.folder} -c listen_addresses= -c fsync={sync} -c max_connections=60"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", str(self.log), "-o", options, "start")

    @property
    def data(self) -> str:
        """The server's data folder."""
        return str(self.folder / "data")

    def database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        name = f"wlm_{os.getpid()}_{next(_names)}"
        with psycopg.connect(f"host={self.folder} user=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def crash(self) -> None:
        """SIGKILL a process of the server: it throws every connection out and recovers."""
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
        try:
            with psycopg.connect(f"host={self.folder} user=postgres") as connection:
                row = connection.execute(query).fetchone()
        except psycopg.OperationalError:
            return  # it has not recovered from the last one yet
        if row is not None:
            os.kill(row[0], signal.SIGKILL)

    def restart(self) -> None:
        """Stop it as a crash does, and start it."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "restart")

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        # The server refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if _is_root() else []
        command = [*user, str(self._binaries / program), *arguments]
        # No pipes: the server would inherit them and keep them open.
        with (self.folder.parent / f"{self.folder.name}.out").open("w+") as out:
            done = subprocess.run(command, stdout=out, stderr=out, cwd="/")
            out.seek(0)
            text = out.read()
            Path(out.name).unlink()
        if done.returncode:
            raise RuntimeError(f"{program} ended {done.returncode}: {text}")


@functools.cache
def server(*, durable: bool = False) -> Postgres:
    """The server of this test run. Skips the test if there is no binary."""
    found = shutil.which("pg_ctl")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found and not installed:
        pytest.skip(INSTALL)
    made = Postgres((Path(found) if found else installed[-1]).parent, durable=durable)
    atexit.register(made.stop)
    return made


def _is_root() -> bool:
    return os.geteuid() == 0
