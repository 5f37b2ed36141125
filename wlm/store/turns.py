"""What was said and done: save, find, search, forget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, insert, select, tuple_, update

from wlm.errors import NotFound
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import turns
from wlm.types import Action, EventRef, Reply, Route, State, Turn

_NEWEST = (turns.c.created_at.desc(), turns.c.id.desc())
_PAGE = 500


class StoredTurn(NamedTuple):
    """A turn as it was stored; ``decision`` is the router's, as JSON."""

    turn: Turn
    decision: dict[str, Any]
    created_at: datetime

    @property
    def id(self) -> str:
        """The turn's id."""
        return self.turn.id

    @property
    def conversation(self) -> str:
        """Its conversation."""
        return self.turn.conversation

    @property
    def text(self) -> str:
        """What was said."""
        return self.turn.text

    @property
    def timings_ms(self) -> dict[str, float]:
        """Milliseconds by stage."""
        return self.turn.timings_ms


class Turns:
    """The turns in a store, always for one owner at a time."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] | None = None) -> None:
        self._store = store
        self._clock = clock or (lambda: datetime.now(UTC))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one transaction, also what the event engine accepts."""
        with self._store.write():
            yield

    def save(self, owner: str, turn: Turn, decision: dict[str, Any] | None = None) -> None:
        """Store a new turn."""
        row = {
            "owner": owner,
            "id": turn.id,
            "conversation": turn.conversation,
            "text": turn.text,
            "decision": decision or {},
            "created_at": self._clock(),
            **_outcome(turn),
        }
        with self._store.write() as connection:
            connection.execute(insert(turns).values(row))

    def update(self, owner: str, turn: Turn) -> None:
        """Store what came of a turn that was saved before. Raises ``NotFound``."""
        query = update(turns).where(mine(turns, owner), turns.c.id == turn.id)
        with self._store.write() as connection:
            if not connection.execute(query.values(_outcome(turn))).rowcount:
                raise NotFound("There is no such turn.")

    def find(self, owner: str, turn_id: str) -> StoredTurn | None:
        """The turn of that id; ``None`` if there is none."""
        return next(self._query(owner, turns.c.id == turn_id), None)

    def last(self, owner: str, conversation: str | None = None) -> StoredTurn | None:
        """The newest turn, of one conversation if it is given."""
        where = [] if conversation is None else [turns.c.conversation == conversation]
        return next(self._query(owner, *where, limit=1), None)

    def search(
        self,
        owner: str,
        query: str,
        *,
        conversation: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> list[StoredTurn]:
        """Turns in which every word of ``query`` was said or answered, newest first.

        Case does not count. The rows are read and looked through here, not by the database:
        their text will be encrypted.
        """
        words = query.casefold().split()
        found: list[StoredTurn] = []
        for turn in self._all(owner, conversation=conversation, before=before):
            haystack = _haystack(turn.turn)
            if all(word in haystack for word in words):
                found.append(turn)
                if len(found) == limit:
                    break
        return found

    def list(
        self,
        owner: str,
        *,
        conversation: str | None = None,
        since: datetime | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[StoredTurn]:
        """Turns, newest first; ``before`` is the id that the last page ended with."""
        where: list[ColumnElement[bool]] = []
        if conversation is not None:
            where.append(turns.c.conversation == conversation)
        if since is not None:
            where.append(turns.c.created_at >= since)
        if before is not None:
            where.append(self._older(owner, before))
        return list(self._query(owner, *where, limit=limit))

    def _all(
        self, owner: str, *, conversation: str | None, before: str | None
    ) -> Iterator[StoredTurn]:
        while page := self.list(owner, conversation=conversation, before=before, limit=_PAGE):
            yield from page
            before = page[-1].id

    def _older(self, owner: str, turn_id: str) -> ColumnElement[bool]:
        if (pivot := self.find(owner, turn_id)) is None:
            raise NotFound("There is no such turn to go on from.")
        return tuple_(turns.c.created_at, turns.c.id) < tuple_(pivot.created_at, pivot.id)

    def _query(
        self, owner: str, *where: ColumnElement[bool], limit: int | None = None
    ) -> Iterator[StoredTurn]:
        query = select(turns).where(mine(turns, owner), *where).order_by(*_NEWEST).limit(limit)
        with self._store.read() as connection:
            rows = connection.execute(query).mappings().all()
        return (_stored(row) for row in rows)


def _outcome(turn: Turn) -> dict[str, Any]:
    shown = turn.to_dict()
    return {name: shown[name] for name in ("actions", "reply", "timings_ms")}


def _stored(row: RowMapping) -> StoredTurn:
    turn = Turn(row["id"], row["conversation"], row["text"])
    turn = replace(
        turn,
        actions=[_action(action) for action in row["actions"]],
        reply=Reply(**row["reply"]),
        timings_ms=row["timings_ms"],
    )
    return StoredTurn(turn, row["decision"], row["created_at"])


def _action(data: dict[str, Any]) -> Action:
    # By hand: this runs at every start, and `from_dict` first builds a validator.
    reference = data["event"]
    return Action(
        Route(**data["route"]),
        EventRef(**{**reference, "state": State(reference["state"])}),
        Reply(**data["reply"]),
    )


def _haystack(turn: Turn) -> str:
    parts = [turn.text, turn.reply.speech, turn.reply.display]
    for action in turn.actions:
        parts += [action.route.intent, action.reply.speech, action.reply.display]
    return "\n".join(parts).casefold()
