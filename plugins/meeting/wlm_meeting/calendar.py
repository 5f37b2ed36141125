"""The calendar of one user: what is in it, when it takes place, and every way to change it."""

from __future__ import annotations

import dataclasses
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_

from wlm.plugins import Context
from wlm.types import new_id
from wlm_meeting.cut import cut
from wlm_meeting.entry import Entry, Occurrence, utc
from wlm_meeting.tables import entries
from wlm_meeting.window import Window

_DAY = timedelta(days=1)
_WINDOWS = (timedelta(days=8), timedelta(days=62), timedelta(days=400))
_COLUMNS = entries.c
_TITLE = operator.attrgetter("title")
_START, _END, _TIMES = operator.itemgetter(1), operator.itemgetter(2), operator.itemgetter(1, 2)
_OF_ENTRY = [entries.c[name] for name in Entry.names()]
Fits = Callable[[Entry], bool]
"""Whether an entry is wanted; asked once an entry, before its occurrences are worked out."""
_CHUNK = 500
"""UIDs a query asks for at once; databases limit parameters."""


class Calendar:
    """Entries of the context's user, seen from the user's zone."""

    def __init__(self, ctx: Context) -> None:
        self._db = ctx.db
        self.zone: ZoneInfo = ctx.timezone
        self.now = ctx.now
        self.touched: dict[str, list[dict[str, Any]]] = {}
        """By family (a meeting, or a series with its occurrences), its rows before any change."""

    # --- look ---------------------------------------------------------------------------

    def between(self, start: datetime, end: datetime, fits: Fits | None = None) -> list[Occurrence]:
        """What takes place in start ≤ t < end, by start, then end; only of entries that fit."""
        window = Window(start, end, self.zone)
        found = self._around(window, fits)
        # Most of many lie well inside, whatever the zone of their wall time.
        start, end = window.start, window.end
        first, last = start.replace(tzinfo=None) + 2 * _DAY, end.replace(tzinfo=None) - 2 * _DAY
        return _in_order([o for o in found if first <= o[3] < last or o.touches(start, end)])

    def _around(self, window: Window, fits: Fits | None) -> list[Occurrence]:
        """What takes place around the window, a day too wide, by title."""
        some = self._entries(fits, *_span(window.start, window.end))
        changed = self._changed() if any(entry.repeats for entry in some) else {}
        some.sort(key=_TITLE)  # there are fewer of them than of their occurrences
        found: list[Occurrence] = []
        for entry in some:
            if not entry.repeats:
                found.append(window.single(entry))
                continue
            walls = list(window.walls(entry))
            if changed and (alone := changed.get(entry.id)):
                walls = [wall for wall in walls if wall.isoformat() not in alone]
            if walls:
                found += window.each(entry, walls)
        return found

    def _entries(self, fits: Fits | None, *conditions: ColumnElement[bool]) -> list[Entry]:
        entries = list(map(Entry.read, self._db.values(_OF_ENTRY, *conditions)))
        return entries if fits is None else [entry for entry in entries if fits(entry)]

    def _changed(self) -> dict[str, set[str]]:
        """By series, the wall times of occurrences that a row of their own stands for."""
        found: dict[str, set[str]] = {}
        columns = (_COLUMNS.series, _COLUMNS.recurrence)
        for series, recurrence in self._db.values(columns, _COLUMNS.series.is_not(None)):
            found.setdefault(series, set()).add(recurrence)
        return found

    def walls(self, entry: Entry, start: datetime, end: datetime) -> Iterable[datetime]:
        """Wall times at which a series takes place around start to end, a day too wide.

        Those that were changed and stand alone are among them.
        """
        return Window(start, end, self.zone).walls(entry)

    def of_series(self, series: Entry, start: datetime, end: datetime) -> list[Occurrence]:
        """The occurrences of one series, which need not be stored yet, in start ≤ t < end."""
        rows = self._db.select(entries, _COLUMNS.series == series.id)
        changed = {row["recurrence"] for row in rows}
        found = [Entry.of(row).single(self.zone) for row in rows]
        found += [
            series.at(wall, self.zone)
            for wall in self.walls(series, start, end)
            if wall.isoformat() not in changed
        ]
        return sorted((o for o in found if o.touches(start, end)), key=lambda o: o.start)

    def search(
        self,
        fits: Fits,
        *,
        timed: bool = False,
        later: bool = False,
        limit: int = 5,
        since: datetime | None = None,
    ) -> list[Occurrence]:
        """The next occurrences of entries that fit, in at most 400 days; one of each series.

        ``timed`` leaves out what lasts all day, ``later`` what has begun. ``since`` looks from
        then on, at what begins and in its series belongs there.
        """
        start = since or self.now
        for window in _WINDOWS:
            found = (
                occurrence
                for occurrence in self.between(start, start + window, fits)
                if not (timed and occurrence.entry.all_day)
                and not (later and occurrence.start <= start)
                and not (since and occurrence.due(self.zone) < since)
            )
            kept = list(_first_of_each(found))
            if len(kept) >= limit or window == _WINDOWS[-1]:
                return kept[:limit]
        return []

    def before(self, fits: Fits) -> Occurrence | None:
        """The most recent occurrence that began before now, of entries that fit."""
        for window in _WINDOWS:
            found = self.between(self.now - window, self.now, fits)
            if past := [occurrence for occurrence in found if occurrence.start < self.now]:
                return past[-1]
        return None

    def coming(self, limit: int = 200) -> list[Entry]:
        """Entries that are not over, those that end first before the others."""
        over = _COLUMNS.ends_at >= utc(self.now)
        rows = self._db.select(entries, over, order_by=_COLUMNS.ends_at, limit=limit)
        return [Entry.of(row) for row in rows]

    def changed(self, series: Entry) -> bool:
        """Whether single occurrences of a series were changed."""
        return bool(self._db.select(entries, _COLUMNS.series == series.id, limit=1))

    def unscheduled(self) -> list[Entry]:
        """Entries that should have a pending event and have none."""
        rows = self._db.select(entries, _COLUMNS.notify_event == "")
        return [Entry.of(row) for row in rows]

    def get(self, entry_id: str) -> Entry | None:
        """The entry of that id."""
        rows = self._db.select(entries, _COLUMNS.id == entry_id)
        return Entry.of(rows[0]) if rows else None

    def of_uids(self, uids: Iterable[str]) -> dict[str, list[Entry]]:
        """The entries of each UID that is known, the series first."""
        wanted = sorted(set(uids))
        found: dict[str, list[Entry]] = {}
        for number in range(0, len(wanted), _CHUNK):
            some = wanted[number : number + _CHUNK]
            order = _COLUMNS.recurrence
            for row in self._db.select(entries, _COLUMNS.uid.in_(some), order_by=order):
                found.setdefault(row["uid"], []).append(Entry.of(row))
        return found

    def all(self) -> list[Entry]:
        """Every entry by time, series before their changed occurrences."""
        found = [Entry.of(row) for row in self._db.select(entries)]
        return sorted(found, key=lambda e: (e.starts_at, e.uid, e.recurrence))

    def family(self, family: str) -> list[dict[str, Any]]:
        """The rows of a meeting, or of a series with its changed occurrences, by id."""
        rows = self._db.select(
            entries,
            or_(_COLUMNS.id == family, _COLUMNS.series == family),
            order_by=_COLUMNS.id,
        )
        return [{key: value for key, value in row.items() if key != "owner"} for row in rows]

    # --- change -------------------------------------------------------------------------

    def put_back(self, family: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Let these be the rows of a family."""
        self._db.delete(entries, or_(_COLUMNS.id == family, _COLUMNS.series == family))
        self._db.insert(entries, *rows)

    def _touch(self, entry: Entry) -> None:
        """Keep the rows of its family as they are before the first change."""
        family = entry.series or entry.id
        if family not in self.touched:
            self.touched[family] = self.family(family)

    def add(self, *new: Entry) -> None:
        """Put entries in."""
        for entry in new:
            self._touch(entry)
        self._db.insert(entries, *(entry.row() for entry in new))

    def change(self, entry: Entry, **values: Any) -> Entry:
        """The entry with other values, stored; bounds are computed anew."""
        self._touch(entry)
        start = values.pop("start", None)
        changed = dataclasses.replace(
            entry, **values, sequence=entry.sequence + 1, changed_at=utc(self.now)
        )
        if start is not None or {"local_start", "seconds", "rrule", "rdates"} & set(values):
            changed = changed.timed(start=start)
        self._db.update(entries, changed.row(), _COLUMNS.id == entry.id)
        return changed

    def answer(self, entry: Entry, people: list[dict[str, str]]) -> Entry:
        """The entry with who takes part as they answered; that is no new version of it."""
        self._touch(entry)
        self._db.update(entries, {"people": people}, _COLUMNS.id == entry.id)
        return dataclasses.replace(entry, people=people)

    def mark(self, entry: Entry, event: str | None) -> None:
        """Keep the id of the event that will say a reminder."""
        self._db.update(entries, {"notify_event": event}, _COLUMNS.id == entry.id)

    def change_all(self, series: Entry, **values: Any) -> None:
        """The same values for every occurrence of a series that was changed alone."""
        self._touch(series)
        self._db.update(entries, values, _COLUMNS.series == series.id)

    def rename_changed(self, series: Entry, by: timedelta) -> None:
        """Let changed occurrences stand for those of the series after it was moved ``by``."""
        self._touch(series)
        rows = self._db.select(entries, _COLUMNS.series == series.id)
        moved = [(r["id"], datetime.fromisoformat(r["recurrence"]) + by) for r in rows]
        for entry_id, _ in moved:  # names are unique, and may be each other's new ones
            self._db.update(entries, {"recurrence": f"~{entry_id}"}, _COLUMNS.id == entry_id)
        for entry_id, wall in moved:
            values = {"recurrence": wall.isoformat()}
            self._db.update(entries, values, _COLUMNS.id == entry_id)

    def detach(self, occurrence: Occurrence) -> Entry:
        """One occurrence of a series as a row of its own, to be changed alone."""
        series = occurrence.entry
        single = dataclasses.replace(
            series,
            id=new_id(),
            series=series.id,
            recurrence=occurrence.wall.isoformat(),
            local_start=occurrence.wall,
            rrule="",
            rdates=[],
            exdates=[],
            notify_event=None,
            notify_before=None,
        ).timed()
        self.add(single)
        return single

    def divide(self, series: Entry, wall: datetime, *, drop: bool = False) -> Entry | None:
        """End a series before a wall time; what follows is a series of its own, given back.

        ``drop`` leaves out what follows. Where nothing is before, the series itself is given
        back (or removed); None where nothing follows, and nothing is done.
        """
        before, after = cut(series, wall)
        if after is None:
            return None
        if before is None:
            return self.remove(series) if drop else series
        moved = (_COLUMNS.series == series.id, _COLUMNS.recurrence >= wall.isoformat())
        alone = [Entry.of(row) for row in self._db.select(entries, *moved)]
        ending = ("local_start", "rrule", "rdates", "exdates")
        self.change(series, **{name: getattr(before, name) for name in ending})
        self._db.delete(entries, *moved)
        if drop:
            return None
        now = utc(self.now)
        after = dataclasses.replace(after, created_at=now, changed_at=now)
        own = {"uid": after.uid, "series": after.id}
        self.add(after, *(dataclasses.replace(entry, id=new_id(), **own) for entry in alone))
        return after

    def remove(self, entry: Entry) -> None:
        """Take an entry out; of a series, all of it."""
        self._touch(entry)
        self._db.delete(entries, _COLUMNS.series == entry.id)
        self._db.delete(entries, _COLUMNS.id == entry.id)

    def skip(self, occurrence: Occurrence) -> None:
        """Take one occurrence out; the rest of its series stays."""
        entry = occurrence.entry
        wall = occurrence.wall.isoformat()
        if not entry.repeats:
            self.remove(entry)
            wall = entry.recurrence
        series = self.get(entry.series or entry.id)
        if series is not None:
            self.change(series, exdates=sorted({*series.exdates, wall}))


def _span(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    """Rows that may touch start to end: a day wider, as all-day rows have no zone."""
    return (
        _COLUMNS.repeats.in_((False, True)),  # the first column of the index; one query is cheaper
        and_(_COLUMNS.ends_at >= utc(start) - _DAY, _COLUMNS.starts_at < utc(end) + _DAY),
    )


def _in_order(found: list[Occurrence]) -> list[Occurrence]:
    """By start, then end, where they come by title.

    Times of two offsets are slow to compare, so those of each offset are sorted on their own.
    """
    offsets = {occurrence[1].tzinfo for occurrence in found}
    parts = [found]
    if len(offsets) > 1:
        parts = [[o for o in found if o[1].tzinfo is offset] for offset in offsets]
    for part in parts:
        part.sort(key=_END)
        part.sort(key=_START)
    if len(parts) == 1:
        return found
    parts.sort(key=lambda part: part[0][1])
    together = list(itertools.chain(*parts))
    if all(one[-1][1] < other[0][1] for one, other in itertools.pairwise(parts)):
        return together  # clocks changed in between
    return sorted(together, key=_TIMES)


def _first_of_each(found: Iterable[Occurrence]) -> Iterator[Occurrence]:
    seen: set[str] = set()
    for occurrence in found:
        series = occurrence.entry.series or occurrence.entry.id
        if series not in seen:
            seen.add(series)
            yield occurrence
