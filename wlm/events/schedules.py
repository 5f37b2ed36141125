"""Schedules: made, listed, paused, removed. ``firing`` turns what is due into events."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, update

from wlm.errors import Conflict, NotFound, UsageError
from wlm.events.timetable import Timetable
from wlm.plugins import rules
from wlm.plugins.scheduling import SchedulePlan, ScheduleStep
from wlm.store.scope import mine
from wlm.store.tables import firings, schedules
from wlm.types import Firing, Route, Schedule, new_id

if TYPE_CHECKING:
    from wlm.store.engine import Store

MOST_PER_OWNER = 200
MOST_STEPS = 8


class Schedules:
    """The schedules in a store; ``catch_up`` is for those that are made without one."""

    def __init__(self, store: Store, clock: Callable[[], datetime], catch_up: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._catch_up = catch_up

    def add(
        self,
        owner: str,
        plan: SchedulePlan,
        *,
        skill: str | None = None,
        confirmed: bool = False,
    ) -> Schedule:
        """Make a schedule; one with the same skill and key is replaced.

        ``confirmed``: a yes was given to what it does, where a ``write`` needs one.

        Raises ``UsageError``, and ``BadRequest`` for a rule that is none.
        """
        if not 1 <= len(plan.steps) <= MOST_STEPS:
            raise UsageError(f"A schedule does 1 to {MOST_STEPS} things.")
        table = Timetable.of(plan.repeat, plan.start, plan.zone, plan.lead)
        now = self._clock()
        due = table.next(now)
        if due is None:
            raise UsageError("That schedule would never come due; nothing was scheduled.")
        catch_up = self._catch_up if plan.catch_up is None else plan.catch_up
        id_ = new_id()
        row: dict[str, Any] = {
            "id": id_,
            "owner": owner,
            "state": "active",
            "title": plan.title,
            "skill": skill,
            "key": plan.key,
            "rrule": table.rule,
            "starts": table.starts.isoformat(),
            "ends": table.ends.isoformat() if table.ends else None,
            "zone": plan.zone.key,
            "excluded": [[a.isoformat(), b.isoformat()] for a, b in table.excluded],
            "lead_seconds": int(plan.lead.total_seconds()),
            "steps": [dataclasses.asdict(step) for step in plan.steps],
            "confirmed": confirmed,
            "catch_up_seconds": int(catch_up.total_seconds()),
            "channels": plan.notify,
            "next_at": due - plan.lead,
            "handled_at": now,
            "created_at": now,
        }
        with self._store.write() as connection:
            if plan.key is not None:
                connection.execute(delete(schedules).where(*_made_by(owner, skill, plan.key)))
            if len(self._rows(mine(schedules, owner))) >= MOST_PER_OWNER:
                raise UsageError(
                    f"There are {MOST_PER_OWNER} schedules already; nothing was scheduled.",
                    hint="`wlm schedule list` shows them, `wlm schedule remove` ends one.",
                )
            connection.execute(insert(schedules).values(row))
        return self.get(owner, id_)

    def get(self, owner: str, schedule_id: str) -> Schedule:
        """One schedule. Raises ``NotFound``."""
        return _public(self._row(owner, schedule_id))

    def all(self, owner: str, *, skill: str | None = None) -> list[Schedule]:
        """The owner's schedules, the next to come first; what has ended comes last."""
        where = [mine(schedules, owner)]
        if skill is not None:
            where.append(schedules.c.skill == skill)
        found = [_public(row) for row in self._rows(*where)]
        return sorted(found, key=lambda s: (s.next_at is None, s.next_at or s.start))

    def firings(self, owner: str, schedule_id: str, *, limit: int = 20) -> list[Firing]:
        """What became of its last occurrences, newest first. Raises ``NotFound``."""
        self._row(owner, schedule_id)
        query = (
            select(firings)
            .where(mine(firings, owner), firings.c.schedule_id == schedule_id)
            .order_by(firings.c.occurrence.desc())
            .limit(limit)
        )
        names = [field.name for field in dataclasses.fields(Firing)]
        with self._store.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [Firing(**{name: row[name] for name in names}) for row in rows]

    def simulate(
        self, owner: str, since: datetime, until: datetime
    ) -> list[tuple[datetime, Schedule]]:
        """Which active schedules would fire in a range of time, and when."""
        found = [
            (moment - table.lead, _public(row))
            for row in self._rows(mine(schedules, owner), schedules.c.state == "active")
            if (table := timetable_of(row))
            for moment in table.between(max(since, row["handled_at"]), until)
        ]
        return sorted(found, key=lambda pair: (pair[0], pair[1].id))

    def pause(self, owner: str, schedule_id: str) -> Schedule:
        """Let it rest until ``resume``. Raises ``NotFound`` or ``UsageError``."""
        return self._change(owner, schedule_id, "active", state="paused", next_at=None)

    def resume(self, owner: str, schedule_id: str) -> Schedule:
        """Go on with a paused one; what came due meanwhile is not made up for."""
        row = self._row(owner, schedule_id)
        now = self._clock()
        table = timetable_of(row)
        due = table.next(now)
        if due is None:
            return self._change(owner, schedule_id, "paused", state="ended", handled_at=now)
        return self._change(
            owner,
            schedule_id,
            "paused",
            state="active",
            handled_at=now,
            next_at=due - table.lead,
        )

    def remove(self, owner: str, schedule_id: str) -> Schedule:
        """End it and take it off the list; events that it made stay. Raises ``NotFound``."""
        gone = self.get(owner, schedule_id)
        with self._store.write() as connection:
            connection.execute(delete(schedules).where(*_one(owner, schedule_id)))
        return gone

    def find(self, owner: str, skill: str, ref: str) -> Schedule:
        """One that a skill made, by its key or id. Raises ``NotFound``."""
        rows = self._rows(*_made_by(owner, skill, ref))
        rows = rows or self._rows(*_one(owner, ref), schedules.c.skill == skill)
        return _public(rows[0]) if rows else self.get(owner, "")

    def remove_of(self, owner: str, skill: str, ref: str) -> bool:
        """End one that a skill made, by its key or id; whether there was one."""
        with self._store.write() as connection:
            by_key = delete(schedules).where(*_made_by(owner, skill, ref))
            by_id = delete(schedules).where(*_one(owner, ref), schedules.c.skill == skill)
            return any(connection.execute(query).rowcount for query in (by_key, by_id))

    def _change(self, owner: str, schedule_id: str, source: str, **values: Any) -> Schedule:
        with self._store.write() as connection:
            query = update(schedules).where(*_one(owner, schedule_id), schedules.c.state == source)
            changed = connection.execute(query.values(values)).rowcount
            there = self.get(owner, schedule_id)
        if not changed and there.state != values["state"]:
            raise Conflict(f"The schedule is {there.state}, not {source}; nothing was changed.")
        return there

    def _row(self, owner: str, schedule_id: str) -> RowMapping:
        found = self._rows(*_one(owner, schedule_id))
        if not found:
            raise NotFound(
                "There is no such schedule.", hint="`wlm schedule list` shows what there is."
            )
        return found[0]

    def _rows(self, *where: ColumnElement[bool]) -> Sequence[RowMapping]:
        with self._store.read() as connection:
            query = select(schedules).where(*where).order_by(schedules.c.created_at)
            return connection.execute(query).mappings().all()


def timetable_of(row: RowMapping) -> Timetable:
    return Timetable(
        row["rrule"],
        datetime.fromisoformat(row["starts"]),
        datetime.fromisoformat(row["ends"]) if row["ends"] else None,
        ZoneInfo(row["zone"]),
        tuple((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in row["excluded"]),
        timedelta(seconds=row["lead_seconds"]),
    )


def steps_of(row: RowMapping) -> list[ScheduleStep]:
    return [ScheduleStep(**{**step, "moves": tuple(step["moves"])}) for step in row["steps"]]


def _public(row: RowMapping) -> Schedule:
    zone = ZoneInfo(row["zone"])
    start = rules.localise(datetime.fromisoformat(row["starts"]), zone)
    return Schedule(
        id=row["id"],
        owner=row["owner"],
        title=row["title"],
        state=row["state"],
        rrule=row["rrule"],
        start=start,
        timezone=row["zone"],
        routes=[
            Route(step.intent.partition(".")[0], step.intent, step.slots, 1.0, "schedule")
            for step in steps_of(row)
        ],
        next_at=row["next_at"],
        last_at=row["last_at"],
        catch_up_hours=row["catch_up_seconds"] / 3600,
        notify=row["channels"],
        skill=row["skill"],
        created_at=row["created_at"],
    )


def _one(owner: str, schedule_id: str) -> tuple[ColumnElement[bool], ...]:
    return mine(schedules, owner), schedules.c.id == schedule_id


def _made_by(owner: str, skill: str | None, key: str) -> tuple[ColumnElement[bool], ...]:
    return mine(schedules, owner), schedules.c.skill == skill, schedules.c.key == key
