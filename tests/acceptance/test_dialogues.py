"""Sixty conversations, turn by turn: the right action, the right slots, a sensible reply.

`dialogues.txt` says what is said and what must come of it. All skills are real, and so are
the servers that they speak to: Dovecot, an SMTP server, feeds and a weather service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.support.dovecot import BINARY, MISSING, Dovecot
from tests.support.http_server import HttpServer
from tests.support.lab import Clock
from tests.support.open_meteo import OpenMeteo
from tests.support.smtp_server import SmtpServer
from wlm import Assistant
from wlm.pipeline.pipeline import Pipeline
from wlm.types import Route, State, Turn

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason=MISSING),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),  # loopback only
]

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
STATES = {
    "ok": State.SUCCEEDED,
    "asks": State.WAITING_INPUT,
    "confirm": State.WAITING_CONFIRMATION,
    "left": State.CANCELLED,
    "failed": State.FAILED,
}
CONTACTS = [
    {"who": "Anna Schmidt", "email": "anna@work.example", "phone": "030 5550 3333"},
    {"who": "Tom Baker", "email": "tom@home.example"},
    {"who": "Bob Miller", "email": "bob@work.example"},
    {"who": "Maria Lopez", "email": "maria@lopez.example", "company": "Acme"},
]


class Step(NamedTuple):
    """A line of a conversation: its mark and what follows it."""

    number: int
    mark: str
    text: str


class Talk(NamedTuple):
    """One conversation."""

    name: str
    steps: list[Step]


def conversations() -> list[Talk]:
    """Those of the file, in its order."""
    talks: list[Talk] = []
    lines = (Path(__file__).parent / "dialogues.txt").read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        mark, _, text = line.partition(" ")
        if mark == "==":
            talks.append(Talk(text, []))
        elif mark and mark != "#":
            talks[-1].steps.append(Step(number, mark, text.strip()))
    return talks


TALKS = conversations()


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """One for all: each conversation is of another user."""
    home = tmp_path_factory.mktemp("home")
    with (
        pytest.MonkeyPatch.context() as patch,
        Dovecot() as mailbox,
        SmtpServer(mailbox.user, mailbox.password) as postman,
        OpenMeteo(NOW) as weather,
        HttpServer() as feeds,
    ):
        fill(mailbox, feeds)
        settings = {
            "WLM_HOME": str(home),
            "WLM_TIMEZONE": "Europe/Berlin",
            "WLM_SKILL_EMAIL__IMAP_HOST": "127.0.0.1",
            "WLM_SKILL_EMAIL__IMAP_PORT": str(mailbox.port),
            "WLM_SKILL_EMAIL__IMAP_SECURITY": "none",
            "WLM_SKILL_EMAIL__SMTP_PORT": str(postman.port),
            "WLM_SKILL_EMAIL__SMTP_SECURITY": "none",
            "WLM_SKILL_EMAIL__USER": mailbox.user,
            "WLM_SKILL_EMAIL__PASSWORD": mailbox.password,
            "WLM_SKILL_NEWS__FEEDS": f"BBC News={feeds.url}/bbc; The Guardian={feeds.url}/guardian",
            "WLM_SKILL_NEWS__ALLOW_PRIVATE": "true",
            "WLM_SKILL_WEATHER__FORECAST_URL": weather.settings["forecast_url"],
            "WLM_SKILL_WEATHER__GEOCODING_URL": weather.settings["geocoding_url"],
        }
        for name, value in settings.items():
            patch.setenv(name, value)
        with Assistant(clock=Clock(NOW)) as made:
            yield made


def fill(mailbox: Dovecot, feeds: HttpServer) -> None:
    """What is there to be read."""
    for number, (sender, subject, text) in enumerate(
        [
            ("Tom Baker <tom@home.example>", "Budget", "The figures are in."),
            ("Anna Schmidt <anna@work.example>", "Lunch", "Shall we eat at noon?"),
        ]
    ):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, "me@home.example", subject
        mail["Date"] = f"Sun, 22 Nov 2026 1{number}:00:00 +0100"
        mail["Message-ID"] = f"<m{number}@test.example>"
        mail.set_content(text)
        mailbox.put(mail)
    for path, name in (("/bbc", "BBC"), ("/guardian", "Guardian")):
        items = "".join(
            f"<item><title>{topic} story of the {name}</title><link>https://x.example{path}/{topic}"
            f"</link><pubDate>Mon, 23 Nov 2026 07:00:00 GMT</pubDate></item>"
            for topic in ("Climate", "Sport", "Markets")
        )
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'
        feeds.route(path, body=feed.encode())


def test_there_are_sixty() -> None:
    assert len(TALKS) >= 60
    assert len({talk.name for talk in TALKS}) == len(TALKS)


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: re.sub(r"\W+", "-", talk.name))
def test_conversation(assistant: Assistant, talk: Talk) -> None:
    owner, clock = f"user{TALKS.index(talk)}", Clock(NOW)
    assistant.engine._ledger.clock = assistant.turns._clock = assistant.engine._clock = clock
    pipeline = Pipeline(
        assistant.engine, assistant.turns, assistant.registry, assistant.settings,
        owner=owner, clock=clock, understander=assistant.pipeline.understander,
    )  # fmt: skip
    for contact in CONTACTS:
        add(assistant, owner, contact)
    turn: Turn | None = None
    seen = 0
    for step in talk.steps:
        where = f"line {step.number}, {step.mark} {step.text}"
        if step.mark == "+":
            name, _, address = step.text.rpartition(" ")
            add(assistant, owner, {"who": name, "email": address})
        elif step.mark == "@":
            clock.step(seconds=float(step.text))
        elif step.mark == ">":
            finished(turn, seen)
            clock.now += timedelta(seconds=5)
            turn, seen = pipeline.ask(step.text), 0
        else:
            assert turn is not None
            check(turn, step, seen, f"{where}: {shown(turn)}")
            seen += step.mark == "=" and step.text != "nothing"
    finished(turn, seen)


def add(assistant: Assistant, owner: str, slots: dict[str, str]) -> None:
    """Put a contact in, as the skill does."""
    event = assistant.engine.accept(owner, Route("people", "people.add", slots))
    assert assistant.engine.run(event.id).state is State.SUCCEEDED


def finished(turn: Turn | None, seen: int) -> None:
    """Every action of a turn is expected."""
    assert turn is None or len(turn.actions) == seen, shown(turn)


def check(turn: Turn, step: Step, seen: int, where: str) -> None:
    """One expectation of a turn."""
    said = turn.reply.speech.casefold()
    match step.mark:
        case "~":
            assert step.text.casefold() in said, where
        case "!":
            assert step.text.casefold() not in said, where
        case "=" if step.text == "nothing":
            assert not turn.actions, where
            assert said, where
        case "=":
            intent, state, *slots = step.text.split()
            assert len(turn.actions) > seen, where
            action = turn.actions[seen]
            assert (action.route.intent, action.event.state) == (intent, STATES[state]), where
            assert action.reply.speech, where
            for pair in slots:
                name, _, value = pair.partition("=")
                assert fits(action.route.slots.get(name), value.replace("_", " ")), where
        case _:
            raise AssertionError(f"no such mark: {where}")


def fits(value: object, wanted: str) -> bool:
    """Whether a slot begins with what is wanted; a name or the first of several will do."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict) and "name" in value:
        value = value["name"]
    if not wanted:
        return value is None
    text = str(value)
    return text.startswith(wanted) or (":" in wanted and f"T{wanted}" in text)


def shown(turn: Turn | None) -> str:
    """A turn for the report of a failure."""
    if turn is None:
        return "nothing was said"
    acts = [f"{a.route.intent} {a.event.state} {a.route.slots}" for a in turn.actions]
    return f"{turn.text!r} → {'; '.join(acts) or 'nothing'} | {turn.reply.speech}"
