"""Versions of the database: what it has, what this WLM has, and how to open it.

One branch for the core and one for each skill with tables. A branch is a folder of Alembic
revisions and a version table of its own (``schema_version``, ``schema_version_NAME``), so
that taking a plugin away breaks nothing. **The convention**: a file is named
``NNNN_slug.py`` and its ``revision`` is exactly those four digits; ``down_revision`` is the
number before, ``None`` in ``0001``. So the newest file name is the version to reach, and
whether a database is up to date is told without importing Alembic. There is no downgrade.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import Connection, MetaData, inspect, text

from wlm.errors import StorageFault
from wlm.store.engine import Store
from wlm.store.tables import core

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wlm.config import Settings

_FILE = re.compile(r"(\d{4})_\w+\.py")
CORE = ""
_HINTS = {
    errno.ENOSPC: "Free some disk and try again.",
    errno.EDQUOT: "Free some disk and try again.",
}


class Schema(NamedTuple):
    """A branch: the skill's name (``CORE`` for the core), its tables, its folder of revisions."""

    name: str
    tables: MetaData
    folder: Path

    @property
    def version_table(self) -> str:
        """Where the database keeps this branch's version."""
        return f"schema_version_{self.name}" if self.name else "schema_version"

    @property
    def newest(self) -> str:
        """The version of this WLM. Raises ``StorageFault`` if the folder has no revision."""
        found = [match[1] for path in self.folder.glob("*.py") if (match := _FILE.match(path.name))]
        if not found:
            raise StorageFault(
                f"The skill {self.name!r} has tables but no migrations.",
                hint="Reinstall or upgrade the plugin.",
            )
        return max(found)


class Status(NamedTuple):
    """Versions by branch: ``found`` in the database (``None``: not there), ``wanted`` here."""

    found: Mapping[str, str | None]
    wanted: Mapping[str, str]

    @property
    def pending(self) -> list[str]:
        """Branches that an upgrade would change."""
        return [n for n, v in self.wanted.items() if (found := self.found[n]) is None or found < v]

    @property
    def newer(self) -> list[str]:
        """Branches that a newer version has been at."""
        return [n for n, v in self.wanted.items() if (found := self.found[n]) and found > v]


CORE_SCHEMA = Schema(CORE, core, Path(__file__).parent / "migrations" / "versions")


def check(store: Store, schemas: Iterable[Schema]) -> Status:
    """Compare the database with this WLM; changes nothing."""
    with store.read() as connection:
        return status(connection, schemas)


def status(connection: Connection, schemas: Iterable[Schema]) -> Status:
    """``check`` on an open connection."""
    schemas = list(schemas)
    there = set(inspect(connection).get_table_names())
    wanted = {schema.name: schema.newest for schema in schemas}
    tables = {s.name: s.version_table for s in schemas if s.version_table in there}
    found: dict[str, str | None] = dict.fromkeys(wanted)
    if tables:
        # Names of skills are [a-z0-9_], checked when the skill loads.
        query = " UNION ALL ".join(
            f"SELECT '{name}', version_num FROM {table}"  # noqa: S608
            for name, table in tables.items()
        )
        found.update((name, version) for name, version in connection.execute(text(query)))
    return Status(found, wanted)


def upgrade(store: Store, schemas: Iterable[Schema]) -> list[str]:
    """Bring branches to this WLM's version, each whole or not at all; those that changed.

    Raises ``NewerDatabase``, and then nothing was changed in that branch.
    """
    from wlm.store.upgrade import upgrade_one  # late: it imports Alembic

    return [schema.name for schema in schemas if upgrade_one(store, schema)]


class Plugins(Protocol):
    """What is needed of the plugin registry: the loaded skills, and a way to fail one."""

    skills: dict[str, Any]

    def fault(self, plugin: str, distribution: str, stage: str, reason: object) -> None:
        """Record that a plugin failed."""
        ...


def open_store(settings: Settings, plugins: Plugins | None = None) -> Store:
    """The database in force, made or upgraded where that is needed.

    A skill whose tables cannot be brought up is taken out of ``plugins`` and becomes a
    fault there; the rest works. Raises ``StorageFault`` or ``NewerDatabase`` for the core,
    and then nothing was changed.
    """
    from wlm.store.master import MasterKeyStore
    from wlm.store.vault import Vault

    config = settings.config
    keys = MasterKeyStore(settings.paths.data, config.master_key, config.key_service)
    store = Store(settings.database_url)
    store.vault = Vault(store, keys)
    try:
        if store.sqlite:
            make_private(Path(store.url.database or ""), settings.paths.data)
        _bring_up(store, plugins)
    except BaseException:
        store.close()
        raise
    return store


def all_schemas(plugins: Plugins) -> list[Schema]:
    """The core's branch and those of the loaded skills."""
    found = (skill_schema(loaded.skill) for loaded in plugins.skills.values())
    return [CORE_SCHEMA, *(schema for schema in found if schema is not None)]


def skill_schema(skill: Any) -> Schema | None:
    """The branch of a ``Skill``; ``None`` if it has no tables."""
    if skill.tables is None:
        return None
    return Schema(skill.name, skill.tables, skill.folder() / skill.migrations)


def _bring_up(store: Store, plugins: Plugins | None) -> None:
    schemas = [CORE_SCHEMA]
    for name, loaded in list(plugins.skills.items()) if plugins else ():
        try:
            if (schema := skill_schema(loaded.skill)) is not None:
                schema.newest  # noqa: B018 - raises where there is no revision
                schemas.append(schema)
        except StorageFault as error:
            _drop(plugins, name, error)
    there = check(store, schemas)
    for schema in schemas:
        if schema.name not in {*there.pending, *there.newer}:
            continue
        try:
            upgrade(store, [schema])
        except Exception as error:
            # A skill's migration is the skill's code and may raise anything.
            if schema.name == CORE:
                raise
            _drop(plugins, schema.name, error)


def _drop(plugins: Plugins | None, name: str, error: Exception) -> None:
    if plugins is not None:
        loaded = plugins.skills.pop(name)
        plugins.fault(name, loaded.distribution, "migrate", error)


def make_private(file: Path, data: Path) -> None:
    """Make the folder (0700) and an empty database file (0600) if they are not there.

    An existing data folder that others may look into is closed to them. Raises
    ``StorageFault``.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.parent == data and data.stat().st_mode & 0o077:
            data.chmod(0o700)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageFault(
            f"The database {file} cannot be made or opened: {error.strerror}.",
            hint=_HINTS.get(error.errno or 0),
        ) from None
