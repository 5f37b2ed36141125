"""What users of a gateway set of the skills' settings for themselves, sealed for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select

from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import skill_values as table


class SkillValues:
    """The values in a store, always of one owner at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, owner: str, skill: str) -> dict[str, Any]:
        """What ``owner`` set of a skill, by name; secrets, too."""
        query = select(table.c.name, table.c.value)
        query = query.where(mine(table, owner), table.c.skill == skill)
        with self._store.read() as connection:
            return {row.name: row.value for row in connection.execute(query)}

    def change(
        self, owner: str, skill: str, values: Mapping[str, Any], secret: Collection[str] = ()
    ) -> None:
        """Set values; ``None`` takes one away. ``secret`` names those that no export shows."""
        rows = [
            {
                "owner": owner,
                "skill": skill,
                "name": name,
                "value": value,
                "secret": name in secret,
                "changed_at": datetime.now(UTC),
            }
            for name, value in values.items()
            if value is not None
        ]
        same = (mine(table, owner), table.c.skill == skill, table.c.name.in_(list(values)))
        with self._store.write() as connection:
            connection.execute(delete(table).where(*same))
            for row in rows:
                connection.execute(insert(table).values(row))
