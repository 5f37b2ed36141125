"""From an utterance to routes: the router decides, the slot filler reads the values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from wlm.pipeline import briefing
from wlm.pipeline.route.interface import Choice, Decision, Router, Utterance
from wlm.types import Route, jsonable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wlm.config import Settings
    from wlm.pipeline.slots import SlotFiller
    from wlm.pipeline.slots.fill import Filled
    from wlm.pipeline.wording import Wordings
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import Registry
    from wlm.store.engine import Store

log = logging.getLogger(__name__)


Complete = Callable[["IntentSpec", "Filled", str], dict[str, Any]]
"""What the conversation adds to the slots of one part of an utterance."""


class Understanding(NamedTuple):
    """A decision with its routes, in the order they were said.

    ``refers`` has, by route, what its words point back to. ``replaces`` is the event to be
    taken back before: this is what was meant.
    """

    decision: Decision
    routes: tuple[Route, ...]
    refers: tuple[Mapping[str, Any], ...] = ()
    replaces: str | None = None

    def explanation(self) -> dict[str, Any]:
        """The decision as JSON, for `wlm why`."""
        shown: dict[str, Any] = jsonable(self.decision.to_dict())
        return shown


class Understander:
    """The installed skills' router and slot filler; both are made when first used."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        store: Store,
        clock: Callable[[], datetime],
        *,
        local: Callable[[], Router] | None = None,
    ) -> None:
        """``local`` gives the local router; default: it is trained here if need be."""
        self._local = local or self._trained
        self._registry = registry
        self._settings = settings
        self._store = store
        self._clock = clock

    def understand(self, utterance: Utterance) -> Understanding:
        """What ``utterance`` asks for. Never raises for any text."""
        return self._about_schedules(utterance) or self._once(utterance)

    def _once(self, utterance: Utterance) -> Understanding:
        decision = self.router.decide(utterance)
        return Understanding(decision, self.routes(decision, decision.choices, utterance))

    def _about_schedules(self, utterance: Utterance) -> Understanding | None:
        """What is to be done again and again is no request of a skill's."""
        if (route := briefing.command(utterance)) is None:
            found = briefing.read(utterance, lambda u: self._once(u)[:2], self._registry.intent)
            if found is None:
                return None
            route, parts = found
            why = {"parts": [choice.intent for choice in parts.choices]}
            candidates = parts.candidates
        else:
            why, candidates = {}, ()
        choices = (Choice(route.intent, route.confidence, utterance.text),)
        return Understanding(
            Decision("act", choices, candidates, utterance.text, briefing.ROUTER, why), (route,)
        )

    def routes(
        self,
        decision: Decision,
        choices: tuple[Choice, ...],
        utterance: Utterance,
        complete: Complete | None = None,
    ) -> tuple[Route, ...]:
        """The routes of ``choices``, with the slots that were said."""
        return tuple(
            self._route(decision.router, choice, utterance, complete) for choice in choices
        )

    def _route(
        self, router: str, choice: Choice, utterance: Utterance, complete: Complete | None
    ) -> Route:
        spec = self._registry.intent(choice.intent)
        filled = self.filler.fill(spec, choice.text, utterance)
        if choice.slots:
            from wlm.pipeline.route.llm.values import merge

            slots = merge(spec, filled.slots, choice.slots, choice.text)
            filled = filled._replace(slots=slots)
        return Route(
            skill=spec.skill,
            intent=spec.name,
            slots=complete(spec, filled, choice.text) if complete else filled.slots,
            confidence=round(choice.confidence, 4),
            router=router,
        )

    @cached_property
    def filler(self) -> SlotFiller:
        """The slot filler for the language in force."""
        from wlm.pipeline.slots import SlotFiller
        from wlm.pipeline.slots.languages import language

        if (tables := language(self._settings.config.language)) is not None:
            from wlm.pipeline.slots.languages.filler import TranslatedFiller

            return TranslatedFiller(self._registry.intents, tables)
        return SlotFiller(self._registry.intents, self._settings.config.language)

    @cached_property
    def wordings(self) -> Wordings | None:
        """The replies' language; ``None`` where they stay as the skills say them."""
        if self._settings.config.language == "en":
            return None
        from wlm.pipeline.wording import make

        return make(self._settings.config.language, self._registry)

    @cached_property
    def router(self) -> Router:
        """The router that ``WLM_ROUTER`` names; a plugin's goes before ours of the same name."""
        name = self._settings.config.router
        if name == "local":
            return self._local()
        for factories in self._registry.call("wlm_routers"):
            if name in factories:
                router: Router = factories[name](self._registry.intents, self._settings)
                return router
        from wlm.pipeline.route.llm.make import make_router

        return make_router(
            name, self._local(), self._registry.intents, self._settings, self._store, self._clock
        )

    def _trained(self) -> Router:
        from wlm.pipeline.route.local import LocalRouter

        return LocalRouter.train(
            self._registry.intents, self._settings.config.language, self._settings.paths.cache
        )
