"""What a user is told of events that nobody waited for: an outbox, and its readers.

A notice is written in the transaction that ends its event, or makes it ask something. It
holds no words: these are read from the event, so nothing personal is stored twice, and a
question that was answered meanwhile is not asked any more. Each notice goes once to each
channel; a reader who gives the id of the last one that it saw (`after`) misses none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    insert,
    or_,
    select,
    text,
)
from sqlalchemy import update as plain_update

from wlm.events.firing import ON_TIME, schedule_of
from wlm.events.rows import Row, to_event
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import deliveries, events, notices, schedules
from wlm.types import FINAL_STATES, WAITING_STATES, Event, Notice, State

TERMINAL, DESKTOP, EMAIL = "terminal", "desktop", "email"
KEY = "notice:"
"""How the idempotency keys of events begin that deliver a notice; they make none."""
WATCHED = "watch:"
"""How those of events begin that a watch accepted."""
_SOMEBODY_WAITS = timedelta(minutes=1)
_TAKEN = timedelta(minutes=1)
"""Who took a notice and has not shown it by then is gone: the next one shows it."""
_LOOK_SECONDS = 0.5
_UNTOLD = (
    deliveries.c.notice_id.in_(
        select(notices.c.id).where(
            mine(notices, bindparam("whose")), notices.c.event_id == bindparam("event")
        )
    ),
    deliveries.c.state == "pending",
)
# Made once: putting a statement together takes longer than the database does for it.
_ANY_UNTOLD = select(deliveries.c.notice_id).where(*_UNTOLD).limit(1)
_DROP_UNTOLD = delete(deliveries).where(*_UNTOLD)
_TOLD = (FINAL_STATES | WAITING_STATES) - {State.CANCELLED}


class Notices:
    """The notices in a store. ``channels``: where they go that no schedule sends elsewhere."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], channels: Iterable[str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = list(channels)

    def note(self, connection: Connection, row: Row, state: State) -> None:
        """Write the notice of an event that came to ``state``, if there is anything to tell.

        Runs in the transaction of the change, as the last thing in it.
        """
        if state not in _TOLD or (row["idempotency_key"] or "").startswith(KEY):
            return
        if state is State.SUCCEEDED and not (row["reply"] or {}).get("speech"):
            return
        if not self._in_background(row):
            return
        if not self._store.sqlite:
            # Ids are drawn before the commit: one at a time, so that they come in its order.
            lock = text("SELECT pg_advisory_xact_lock(7569262, hashtext(:owner))")
            connection.execute(lock, {"owner": row["owner"]})
        values = {
            "owner": row["owner"],
            "event_id": row["id"],
            "state": state.value,
            "created_at": self._clock(),
        }
        made = insert(notices).values(values).returning(notices.c.id)
        id_ = connection.execute(made).scalar_one()
        targets = [
            {"notice_id": id_, "channel": channel, "owner": row["owner"], "state": "pending"}
            for channel in dict.fromkeys(self._channels_of(connection, row))
        ]
        if targets:
            connection.execute(insert(deliveries), targets)

    def seen(self, event: Event) -> None:
        """Drop what is not delivered yet of an event whose end somebody has just been told."""
        which = {"whose": event.owner, "event": event.id}
        with self._store.read() as connection:
            if connection.execute(_ANY_UNTOLD, which).first() is None:
                return  # as nearly always: what somebody waits for has no notice
        with self._store.write() as connection:
            connection.execute(_DROP_UNTOLD, which)

    def after(self, owner: str, last: int = 0, *, limit: int = 50) -> list[Notice]:
        """The notices with ids above ``last``, oldest first."""
        return self._read(mine(notices, owner), notices.c.id > last, limit=limit)

    def last(self, owner: str) -> int:
        """The id of the newest notice; 0 if there is none. Where a new reader begins."""
        query = select(notices.c.id).where(mine(notices, owner))
        with self._store.read() as connection:
            return connection.execute(query.order_by(notices.c.id.desc()).limit(1)).scalar() or 0

    def wait(self, owner: str, last: int, timeout: float, *, limit: int = 50) -> list[Notice]:
        """``after``, but waits up to ``timeout`` seconds for the first one."""
        deadline = time.monotonic() + timeout
        while not (found := self.after(owner, last, limit=limit)):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(_LOOK_SECONDS, left))
        return found

    def ready(self, channel: str, owner: str) -> bool:
        """Whether something waits to be taken for a channel."""
        return self._any(self._free(channel, owner))

    def take(self, channel: str, owner: str, *, limit: int = 20) -> list[Notice]:
        """Notices to be shown on a channel, by nobody else meanwhile; ``done`` ends that."""
        if not self.ready(channel, owner):
            return []
        query = self._free(channel, owner).order_by(deliveries.c.notice_id).limit(limit)
        with self._store.write() as connection:
            ids = list(connection.execute(query.with_for_update(skip_locked=True)).scalars())
            self._mark(connection, channel, ids, state="taken", taken_at=self._clock())
        found = self._read(notices.c.id.in_(ids), limit=limit)
        stale = set(ids) - {notice.id for notice in found}
        self.done(channel, stale)
        return found

    def _free(self, channel: str, owner: str) -> Select[int]:
        """The notices that nobody has taken for a channel, or nobody who still lives."""
        free = or_(
            deliveries.c.state == "pending",
            (deliveries.c.state == "taken") & (deliveries.c.taken_at < self._clock() - _TAKEN),
        )
        columns = select(deliveries.c.notice_id)
        return columns.where(mine(deliveries, owner), deliveries.c.channel == channel, free)

    def done(self, channel: str, ids: Iterable[int], *, failed: bool = False) -> None:
        """These were shown on that channel, or never can be."""
        if ids := list(ids):
            state = "failed" if failed else "done"
            with self._store.write() as connection:
                self._mark(connection, channel, ids, state=state, done_at=self._clock())

    def _any(self, query: Any) -> bool:
        with self._store.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _mark(
        self, connection: Connection, channel: str, ids: Sequence[int], **values: Any
    ) -> None:
        connection.execute(
            plain_update(deliveries)
            .where(deliveries.c.channel == channel, deliveries.c.notice_id.in_(ids))
            .values(values)
        )

    def _read(self, *where: ColumnElement[bool], limit: int) -> list[Notice]:
        """Notices that still hold: a question that was answered is none any more."""
        columns = [
            notices.c.id.label("notice_id"),
            notices.c.state.label("told"),
            notices.c.created_at.label("noted_at"),
        ]
        query = (
            select(events, *columns)
            .join(notices, notices.c.event_id == events.c.id)
            .where(*where)
            .order_by(notices.c.id)
            .limit(limit)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [_notice(row) for row in rows if row["told"] == row["state"]]

    def _in_background(self, row: Row) -> bool:
        """Whether nobody waits for this event: it comes from a schedule or another event, was
        put off, was tried before, or has taken too long, or a watch came upon it."""
        return (
            row["parent"] is not None
            or schedule_of(row["idempotency_key"]) is not None
            or _watched(row)
            or row["attempts"] > 1
            or max(row["run_at"], self._clock()) - row["created_at"] > _SOMEBODY_WAITS
        )

    def _channels_of(self, connection: Connection, row: Row) -> list[str]:
        if (id_ := schedule_of(row["idempotency_key"])) is not None:
            query = select(schedules.c.channels).where(
                mine(schedules, row["owner"]), schedules.c.id == id_
            )
            chosen: list[str] | None = connection.execute(query).scalar()
            if chosen is not None:
                return chosen
        if _watched(row):  # a mail about each new mail would be one, too
            return [channel for channel in self._channels if channel != EMAIL]
        return self._channels


def _watched(row: Row) -> bool:
    return (row["idempotency_key"] or "").startswith(WATCHED)


def _notice(row: Row) -> Notice:
    event = to_event(row)
    speech, display = words(event)
    late = event.run_at is not None and row["noted_at"] - event.run_at > ON_TIME
    # A skill that is given the time of what it does says itself that it is late.
    knows = "at" in event.route.slots
    return Notice(
        id=row["notice_id"],
        owner=event.owner,
        event=event.id,
        intent=event.route.intent,
        state=event.state,
        speech=speech,
        display=display,
        schedule=schedule_of(event.idempotency_key),
        due_at=event.run_at if late and not knows else None,
        created_at=row["noted_at"],
    )


def words(event: Event) -> tuple[str, str]:
    """What to say and to show of an event that asks, failed or is done."""
    if event.question is not None and event.state.waiting:
        return event.question.text, event.question.text
    if event.error is not None and event.state is not State.SUCCEEDED:
        lines = (event.error.message, event.error.hint)
        return event.error.message, "\n".join(line for line in lines if line)
    if event.reply is not None:
        return event.reply.speech, event.reply.display
    return "", ""
