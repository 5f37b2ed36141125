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
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.ties import end_with_parent

INSTALL = "no Postgres server binary: `apt-get install postgresql`"
_names = itertools.count(1)
_KEEP = """folder=$1; shift
trap 'kill -QUIT $server; wait $server; rm -rf "$folder"; exit' TERM
"$@" & server=$!
wait $server
"""
# The server refuses to run as root.
_USER: dict[str, Any] = (
    {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
)


class Postgres:
    """A server on a Unix socket in a temporary folder.

    ``durable``: it syncs each commit to the disk, as a real one does.
    """

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="wlm-pg-"))
        self.log = self.folder / "log"
        if _USER:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
        # Whether a test's data survives a power cut does not matter.
        self._settings = (
            "listen_addresses=",
            f"fsync={'on' if durable else 'off'}",
            "max_connections=60",
        )
        self._start()

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
        server = int((Path(self.data) / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGQUIT)
        self._keeper.wait()
        self._start()

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self._keeper.terminate()
        self._keeper.wait()

    def _start(self) -> None:
        """Start it under a shell that stops it and removes its folder once told to, or once we
        are gone."""
        settings = [part for setting in self._settings for part in ("-c", setting)]
        server = [str(self._binaries / "postgres"), "-D", self.data, "-k", str(self.folder)]
        with self.log.open("a") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEP, "sh", str(self.folder), *server, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the tests
                preexec_fn=end_with_parent,
                **_USER,
            )
        while True:
            try:
                psycopg.connect(f"host={self.folder} user=postgres").close()
                return
            except psycopg.OperationalError:
                if self._keeper.poll() is not None:
                    raise RuntimeError(f"Postgres did not start: {self.log.read_text()}") from None
                time.sleep(0.02)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **_USER)
        if done.returncode:
            raise RuntimeError(f"{program} ended {done.returncode}: {done.stdout}{done.stderr}")


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
