"""A real gateway in a process of its own, on loopback, with keys to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from wlm import config
from wlm.server.auth.accounts import Accounts
from wlm.server.policy import SCOPES
from wlm.store.migrate import open_store

START_SECONDS = 120
READY_SECONDS = 600


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Gateway:
    """`wlm serve` in ``home``; ``settings`` are environment variables without ``WLM_``."""

    def __init__(self, home: Path, *, role: str = "gateway", **settings: Any) -> None:
        self.home = home
        self.bind = settings.pop("bind", f"127.0.0.1:{free_port()}")
        self.url = f"http://{self.bind}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("WLM_")},
            "WLM_HOME": str(home),
            "WLM_TIMEZONE": "Europe/Berlin",
            "WLM_BIND": self.bind,
            **{f"WLM_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.log = home / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wlm.cli.main", "serve", "--role", role],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> Gateway:
        """Wait until it answers."""
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the gateway did not start: {self.log.read_text()[-2000:]}")

    def ready(self) -> Gateway:
        """Wait until it can do everything: a router that is not there yet is trained first."""
        ends = time.monotonic() + READY_SECONDS
        while (told := httpx.get(f"{self.url}/readyz")).status_code != 200:
            if time.monotonic() > ends:
                raise RuntimeError(f"the gateway is not ready: {told.text}")
            time.sleep(0.2)
        return self

    def key(self, email: str, *, role: str = "user") -> str:
        """A new API key of a new user, made on the host as an administrator would."""
        return make_key(self.environment, email, role=role)

    def client(self, key: str) -> httpx.Client:
        """A plain HTTP client with that key."""
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def make_key(environment: Mapping[str, str], email: str, *, role: str = "user") -> str:
    """A user with a key, written straight to the database that ``environment`` names."""
    settings = config.load(environ=environment)
    store = open_store(settings)
    try:
        accounts = Accounts(store, settings)
        user = accounts.users.add(email, role=role)
        return accounts.keys.create(user.owner, "test", SCOPES)[1]
    finally:
        store.close()
