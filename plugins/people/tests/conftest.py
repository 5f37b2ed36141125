"""An address book in a real database, for the tests of this skill."""

from __future__ import annotations

from pathlib import Path

import pytest
from wlm_people.book import Book
from wlm_people.skill import People

from wlm.plugins import Context
from wlm.plugins.testing import context, run


@pytest.fixture
def skill() -> People:
    return People()


@pytest.fixture
def ctx(skill: People, tmp_path: Path) -> Context:
    return context(skill, tmp_path)


@pytest.fixture
def book(ctx: Context) -> Book:
    return Book(ctx)


@pytest.fixture
def say(skill: People, ctx: Context):
    """``say("find", who="Anna")``: the reply to one intent."""

    def speak(intent: str, **slots: object):
        return run(skill, intent, ctx, **slots)

    return speak
