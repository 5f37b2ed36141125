"""A skill whose every effect is one row, so that what was done, and how often, can be counted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Column, Integer, MetaData, String, Table, func, select

from wlm import config
from wlm.events.audit import audit
from wlm.events.engine import Engine
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.health import examine
from wlm.store.migrate import CORE_SCHEMA, open_store
from wlm.types import Route

OWNER = "local"
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
    """Writes rows."""

    @intent(effect="write")
    def note(self, ctx: Context) -> Reply:
        """Write one row."""
        _row(ctx)
        return Reply("Noted.")

    @intent(effect="write")
    def pair(self, ctx: Context) -> Reply:
        """Write one row and cause another event that does so, too."""
        _row(ctx)
        ctx.emit("tally.note", {}, key="other")
        return Reply("Noted twice.")

    @intent(effect="send")
    def send(self, ctx: Context) -> Reply:
        """Write one row as if it were sent."""
        _row(ctx)
        return Reply("Sent.")


class Bench(NamedTuple):
    """An engine with its store."""

    store: Store
    engine: Engine


def opened(home: Path) -> Bench:
    """The workload on the SQLite file in ``home``."""
    settings = config.load({"timezone": "UTC"}, {"WLM_HOME": str(home)})
    registry = Registry()
    registry.add("tally", Tally)
    store = open_store(settings)
    with store.write() as connection:
        tables.create_all(connection)
    return Bench(store, Engine(store, registry, settings))


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
