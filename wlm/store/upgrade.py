"""Alembic, run in this process. Imported only when a database is behind."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import wlm.store.indexes  # noqa: F401  Alembic compares with the whole schema
from wlm.errors import NewerDatabase, StorageFault
from wlm.store.engine import Store
from wlm.store.migrate import Schema, status

_ENVIRONMENT = Path(__file__).parent / "migrations"


def upgrade_one(store: Store, schema: Schema) -> bool:
    """Bring one branch up in one transaction; whether anything was to do.

    Of two processes that start at once one waits and then finds it done. Raises
    ``NewerDatabase``, and ``StorageFault`` for a folder that breaks the convention.
    """
    config = _config(schema)
    _check_convention(config, schema)
    with store.alter() as connection:
        now = status(connection, [schema])
        if now.newer:
            whose = f"The tables of the skill {schema.name!r} were" if schema.name else None
            raise NewerDatabase(
                f"{whose or 'The database was'} made by a newer version "
                f"({now.found[schema.name]}, this one knows {schema.newest}); nothing was changed."
            )
        if now.pending:
            _run(store, config, schema, connection)
    if now.pending:
        store.scrub()  # what was there before a step is not left behind
    return bool(now.pending)


def _run(store: Store, config: Config, schema: Schema, connection: Connection) -> None:
    config.attributes.update(
        connection=connection,
        metadata=schema.tables,
        version_table=schema.version_table,
        store=store,
    )
    command.upgrade(config, "head")


def _config(schema: Schema) -> Config:
    config = Config()
    for name, value in {
        "script_location": str(_ENVIRONMENT),
        "version_locations": str(schema.folder),
        "path_separator": "newline",
    }.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config


def _check_convention(config: Config, schema: Schema) -> None:
    """The file names must say what Alembic reads inside: one line of four-digit revisions."""
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())[::-1]
    numbers = [script.revision for script in revisions]
    expected = [f"{n:04}" for n in range(1, len(numbers) + 1)]
    if numbers != expected or expected[-1] != schema.newest:
        raise StorageFault(
            f"The migrations in {schema.folder} are not numbered 0001, 0002, … in one line.",
            hint="Name a file NNNN_slug.py, with revision = 'NNNN'.",
        )
