"""Bare replies to questions, yes and no, addresses and numbers as spoken."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots import SlotFiller
from wlm.pipeline.slots.contacts import emails, phones
from wlm.pipeline.slots.tokens import tokenise
from wlm.plugins.slots import Slot, SlotSpec

NOW = datetime(2026, 11, 22, 10, tzinfo=ZoneInfo("Europe/Berlin"))
FILLER = SlotFiller({})


def slot(kind, *, many=False, required=True, choices=(), **extra):
    return SlotSpec("it", kind, many, required, choices, None, Slot(**extra))


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (slot("time"), "at half past three", "2026-11-22T15:30:00+01:00"),
        (slot("time"), "4", "2026-11-22T16:00:00+01:00"),
        (slot("time"), "tomorrow at nine please", "2026-11-23T09:00:00+01:00"),
        (slot("time"), "tomorrow", None),
        (slot("time"), "no idea", None),
        (slot("time_range"), "tomorrow",
         {"start": "2026-11-23T00:00:00+01:00", "end": "2026-11-24T00:00:00+01:00"}),
        (slot("duration"), "half an hour", "PT30M"),
        (slot("duration"), "about 45 minutes", "PT45M"),
        (slot("person"), "Anna", "Anna"),
        (slot("person"), "my boss", "my boss"),
        (slot("person", many=True), "Anna, Tom and Kofi", ["Anna", "Tom", "Kofi"]),
        (slot("person", many=True), "anna at mail dot com", ["anna@mail.com"]),
        (slot("place"), "in paris", "Paris"),
        (slot("text", required=False), "it's called lunch, please", "lunch"),
        (slot("text"), "tell him that I'm late", "I'm late"),
        (slot("text"), "I'm late", "I'm late"),
        (slot("number"), "twenty three", 23),
        (slot("email"), "kofi at mail dot com", "kofi@mail.com"),
        (slot("phone"), "0 1 5 1 double 3 4", "0151334"),
        (slot("choice", choices=("metric", "imperial"), aliases={"metric": ["celsius"]}),
         "celsius please", "metric"),
        (slot("choice", choices=("metric", "imperial")), "neither", None),
        (slot("text"), "", None),
    ],
)  # fmt: skip
def test_answer(spec, text, value):
    assert FILLER.answer(spec, text, Utterance(text, NOW)) == value


@pytest.mark.parametrize(
    "text",
    [
        "yes", "yeah sure", "yep", "ok", "okay, go ahead", "do it", "that's right", "of course",
        "please do", "sounds good", "Yes, please!", "absolutely", "send it", "fine", "correct",
        "no problem", "looks good to me", "uh huh", "alright", "go for it",
    ],
)  # fmt: skip
def test_yes(text):
    assert FILLER.yes_no(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "no", "nope", "no thanks", "don't", "do not send it", "never mind", "cancel", "stop",
        "not now", "yes, no, wait", "forget it", "I changed my mind", "that's wrong", "hold on",
        "absolutely not", "please don't", "rather not", "leave it", "no way", "cancel it",
    ],
)  # fmt: skip
def test_no(text):
    assert FILLER.yes_no(text) is False


@pytest.mark.parametrize(
    "text",
    ["", "Thursday", "what's the weather", "to Anna instead", "at half past three", "🙂",
     "yes minister starts at eight on channel four"],
)  # fmt: skip
def test_neither(text):
    assert FILLER.yes_no(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kofi@mail.com", ["kofi@mail.com"]),
        ("kofi at mail dot com", ["kofi@mail.com"]),
        ("anna dot smith at post dot co dot uk", ["anna.smith@post.co.uk"]),
        ("jo underscore k@mail dot org", ["jo_k@mail.org"]),
        ("meet me at noon", []),
        ("at the office dot", []),
        ("write to a@b.de and c@d.fr", ["a@b.de", "c@d.fr"]),
    ],
)
def test_emails(text, found):
    assert [piece.value for piece in emails(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0151 234 567", ["0151234567"]),
        ("plus four nine one five one two three", ["+4915123"]),
        ("+44 (0)20 7946 0018", ["+4402079460018"]),
        ("double seven triple one two", ["771112"]),
        ("at 3 pm", []),
        ("2026-11-25", []),
    ],
)
def test_phones(text, found):
    assert [piece.value for piece in phones(text)] == found


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("twenty third", [(23, True)]),
        ("two thousand and twenty seven", [(2027, False)]),
        ("six hundred and forty five", [(645, False)]),
        ("three thirty", [(3, False), (30, False)]),
        ("twenty seventeen", [(20, False), (17, False)]),
        ("twenty-first", [(21, True)]),
        ("nineteen hundred", [(1900, False)]),
        ("21st", [(21, True)]),
    ],
)
def test_spoken_numbers(text, values):
    found = [(t.value, t.ordinal) for t in tokenise(text) if t.value is not None]
    assert found == values
