"""What still holds is said again, to whom it may be, and for no longer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import lab
from tests.support.almanac import Almanac
from tests.support.almanac import registry as almanac
from tests.support.redis import RedisServer
from wlm import config
from wlm.events.answers import Memory
from wlm.events.answers_redis import RedisShelf
from wlm.events.engine import Engine
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.personal import erase_whole, forget_whole
from wlm.types import Reply as Said
from wlm.types import Route

Ask = Callable[..., Said]


@pytest.fixture
def registry() -> Registry:
    return almanac()


@pytest.fixture
def skill(registry: Registry) -> Almanac:
    made = registry.skills["almanac"].skill
    assert isinstance(made, Almanac)
    return made


@pytest.fixture
def ask(engine: Engine) -> Ask:
    def asked(intent: str, owner: str = "anna", at: Engine = engine, **slots: Any) -> Said:
        route = Route("almanac", f"almanac.{intent}", slots)
        done = at.run(at.accept(owner, route, conversation=f"c-{owner}").id)
        assert done.reply is not None, done
        return done.reply

    return asked


def test_an_answer_that_holds_is_given_again_and_says_how_old_it_is(
    ask: Ask, skill: Almanac, clock: lab.Clock
) -> None:
    first = ask("mine", topic="tea")
    clock.step(seconds=599)
    assert ask("mine", topic="tea") == first and skill.asked == 1
    assert first.data["made_at"] == "2026-11-22T10:00:00+01:00"
    assert first.data["fresh_until"] == "2026-11-22T10:10:00+01:00"
    clock.step(seconds=1)
    assert ask("mine", topic="tea") != first and skill.asked == 2


def test_only_the_same_question_gets_it(
    ask: Ask, skill: Almanac, clock: lab.Clock, engine: Engine, settings: config.Settings
) -> None:
    ask("mine", topic="tea")
    ask("mine", topic="milk")
    ask("moon", topic="tea")
    skill.edition = 2
    ask("mine", topic="tea")
    assert skill.asked == 4
    engine.runner._contexts._settings.skills["almanac"] = {"style": "rich"}
    ask("mine", "local", topic="tea")
    engine.runner._contexts._settings.skills["almanac"] = {"style": "plain"}
    ask("mine", "local", topic="tea")
    assert skill.asked == 6
    ask("time"), ask("time")
    assert skill.asked == 8


def test_what_is_personal_goes_to_nobody_else_and_the_rest_to_all(ask: Ask, skill: Almanac) -> None:
    assert ask("mine", "anna", topic="tea").speech == "Yours, anna: tea"
    assert ask("mine", "ben", topic="tea").speech == "Yours, ben: tea"
    assert skill.asked == 2
    assert ask("moon", "anna") == ask("moon", "ben")
    assert skill.asked == 3


def test_a_handler_says_for_how_long(ask: Ask, skill: Almanac, clock: lab.Clock) -> None:
    ask("tide"), ask("tide")
    assert skill.asked == 1
    clock.step(seconds=30)
    ask("tide")
    assert skill.asked == 2
    assert "made_at" not in ask("tide", seconds=-1).data
    ask("tide", seconds=-1)
    assert skill.asked == 4


def test_what_is_forgotten_or_erased_is_not_said_again(
    ask: Ask, skill: Almanac, store: Store, tmp_path: Path
) -> None:
    ask("mine", topic="tea")
    forget_whole(store, tmp_path, "anna", conversation="c-anna")
    ask("mine", topic="tea")
    assert skill.asked == 2
    erase_whole(store, tmp_path, "anna")
    ask("mine", topic="tea")
    assert skill.asked == 3


def test_never_means_never(
    ask: Ask, skill: Almanac, store: Store, registry: Registry, settings: config.Settings
) -> None:
    changed = settings.config.model_copy(update={"reuse_answers": "never"})
    engine = Engine(store, registry, settings._replace(config=changed))
    ask("mine", at=engine), ask("mine", at=engine)
    assert skill.asked == 2
    engine.close()


def test_only_a_read_is_given_again() -> None:
    with pytest.raises(ValueError, match="read"):

        class Wrong(Skill):
            """Writes."""

            @intent(effect="write", cache_seconds=60)
            def put(self, ctx: Context) -> Reply:
                """Write."""
                return Reply("Written.")


def test_a_shelf_has_an_end(clock: lab.Clock) -> None:
    shelf = Memory(clock, room=10)
    shelf.put("a", "12345", 9)
    shelf.put("b", "12345", 9)
    shelf.put("b", "54321", 9)
    assert shelf.get("a") and shelf.get("b") == "54321"
    shelf.put("c", "1", 9)
    assert shelf.get("a") is None and shelf.get("b") and shelf.get("c")
    shelf.put("d", "12345678901", 9)
    assert not any(map(shelf.get, "abcd"))


def another_process(owner: str, **settings: str) -> Any:
    """What it is told of the moon and of what is its own."""
    command = [sys.executable, "-m", "tests.support.almanac", owner, "Quittengelee"]
    given = {f"WLM_{name.upper()}": value for name, value in settings.items()}
    done = subprocess.run(
        command, env={**os.environ, **given}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_processes_share_answers_in_redis(redis: RedisServer, home: Path) -> None:
    redis.flush()
    shared = {"queue_url": redis.url}
    first = another_process("anna", **shared)
    again = another_process("anna", **shared)
    other = another_process("ben", **shared)
    assert [told["asked"] for told in (first, again, other)] == [2, 0, 1]
    assert first["speech"] == again["speech"] != other["speech"]
    held = redis.everything()
    assert len([name for name in held if name.startswith(b"wlm:answer:")]) == 3
    assert not any(b"Quittengelee" in part or b"almanac" in part for part in held)


def test_a_redis_that_is_away_or_was_meddled_with_costs_a_run_and_no_more(
    redis: RedisServer, ask: Ask, skill: Almanac, store: Store, registry: Registry,
    settings: config.Settings,
) -> None:  # fmt: skip
    redis.flush()
    changed = settings.config.model_copy(update={"queue_url": redis.url})
    engine = Engine(store, registry, settings._replace(config=changed))
    ask("moon", at=engine), ask("moon", at=engine)
    assert skill.asked == 1
    one, other = (RedisShelf(redis.url, secret * 32) for secret in (b"1", b"2"))
    one.put("k", "text", 60)
    assert one.get("k") == "text" and other.get("k") is None and one.get("other") is None
    redis.kill()
    ask("moon", at=engine)
    assert skill.asked == 2
    redis.start()
    for made in (engine, one, other):
        made.close()
