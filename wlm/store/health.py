"""Is the database whole: its pages, its references, its version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import text

from wlm.errors import MasterKeyFault
from wlm.store.engine import Store
from wlm.store.migrate import Schema, check


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    text: str


def examine(store: Store, schemas: Iterable[Schema]) -> Iterator[Finding]:
    """Look at everything; changes nothing."""
    yield from _integrity(store)
    yield _master_key(store)
    status = check(store, schemas)
    for name, wanted in status.wanted.items():
        whose = f"tables of {name}" if name else "version"
        found = status.found[name]
        yield Finding(whose, found == wanted, f"{found or 'none'} (this WLM has {wanted})")


def _master_key(store: Store) -> Finding:
    try:
        store.vault.check()
    except MasterKeyFault as error:
        return Finding("master key", False, error.message)
    return Finding("master key", True, "ok")


def _integrity(store: Store) -> Iterator[Finding]:
    with store.read() as connection:
        if store.sqlite:
            lines = [row[0] for row in connection.execute(text("PRAGMA integrity_check"))]
            broken = connection.execute(text("PRAGMA foreign_key_check")).all()
            tables = sorted({str(row[0]) for row in broken})
        else:
            lines = ["ok"] if connection.execute(text("SELECT 1")).scalar() == 1 else ["no answer"]
            query = "SELECT conrelid::regclass::text FROM pg_constraint WHERE NOT convalidated"
            tables = [row[0] for row in connection.execute(text(query))]
    yield Finding("integrity", lines == ["ok"], "; ".join(lines[:3]))
    yield Finding("references", not tables, ", ".join(tables) or "ok")
