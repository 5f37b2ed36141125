"""`python -m faults.kill --events 10000`: many processes on one database, killed at random.

Four workers, a quarantine and two accepters share a database. All of them are killed (SIGKILL)
or told to end, and on the second backend Redis is killed and flushed, and processes of Postgres
are killed and the server is restarted. In between the clock is stepped by an hour, both ways:
not the machine's, but the one that the workload's processes read (``workload.opened``).

Afterwards every event that was handed out must be there and final, no effect may have
happened twice (rows in a table, mails at an SMTP sink), none that is told as done may be
missing, and no event may have been run by two processes at once.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# All of it is loaded before the forks, so that kills hit the work and not imports.
import psycopg  # noqa: F401
import redis  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
from aiosmtpd.smtp import SMTP  # noqa: F401
from sqlalchemy import func, select

import wlm.store.upgrade  # noqa: F401
from faults import sink, workload
from tests.support import postgres
from tests.support.redis import RedisServer
from wlm.errors import StorageFault, UsageError
from wlm.events.dispatch import Crew
from wlm.events.quarantine import Quarantine
from wlm.store.tables import events
from wlm.types import FINAL_STATES, WAITING_STATES

WORKERS, THREADS, ACCEPTERS = 4, 4, 2
_KINDS = ("note", "mail", "pair", "look", "letter", "flaky", "send", "note")
_SENDS = ("mail", "letter", "send")
_LINE = 27
_BACKLOG = 400
ENDED = "ended"
"""The file that says when processes ended: at the latest then nothing ran in them any more."""


def work(home: Path) -> None:
    """A worker process; suspects are left to the quarantine, which is always there."""
    Crew(workload.opened(home).engine, THREADS, drain=3.0, quarantine=lambda: None).run()


def work_alone(home: Path) -> None:
    """The process for suspects, started again and again as its parent does when asked."""
    engine = workload.opened(home).engine
    while not Quarantine(engine).run():
        if engine.runner.hands.stuck:
            return
        time.sleep(0.2)


def accept(home: Path, number: int, total: int) -> None:
    """An accepter: events until there are enough of them; each id is noted once it is ours."""
    store, engine = workload.opened(home, leave_to_workers=True)
    handed, key = home / "handed", f"{os.getpid()}-{time.monotonic_ns()}"
    for count in itertools.count(number):
        while count % 20 == 0 and _backlog(store) > _BACKLOG:
            time.sleep(0.05)
        if count_handed(home) >= total:
            return
        kind = _KINDS[count % len(_KINDS)]
        event = None
        while event is None:
            try:
                event = engine.accept(
                    f"user{count % 7}",
                    workload.route(kind),
                    confirmed=kind in _SENDS,
                    idempotency_key=f"{key}-{count}",
                )
            except StorageFault:
                time.sleep(0.05)  # the same key, so that asking again accepts nothing twice
        workload.append(handed, f"{event.id}\n")


def _backlog(store: Any) -> int:
    try:
        with store.read() as connection:
            query = select(func.count()).where(events.c.ticket.is_not(None))
            return int(connection.execute(query).scalar_one())
    except StorageFault:
        return 0


def count_handed(home: Path) -> int:
    """How many ids were handed out."""
    try:
        return (home / "handed").stat().st_size // _LINE
    except FileNotFoundError:
        return 0


class Child:
    """A process that is started again whenever it ends."""

    def __init__(self, home: Path, name: str, call: Callable[[], None]) -> None:
        self.name, self._call = name, call
        self._ended = home / ENDED
        self.pid = 0
        self.finished = False

    def start(self) -> None:
        self.pid = os.fork()
        if self.pid:
            return
        code = 70
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._call()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the child must not return
            print(f"{self.name}: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            self._note(os.getpid())
            os._exit(code)

    def look(self) -> None:
        """Start it again if it has ended."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) not in (0, 70):
            raise SystemExit(f"{self.name} ended with {os.WEXITSTATUS(status)}")
        self.finished = self.name == "accepter" and os.waitstatus_to_exitcode(status) == 0
        if not self.finished:
            self.start()

    def end(self, number: int) -> None:
        if number == signal.SIGKILL:
            self._note(self.pid)
        os.kill(self.pid, number)

    def stop(self) -> None:
        self.end(signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _note(self, pid: int) -> None:
        workload.append(self._ended, f"{pid} {time.monotonic_ns()}\n")


class Director:
    """Starts, kills and counts."""

    def __init__(self, home: Path, total: int, kills: int, seed: int, backend: str) -> None:
        self.home, self.total, self.wanted = home, total, kills
        self.chance = random.Random(seed)
        self.backend = backend
        self.redis: RedisServer | None = None
        self.postgres: postgres.Postgres | None = None
        self.kills: Counter[str] = Counter()
        self.workers = [Child(home, "worker", lambda: work(home)) for _ in range(WORKERS)]
        self.workers.append(Child(home, "quarantine", lambda: work_alone(home)))
        self.accepters = [
            Child(home, "accepter", lambda n=n: accept(home, n, total)) for n in range(ACCEPTERS)
        ]

    def run(self) -> None:
        """Kill until all is accepted and enough was killed; then let the workers finish."""
        for child in (*self.workers, *self.accepters):
            child.start()
        steps = iter((3600, 0, -3600, 0))
        done = 0.0
        while True:
            time.sleep(self.chance.uniform(0.1, 0.9))
            for child in (*self.workers, *self.accepters):
                if not child.finished:
                    child.look()
            progress = min(
                count_handed(self.home) / self.total, sum(self.kills.values()) / self.wanted
            )
            if progress >= 1:
                break
            if progress > done + 0.15 and (step := next(steps, None)) is not None:
                done = progress
                (self.home / "clock").write_text(str(step))
                self.kills["clock_steps"] += 1
            # Spread over the work: a kill now and then, not a storm in which nothing is done.
            struck = sum(self.kills.values()) / self.wanted
            if struck <= count_handed(self.home) / self.total:
                self._strike()
        (self.home / "clock").write_text("0")

    def _strike(self) -> None:
        dice = self.chance.random()
        running = [child for child in self.accepters if not child.finished]
        if dice < 0.10 and self.redis is not None:
            if dice < 0.04:
                self.redis.flush()
                self.kills["redis_flushed"] += 1
                return
            self.redis.kill()
            time.sleep(self.chance.uniform(0, 0.5))
            self.redis.start()
            self.kills["redis"] += 1
        elif dice < 0.16 and self.postgres is not None:
            if dice < 0.14:
                self.postgres.crash()
            else:
                self.postgres.restart()
            self.kills["postgres"] += 1
        elif dice < 0.35 and running:
            self.chance.choice(running).end(signal.SIGKILL)
            self.kills["accepter"] += 1
        elif dice < 0.42:
            self.chance.choice(self.workers).end(signal.SIGTERM)
            self.kills["worker_term"] += 1
        else:
            self.chance.choice(self.workers).end(signal.SIGKILL)
            self.kills["worker"] += 1

    def finish(self, patience: float) -> dict[str, int]:
        """Wait for the end of all; answer what asks as a user would; count."""
        asked = 0
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            time.sleep(0.5)
            for child in self.workers:
                child.look()
            left = self._states()
            waiting = [id_ for id_, owner, state in left if state in WAITING_STATES]
            if len(waiting) == len(left):
                if not left:
                    break
                asked += self._answer(left)
        for child in self.workers:
            child.stop()
        return {"asked": asked, **verify(self.home)}

    def _states(self) -> list[Any]:
        store = workload.opened(self.home).store
        try:
            with store.read() as connection:
                final = [state.value for state in FINAL_STATES]
                query = select(events.c.id, events.c.owner, events.c.state)
                return list(connection.execute(query.where(events.c.state.not_in(final))))
        finally:
            store.close()

    def _answer(self, waiting: list[Any]) -> int:
        """Say no to what has arrived, and yes to what has not."""
        arrived = workload.mails()
        store, engine = workload.opened(self.home, leave_to_workers=True)
        done = workload.count_rows(store)
        for id_, owner, _ in waiting:
            try:
                if id_ in arrived or id_ in done:
                    engine.cancel(owner, id_)
                else:
                    engine.confirm(owner, id_)
            except UsageError:
                pass
        engine.close()
        store.close()
        return len(waiting)


def verify(home: Path) -> dict[str, int]:
    """Count what is missing, unfinished, undone, done twice, or run twice at once."""
    store = workload.opened(home).store
    with store.read() as connection:
        found = {
            row.id: row
            for row in connection.execute(
                select(events.c.id, events.c.state, events.c.intent, events.c.parent)
            )
        }
    rows, mails = workload.count_rows(store), workload.mails()
    broken = workload.faults_of(store)
    store.close()
    for complaint in broken[:5]:
        print(complaint, file=sys.stderr)
    handed = (home / "handed").read_text().split()
    succeeded = [row for row in found.values() if row.state == "succeeded"]
    parents = Counter(row.parent for row in found.values() if row.parent)
    by_mail = ("tally.mail", "tally.letter")
    return {
        "handed_out": len(handed),
        "events": len(found),
        "missing": sum(id_ not in found for id_ in handed),
        "unfinished": sum(row.state not in FINAL_STATES for row in found.values()),
        "undone": sum(
            row.id not in (mails if row.intent in by_mail else rows)
            for row in succeeded
            if row.intent != "tally.look"
        )
        + sum(row.intent == "tally.pair" and parents[row.id] != 1 for row in succeeded),
        "rows": sum(rows.values()),
        "mails": sum(mails.values()),
        "doubled": sum(n > 1 for n in (*rows.values(), *mails.values(), *parents.values())),
        "at_once": at_once(home),
        "faults": len(broken),
        **Counter(row.state for row in found.values()),
    }


def at_once(home: Path) -> int:
    """How many events two runs of different handlers were in at the same time."""
    ends = _moments(home / ENDED)
    runs: dict[str, list[tuple[int, str, str]]] = {}
    for line in (home / workload.RUNS).read_text().splitlines():
        id_, what, moment, thread = line.split()
        runs.setdefault(id_, []).append((int(moment), what, thread))
    overlaps = 0
    for id_, notes in runs.items():
        spans = sorted(_spans(notes, ends))
        if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans)):
            overlaps += 1
            print(f"two at once: event {id_} {sorted(notes)}", file=sys.stderr)
    return overlaps


def _spans(notes: list[tuple[int, str, str]], ends: dict[str, list[int]]) -> Iterator[Any]:
    """When each run of an event began and ended; one without an end did with its process."""
    open_: dict[str, int] = {}
    for moment, what, thread in sorted(notes):
        if what == "begin":
            open_[thread] = moment
        else:
            yield open_.pop(thread), moment
    for thread, began in open_.items():
        pid = thread.partition("/")[0]
        yield began, min((end for end in ends[pid] if end > began), default=began)


def _moments(file: Path) -> dict[str, list[int]]:
    """Lines of a process's number and a moment, by process; numbers are given out again."""
    found: dict[str, list[int]] = {}
    for line in file.read_text().splitlines():
        pid, moment = line.split()
        found.setdefault(pid, []).append(int(moment))
    return found


def run(backend: str, total: int, kills: int, seed: int, patience: float = 600) -> dict[str, Any]:
    """One run on a backend; the counts."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ[workload.SINK] = str(home)
        director = Director(home, total, kills, seed, backend)
        if backend == "redis":
            director.redis = stack.enter_context(RedisServer())
            director.postgres = postgres.server()
            os.environ["TALLY_QUEUE"] = director.redis.url
            os.environ["TALLY_DATABASE"] = director.postgres.database()
        mailbox = Child(home, "sink", lambda: sink.serve(home))
        mailbox.start()
        stack.callback(mailbox.stop)
        while not (home / "port").exists():
            time.sleep(0.02)
        first = Child(home, "maker", lambda: workload.opened(home).store.close())
        first.start()
        os.waitpid(first.pid, 0)
        began = time.monotonic()
        try:
            director.run()
            counts = director.finish(patience)
        except BaseException:
            for child in (*director.workers, *director.accepters):
                if child.pid and not child.finished:
                    child.stop()
            raise
        for name in ("TALLY_QUEUE", "TALLY_DATABASE"):
            os.environ.pop(name, None)
        seconds = round(time.monotonic() - began)
        return {"backend": backend, "seconds": seconds, "struck": dict(director.kills), **counts}


PROMISED = ("missing", "unfinished", "undone", "doubled", "at_once", "faults")


def main() -> None:
    """Print the counts; exit 1 if one is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--backend", choices=["sqlite", "redis"], action="append")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    broken = False
    for backend in arguments.backend or ["sqlite", "redis"]:
        counts = run(backend, arguments.events, arguments.kills, arguments.seed)
        print(json.dumps(counts), flush=True)
        broken |= any(counts[name] for name in PROMISED) or not counts["handed_out"]
    sys.exit(broken)


if __name__ == "__main__":
    main()
