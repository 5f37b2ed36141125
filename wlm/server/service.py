"""What all requests of one process share: plugins, database, event engine, router, recogniser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from flask import current_app

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.events.engine import Engine
    from wlm.events.metrics import Snapshot
    from wlm.events.overview import Overview
    from wlm.pipeline.pipeline import Pipeline
    from wlm.pipeline.transcribe.interface import Transcriber
    from wlm.pipeline.understand import Understander
    from wlm.plugins.manager import Registry
    from wlm.plugins.own_settings import OwnSettings
    from wlm.server.auth.accounts import Accounts
    from wlm.server.training import Training
    from wlm.store.engine import Store
    from wlm.store.turns import Turns
    from wlm.types import Event

log = logging.getLogger(__name__)
_KEY = "wlm"
_LATER = 2  # threads that run what nobody waits for


class Service:
    """The parts behind the routes, each made when first used and shared by all users."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry | None = None,
        clock: Callable[[], datetime] | None = None,
        role: str = "gateway",
        train_apart: bool = False,
    ) -> None:
        """``clock`` gives the aware current time (for tests). ``train_apart``: a router that is
        not there yet is trained in a process of its own, and requests are refused until then."""
        self.role = role
        self._train_apart = train_apart
        self.settings = settings
        zone = settings.zone
        self.clock = clock or (lambda: datetime.now(zone))
        if registry is not None:
            self.__dict__["registry"] = registry

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins."""
        from wlm.plugins.manager import load

        return load(self.settings.config.plugins)

    @cached_property
    def store(self) -> Store:
        """The database, made or upgraded when first opened."""
        from wlm.store.migrate import open_store

        return open_store(self.settings, self.registry)

    @cached_property
    def accounts(self) -> Accounts:
        """Users, sign-in, tokens, keys, the audit log."""
        from wlm.server.auth.accounts import Accounts

        return Accounts(self.store, self.settings, clock=self.clock)

    @cached_property
    def engine(self) -> Engine:
        """The event engine."""
        from wlm.events.engine import Engine

        return Engine(self.store, self.registry, self.settings, clock=self.clock)

    @cached_property
    def own_settings(self) -> OwnSettings:
        """The users' own settings of the skills."""
        from wlm.plugins.own_settings import OwnSettings

        return OwnSettings(self.store, self.registry, self.settings)

    @cached_property
    def turns(self) -> Turns:
        """What was said and done."""
        from wlm.store.turns import Turns

        return Turns(self.store, clock=self.clock)

    @cached_property
    def understander(self) -> Understander:
        """The router and the slot filler."""
        from wlm.pipeline.understand import Understander

        local = self.training.router if self._train_apart else None
        return Understander(self.registry, self.settings, self.store, self.clock, local=local)

    @cached_property
    def training(self) -> Training:
        """Has the local router trained elsewhere."""
        from wlm.server.training import Training

        return Training(self.registry, self.settings)

    @cached_property
    def transcriber(self) -> Transcriber:
        """The recogniser."""
        from wlm.pipeline.transcribe.engines import make

        return make(self.registry, self.settings)

    def pipeline(self, owner: str, *, wait: bool = True) -> Pipeline:
        """The path of one user's utterances, over the shared parts; cheap to make.

        Without ``wait`` what it accepts is left to others to run, and is answered as it stands.
        Raises ``RouterTraining`` while nothing can be decided.
        """
        if self._train_apart:
            _ = self.understander.router  # before anything is transcribed for it
        from wlm.pipeline.pipeline import Pipeline

        engine = self.engine if wait else cast("Engine", _Leaving(self, owner))
        return Pipeline(
            engine,
            self.turns,
            self.registry,
            self.settings,
            owner=owner,
            clock=self.clock,
            understander=self.understander,
            transcriber=lambda: self.transcriber,
        )

    def run(self, event_id: str) -> Event:
        """Bring an event to its end, or to where it waits."""
        return self.engine.run(event_id)

    def leave(self, event_id: str) -> None:
        """Have an event run soon, without waiting for it."""
        self._pool.submit(self._run_quietly, event_id)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_LATER, thread_name_prefix="later")

    def _run_quietly(self, event_id: str) -> None:
        try:
            self.engine.run(event_id)
        except Exception as error:  # noqa: BLE001 - it stays queued, and is run when it is due
            log.warning("event %s was left (%s)", event_id, type(error).__name__)

    def warm(self, language: str) -> None:
        """Load the recogniser. Raises ``ModelMissing``."""
        load = getattr(self.transcriber, "warm", None)  # a plugin's may have none
        if load is not None:
            load(language)

    def states(self) -> dict[str, int]:
        """How many events of all users are in each state."""
        return self._overview.states()

    @cached_property
    def _overview(self) -> Overview:
        from wlm.events.overview import Overview

        return Overview(self.store, self.clock)

    def figures(self) -> Snapshot:
        """The queue of all users in numbers."""
        from wlm.events.metrics import snapshot

        return snapshot(self.store, self.clock())

    def oldest_due(self) -> datetime | None:
        """Since when the event that has waited longest is due."""
        from wlm.events.overview import oldest_due

        return oldest_due(self.store, self.clock())

    def close(self) -> None:
        """Close the database; what runs now is finished first."""
        if "_pool" in self.__dict__:
            self._pool.shutdown(wait=True)
        if "training" in self.__dict__:
            self.training.close()
        if "engine" in self.__dict__:
            self.engine.close()
        if "store" in self.__dict__:
            self.store.close()


class _Leaving:
    """The event engine for a request that does not wait: what it accepts runs later."""

    def __init__(self, service: Service, owner: str) -> None:
        self._service = service
        self._owner = owner

    def run(self, event_id: str) -> Event:
        """The event as it is; it is run soon."""
        self._service.leave(event_id)
        return self._service.engine.get(self._owner, event_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service.engine, name)


def service() -> Service:
    """The service of the current app."""
    found: Service = current_app.extensions[_KEY]
    return found
