"""`python -m faults.alone --kills 100`: SIGKILL a process that accepts and runs events.

At random moments, also while the database is made. Afterwards it must open and be whole,
every event that was handed out must be there and come to an end with the next run, and
every effect must have happened once. (``dead`` are those that were killed at each attempt.)
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import wlm.store.upgrade  # noqa: F401 - loaded before the forks, so that kills do not hit imports
from faults import workload
from wlm.types import State

_KINDS = ("note", "pair", "note", "send")


def work(home: Path, out: int) -> None:
    """Bring leftovers to an end, then accept and run until killed; ids go to ``out``."""
    engine = workload.opened(home).engine
    os.write(out, b"\n")
    engine.run_due()
    for number in itertools.count():
        kind = _KINDS[number % len(_KINDS)]
        event = engine.accept(workload.OWNER, workload.route(kind), confirmed=kind == "send")
        os.write(out, f"{event.id}\n".encode())
        engine.run(event.id)
        engine.run_due()


def killed_once(home: Path, seconds: float, *, opened: bool) -> list[str]:
    """Fork a worker and kill it after so long, or so long after it opened the database.

    Returns the ids that it handed out.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            work(home, writing)
        except BaseException as error:  # noqa: BLE001 - the child must not return
            print(f"worker: {type(error).__name__}: {error}", file=sys.stderr)
            code = 70
        finally:
            os._exit(code)
    os.close(writing)
    if opened and os.read(reading, 1) != b"\n":
        raise SystemExit("a worker did not open the database")
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    with os.fdopen(reading) as lines:
        text = lines.read()
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"a worker ended by itself with {os.waitstatus_to_exitcode(status)}")
    return [line for line in text.split("\n")[:-1] if line]


def finish(home: Path) -> Counter[str]:
    """The next run: recover, run what is due, say yes where an unknown ``send`` asks."""
    store, engine = workload.opened(home)
    try:
        if wrong := workload.faults_of(store):
            raise SystemExit(f"after the kills: {wrong}")
        while engine.run_due(limit=500):
            pass
        asked = engine.list(workload.OWNER, states=[State.WAITING_CONFIRMATION], limit=100_000)
        for event in asked:
            engine.run(engine.confirm(workload.OWNER, event.id).id)
        if wrong := workload.faults_of(store):
            raise SystemExit(f"after the next run: {wrong}")
        states = Counter(
            event.state.value for event in engine.list(workload.OWNER, limit=1_000_000)
        )
        states["asked_again"] = len(asked)
        return states
    finally:
        store.close()


def verify(home: Path, handed_out: list[str]) -> dict[str, int]:
    """Count what is missing, unfinished, undone or done twice."""
    store, engine = workload.opened(home)
    try:
        events = {event.id: event for event in engine.list(workload.OWNER, limit=1_000_000)}
        done = workload.count_rows(store)
    finally:
        store.close()
    return {
        "handed_out": len(handed_out),
        "events": len(events),
        "missing": sum(id_ not in events for id_ in handed_out),
        "unfinished": sum(not event.state.final for event in events.values()),
        "undone": sum(
            event.state is State.SUCCEEDED and id_ not in done for id_, event in events.items()
        ),
        "doubled": sum(number > 1 for number in done.values()),
        "dead": sum(event.state is State.DEAD for event in events.values()),
    }


def run(kills: int, home: Path, seed: int) -> dict[str, int]:
    """Kill so often, let the next run finish, and count."""
    chance = random.Random(seed)
    handed_out: list[str] = []
    for number in range(kills):
        # The first ones hit while the database is made, the others anywhere in the work.
        opened = number >= kills // 10
        seconds = chance.uniform(0.0, 0.5)
        handed_out += killed_once(home, seconds, opened=opened)
    states = finish(home)
    return {"kills": kills, "asked_again": states["asked_again"], **verify(home, handed_out)}


def main() -> None:
    """Print the counts; exit 1 if one is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        counts = run(arguments.kills, Path(home), arguments.seed)
    print(json.dumps(counts))
    promised = ("missing", "unfinished", "undone", "doubled")
    sys.exit(any(counts[name] for name in promised) or not counts["handed_out"])


if __name__ == "__main__":
    main()
