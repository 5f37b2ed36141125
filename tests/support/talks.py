"""Conversations written down, and the real skills and servers that they are held with.

A file of them is for people to read:

    == name of the conversation
    + NAME EMAIL            one more contact
    > what is said
    = intent state slot=value …   one line for each action, in order; "= nothing" for none.
                                  States: ok asks confirm left failed. A value is what the slot
                                  begins with, underscores for spaces; "slot=" is not filled.
    ~ part of the reply     ! what is not in it     @ seconds that pass

It is Monday 23 November 2026, 9:30 in Berlin, and a turn takes five seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.support.dovecot import Dovecot
from tests.support.http_server import HttpServer
from tests.support.lab import Clock
from tests.support.mailbox import at
from tests.support.open_meteo import OpenMeteo
from tests.support.smtp_server import SmtpServer
from wlm import Assistant
from wlm.pipeline.pipeline import Pipeline
from wlm.types import Route, State, Turn, new_id

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


class Said(NamedTuple):
    """What was said in a turn, what was wanted, what came of it, and what is wrong with that."""

    number: int
    text: str
    wanted: str
    turn: Turn
    wrong: str


def read(file: Path) -> list[Talk]:
    """The conversations of a file, in its order."""
    talks: list[Talk] = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        mark, _, text = line.partition(" ")
        if mark == "==":
            talks.append(Talk(text, []))
        elif mark and mark != "#":
            talks[-1].steps.append(Step(number, mark, text.strip()))
    return talks


@contextlib.contextmanager
def house(home: Path) -> Iterator[Assistant]:
    """An assistant whose skills speak to real servers, all of them on loopback."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Dovecot() as mailbox,
        SmtpServer(mailbox.user, mailbox.password) as postman,
        OpenMeteo(NOW) as weather,
        HttpServer() as feeds,
    ):
        fill(mailbox, feeds, weather)
        settings = {
            "WLM_HOME": str(home),
            "WLM_TIMEZONE": "Europe/Berlin",
            "WLM_SHARED_SKILLS": "email,news,weather",  # the guests are users of their own
            **at(mailbox, postman),
            "WLM_SKILL_NEWS__FEEDS": f"BBC News={feeds.url}/bbc; The Guardian={feeds.url}/guardian",
            "WLM_SKILL_NEWS__ALLOW_PRIVATE": "true",
            "WLM_SKILL_WEATHER__FORECAST_URL": weather.settings["forecast_url"],
            "WLM_SKILL_WEATHER__GEOCODING_URL": weather.settings["geocoding_url"],
        }
        for name, value in settings.items():
            patch.setenv(name, value)
        with Assistant(clock=Clock(NOW)) as made:
            yield made


def fill(mailbox: Dovecot, feeds: HttpServer, weather: OpenMeteo) -> None:
    """What is there to be read: mails, stories, rain on Thursday, a storm on Saturday."""
    rain = {"precipitation": 1.5, "precipitation_probability": 80, "weather_code": 61}
    weather.set("2026-11-26T13:00", "2026-11-26T18:00", **rain)
    weather.set("2026-11-28T06:00", "2026-11-28T20:00", wind_speed_10m=62.0, wind_gusts_10m=90.0)
    weather.set("2026-11-22T00:00", "2026-11-22T23:00", temperature_2m=14.0)
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


class Guest:
    """One user of the assistant, with the contacts of ``CONTACTS``, and a clock of their own."""

    def __init__(self, assistant: Assistant, owner: str) -> None:
        self._assistant = assistant
        self._owner = owner
        self._clock = clock = Clock(NOW)
        assistant.engine._ledger.clock = assistant.turns._clock = assistant.engine._clock = clock
        self._pipeline = Pipeline(
            assistant.engine, assistant.turns, assistant.registry, assistant.settings,
            owner=owner, clock=clock, understander=assistant.pipeline.understander,
        )  # fmt: skip
        for contact in CONTACTS:
            self.add(contact)

    def add(self, slots: dict[str, str]) -> None:
        """Put a contact in, as the skill does."""
        event = self._assistant.engine.accept(self._owner, Route("people", "people.add", slots))
        assert self._assistant.engine.run(event.id).state is State.SUCCEEDED

    def hold(self, talk: Talk) -> Iterator[Said]:
        """Say what the talk says, and judge every turn."""
        conversation: str | None = new_id()  # what follows is found in it, while it lasts
        steps = list(talk.steps)
        while steps:
            step = steps.pop(0)
            if step.mark == "+":
                name, _, address = step.text.rpartition(" ")
                self.add({"who": name, "email": address})
            elif step.mark == "@":
                self._clock.step(seconds=float(step.text))
            elif step.mark == ">":
                expected = []
                while steps and steps[0].mark in "=~!":
                    expected.append(steps.pop(0))
                self._clock.now += timedelta(seconds=5)
                turn = self._pipeline.ask(step.text, conversation=conversation)
                conversation = None
                wanted = "; ".join(one.text for one in expected if one.mark == "=")
                yield Said(step.number, step.text, wanted, turn, judged(turn, expected))
            else:
                raise AssertionError(f"line {step.number}: no such mark, or nothing was said")


def judged(turn: Turn, expected: Sequence[Step]) -> str:
    """What is wrong with a turn; empty if nothing is."""
    seen, wrong = 0, []
    for step in expected:
        if not _right(turn, step, seen):
            wrong.append(f"line {step.number}: {step.mark} {step.text}")
        seen += step.mark == "=" and step.text != "nothing"
    if len(turn.actions) != seen:
        wrong.append(f"{len(turn.actions)} actions")
    return f"{', '.join(wrong)}: {shown(turn)}" if wrong else ""


def _right(turn: Turn, step: Step, seen: int) -> bool:
    said = turn.reply.speech.casefold()
    if step.mark == "~":
        return step.text.casefold() in said
    if step.mark == "!":
        return step.text.casefold() not in said
    if step.text == "nothing":
        return bool(said) and not turn.actions
    intent, state, *slots = step.text.split()
    if len(turn.actions) <= seen:
        return False
    action = turn.actions[seen]
    pairs = [pair.partition("=") for pair in slots]
    return (
        (action.route.intent, action.event.state) == (intent, STATES[state])
        and bool(action.reply.speech)
        and all(
            fits(action.route.slots.get(name), value.replace("_", " ")) for name, _, value in pairs
        )
    )


def fits(value: object, wanted: str) -> bool:
    """Whether a slot begins with what is wanted; a name or the first of several will do."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict) and "name" in value:
        value = value["name"]
    if not wanted:
        return value is None
    if isinstance(value, dict) and str(value.get("start", "")).startswith(wanted):
        return True
    text = str(value)
    return text.startswith(wanted) or (":" in wanted and f"T{wanted}" in text)


def shown(turn: Turn | None) -> str:
    """A turn for the report of a failure."""
    if turn is None:
        return "nothing was said"
    acts = [f"{a.route.intent} {a.event.state} {a.route.slots}" for a in turn.actions]
    return f"{turn.text!r} → {'; '.join(acts) or 'nothing'} | {turn.reply.speech}"
