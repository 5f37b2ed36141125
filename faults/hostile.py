"""`python -m faults.hostile [SEED]`: what nobody should send, sent to a real gateway.

Some 700 files and requests, made from a seed: recordings that are cut off, damaged, lie or
unpack to hours; bodies that are huge, deep or no text; headers, paths and names that trick;
clients that send for ever, slowly, or go. Each is to be refused with a 4xx problem (or, where
HTTP does not say that it is wrong, answered properly), in bounded time and memory, and the same
processes serve afterwards. Everything is on loopback and bounded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from faults.hostile_cases import Case, cases
from faults.hostile_wire import Answer, exchange
from tests.support.gateway import Gateway

LIMITS = {
    "rate_limit": "",
    "rate_limit_address": "",
    "rate_limit_sign_in": "",
    "max_audio_seconds": 60,
    "max_audio_bytes": 4_000_000,
}
AT_ONCE = 8
QUICK = 40.0
"""Seconds in which whatever is not slow itself is to be answered, on a busy machine too: who says
that more comes, and sends nothing, is waited for for 20."""
SLOW = 90.0
RETRIES = 20
GROWTH = 600.0
"""Megabytes by which the server may grow while it decodes and writes down two recordings at a
time beside all the rest."""


class Outcome(NamedTuple):
    """One case, what came of it, how long it took, and what is wrong with that (if anything)."""

    case: Case
    answer: Answer
    seconds: float
    wrong: str


def judge(case: Case, answer: Answer, seconds: float) -> str:
    """What is wrong with an answer; empty: nothing."""
    if seconds > (SLOW if case.slow else QUICK):
        return f"took {seconds:.0f} s"
    if answer.status == 0:
        return "" if case.may_hang_up else "no answer"
    if answer.status >= 500:
        return f"answered {answer.status}"
    if answer.status >= 400:
        return "" if answer.problem else f"{answer.status} is no problem document"
    return "" if case.may_pass else f"accepted with {answer.status}"


def attack(bind: str, chosen: Sequence[Case], token: str) -> list[Outcome]:
    """Send every case, some at once."""

    def one(case: Case) -> Outcome:
        begun = time.monotonic()
        answer = exchange(bind, case.pieces(token), case.patience)
        for _ in range(RETRIES):  # "come back later" is no answer to what it sent
            if answer.status != 503:
                break
            time.sleep(1)
            begun = time.monotonic()
            answer = exchange(bind, case.pieces(token), case.patience)
        spent = time.monotonic() - begun
        return Outcome(case, answer, spent, judge(case, answer, spent))

    quick = [case for case in chosen if not case.slow]
    slow = [case for case in chosen if case.slow]
    with ThreadPoolExecutor(AT_ONCE + len(slow)) as pool:
        waiting = [pool.submit(one, case) for case in slow]  # beside the others
        done = [pool.submit(one, case) for case in quick]
        return [future.result() for future in [*done, *waiting]]


class Memory(threading.Thread):
    """The most megabytes that a server and its children had."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.first = self.most = resident(pid)

    def run(self) -> None:
        while not self._over.wait(0.2):
            self.most = max(self.most, resident(self._pid))

    def stop(self) -> None:
        self._over.set()
        self.join()


def resident(pid: int) -> float:
    """Megabytes of a process and its children."""
    command = ["ps", "-o", "rss=", "--pid", str(pid), "--ppid", str(pid)]
    return sum(map(int, subprocess.run(command, capture_output=True, text=True).stdout.split())) / (
        1024
    )


def children(pid: int) -> set[str]:
    """The ids of its children."""
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    return set(subprocess.run(command, capture_output=True, text=True).stdout.split())


def run(seed: int, *, every: int = 1, slow: bool = True) -> dict[str, Any]:
    """Attack a new gateway with each ``every``-th case; what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), **LIMITS).wait().ready()
        try:
            key = gateway.key("mallory@example.org")
            good = Path(__file__).parents[1] / "samples" / "agenda_tomorrow.flac"
            with gateway.client(key) as http:
                _works(http, good)
                workers, memory = children(gateway.process.pid), Memory(gateway.process.pid)
                memory.start()
                chosen = [case for case in cases(seed)[::every] if slow or not case.slow]
                outcomes = attack(gateway.bind, chosen, key)
                memory.stop()
                _works(http, good)
            same = children(gateway.process.pid) == workers
            spool = list((gateway.home / "data" / "spool").glob("*"))
        finally:
            gateway.stop()
    wrong = [(o.case.name, o.wrong, o.answer.body[:200]) for o in outcomes if o.wrong]
    return {
        "cases": len(outcomes),
        "kinds": dict(Counter(o.case.kind for o in outcomes)),
        "answers": {
            str(s): n for s, n in sorted(Counter(o.answer.status for o in outcomes).items())
        },
        "slowest": max(o.seconds for o in outcomes if not o.case.slow),
        "memory": [round(memory.first), round(memory.most)],
        "grew_too_much": memory.most - memory.first > GROWTH,
        "same_processes": same,
        "left_in_spool": len(spool),
        "wrong": wrong,
    }


def _works(http: httpx.Client, recording: Path) -> None:
    """A request that is right is answered as ever."""
    with recording.open("rb") as file:
        answer = http.post("/v1/voice", files={"file": file})
    if answer.status_code != 200 or not answer.json()["actions"]:
        raise RuntimeError(f"the gateway does not work: {answer.status_code}")


def main(seed: int = 1) -> int:
    """Run it; 0 if all is as it should be."""
    found = run(seed)
    print(json.dumps(found, indent=2, default=repr))
    well = found["same_processes"] and not (
        found["wrong"] or found["left_in_spool"] or found["grew_too_much"]
    )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
