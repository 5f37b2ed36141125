"""Seal what was said, answered and understood, for its owner and its row."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0010"
down_revision = "0009"

BATCH = 500
# Table: what tells its rows apart, then its columns and whether they are JSON.
SEALED = {
    "turns": (["id"], {"text": False, "decision": True, "actions": True, "reply": True}),
    "events": (
        ["id"],
        dict.fromkeys(["slots", "reply", "question", "error", "refers", "undo"], True),
    ),
    "effects": (["event_id", "key"], {"result": True}),
    "schedules": (["id"], {"title": False, "steps": True}),
    "corrections": (["id"], {"text": False}),
}


def upgrade() -> None:
    """Each value in place; the columns keep their types."""
    vault = context.config.attributes["store"].vault
    connection = op.get_bind()
    for name, (keys, columns) in SEALED.items():
        table = sa.table(
            name,
            sa.column("owner", sa.String()),
            *(sa.column(key, sa.String()) for key in keys),
            *(
                sa.column(column, sa.JSON(none_as_null=True) if is_json else sa.Text())
                for column, is_json in columns.items()
            ),
        )
        of_row = [table.c[key] for key in keys]
        last: tuple[str, ...] | None = None
        while True:
            query = sa.select(table).order_by(*of_row).limit(BATCH)
            if last is not None:
                query = query.where(sa.tuple_(*of_row) > sa.tuple_(*last))
            rows = connection.execute(query).mappings().all()
            for row in rows:
                _seal(vault, connection, table, columns, row, keys)
            if len(rows) < BATCH:
                break
            last = tuple(rows[-1][key] for key in keys)


def _seal(
    vault: Any,
    connection: sa.Connection,
    table: sa.TableClause,
    columns: Mapping[str, bool],
    row: Mapping[Any, Any],
    keys: list[str],
) -> None:
    seal = vault.sealer(connection, row["owner"])
    key = "\x1f".join(row[name] for name in keys)
    values = {}
    for column, is_json in columns.items():
        value = row[column]
        if value is None:
            continue
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if is_json else value
        values[column] = seal(table.name, column, key, plain.encode())
    if values:
        change = sa.update(table).where(*(table.c[name] == row[name] for name in keys))
        connection.execute(change.values(values))
