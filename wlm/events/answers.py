"""Answers that are given again: a read is not run anew while what it said still holds.

A skill declares how long that is (``cache_seconds``, ``ctx.lasts``). Of a personal answer only
the id of the event that gave it is kept, here or in Redis: the answer itself is read from that
event's row, of the same owner, sealed there, and gone for all processes once it is forgotten.
What is nobody's own, such as the weather at a place, is kept whole and given to all users who ask
the same with the same settings. What was asked is kept as a keyed digest alone.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import bindparam, select

from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import State, jsonable

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.events.ledger import Ledger
    from wlm.plugins import Context, IntentSpec
    from wlm.plugins.manager import LoadedSkill

MADE, UNTIL = "made_at", "fresh_until"
"""What a reply's ``data`` says of its age, in ISO 8601."""
_ROOM = 4 << 20
_GIVEN = select(events.c.reply).where(
    mine(events, bindparam("whose")),
    events.c.id == bindparam("event"),
    events.c.state == State.SUCCEEDED.value,
)


class Shelf(Protocol):
    """Keeps texts for a while. What cannot be kept or found costs a run, never an error."""

    def get(self, key: str) -> str | None:
        """What was put there, while it holds."""
        ...

    def put(self, key: str, text: str, seconds: float) -> None:
        """Keep it so long."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class Memory:
    """A shelf in this process: at most ``room`` bytes, the oldest go first."""

    def __init__(self, clock: Any, room: int = _ROOM) -> None:
        self._clock, self._room, self._used = clock, room, 0
        self._texts: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        """What was put there, while it holds."""
        text, until = self._texts.get(key, ("", None))
        return text if until is not None and until > self._clock() else None

    def put(self, key: str, text: str, seconds: float) -> None:
        """Keep it so long."""
        with self._lock:
            self._drop(key)
            self._texts[key] = text, self._clock() + timedelta(seconds=seconds)
            self._used += len(text)
            while self._used > self._room:
                self._drop(next(iter(self._texts)))

    def close(self) -> None:
        """Nothing is open."""

    def _drop(self, key: str) -> None:
        self._used -= len(self._texts.pop(key, ("",))[0])


class Answers:
    """What may be said again, for all users of a process, or of all that share a Redis."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger, self._settings = ledger, settings

    def asked(
        self, loaded: LoadedSkill, spec: IntentSpec, ctx: Context, slots: Mapping[str, Any]
    ) -> Asked | None:
        """This question, to look whether it was answered; ``None`` if it must be run anyhow."""
        if not spec.cache_seconds or self._settings.config.reuse_answers == "never":
            return None
        if ctx.account is not None:  # it may not be shared any more when it is asked again
            return None
        whose = ctx.user if spec.personal else ""
        parts = [
            spec.name, loaded.version, whose, slots, ctx.settings.model_dump(mode="json"),
            ctx.language, str(ctx.timezone), ctx.now.date().isoformat(),
            loaded.skill.depends(ctx, spec.method, slots),
        ]  # fmt: skip
        text = json.dumps(jsonable(parts), sort_keys=True, ensure_ascii=False)
        key = hmac.digest(self._secret, text.encode(), "sha256").hex()
        return Asked(self, key, spec, ctx)

    def find(self, key: str, owner: str) -> dict[str, Any] | None:
        """The reply that is kept under ``key``."""
        text = self.shelf.get(key)
        if text is None:
            return None
        kept = json.loads(text)
        reply = kept["reply"]
        if reply is None:
            with self._ledger.store.read() as connection:
                which = {"whose": owner, "event": kept["event"]}
                reply = connection.execute(_GIVEN, which).scalar()
        return dict(reply) if reply else None

    @property
    def now(self) -> datetime:
        """The time, aware."""
        return self._ledger.clock()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "shelf" in self.__dict__:
            self.shelf.close()

    @cached_property
    def shelf(self) -> Shelf:
        """Where the answers are."""
        config = self._settings.config
        if config.reuse_answers == "local" or not config.queue_url:
            return Memory(self._ledger.clock)
        from wlm.events.answers_redis import RedisShelf

        return RedisShelf(config.queue_url, self._ledger.store.vault.secret("answers kept"))

    @cached_property
    def _secret(self) -> bytes:
        return self._ledger.store.vault.secret("answers asked")


@dataclasses.dataclass(frozen=True)
class Asked:
    """One question that may have been answered before."""

    answers: Answers
    key: str
    spec: IntentSpec
    ctx: Context

    def found(self) -> dict[str, Any] | None:
        """The answer from before, if there is one that still holds."""
        return self.answers.find(self.key, self.ctx.user)

    def answered(self, reply: dict[str, Any], until: datetime | None) -> dict[str, Any]:
        """Keep a new answer that holds ``until`` then, or as long as its intent declares; the
        reply, which says so."""
        now = self.answers.now
        ends = now + timedelta(seconds=self.spec.cache_seconds)
        ends = min(ends, until) if until is not None else ends
        if ends <= now:
            return reply
        zone = self.ctx.timezone
        told = {MADE: now.astimezone(zone).isoformat(), UNTIL: ends.astimezone(zone).isoformat()}
        reply = {**reply, "data": {**reply["data"], **told}}
        kept = {"event": self.ctx.event_id, "reply": None if self.spec.personal else reply}
        seconds = (ends - now).total_seconds()
        self.answers.shelf.put(self.key, json.dumps(kept, ensure_ascii=False), seconds)
        return reply
