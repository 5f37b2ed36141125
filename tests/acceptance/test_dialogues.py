"""Sixty conversations, turn by turn: the right action, the right slots, a sensible reply.

`dialogues.txt` says what is said and what must come of it; `tests.support.talks` how it is
written. All skills are real, and so are the servers that they speak to: Dovecot, an SMTP
server, feeds and a weather service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dovecot import BINARY, MISSING
from tests.support.talks import Guest, Talk, house, read
from wlm import Assistant

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason=MISSING),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),  # loopback only
]

TALKS = read(Path(__file__).parent / "dialogues.txt")


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """One for all: each conversation is of another user."""
    with house(tmp_path_factory.mktemp("home")) as made:
        yield made


def test_there_are_sixty() -> None:
    assert len(TALKS) >= 60
    assert len({talk.name for talk in TALKS}) == len(TALKS)


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: re.sub(r"\W+", "-", talk.name))
def test_conversation(assistant: Assistant, talk: Talk) -> None:
    for said in Guest(assistant, f"user{TALKS.index(talk)}").hold(talk):
        assert not said.wrong, said.wrong
