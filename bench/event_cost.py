"""`python -m bench.event_cost`: what an event costs on Postgres and Redis, in processor time.

Prints milliseconds of processor for each event, of the workers and of Postgres, with commits and
calls of Redis for each, and events a second. Workers are stopped (SIGSTOP) while the events are
accepted, so what accepting costs is not in it. To compare two versions run it in turn from a
checkout of each; processor time depends far less on what else the machine does than time does.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from redis import Redis
from sqlalchemy import func, select, text

from bench.events import accept, backend, engine_of, left, worker
from tests.support import postgres
from wlm.events.engine import Engine
from wlm.store.tables import events

_TICK = os.sysconf("SC_CLK_TCK")
_REPORT_SECONDS = 1.2
"""Postgres' statistics are behind by up to a second."""


class Spent(NamedTuple):
    """What was used up to a moment: seconds of processor, and counts."""

    workers: float
    postgres: float
    commits: int
    calls: int

    def since(self, before: Spent, count: int) -> dict[str, float]:
        """For each of so many events."""
        return {
            "worker_ms": round(1000 * (self.workers - before.workers) / count, 2),
            "postgres_ms": round(1000 * (self.postgres - before.postgres) / count, 2),
            "commits": round((self.commits - before.commits) / count, 2),
            "redis_calls": round((self.calls - before.calls) / count, 2),
        }


def _times(pid: int) -> tuple[int, float, float]:
    """A process's parent, and the processor seconds of itself and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, gone = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return int(fields[1]), own / _TICK, gone / _TICK


def _of_server(server: int) -> float:
    """Seconds of a Postgres server and of all its processes."""
    _, own, gone = _times(server)
    total = own + gone
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent, own, _ = _times(int(folder.name))
            except OSError:
                continue  # it has just ended
            total += own if parent == server else 0
    return total


def spent(engine: Engine, workers: Sequence[int]) -> Spent:
    """What was used until now."""
    time.sleep(_REPORT_SECONDS)
    server = int(
        (Path(postgres.server(durable=True).data) / "postmaster.pid").read_text().split()[0]
    )
    query = text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    with engine._store.read() as connection:
        commits = connection.execute(query).scalar_one()
    with Redis.from_url(os.environ["WLM_QUEUE_URL"]) as redis:
        calls = sum(command["calls"] for command in redis.info("commandstats").values())
    return Spent(sum(_times(pid)[1] for pid in workers), _of_server(server), commits, calls)


def warm_up(engine: Engine, workers: int, threads: int) -> None:
    """Let every worker have run something."""
    seen = select(func.count(func.distinct(events.c.worker)))
    while True:
        for id_ in [accept(engine, "wait", f"w{n}") for n in range(2 * workers * threads)]:
            engine.wait(id_, 60)
        with engine._store.read() as connection:
            if connection.execute(seen).scalar_one() >= workers:
                return


def cost(what: str, count: int, threads: int, workers: int) -> dict[str, float]:
    """Of one event, where so many wait for so many workers of so many threads."""
    with ExitStack() as stack:
        stack.enter_context(backend("redis"))
        engine = engine_of(leave_to_workers=True)
        pids = [stack.enter_context(worker(threads)) for _ in range(workers)]
        warm_up(engine, workers, threads)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for number in range(0, count, 100):
            with engine._store.write():
                for one in range(number, min(number + 100, count)):
                    accept(engine, what, f"u{one % 20}")
        before, began = spent(engine, pids), time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        while left(engine):
            time.sleep(0.1)
        rate = round(count / (time.monotonic() - began), 1)
        return {**spent(engine, pids).since(before, count), "events_a_second": rate}


def main() -> None:
    """A line of JSON for one worker process and for two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=["wait", "nothing"], default="wait")
    parser.add_argument("--count", type=int, default=600, help="for each worker")
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    for workers in (1, 2):
        told = cost(options.what, options.count * workers, options.threads, workers)
        print(json.dumps({"workers": workers, "what": options.what, **told}), flush=True)


if __name__ == "__main__":
    main()
