"""What all requests of one process share: plugins, database, event engine, router, recogniser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.events.engine import Engine
    from wlm.pipeline.pipeline import Pipeline
    from wlm.pipeline.transcribe.interface import Transcriber
    from wlm.pipeline.understand import Understander
    from wlm.plugins.manager import Registry
    from wlm.store.engine import Store
    from wlm.store.turns import Turns

_KEY = "wlm"


class Service:
    """The parts behind the routes, each made when first used and shared by all users."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """``clock`` gives the aware current time (for tests)."""
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
    def engine(self) -> Engine:
        """The event engine."""
        from wlm.events.engine import Engine

        return Engine(self.store, self.registry, self.settings, clock=self.clock)

    @cached_property
    def turns(self) -> Turns:
        """What was said and done."""
        from wlm.store.turns import Turns

        return Turns(self.store, clock=self.clock)

    @cached_property
    def understander(self) -> Understander:
        """The router and the slot filler."""
        from wlm.pipeline.understand import Understander

        return Understander(self.registry, self.settings)

    @cached_property
    def transcriber(self) -> Transcriber:
        """The recogniser."""
        from wlm.pipeline.transcribe.engines import make

        return make(self.registry, self.settings)

    def pipeline(self, owner: str) -> Pipeline:
        """The path of one user's utterances, over the shared parts; cheap to make."""
        from wlm.pipeline.pipeline import Pipeline

        return Pipeline(
            self.engine,
            self.turns,
            self.registry,
            self.settings,
            owner=owner,
            clock=self.clock,
            understander=self.understander,
            transcriber=lambda: self.transcriber,
        )

    def close(self) -> None:
        """Close the database."""
        if "store" in self.__dict__:
            self.store.close()


def service() -> Service:
    """The service of the current app."""
    found: Service = current_app.extensions[_KEY]
    return found
