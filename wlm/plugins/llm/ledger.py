"""What asking the model cost an owner today, and what it answered before: in the store."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from wlm.errors import ProviderError, WlmError
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import llm_calls
from wlm.types import new_id

_PLACE = ("llm_calls", "answer")


class OverBudget(ProviderError):
    """Today's budget for the language model is used up."""

    default_hint = "Raise llm_calls_per_day or llm_tokens_per_day, or wait until tomorrow."


class Spent(NamedTuple):
    """Calls and tokens of an owner since midnight."""

    calls: int
    tokens: int


class Ledger:
    """Budget and cache of the model's answers; both belong to their owner.

    A call is written down before it is made, so a process that dies, or two that ask at
    once, spend no more than the day's calls. Tokens are known afterwards: the last call of a
    day may go over.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], *, calls: int, tokens: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._calls = calls
        self._tokens = tokens

    def recall(self, owner: str, key: str) -> dict[str, Any] | None:
        """The answer that ``key`` got today."""
        with self._store.write() as connection:
            sealed = self._store.vault.fingerprint(connection, owner, key)
        query = (
            select(llm_calls.c.id, llm_calls.c.answer)
            .where(mine(llm_calls, owner), llm_calls.c.key == sealed, llm_calls.c.answered)
            .where(llm_calls.c.created_at >= self._midnight())
            .order_by(llm_calls.c.created_at.desc())
            .limit(1)
        )
        with self._store.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        with contextlib.suppress(WlmError):  # sealed with a key that is gone: ask again
            kept: dict[str, Any] = self._store.vault.open_json(owner, *_PLACE, row.id, row.answer)
            return kept
        return None

    def spent(self, owner: str) -> Spent:
        """What was spent today."""
        tokens = func.coalesce(func.sum(llm_calls.c.tokens_in + llm_calls.c.tokens_out), 0)
        query = select(func.count(), tokens).where(
            mine(llm_calls, owner), llm_calls.c.created_at >= self._midnight()
        )
        with self._store.read() as connection:
            calls, used = connection.execute(query).one()
        return Spent(int(calls), int(used))

    def begin(self, owner: str, key: str) -> str | None:
        """Write a call down; its id, or ``None`` if today's budget is used up."""
        call, now = new_id(), self._clock()
        with self._store.write() as connection:
            spent = self.spent(owner)
            if spent.calls >= self._calls or spent.tokens >= self._tokens:
                return None
            old = llm_calls.c.created_at < now - timedelta(days=2)
            connection.execute(delete(llm_calls).where(mine(llm_calls, owner), old))
            sealed = self._store.vault.fingerprint(connection, owner, key)
            row: dict[str, Any] = {"id": call, "owner": owner, "key": sealed, "created_at": now}
            row |= {"answered": False, "answer": None, "tokens_in": 0, "tokens_out": 0}
            connection.execute(insert(llm_calls).values(row))
        return call

    def end(
        self, owner: str, call: str, *, answer: dict[str, Any] | None, tokens: tuple[int, int]
    ) -> None:
        """Write down what came of a call; ``answer`` is kept for the same question."""
        values: dict[str, Any] = {"answered": answer is not None, "answer": None}
        if answer is not None:
            values["answer"] = self._store.vault.seal_json(owner, *_PLACE, call, answer)
        values |= {"tokens_in": tokens[0], "tokens_out": tokens[1]}
        query = update(llm_calls).where(mine(llm_calls, owner), llm_calls.c.id == call)
        with self._store.write() as connection:
            connection.execute(query.values(values))

    def _midnight(self) -> datetime:
        return self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
