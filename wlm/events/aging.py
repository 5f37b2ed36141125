"""Remove what was said long ago, and what was recorded: a little at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, select

from wlm.store.engine import Store
from wlm.store.personal import remove_recordings
from wlm.store.tables import events, turns
from wlm.types import FINAL_STATES

BATCH = 200
_FINAL = [state.value for state in FINAL_STATES]


class Old(NamedTuple):
    """How many turns and recordings are older than they are to be kept, or were removed for it."""

    turns: int
    recordings: int


class Aging:
    """Turns that are older than ``turn_days`` go, of all owners, and so do recordings, also those
    older than ``recording_days``; 0 keeps them for ever.

    A turn stays as long as something of it has not ended. Recordings are looked for in the data
    folder ``data`` of this host.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        data: Path,
        *,
        turn_days: int,
        recording_days: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._data = data
        self._turn_days = turn_days
        self._recording_days = min((d for d in (turn_days, recording_days) if d), default=0)

    def step(self, limit: int = BATCH) -> Old:
        """Remove up to ``limit`` turns, and old recordings. Cheap where there is nothing to do."""
        count = self._forget(limit) if self._turn_days else 0
        return Old(count, self.sweep())

    def sweep(self) -> int:
        """Remove old recordings of this host; how many. The database is not asked."""
        count = 0
        for path in self._old_recordings():
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                path.unlink()
                count += 1
        return count

    def all(self) -> Old:
        """Remove all that is old."""
        total = Old(0, 0)
        while any(step := self.step(1000)):
            total = Old(*map(sum, zip(total, step, strict=True)))
        self._store.scrub()
        return total

    def waiting(self) -> Old:
        """How much ``all`` would remove."""
        count = 0
        if self._turn_days:
            query = select(func.count()).select_from(turns).where(*self._gone())
            with self._store.read() as connection:
                count = connection.execute(query).scalar_one()
        return Old(count, sum(1 for _ in self._old_recordings()))

    def _forget(self, limit: int) -> int:
        query = select(turns.c.id).where(*self._gone()).order_by(turns.c.created_at).limit(limit)
        with self._store.read() as connection:
            ids = list(connection.execute(query).scalars())
        if not ids:
            return 0
        with self._store.write() as connection:
            # Asked again: something of it may have been retried meanwhile.
            gone = delete(turns).where(turns.c.id.in_(ids), *self._gone())
            gone_ids = list(connection.execute(gone.returning(turns.c.id)).scalars())
        remove_recordings(self._data, gone_ids)
        return len(gone_ids)

    def _gone(self) -> tuple[ColumnElement[bool], ...]:
        old = self._clock() - timedelta(days=self._turn_days)
        open_ = exists().where(events.c.turn == turns.c.id, events.c.state.not_in(_FINAL))
        return turns.c.created_at < old, ~open_

    def _old_recordings(self) -> Iterator[Path]:
        folder = self._data / "recordings"
        if not self._recording_days or not folder.is_dir():
            return
        old = (self._clock() - timedelta(days=self._recording_days)).timestamp()
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < old:
                    yield path
