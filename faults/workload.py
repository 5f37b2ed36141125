"""A skill whose every effect can be counted: a row, or a mail at an SMTP sink."""

from __future__ import annotations

import contextlib
import os
import smtplib
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Column, Integer, MetaData, String, Table, func, select

from wlm import config
from wlm.errors import ProviderAway
from wlm.events.audit import audit
from wlm.events.engine import Engine
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.health import examine
from wlm.store.migrate import CORE_SCHEMA, open_store
from wlm.types import Route

OWNER = "local"
SINK = "TALLY_SINK"
"""The environment's name for the folder of the sink: its port, and what it got."""
RUNS = "runs"
tables = MetaData()
rows = Table(
    "tally_rows",
    tables,
    Column("id", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("event", String(26), nullable=False),
)
counter = Table(
    "tally_counter",
    tables,
    Column("owner", String(64), primary_key=True),
    Column("value", Integer, nullable=False),
)


class Tally(Skill):
    """Writes rows and sends mails."""

    @intent(effect="write")
    def note(self, ctx: Context) -> Reply:
        """Write one row."""
        with _run(ctx):
            _row(ctx)
        return Reply("Noted.")

    @intent()
    def look(self, ctx: Context) -> Reply:
        """Wait as for a network, with a permit for it, and change nothing."""
        with _run(ctx), ctx.provider("network"):
            time.sleep(0.05)
        return Reply("Seen.")

    @intent(effect="write", priority=7)
    def pair(self, ctx: Context) -> Reply:
        """Write one row and cause another event that does so, too."""
        with _run(ctx):
            _row(ctx)
            ctx.emit("tally.note", {}, key="other")
        return Reply("Noted twice.")

    @intent(effect="send")
    def send(self, ctx: Context) -> Reply:
        """Write one row as if it were sent."""
        with _run(ctx):
            _row(ctx)
        return Reply("Sent.")

    @intent(effect="write", retries=5)
    def flaky(self, ctx: Context) -> Reply:
        """Write one row, and fail the first time."""
        with _run(ctx):
            _row(ctx)
            if ctx.attempt == 1:
                raise ProviderAway("The tally is away.", retry_after=0.1)
        return Reply("Noted after all.")

    @intent(effect="send", retries=5)
    def mail(self, ctx: Context) -> Reply:
        """Send a mail to the sink; whether it arrived can be looked up there."""
        with _run(ctx):
            _mail(ctx)
        return Reply("Mailed.")

    @intent(effect="send", retries=5)
    def letter(self, ctx: Context) -> Reply:
        """Send a mail of which nobody can tell later whether it arrived."""
        with _run(ctx):
            _mail(ctx)
        return Reply("Posted.")

    def outcome(
        self, ctx: Context, intent: str, slots: Mapping[str, Any]
    ) -> Reply | Literal[False] | None:
        """What the sink has got is done. What it has not may still be on its way."""
        if intent == "mail" and ctx.event_id in mails():
            return Reply("Mailed before.")
        return None


class Bench(NamedTuple):
    """An engine with its store."""

    store: Store
    engine: Engine


def opened(home: Path, **more: Any) -> Bench:
    """The workload on the database of the environment, or else the SQLite file in ``home``.

    ``more`` is for the engine. The clock is off by the seconds in the file ``clock``, so
    that it can be stepped without touching the machine's.
    """
    flags: dict[str, Any] = {
        "timezone": "UTC",
        "database_url": os.environ.get("TALLY_DATABASE"),
        "queue_url": os.environ.get("TALLY_QUEUE"),
        "provider_limit": 6,  # fewer than one user's events, so that it is counted
    }
    settings = config.load(flags, {"WLM_HOME": str(home)})
    registry = Registry()
    registry.add("tally", Tally)
    store = open_store(settings)
    with store.write() as connection:
        tables.create_all(connection)
    return Bench(store, Engine(store, registry, settings, clock=_Clock(home / "clock"), **more))


class _Clock:
    """The machine's time and what the file says, looked at ten times a second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = timedelta()
        self._looked = 0.0

    def __call__(self) -> datetime:
        if time.monotonic() - self._looked > 0.1:
            self._looked = time.monotonic()
            with contextlib.suppress(OSError, ValueError):
                self._offset = timedelta(seconds=float(self._file.read_text()))
        return datetime.now(UTC) + self._offset


def route(name: str) -> Route:
    """A route to one of the intents."""
    return Route("tally", f"tally.{name}")


def count_rows(store: Store) -> dict[str, int]:
    """How many rows each event wrote."""
    with store.read() as connection:
        query = select(rows.c.event, func.count()).group_by(rows.c.event)
        return {row.event: row[1] for row in connection.execute(query)}


def faults_of(store: Store) -> list[str]:
    """What `wlm db check` would find wrong."""
    found = [f"{f.name}: {f.text}" for f in examine(store, [CORE_SCHEMA]) if not f.ok]
    return found + [f"{id_} {complaint}" for id_, complaint in audit(store)]


def _row(ctx: Context) -> None:
    ctx.once("row", lambda: ctx.db.insert(rows, {"event": ctx.event_id}))


class _run:
    """Notes beginning and end of a handler, so that two at once would be seen."""

    def __init__(self, ctx: Context) -> None:
        self._event = ctx.event_id

    def __enter__(self) -> None:
        self._note("begin")

    def __exit__(self, *_: object) -> None:
        self._note("end")

    def _note(self, what: str) -> None:
        if folder := os.environ.get(SINK):
            line = f"{self._event} {what} {time.monotonic_ns()} {_thread()}\n"
            append(Path(folder) / RUNS, line)


def _thread() -> str:
    return f"{os.getpid()}/{threading.get_native_id()}"


def append(path: Path, line: str) -> None:
    """Add a line in one write, so that lines of many processes do not mix."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def mails() -> dict[str, int]:
    """How many mails of each event the sink got."""
    counts: dict[str, int] = {}
    try:
        lines = (Path(os.environ[SINK]) / "mails").read_text().split()
    except FileNotFoundError:
        return counts
    for line in lines:
        counts[line] = counts.get(line, 0) + 1
    return counts


def _mail(ctx: Context) -> None:
    message = EmailMessage()
    message["Message-ID"] = f"<{ctx.event_id}@tally.example>"
    message["From"], message["To"] = "me@tally.example", "you@tally.example"
    message.set_content("Counted.")
    port = int((Path(os.environ[SINK]) / "port").read_text())
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
            server.send_message(message)
    except OSError as error:
        raise ProviderAway("The sink is away.") from error
