"""What the five skills get for what people say."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots import SlotFiller
from wlm.plugins.manager import load

NOW = datetime(2026, 11, 22, 10, tzinfo=ZoneInfo("Europe/Berlin"))  # a Sunday
INTENTS = load().intents
FILLER = SlotFiller(INTENTS)


def day(first, after):
    """A range from midnight to midnight, in winter time."""
    return {"start": f"{first}T00:00:00+01:00", "end": f"{after}T00:00:00+01:00"}


def fill(intent, text, **vocabulary):
    utterance = Utterance(text, NOW, vocabulary=vocabulary)
    return FILLER.fill(INTENTS[intent], text, utterance)


def at(moment):
    return f"2026-11-{moment}:00+01:00"


WHOLE = [
    ("email.rsvp", "accept the invitation from Anna", {"answer": "accept", "sender": "Anna"}),
    (
        "email.rsvp",
        "tentatively accept the invitation to the budget review",
        {"answer": "tentative", "query": "the budget review"},
    ),
    (
        "email.rsvp",
        "turn down Anna's invitation to lunch",
        {"answer": "decline", "sender": "Anna", "query": "lunch"},
    ),
    (
        "email.rsvp",
        "say no to the invitation from Tom",
        {"answer": "decline", "sender": "Tom"},
    ),
    (
        "meeting.create",
        "schedule lunch with Anna tomorrow at noon",
        {"title": "lunch", "people": ["Anna"], "start": at("23T12:00")},
    ),
    (
        "meeting.create",
        "schedule lunch with Anna and Tom on Friday from 2 to 4",
        {"title": "lunch", "people": ["Anna", "Tom"], "start": at("27T14:00"), "duration": "PT2H"},
    ),
    (
        "meeting.create",
        "schedule a haircut on tuesday at half past three",
        {"title": "haircut", "start": at("24T15:30")},
    ),
    (
        "meeting.update",
        "move my 3 pm with Tom on Friday to 4",
        {
            "people": ["Tom"],
            "old": {"start": at("27T15:00"), "end": at("27T16:00")},
            "start": at("27T16:00"),
        },
    ),
    (
        "meeting.update",
        "move the standup to 10 tomorrow",
        {"title": "standup", "start": at("23T10:00")},
    ),
    (
        "meeting.update",
        "move the standup to ten from next week on",
        {"title": "standup", "start": at("23T10:00"), "scope": "following"},
    ),
    (
        "meeting.update",
        "move the standup on Monday to 10",
        {"title": "standup", "old": day("2026-11-23", "2026-11-24"), "start": at("23T10:00")},
    ),
    (
        "meeting.cancel",
        "cancel yoga on Friday and all that follow",
        {"title": "yoga", "when": day("2026-11-27", "2026-11-28"), "scope": "following"},
    ),
    (
        "meeting.cancel",
        "cancel the standup from December 1st on",
        {"title": "standup", "when": day("2026-12-01", "2026-12-02"), "scope": "following"},
    ),
    (
        "meeting.list",
        "what is the video link for the standup",
        {"title": "standup", "detail": "link"},
    ),
    ("meeting.list", "how do I join my next meeting", {"pick": "next", "detail": "link"}),
    ("meeting.list", "what meetings do I have tomorrow", {"when": day("2026-11-23", "2026-11-24")}),
    (
        "meeting.cancel",
        "cancel yoga on friday",
        {"title": "yoga", "when": day("2026-11-27", "2026-11-28")},
    ),
    (
        "meeting.find_time",
        "find a free hour with Anna next week",
        {"people": ["Anna"], "when": day("2026-11-23", "2026-11-30"), "duration": "PT1H"},
    ),
    (
        "meeting.remind",
        "remind me to call mom at 5",
        {"title": "call mom", "start": at("22T17:00")},
    ),
    (
        "meeting.remind",
        "remind me to take out the bins in 20 minutes",
        {"title": "take out the bins", "start": at("22T10:20")},
    ),
    ("people.find", "what is Tom Baker's phone number", {"who": "Tom Baker", "detail": "phone"}),
    ("people.find", "who is kofi mensah", {"who": "Kofi Mensah"}),
    (
        "people.add",
        "add Kofi Mensah to my contacts, kofi at mail dot com",
        {"who": "Kofi Mensah", "email": "kofi@mail.com"},
    ),
    (
        "people.update",
        "change anna's phone number to 0151 234 567",
        {"who": "Anna", "phone": "0151234567"},
    ),
    (
        "email.send",
        "email Anna and Tom that I'm running late",
        {"to": ["Anna", "Tom"], "body": "I'm running late"},
    ),
    (
        "email.send",
        "tell Anna and Tom we'll be there at six",
        {"to": ["Anna", "Tom"], "body": "we'll be there at six"},
    ),
    (
        "email.send",
        "text my boss i will be home tomorrow",
        {"to": ["my boss"], "body": "i will be home tomorrow"},
    ),
    (
        "email.send",
        "send an email to kofi@mail.com saying hello there",
        {"to": ["kofi@mail.com"], "body": "hello there"},
    ),
    (
        "email.reply",
        "reply to Anna that I will be there",
        {"sender": "Anna", "body": "I will be there"},
    ),
    ("email.list", "any new emails from sara", {"sender": "Sara"}),
    ("news.headlines", "any news about climate change", {"topic": "climate change"}),
    (
        "weather.forecast",
        "will it rain in Paris tomorrow",
        {"place": "Paris", "when": day("2026-11-23", "2026-11-24"), "aspect": "rain"},
    ),
    (
        "weather.forecast",
        "do I need an umbrella in Paris tomorrow",
        {"place": "Paris", "when": day("2026-11-23", "2026-11-24"), "aspect": "rain"},
    ),
    (
        "weather.forecast",
        "what's the weather like in new york city",
        {"place": "New York City"},
    ),
]


@pytest.mark.parametrize(("intent", "text", "slots"), WHOLE, ids=[text for _, text, _ in WHOLE])
def test_whole(intent, text, slots):
    assert fill(intent, text).slots == slots


PART = [
    ("meeting.create", "every Tuesday at 9 standup", "start", at("24T09:00")),
    ("meeting.create", "set up a call with my boss tomorrow", "people", ["my boss"]),
    ("meeting.create", "meet Anna tomorrow morning", "when", None),
    ("meeting.create", "schedule a workshop for two hours on monday at 9", "duration", "PT2H"),
    ("meeting.create", "schedule a review with sara, tom and kofi tomorrow at 3", "people",
     ["Sara", "Tom", "Kofi"]),
    ("meeting.list", "do i have anything after 3 pm on thursday", "when",
     {"start": at("26T15:00"), "end": at("27T00:00")}),
    ("meeting.list", "what's on this weekend", "when", day("2026-11-21", "2026-11-23")),
    ("meeting.find_time", "when am I free on tuesday evening", "when",
     {"start": at("24T18:00"), "end": at("24T22:00")}),
    ("meeting.find_time", "find an hour and a half with Tom on monday", "duration", "PT1H30M"),
    ("meeting.find_time", "find time between 2 and 4 on monday", "when",
     {"start": at("23T14:00"), "end": at("23T16:00")}),
    ("email.list", "what mail came on friday", "when", day("2026-11-20", "2026-11-21")),
    ("email.list", "do i have mail from my boss", "sender", "my boss"),
    ("email.search", "search my mail for the invoice from last week", "when",
     day("2026-11-09", "2026-11-16")),
    ("weather.forecast", "will it rain tonight", "when",
     {"start": at("22T18:00"), "end": at("23T00:00")}),
    ("weather.forecast", "what's the weather in berlin at 5", "when",
     {"start": at("22T17:00"), "end": at("22T18:00")}),
    ("people.find", "what is my boss's email", "who", "my boss"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "text", "slot", "value"), PART, ids=[p[1] for p in PART])
def test_one_slot(intent, text, slot, value):
    slots = fill(intent, text).slots
    if value is None:
        assert slot in slots
    else:
        assert slots.get(slot) == value


def test_a_recurrence_with_an_exception():
    slots = fill("meeting.create", "yoga every other tuesday at six except in august").slots
    assert slots["repeat"]["rrule"] == "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
    assert slots["repeat"]["start"] == slots["start"] == at("24T18:00")
    assert slots["repeat"]["excluded"] == [
        {"start": "2027-08-01T00:00:00+02:00", "end": "2027-09-01T00:00:00+02:00"}
    ]


def test_values_decode():
    for intent, text, _ in WHOLE:
        spec = INTENTS[intent]
        for name, value in fill(intent, text).slots.items():
            assert spec.slot(name).decode(value) is not None


def test_nothing_is_invented():
    for intent in ("meeting.list", "email.list", "people.find", "weather.forecast"):
        assert fill(intent, "please").slots == {}


@pytest.mark.parametrize(
    ("intent", "text", "people", "title"),
    [
        ("meeting.find_time", "am I free on Friday afternoon", None, None),
        ("meeting.create", "every other Tuesday at nine team sync", None, "team sync"),
        ("meeting.create", "lunch with anna tomorrow at noon", ["Anna"], "lunch"),
        ("meeting.create", "quick call with anna on Monday at ten", ["Anna"], "quick call"),
        ("meeting.create", "set up a meeting with Anna", ["Anna"], None),
        ("meeting.create", "schedule with Anna tomorrow at noon", ["Anna"], None),
    ],
)
def test_who_and_what(intent, text, people, title):
    slots = fill(intent, text, person=["Anna", "Tom Baker"]).slots
    assert (slots.get("people"), slots.get("title")) == (people, title)


def test_a_known_name_mends_a_mishearing():
    assert fill("email.send", "email Kofy", person=["Kofi", "Anna"]).slots["to"] == ["Kofi"]


def test_a_known_name_of_several_words_is_found_in_lower_case():
    slots = fill(
        "meeting.create", "lunch with mary lou quickly tomorrow", person=["Mary Lou"]
    ).slots
    assert slots["people"] == ["Mary Lou"]


def test_a_message_keeps_its_words_and_is_not_read_for_names():
    slots = fill("email.send", "tell Anna by mail that Tom meets me at 3 tomorrow").slots
    assert slots == {"to": ["Anna"], "body": "Tom meets me at 3 tomorrow"}


def test_spans_are_in_the_text():
    text = "schedule lunch with Anna tomorrow at noon"
    spans = fill("meeting.create", text).spans
    assert {n: [text[a:b] for a, b in s] for n, s in spans.items()} == {
        "title": ["lunch"],
        "people": ["Anna"],
        "start": ["tomorrow", "noon"],
    }


@pytest.mark.parametrize(
    ("intent", "text", "slots"),
    [
        ("people.add", "add Anna Berg to my contacts", {"who": "Anna Berg"}),
        ("people.find", "what is Anna Berg's number", {"who": "Anna Berg", "detail": "phone"}),
        ("people.find", "what is anna berg's number", {"who": "Anna Berg", "detail": "phone"}),
        ("people.find", "what is Anna's number", {"who": "Anna", "detail": "phone"}),
        (
            "email.send",
            "email Anna Berg that I am late",
            {"to": ["Anna Berg"], "body": "I am late"},
        ),
        (
            "meeting.create",
            "schedule lunch with Anna Friday at noon",
            {"title": "lunch", "people": ["Anna"], "start": at("27T12:00")},
        ),
    ],
)
def test_a_known_name_may_be_the_beginning_of_another(intent, text, slots):
    assert fill(intent, text, person=["Anna"]).slots == slots


@pytest.mark.parametrize(
    ("intent", "text", "slots"),
    [
        ("meeting.list", "what does my week look like", {"when": day("2026-11-16", "2026-11-23")}),
        ("meeting.list", "how is my day looking", {"when": day("2026-11-22", "2026-11-23")}),
        ("meeting.list", "what reminders do I have", {"kind": "reminders"}),
        ("meeting.list", "show my meetings and reminders", {"kind": "both"}),
        (
            "meeting.find_time",
            "find an hour for a workout this weekend",
            {"duration": "PT1H", "when": day("2026-11-21", "2026-11-23")},
        ),
        (
            "meeting.update",
            "move the dentist to Wednesday at the same time",
            {"people": ["Dentist"], "when": day("2026-11-25", "2026-11-26")},
        ),
    ],
)
def test_what_is_no_name_and_what_is_a_time(intent, text, slots):
    assert fill(intent, text).slots == slots
