"""`python -m faults.two_writers --seconds 60`: two processes write to one SQLite at once.

Each adds one to a shared counter by reading and writing it, and accepts and runs events.
Afterwards nothing may be lost: the counter is what they added, every event is done once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert, select, update

from faults import workload
from wlm.types import State


def write(home: Path, seconds: float) -> dict[str, int]:
    """Write for so long; how often the counter was raised and how many events were run."""
    store, engine = workload.opened(home)
    added = ran = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with store.write() as connection:
            value = connection.execute(select(workload.counter.c.value)).scalar_one()
            connection.execute(update(workload.counter).values(value=value + 1))
        added += 1
        with store.write():
            event = engine.accept(workload.OWNER, workload.route("note"))
        if engine.run(event.id).state is not State.SUCCEEDED:
            raise SystemExit("an event did not succeed")
        ran += 1
    store.close()
    return {"added": added, "ran": ran}


def run(home: Path, seconds: float, writers: int = 2) -> dict[str, int]:
    """Let the writers write and count what is there afterwards."""
    store = workload.opened(home).store
    with store.write() as connection:
        connection.execute(insert(workload.counter).values(owner=workload.OWNER, value=0))
    command = [sys.executable, "-m", "faults.two_writers", "--writer", str(home)]
    processes = [
        subprocess.Popen([*command, "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
        for _ in range(writers)
    ]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("a writer failed")
    told = [json.loads(output) for output in outputs]
    with store.read() as connection:
        value = connection.execute(select(workload.counter.c.value)).scalar_one()
    done = workload.count_rows(store)
    counts = {
        "writers": writers,
        "added": sum(one["added"] for one in told),
        "counter": value,
        "ran": sum(one["ran"] for one in told),
        "done": len(done),
        "doubled": sum(number > 1 for number in done.values()),
        "faults": len(workload.faults_of(store)),
    }
    store.close()
    return counts


def main() -> None:
    """Print the counts; exit 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--writer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.writer:
        print(json.dumps(write(arguments.writer, arguments.seconds)))
        return
    with tempfile.TemporaryDirectory() as home:
        counts = run(Path(home), arguments.seconds)
    print(json.dumps(counts))
    lost = counts["added"] - counts["counter"] or counts["ran"] - counts["done"]
    sys.exit(bool(lost or counts["doubled"] or counts["faults"] or not counts["ran"]))


if __name__ == "__main__":
    main()
