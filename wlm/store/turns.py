"""What was said and done: save, find, search, forget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
    tuple_,
    update,
)

from wlm.errors import NotFound
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.sealed import sealed
from wlm.store.tables import turns
from wlm.types import Action, EventRef, Reply, Route, State, Turn

_NEWEST = (turns.c.created_at.desc(), turns.c.id.desc())
_PLACE = tuple_(turns.c.created_at, turns.c.id)
# Made once: putting a statement together takes longer than the database does for it.
_SAVE = insert(turns)
_UPDATE = (
    update(turns)
    .where(mine(turns, bindparam("whose")), turns.c.id == bindparam("turn"))
    .values({name: bindparam(f"new_{name}") for name in ("actions", "reply", "timings_ms")})
)
_PAGE = 500
_NONCE_ENDS = 64  # characters of a sealed value, with its key's id and its nonce
LOOKED_THROUGH = 10_000
"""How many turns one search reads: their text will be encrypted, so no index knows the words."""


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


class Page(list[StoredTurn]):
    """Some turns, newest first; ``next`` is the id to go on after (None: that was all)."""

    def __init__(self, found: Iterable[StoredTurn], following: str | None) -> None:
        super().__init__(found)
        self.next = following


class Turns:
    """The turns in a store, always for one owner at a time."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] | None = None) -> None:
        self._store = store
        self._clock = clock or (lambda: datetime.now(UTC))

    @property
    def store(self) -> Store:
        """The database that they lie in."""
        return self._store

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
            connection.execute(_SAVE, row)

    def update(self, owner: str, turn: Turn) -> None:
        """Store what came of a turn that was saved before. Raises ``NotFound``."""
        outcome = _outcome(turn)
        with self._store.write() as connection:
            outcome |= sealed(connection, turns, {"owner": owner, "id": turn.id, **outcome})
            values = {f"new_{name}": value for name, value in outcome.items()}
            values |= {"whose": owner, "turn": turn.id}
            if not connection.execute(_UPDATE, values).rowcount:
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
    ) -> Page:
        """Turns in which every word of ``query`` was said or answered, newest first.

        Case does not count. The rows are read and looked through here, not by the database:
        their text will be encrypted. So one call looks through ``LOOKED_THROUGH`` turns and no
        more; a page that is not full and has a ``next`` ended there, and can be gone on with.
        """
        words = query.casefold().split()
        where = [] if conversation is None else [turns.c.conversation == conversation]
        place = None if before is None else self._older(owner, before)
        found: list[str] = []
        for looked, (id_, haystack) in enumerate(self._haystacks(owner, where, place), 1):
            if all(word in haystack for word in words):
                found.append(id_)
            if len(found) == limit or looked == LOOKED_THROUGH:
                return Page(self._these(owner, found), id_)
        return Page(self._these(owner, found), None)

    def list(
        self,
        owner: str,
        *,
        conversation: str | None = None,
        since: datetime | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Turns, newest first; ``before`` is the id that the last page ended with."""
        where: list[ColumnElement[bool]] = []
        if conversation is not None:
            where.append(turns.c.conversation == conversation)
        if since is not None:
            where.append(turns.c.created_at >= since)
        if before is not None:
            where.append(self._older(owner, before))
        found = [*self._query(owner, *where, limit=limit)]
        return Page(found, found[-1].id if len(found) == limit else None)

    def version(
        self,
        owner: str,
        *,
        conversation: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> str:
        """Another text after any change to that page of ``list``; found without opening a turn.

        What is sealed has a new nonce each time it is written, and that is looked at.
        """
        where: list[ColumnElement[bool]] = []
        if conversation is not None:
            where.append(turns.c.conversation == conversation)
        if before is not None:
            where.append(self._older(owner, before))
        nonce = func.substr(cast(turns.c.reply, Text), 1, _NONCE_ENDS)
        query = select(turns.c.id, nonce).where(mine(turns, owner), *where)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(*_NEWEST).limit(limit)).all()
        return repr([tuple(row) for row in rows])

    def _haystacks(
        self, owner: str, where: Sequence[ColumnElement[bool]], place: ColumnElement[bool] | None
    ) -> Iterator[tuple[str, str]]:
        """Ids with all that was said and answered, newest first; only what a search needs."""
        columns = [turns.c[name] for name in ("id", "created_at", "text", "actions", "reply")]
        while True:
            here = [*where] if place is None else [*where, place]
            query = select(*columns).where(mine(turns, owner), *here)
            with self._store.read() as connection:
                rows = connection.execute(query.order_by(*_NEWEST).limit(_PAGE)).all()
            yield from ((row.id, _haystack(row.text, row.actions, row.reply)) for row in rows)
            if len(rows) < _PAGE:
                return
            place = tuple_(rows[-1].created_at, rows[-1].id) > _PLACE

    def _these(self, owner: str, ids: Sequence[str]) -> Iterator[StoredTurn]:
        """The turns of these ids, one by one: for a list SQLite would walk all of the owner's."""
        found = (self.find(owner, id_) for id_ in ids)
        return (turn for turn in found if turn is not None)

    def _older(self, owner: str, turn_id: str) -> ColumnElement[bool]:
        if (pivot := self.find(owner, turn_id)) is None:
            raise NotFound("There is no such turn to go on from.")
        return tuple_(pivot.created_at, pivot.id) > _PLACE

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


def _haystack(text: str, actions: list[dict[str, Any]], reply: dict[str, Any]) -> str:
    parts = [text, reply["speech"], reply["display"]]
    for action in actions:
        told = action["reply"]
        parts += [action["route"]["intent"], told["speech"], told["display"]]
    return "\n".join(parts).casefold()
