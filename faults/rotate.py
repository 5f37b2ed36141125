"""`python -m faults.rotate [SECONDS]`: the master key is rotated while people use the gateway.

Four users ask, look and search over HTTP at two web processes, while `wlm db rotate-key
--discard-old` runs again and again on the host. No answer may be anything but what was asked for,
and everything that was said must still open at the end. Everything is on loopback and bounded.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.support.gateway import Gateway

USERS = 4
OPEN = {"rate_limit": "", "rate_limit_address": "", "rate_limit_sign_in": ""}
WORD = "Zwetschgenkuchen"


class Outcome(NamedTuple):
    """What was done: rotations, answers by kind of request and status, wrong answers."""

    rotations: int
    statuses: Counter[tuple[str, int]]
    wrong: list[str]


def main(seconds: float) -> int:
    """Run it; 0 if nothing was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        done = run(Path(folder), seconds)
    for (kind, status), count in sorted(done.statuses.items()):
        print(f"{kind:<8} {status}  {count}")
    print(f"{done.rotations} rotations, {sum(done.statuses.values())} answers, "
          f"wrong: {len(done.wrong)}")  # fmt: skip
    for line in done.wrong[:20]:
        print(f"  {line}")
    return 1 if done.wrong or done.rotations < 2 else 0


def run(home: Path, seconds: float) -> Outcome:
    """Rotate under load for so long, at least twice."""
    gateway = Gateway(home, web_workers=2, **OPEN).wait().ready()
    ends = time.monotonic() + seconds
    over = threading.Event()
    try:
        users = [_User(gateway, f"user{number}") for number in range(USERS)]
        threads = [threading.Thread(target=user.go, args=[over]) for user in users]
        for thread in threads:
            thread.start()
        rotations = 0
        while rotations < 2 or time.monotonic() < ends:
            _rotate(gateway)
            rotations += 1
        over.set()
        for thread in threads:
            thread.join()
        for user in users:
            user.look_back()
        wrong = [line for user in users for line in user.wrong]
        return Outcome(rotations, sum((user.statuses for user in users), Counter()), wrong)
    finally:
        over.set()
        gateway.stop()


class _User:
    """One who says a word of their own, and reads it again."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self._http = gateway.client(gateway.key(f"{name}@example.org"))
        self._said = 0
        self._word = f"{WORD} {name}"
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self._ask()

    def go(self, over: threading.Event) -> None:
        """Look, search and ask until it is over."""
        while not over.is_set():
            for _ in range(4):
                self._expect("history", self._http.get("/v1/history", params={"limit": 5}))
                self._expect("search", self._http.get("/v1/history", params={"q": self._word}))
                self._expect("events", self._http.get("/v1/events", params={"limit": 5}))
            self._ask()

    def look_back(self) -> None:
        """Everything that was said is still there."""
        found, cursor = 0, None
        while True:
            query = {"limit": 100, **({"cursor": cursor} if cursor else {})}
            page = self._http.get("/v1/history", params=query).json()
            found += sum(self._word in turn["text"] for turn in page["turns"])
            if (cursor := page["next"]) is None:
                break
        if found != self._said:
            self.wrong.append(f"{self._said} were said, {found} are there")

    def _ask(self) -> None:
        answer = self._http.post("/v1/ask", json={"text": f"remind me of {self._word} tomorrow"})
        self._said += answer.is_success
        self._expect("ask", answer)

    def _expect(self, kind: str, answer: httpx.Response) -> None:
        self.statuses[kind, answer.status_code] += 1
        refused = answer.status_code == 503 and "retry-after" in answer.headers  # no place for it
        if not refused and (not answer.is_success or self._word not in answer.text):
            self.wrong.append(f"{kind}: {answer.status_code} {answer.text[:200]}")


def _rotate(gateway: Gateway) -> None:
    command = [sys.executable, "-m", "wlm.cli.main", "db", "rotate-key", "--discard-old"]
    subprocess.run(command, env=gateway.environment, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:2] or ["60"])))
