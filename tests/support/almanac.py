"""A skill whose answers hold for a while, alone or in a process that answers one question."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from tests.support.registries import only
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry


class Almanac(Skill):
    """Counts how often it was asked in earnest."""

    class Settings(BaseModel):
        """One setting."""

        style: str = "plain"

    def __init__(self) -> None:
        self.asked = 0
        self.edition: Any = 1

    @intent(examples=["my day {topic}"], cache_seconds=600)
    def mine(self, ctx: Context, topic: str = "") -> Reply:
        """Personal."""
        return self._said(f"Yours, {ctx.user}: {topic}")

    @intent(examples=["the moon {topic}"], cache_seconds=600, personal=False)
    def moon(self, ctx: Context, topic: str = "") -> Reply:
        """The same for everybody."""
        return self._said(f"The moon: {topic}")

    @intent(examples=["the tide"], cache_seconds=600)
    def tide(self, ctx: Context, seconds: int = 30) -> Reply:
        """Holds for less than it could."""
        ctx.lasts(ctx.now + timedelta(seconds=seconds))
        ctx.lasts(ctx.now + timedelta(hours=9))
        return self._said("High.")

    @intent(examples=["the time"])
    def time(self, ctx: Context) -> Reply:
        """Holds for no time at all."""
        return self._said("Now.")

    def depends(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Any:
        """Its edition."""
        return self.edition

    def _said(self, text: str) -> Reply:
        self.asked += 1
        return Reply(text)


def registry() -> Registry:
    """A registry with the almanac alone."""
    return only(almanac=Almanac)


def main(owner: str, topic: str) -> None:
    """Ask for what is personal and what is not, with the settings of the environment; prints what
    was said, and how often it had to be found out."""
    from wlm import config
    from wlm.events.engine import Engine
    from wlm.store.migrate import open_store
    from wlm.types import Route

    settings, installed = config.load(), registry()
    store = open_store(settings)
    engine = Engine(store, installed, settings)
    said = []
    for name in ("almanac.mine", "almanac.moon"):
        done = engine.run(engine.accept(owner, Route("almanac", name, {"topic": topic})).id)
        assert done.reply is not None, done
        said.append(done.reply.speech)
    engine.close()
    store.close()
    skill: Any = installed.skills["almanac"].skill
    print(json.dumps({"speech": said, "asked": skill.asked}))


if __name__ == "__main__":
    main(*sys.argv[1:])
