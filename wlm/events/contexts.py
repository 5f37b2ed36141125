"""What a handler is given: a ``Context`` whose doors are open for as long as its run holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, select

from wlm.events.breaker import Provider
from wlm.events.ledger import Ledger
from wlm.events.ports import Emit, LookPorts, RunPorts
from wlm.events.providers import Providers
from wlm.events.rows import Row
from wlm.plugins import Context, Person, Place, SharedAccount
from wlm.store.owned import OwnedTables
from wlm.store.scope import LOCAL_OWNER, mine
from wlm.store.tables import events

if TYPE_CHECKING:
    from pydantic import BaseModel

    from wlm.config import Settings
    from wlm.events.schedules import Schedules
    from wlm.plugins.addresses import Guard
    from wlm.plugins.llm.summarise import Summariser
    from wlm.plugins.manager import Registry
    from wlm.plugins.own_settings import OwnSettings
    from wlm.plugins.summaries import Passage, Summary
    from wlm.store.accounts.shares import Granted, Shares

log = logging.getLogger(__name__)
_REMEMBERED = 5
# Made once, and no more than is needed: both runs of an utterance ask.
_REPLIES = (
    select(events.c.reply)
    .where(
        mine(events, bindparam("whose")),
        events.c.conversation == bindparam("said_in"),
        events.c.reply.is_not(None),
    )
    .order_by(events.c.created_at.desc(), events.c.id.desc())
    .limit(_REMEMBERED)
)
_MODEL = Provider("llm", "language model")


class Contexts:
    """Makes contexts, for a run of an event or for a look without one."""

    def __init__(
        self, ledger: Ledger, registry: Registry, settings: Settings, schedules: Schedules
    ) -> None:
        self._ledger = ledger
        self.schedules = schedules
        self._registry = registry
        self._settings = settings
        limits = settings.config
        self.providers = Providers(
            ledger.store, ledger.clock, limits.provider_limit, limits.user_limit
        )

    def for_run(self, row: Row, emit: Emit) -> Context:
        """The context of one run of one event, over the rows of whose account it works with.

        Raises ``SkillMissing``, ``BadSetting``, and ``ShareEnded``.
        """
        share = self.share(row)
        ports = RunPorts(self._ledger, self, row, emit, share)
        memory = {
            **self.memory(row["owner"], row["conversation"]),
            **(row["refers"] or {}),
        }
        return self._make(
            ports.of,
            row["skill"],
            ports,
            guard=ports.may_write,
            account=share
            and SharedAccount(share.id, self._shares.name(share.owner), share.access == "write"),
            event_id=row["id"],
            attempt=row["attempts"],
            memory=memory,
        )

    def for_look(self, owner: str, skill: str, *, nested: bool = False) -> Context:
        """A context outside of any event: for vocabulary and for looking names up."""
        return self._make(owner, skill, LookPorts(self, owner, skill, nested=nested))

    def resolve(self, owner: str, kind: str, text: str) -> list[Any]:
        """Candidates of all skills, each once. A skill that raises is left out."""
        cls = Person if kind == "person" else Place
        found: list[Any] = []
        for name, loaded in self._registry.skills.items():
            try:
                given = loaded.skill.resolve(self.for_look(owner, name, nested=True), kind, text)
                found += [item for item in given if isinstance(item, cls) and item not in found]
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                log.warning("skill %s failed at resolve (%s)", name, type(error).__name__)
        return found

    def memory(self, owner: str, conversation: str | None) -> dict[str, Any]:
        """What the last replies of a conversation said to remember; the newest wins."""
        if conversation is None:
            return {}
        with self._ledger.store.read() as connection:
            which = {"whose": owner, "said_in": conversation}
            replies = connection.execute(_REPLIES, which).scalars().all()
        remembered: dict[str, Any] = {}
        for reply in reversed(replies):
            told = reply.get("data", {}).get("remember")
            remembered.update(told if isinstance(told, dict) else {})
        return remembered

    def summary(
        self,
        owner: str,
        skill: str,
        passages: Sequence[Passage],
        *,
        words: int,
        language: str,
        settings: BaseModel,
    ) -> Summary:
        """What the language model makes of a skill's texts. Raises ``UsageError`` where the skill
        did not declare that it gives any."""
        from wlm.plugins import summaries

        if not summaries.allowed(self._registry.skill(skill).skill, settings):
            return summaries.Summary(why="not_allowed")
        return self._summariser.ask(
            owner,
            passages,
            words=words,
            language=language,
            asking=lambda: self.providers.asked(_MODEL, owner),
        )

    @cached_property
    def _summariser(self) -> Summariser:
        from wlm.plugins.llm.summarise import Summariser

        return Summariser(self._settings.config, self._ledger.store, self._ledger.clock)

    def _make(
        self,
        owner: str,
        skill: str,
        ports: RunPorts | LookPorts,
        *,
        guard: Callable[[Connection], None] | None = None,
        **more: Any,
    ) -> Context:
        settings = self._settings
        raw, reach = self._raw(owner, skill)
        return Context(
            user=owner,
            now=self._ledger.clock().astimezone(settings.zone),
            timezone=settings.zone,
            language=settings.config.language,
            settings=self._registry.settings(skill, raw),
            db=OwnedTables(self._ledger.store, owner, guard=guard),
            ports=ports,
            data_dir=settings.paths.data,
            offline=settings.config.offline,
            skill=skill,
            guard=reach,
            **more,
        )

    def share(self, row: Row, *, hold: bool = False) -> Granted | None:
        """The share by which an event works with another's account; ``None`` if it does not.

        Raises ``ShareEnded``. ``hold`` as for ``Shares.open``.
        """
        if row["account"] is None:
            return None
        return self._shares.open(row["owner"], row["account"], row["skill"], hold=hold)

    @cached_property
    def _shares(self) -> Shares:
        from wlm.store.accounts.shares import Shares

        return Shares(self._ledger.store, self._ledger.clock)

    def _raw(self, owner: str, skill: str) -> tuple[Mapping[str, Any], Guard | None]:
        """The settings that hold for ``owner``: the host's, or the user's own at a gateway."""
        if owner == LOCAL_OWNER:
            return self._settings.skills.get(skill, {}), None
        return self._own.in_force(owner, skill)

    @cached_property
    def _own(self) -> OwnSettings:
        from wlm.plugins.own_settings import OwnSettings

        return OwnSettings(self._ledger.store, self._registry, self._settings)
