"""Accepting: the row of a new event, alone or as the child of another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wlm import trace
from wlm.errors import ShareReadOnly, UsageError, WlmError
from wlm.events import tickets
from wlm.events.courier import NOTICE
from wlm.events.ledger import Ledger
from wlm.events.rows import Row, to_event
from wlm.plugins import IntentSpec
from wlm.store.scope import LOCAL_OWNER, mine
from wlm.store.tables import events
from wlm.types import Effect, Event, Route, State, jsonable, new_id

if TYPE_CHECKING:
    from wlm.plugins.manager import Registry
    from wlm.store.accounts.shares import Shares

DEEPEST = 5
MOST_CHILDREN = 50
SCHEDULED = 3
"""The least priority of what a schedule or a notice does: after what somebody waits for."""
A_SCHEDULE = timedelta(minutes=1)
"""A child due this much later starts a chain of its own: that is a schedule, not a loop."""


class Intake:
    """Writes new events. ``ring`` is called for those that are ready, once committed."""

    def __init__(self, ledger: Ledger, registry: Registry, ring: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._store = ledger.store
        self._registry = registry
        self._clock = ledger.clock
        self._ring = ring

    def accept_child(
        self,
        parent: Row,
        intent: str,
        slots: Mapping[str, Any],
        *,
        run_at: datetime | None,
        key: str,
    ) -> Event:
        """A child of ``parent``; the same one for the same key. Raises ``UsageError``."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        policy_only = self._effect(intent) == "write" and bool(parent["confirmed"])
        route = Route(intent.partition(".")[0], intent, dict(slots), 1.0, "skill")
        own = route.skill == parent["skill"]
        more: dict[str, Any] = {
            "idempotency_key": f"{parent['id']}:{digest}",
            "fingerprint": None,
            "confirmed": policy_only,  # a child that sends asks for itself
        }
        if own and parent["account"]:
            # What a skill does next with an account is the business of whose account it is.
            share = self._shares.open(parent["owner"], parent["account"], parent["skill"])
            if share.access != "write" and self._effect(intent) != "read":
                raise ShareReadOnly
            nowhere: dict[str, Any] = {"conversation": None, "turn": None, "account": None}
            return self.insert(share.owner, route, None, None, run_at, **nowhere, **more)
        return self.insert(
            parent["owner"],
            route,
            parent,
            None,
            run_at,
            conversation=parent["conversation"],
            turn=parent["turn"],
            account=None if own else self.account(parent["owner"], route.skill),
            **more,
        )

    def account(self, owner: str, skill: str) -> str | None:
        """The share by which a skill works for ``owner`` now; ``None``: with their own account."""
        return None if owner == LOCAL_OWNER else self._shares.chosen(owner, skill)

    @cached_property
    def _shares(self) -> Shares:
        from wlm.store.accounts.shares import Shares

        return Shares(self._store, self._clock)

    def accept_background(
        self,
        owner: str,
        route: Route,
        key: str,
        due: datetime,
        confirmed: bool,
        own: bool = True,
    ) -> Event:
        """What a schedule does at an occurrence, or a notice; the same event for the same key.

        Not ``own``: it works with the account that the skill works with for ``owner`` now.
        """
        spec = self._spec(route.intent)
        return self.insert(
            owner,
            route,
            None,
            max(SCHEDULED, spec.priority if spec else 0),
            due,
            conversation=None,
            turn=None,
            idempotency_key=key,
            fingerprint=None,
            account=None if own else self.account(owner, route.skill),
            # A yes given once is no yes to sending again and again; a setting is one.
            confirmed=confirmed
            and (route.router == NOTICE or self._effect(route.intent) == "write"),
        )

    def insert(
        self,
        owner: str,
        route: Route,
        parent: Row | None,
        priority: int | None,
        run_at: datetime | None,
        ring: bool = True,
        **values: Any,
    ) -> Event:
        """Write the event, in the open transaction if there is one. Raises ``UsageError``."""
        now = self._clock()
        start = run_at or now
        if start.tzinfo is None:
            raise UsageError("The start of an event needs a time zone.")
        spec = self._spec(route.intent)
        id_ = new_id()
        row = {
            "id": id_,
            "owner": owner,
            "state": State.QUEUED.value,
            "skill": route.skill,
            "intent": route.intent,
            "slots": jsonable(route.slots),
            "confidence": route.confidence,
            "router": route.router,
            "effect": self._effect(route.intent),
            "attempts": 0,
            "losses": 0,
            "max_attempts": 1 + (spec.retries if spec else 0),
            "priority": priority if priority is not None else (spec.priority if spec else 0),
            "begun": False,
            "parent": parent["id"] if parent is not None else None,
            "root": id_,
            "depth": 0,
            "created_at": now.astimezone(UTC),
            "run_at": start.astimezone(UTC),
            "traceparent": trace.carried(),
            **values,
        }
        with self._store.write() as connection:
            said = values["fingerprint"]
            if said is not None:
                said = row["fingerprint"] = self._store.vault.fingerprint(connection, owner, said)
            if (key := values["idempotency_key"]) and (there := self._known(owner, key)):
                return _same(there, said)
            if parent is not None and start - now < A_SCHEDULE:
                row |= self._bounded(parent, route)
            if start <= now:
                row["ticket"] = tickets.draw(connection, owner, row["priority"])
            made = self._ledger.insert(row)
            if made is None:
                made = self._known(owner, key)
            elif ring and start <= now:
                self._store.after_commit(lambda: self._ring(id_))
            assert made is not None
            return _same(made, said)

    def _known(self, owner: str, key: str) -> Row | None:
        found = self._ledger.page(
            mine(events, owner), events.c.idempotency_key == key, before=None, limit=1
        )
        return found[0] if found else None

    def _bounded(self, parent: Row, route: Route) -> dict[str, Any]:
        """The child's place in its chain. Raises ``UsageError`` where the chain must end."""
        depth = parent["depth"] + 1
        if depth > DEEPEST:
            raise UsageError(f"An event may cause others {DEEPEST} levels deep, no deeper.")
        if self._ledger.count(events.c.root == parent["root"]) > MOST_CHILDREN:
            raise UsageError(f"An event may cause {MOST_CHILDREN} others, no more.")
        above: Row | None = parent
        while above is not None:
            if above["intent"] == route.intent and above["slots"] == jsonable(route.slots):
                raise UsageError("An event may not cause itself again.")
            chained = above["parent"] and above["depth"]
            above = self._ledger.fetch(events.c.id == above["parent"]) if chained else None
        return {"root": parent["root"], "depth": depth}

    def _spec(self, intent: str) -> IntentSpec | None:
        try:
            return self._registry.intent(intent)
        except WlmError:
            return None  # it will fail when it runs, with the cause

    def _effect(self, intent: str) -> Effect:
        spec = self._spec(intent)
        return spec.effect if spec else "read"


def fingerprint(route: Route) -> str:
    """What makes two requests with one idempotency key the same; it is kept under the
    owner's key, so that nobody can try out what was asked for."""
    body = json.dumps([route.intent, jsonable(route.slots)], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _same(row: Row, fingerprint: str | None) -> Event:
    if row["fingerprint"] != fingerprint:
        raise UsageError(
            "This idempotency key was used for another request; nothing was accepted.",
            hint="Use a new key for each request.",
        )
    return to_event(row)
