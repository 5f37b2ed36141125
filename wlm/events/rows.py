"""Rows of events: how one is picked, and what it looks like in public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_

from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import Event, Failure, Question, Reply, Route, State

Row = Mapping[Any, Any]
"""An event's columns by name."""


def held(row: Row) -> ColumnElement[bool]:
    """The condition that the run which claimed ``row`` still holds it."""
    return and_(events.c.id == row["id"], events.c.lease_token == row["lease_token"])


def one(owner: str, event_id: str) -> ColumnElement[bool]:
    """The condition for one event of an owner."""
    return and_(mine(events, owner), events.c.id == event_id)


def those(owner: str, skill: str | None, conversation: str | None) -> list[ColumnElement[bool]]:
    """The conditions for an owner's events; ``None`` does not narrow them."""
    named = ((events.c.skill, skill), (events.c.conversation, conversation))
    return [mine(events, owner), *(column == value for column, value in named if value is not None)]


def to_event(row: Row) -> Event:
    """The public form of a row."""
    error, question, reply = row["error"], row["question"], row["reply"]
    return Event(
        id=row["id"],
        owner=row["owner"],
        state=State(row["state"]),
        route=route_of(row),
        effect=row["effect"],
        attempts=row["attempts"],
        priority=row["priority"],
        conversation=row["conversation"],
        turn=row["turn"],
        parent=row["parent"],
        idempotency_key=row["idempotency_key"],
        created_at=row["created_at"],
        run_at=row["run_at"],
        finished_at=row["finished_at"],
        reply=Reply(**reply) if reply else None,
        question=Question(**question) if question else None,
        error=Failure(**error) if error else None,
    )


def route_of(row: Row) -> Route:
    """Where the event goes, with the slots as they are known now."""
    return Route(row["skill"], row["intent"], row["slots"], row["confidence"], row["router"])
