"""A throw-away Redis: started on demand, killed and started again at will."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.support.ties import end_with_parent

BINARY = shutil.which("redis-server")
MISSING = "no Redis server binary: `apt-get install redis-server`"


class RedisServer:
    """Keeps nothing on disk, as a broker that may be lost."""

    def __init__(self, *also: str) -> None:
        """``also``: addresses to listen at beside loopback; whoever reaches them may come in."""
        self._also = also
        if BINARY is None:
            raise RuntimeError(MISSING)
        self._folder = Path(tempfile.mkdtemp(prefix="wlm-redis-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert BINARY is not None
        self._process = subprocess.Popen(
            [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", *self._also,
             "--protected-mode", "no" if self._also else "yes", "--save", "",
             "--appendonly", "no", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(7) == b"+PONG\r\n":
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("Redis did not start")

    def kill(self) -> None:
        """SIGKILL it; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Empty it while it runs."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(5)

    def everything(self) -> list[bytes]:
        """All names, and all plain values, that it holds."""
        from redis import Redis

        with Redis.from_url(self.url) as client:
            names = client.keys()
            values = [client.get(name) for name in names if client.type(name) == b"string"]
        return [*names, *values]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
