"""`python -m faults.reload [TIMES]`: a gateway that takes new settings while it is asked.

Clients that try nothing twice ask all the time, on connections that they keep and on new ones; one
watches a stream. Each time the settings are changed and SIGHUP is sent, once to settings that
cannot be taken. Counted are the answers by status, what failed, and whether the new settings held.
Everything is on loopback and bounded.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.gateway import Gateway

OPEN = {"rate_limit": "", "rate_limit_address": "", "rate_limit_sign_in": ""}
_WAIT = 120.0


class Asking:
    """Clients that ask until they are told to stop."""

    def __init__(self, gateway: Gateway, key: str, pause: float) -> None:
        self.statuses: Counter[int] = Counter()
        self.failed: Counter[str] = Counter()
        self.longest = 0.0
        self.streams = 0
        self._gateway, self._key, self._pause = gateway, key, pause
        self._over = threading.Event()
        targets: list[Callable[[], None]] = [self._kept, self._kept, self._new, self._watch]
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop, and wait for the last answers."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _kept(self) -> None:
        with self._gateway.client(self._key) as http:
            while not self._over.is_set():
                self._ask(http)

    def _new(self) -> None:
        while not self._over.is_set():
            with self._gateway.client(self._key) as http:
                self._ask(http)

    def _ask(self, http: httpx.Client) -> None:
        begun = time.monotonic() + self._pause
        try:
            body = {"text": "what meetings do I have tomorrow"}
            for answer in (http.get("/v1/skills"), http.post("/v1/route", json=body)):
                self.statuses[answer.status_code] += 1
                if not answer.is_success:
                    self.failed[answer.text[:200]] += 1
        except httpx.TransportError as error:
            self.failed[type(error).__name__] += 1
        self._over.wait(self._pause)
        self.longest = max(self.longest, time.monotonic() - begun)

    def _watch(self) -> None:
        """A stream ends with its process; that it ends in order is all that can be asked."""
        with self._gateway.client(self._key) as http:
            while not self._over.is_set():
                try:
                    events = {"Accept": "text/event-stream"}
                    with http.stream("GET", "/v1/notices", headers=events, timeout=40) as answer:
                        self.streams += 1
                        if not answer.is_success:
                            self.failed[f"stream {answer.status_code}"] += 1
                        for _ in answer.iter_lines():
                            if self._over.is_set():
                                return
                except httpx.TransportError as error:
                    self.failed[f"stream {type(error).__name__}"] += 1


def holds(gateway: Gateway, origin: str, seconds: float = _WAIT) -> bool:
    """Whether a new connection comes to a process that takes pages of ``origin``; waits for it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = httpx.get(f"{gateway.url}/healthz", headers={"Origin": origin})
        if answer.headers.get("Access-Control-Allow-Origin") == origin:
            return True
        time.sleep(0.1)
    return False


def run(
    gateway: Gateway, key: str, times: int, *, pause: float = 0.0, more: str = ""
) -> dict[str, Any]:
    """Reload so many times, the last but one with settings that are at fault; what was found.

    ``pause`` is in seconds, after each request; ``more`` are further settings.
    """
    gateway.ready()
    file = gateway.home / "config" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    asking = Asking(gateway, key, pause)
    held = []
    for number in range(times):
        origin = f"https://page{number}.example"
        file.write_text(f'cors_origins = "{origin}"\n{more}')
        gateway.process.send_signal(signal.SIGHUP)
        held.append(holds(gateway, origin))
        if number == times - 2:
            file.write_text("cors_origins = 7\nno_such = [\n")
            gateway.process.send_signal(signal.SIGHUP)
            held.append(holds(gateway, origin))
    asking.stop()
    return {
        "reloads": len(held),
        "held": sum(held),
        "answers": {str(k): v for k, v in sorted(asking.statuses.items())},
        "failed": dict(asking.failed),
        "longest_seconds": round(asking.longest, 2),
        "streams": asking.streams,
    }


def main(times: int = 5) -> int:
    """Run it; 0 if no request failed and each change held."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), **OPEN).wait()
        try:
            found = run(gateway, gateway.key("anna@example.org"), times)
        finally:
            gateway.stop()
    print(json.dumps(found, indent=2))
    return 0 if not found["failed"] and found["held"] == found["reloads"] else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
