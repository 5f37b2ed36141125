"""`python -m bench.store`: what a million finished events cost, against ten thousand.

Fills a SQLite file and a Postgres database twice: with 10,000 and with 1,000,000 turns and
finished events (with their histories), all of one user, which is the worst case. Then it does the
same things on the small and the large one in turn, and prints the medians and their ratio.
The bar is 1.5. Of the rows that nothing here opens (older than a search looks back, and not among
the events that are shown) the sealed values are copies of other rows': as long, and no key opens
them; to seal each by itself was most of the filling. `--size` sets the large number, `--only
sqlite` leaves Postgres out, `--keep FOLDER` fills SQLite once and measures again, `--pause` waits
between filling and measuring.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from wlm import config
from wlm.events.engine import Engine
from wlm.events.metrics import snapshot
from wlm.events.overview import Overview, oldest_due
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.migrate import open_store
from wlm.store.sealed import row_key, sealed_columns
from wlm.store.tables import event_log, events, turns
from wlm.store.turns import LOOKED_THROUGH, Turns
from wlm.types import Route, State

OWNER, SMALL, BAR = "local", 10_000, 1.5
NOW = datetime(2026, 11, 25, tzinfo=UTC)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SKILLS = ("weather.forecast", "news.headlines", "meeting.list", "email.list", "people.find")
_WORDS = ("weather", "news", "meetings", "mail", "anna", "tomorrow", "today", "berlin", "paris")
_ENDS = ["succeeded"] * 96 + ["failed"] * 2 + ["dead", "cancelled"]
_CHUNK = 20_000
_READ = LOOKED_THROUGH + 1000
_SHOWN = 300
Seal = Callable[..., str]


class Kind(NamedTuple):
    """The columns of a row that do not depend on when it was, ready to be written."""

    event: dict[str, Any]
    turn: dict[str, Any]
    states: tuple[str, ...]


def id_at(moment: datetime, number: int) -> str:
    """An id that sorts by its moment, as ``new_id`` makes them."""
    value = int(moment.timestamp() * 1000) << 80 | number << 20
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def kinds(count: int, rare: str = "") -> list[Kind]:
    """What was said and how it ended, in many ways."""
    draw = random.Random(7)
    return [_kind(draw, rare) for _ in range(count)]


def _kind(draw: random.Random, rare: str) -> Kind:
    intent, end = draw.choice(_SKILLS), draw.choice(_ENDS)
    text = " ".join(["what about", *draw.sample(_WORDS, 3), rare]).strip()
    reply = {"speech": f"Here is {text}.", "display": f"Here is {text}.", "data": {}}
    error = {"code": "provider_away", "message": "Away.", "hint": "", "retryable": True}
    route = {"skill": intent.partition(".")[0], "intent": intent, "slots": {},
             "confidence": 0.98, "router": "local"}  # fmt: skip
    event = {
        "owner": OWNER, "state": end, "effect": "read", "attempts": 1, "max_attempts": 1,
        "losses": 0,
        "priority": 0, "confirmed": False, "begun": False, "depth": 0, "worker": "w/1/2",
        "reply": reply if end == "succeeded" else None,
        "error": error if end in ("failed", "dead") else None, **route,
    }  # fmt: skip
    turn = {
        "owner": OWNER, "text": text, "reply": reply, "timings_ms": {"total": 12.5},
        "decision": {"outcome": "act", "choices": [route]},
        "actions": [{"route": route, "reply": reply,
                     "event": {"id": "x", "state": end, "attempts": 1}}],
    }  # fmt: skip
    states = ("accepted", "queued", "running", end)
    return Kind(_written(event), _written(turn), states)


def _written(columns: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else value
        for name, value in columns.items()
    }


def when(count: int, number: int) -> datetime:
    """Half a minute apart, the newest a while ago."""
    return NOW - timedelta(seconds=30 * (count - number) + 30)


def shown(count: int) -> list[int]:
    """The numbers of the events that are shown one by one, from all over the time."""
    return random.Random(3).sample(range(count), min(count, _SHOWN))


def rows(count: int, zone: str, seal: Seal) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row): turns and events that ended, and what happened to each event."""
    draw, usual, rare = random.Random(5), kinds(500), kinds(1, "needle")[0]
    copies, opened = [_copied(kind, seal) for kind in usual], set(shown(count))
    for n in range(count):
        number, is_rare = draw.randrange(len(usual)), n == count // 100
        for_reading = n >= count - _READ or is_rare or n in opened
        kind = (rare if is_rare else usual[number]) if for_reading else copies[number]
        moment = when(count, n)
        at = f"{moment:%Y-%m-%d %H:%M:%S.%f}{zone}"
        event, turn = id_at(moment, 2 * n), id_at(moment, 2 * n + 1)
        times = dict.fromkeys(("created_at", "run_at", "started_at", "finished_at"), at)
        said = {**kind.turn, "id": turn, "conversation": turn, "created_at": at}
        done = {**kind.event, "id": event, "root": event, "turn": turn, "conversation": turn,
                **times}  # fmt: skip
        yield "turns", _sealed(turns, said, seal) if for_reading else said
        yield "events", _sealed(events, done, seal) if for_reading else done
        for state in kind.states:
            yield (
                "event_log",
                {"event_id": event, "owner": OWNER, "at": at, "state": state, "attempt": 1,
                 "worker": "w/1/2"},
            )  # fmt: skip


def _copied(kind: Kind, seal: Seal) -> Kind:
    """Sealed as of a row that is nowhere."""
    nowhere = {"id": "0" * 26}
    event = _sealed(events, {**kind.event, **nowhere}, seal)
    turn = _sealed(turns, {**kind.turn, **nowhere}, seal)
    return Kind(event, turn, kind.states)


def _sealed(table: Any, row: dict[str, Any], seal: Seal) -> dict[str, Any]:
    """The row with what the table seals sealed, as the store does it."""
    for column, key, as_json in sealed_columns(table):
        if row.get(column) is not None:
            token = seal(table.name, column, row_key(row, key), row[column].encode())
            row[column] = json.dumps(token) if as_json else token
    return row


def fill(store: Store, count: int) -> None:
    """Put the rows in, by the database's own quickest way."""
    tables = {"turns": turns, "events": events, "event_log": event_log}
    pending: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    with store.write() as connection:
        seal = store.vault.sealer(connection, OWNER)
    number = 0
    for name, row in rows(count, "" if store.sqlite else "+00:00", seal):
        pending[name].append(row)
        number += name == "turns"
        if len(pending["event_log"]) == 4 * _CHUNK:
            _flush(store, tables, pending)
            if number % 200_000 == 0:
                print(f"  {number:,} of {count:,}", file=sys.stderr, flush=True)
    _flush(store, tables, pending)
    if not store.sqlite:  # as its autovacuum would by then; nobody does it to SQLite
        with store.alter() as connection:
            connection.exec_driver_sql("ANALYZE")


def _flush(store: Store, tables: dict[str, Any], pending: dict[str, list[dict[str, Any]]]) -> None:
    with store.write() as connection:
        raw: Any = connection.connection.driver_connection
        for name, values in pending.items():
            if values:
                _load(raw, tables[name], values, sqlite=store.sqlite)
                values.clear()


def _load(raw: Any, table: Any, values: list[dict[str, Any]], *, sqlite: bool) -> None:
    names = [c.name for c in table.c if c.name in values[0]]
    _check(table, values[0])
    plain = list(map(itemgetter(*names), values))
    columns = ", ".join(names)
    if sqlite:
        marks = ", ".join("?" * len(names))
        raw.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", plain)
        return
    buffer = io.StringIO()
    csv.writer(buffer).writerows(plain)
    with raw.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(buffer.getvalue())


def _check(table: Any, row: dict[str, Any]) -> None:
    """Stop where the table has a column that must have a value and that nobody fills here."""
    for c in table.c:
        if not (c.name in row or c.nullable or c.server_default is not None or c.primary_key):
            raise SystemExit(f"bench.store must learn to fill {table.name}.{c.name}")


class Side:
    """One filled database and what is done to it."""

    def __init__(self, url: str, count: int) -> None:
        settings = config.load({"database_url": url, "keep_events_days": 0})
        self.store = open_store(settings)
        self._ticks = 0
        self.engine = Engine(self.store, Registry(), settings, clock=self.clock)
        self.turns = Turns(self.store, clock=self.clock)
        self.overview = Overview(self.store, self.clock)
        self.count = count
        self._shown = itertools.cycle(shown(count))

    def clock(self) -> datetime:
        """A moment after all the rows, a little later at each call."""
        self._ticks += 1
        return NOW + timedelta(milliseconds=self._ticks)

    def filled(self) -> bool:
        """Whether the rows are there already."""
        return bool(self.turns.last(OWNER))

    def one(self) -> str:
        """The id of one of the events."""
        n = next(self._shown)
        return id_at(when(self.count, n), 2 * n)

    def accept(self) -> None:
        """Accept an event, and take it back so that no queue grows."""
        event = self.engine.accept(OWNER, Route("weather", "weather.forecast"))
        self.engine.cancel(OWNER, event.id)

    def figures(self) -> None:
        """What the gateway tells of the queue."""
        snapshot(self.store, self.clock())

    def show(self) -> None:
        """One event with its history."""
        id_ = self.one()
        self.engine.get(OWNER, id_)
        self.engine.history(OWNER, id_)


def doings(side: Side) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is measured, and how often."""
    engine, turns_ = side.engine, side.turns
    waiting = [State.WAITING_INPUT, State.WAITING_CONFIRMATION]
    bad = [State.FAILED, State.DEAD]
    return {
        "accept (and cancel)": (side.accept, 100),
        "list the newest 20": (lambda: engine.list(OWNER, limit=20), 200),
        "list 20 failed or dead": (lambda: engine.list(OWNER, states=bad, limit=20), 200),
        "list what waits (nothing)": (lambda: engine.list(OWNER, states=waiting, limit=20), 200),
        "list 20 of one skill": (lambda: engine.list(OWNER, skill="weather", limit=20), 200),
        "show one with its history": (side.show, 200),
        "last turn, open conversation": (lambda: turns_.last(OWNER), 200),
        "search a common word": (lambda: turns_.search(OWNER, "berlin"), 100),
        "search a rare word (a page)": (lambda: turns_.search(OWNER, "needle"), 5),
        "figures for /metrics": (side.figures, 50),
        "count for /metrics": (side.overview.states, 50),
        "oldest due, for /readyz": (lambda: oldest_due(side.store, NOW), 50),
        "sweep and look for due work": (lambda: engine.run_due(), 100),
    }


def measure(small: Side, large: Side) -> Iterator[tuple[str, float, float]]:
    """Medians in milliseconds, on the small and the large one in turn."""
    for name, (first, times) in doings(small).items():
        second = doings(large)[name][0]
        took: tuple[list[float], list[float]] = ([], [])
        for round_ in range(times + 3):
            for work, samples in zip((first, second), took, strict=True):
                start = time.perf_counter()
                work()
                if round_ >= 3:
                    samples.append((time.perf_counter() - start) * 1000)
        yield name, statistics.median(took[0]), statistics.median(took[1])


def databases(kind: str, folder: Path) -> Iterator[str]:
    """URLs of two databases of that kind, empty or filled before."""
    if kind == "sqlite":
        for name in ("small", "large"):
            yield f"sqlite:///{folder / f'{name}.db'}"
        return
    from tests.support import postgres

    server = postgres.server()
    for _ in range(2):
        yield server.database()


def main() -> int:
    """Fill, measure, print; 1 if a ratio is above the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--pause", action="store_true", help="wait for a line before measuring")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="wlm-store-"))
    folder.mkdir(parents=True, exist_ok=True)
    worst = 0.0
    try:
        for kind in [options.only] if options.only else ["sqlite", "postgres"]:
            sides = []
            for url, count in zip(databases(kind, folder), (SMALL, options.size), strict=True):
                side = Side(url, count)
                if not side.filled():
                    start = time.perf_counter()
                    fill(side.store, count)
                    print(f"{kind}: {count:,} filled in {time.perf_counter() - start:.0f} s")
                sides.append(side)
            if options.pause:
                print(f"{kind}: filled; a line on stdin begins the measurement", flush=True)
                sys.stdin.readline()
            print(f"{kind:<32}{SMALL:>12,}{options.size:>12,}   ratio  (median ms; bar {BAR})")
            for name, low, high in measure(*sides):
                worst = max(worst, high / low)
                print(f"  {name:<30}{low:>12.2f}{high:>12.2f}{high / low:>8.2f}", flush=True)
            for side in sides:
                side.store.close()
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"worst ratio: {worst:.2f}")
    return int(worst > BAR)


if __name__ == "__main__":
    sys.exit(main())
