from __future__ import annotations

import pytest

from wlm.pipeline.transcribe import judge
from wlm.pipeline.transcribe.judge import Attempt, Span


def attempt(text: str, *, logprob=-0.3, no_speech=0.01, capped=False, start=0.0) -> Attempt:
    return Attempt((Span(start, start + 2.0, text),), logprob, no_speech, capped)


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("I am not sure. I am not sure. I am not sure.", "I am not sure."),
        ("yes yes yes yes yes yes", "yes"),
        ("what's the weather, what's the weather", "what's the weather,"),
        ("call Anna, call Anna, call Anna", "call Anna,"),
    ],
)
def test_a_loop_is_seen_and_said_once(text, once):
    assert judge.objection(attempt(text), 4.0, 3.0) == "loop"
    assert judge.unlooped(text) == once


@pytest.mark.parametrize(
    "text", ["no no no", "bye bye", "the weather in Walla Walla", "one two one two three"]
)
def test_what_people_do_repeat_is_no_loop(text):
    assert judge.objection(attempt(text), 3.0, 2.0) == ""
    assert judge.unlooped(text) == text


@pytest.mark.parametrize(
    ("heard", "seconds", "speech", "why"),
    [
        (attempt("call Anna", logprob=-1.2), 3.0, 2.0, "unsure"),
        (attempt("call Anna", capped=True), 3.0, 2.0, "loop"),
        (attempt(" "), 3.0, 2.0, "empty"),
        (attempt(" "), 3.0, 0.2, ""),
        (attempt("word " * 3 + "and so many others that nobody can say"), 1.0, 0.5, "too fast"),
        (attempt("Thank you."), 20.0, 18.0, "too slow"),
        (attempt("call Anna", start=9.0), 3.0, 2.0, "past the end"),
        (attempt("call Anna at ten"), 3.0, 2.0, ""),
    ],
)
def test_what_cannot_have_been_said_is_objected_to(heard, seconds, speech, why):
    assert judge.objection(heard, seconds, speech) == why


def test_reciting_the_hints_is_an_echo_and_using_them_is_not():
    hints = ["Anneke Visser", "Bjarne Holm", "Utrecht"]
    recited = attempt("Anneke Visser, Bjarne Holm, Utrecht.")
    assert judge.objection(recited, 4.0, 3.0, hints) == "echo"
    used = attempt("Call Anneke Visser and Bjarne Holm in Utrecht")
    assert judge.objection(used, 4.0, 3.0, hints) == ""


@pytest.mark.parametrize("text", ["Utrecht, Anneke Visser.", "Utrecht, Utrecht,"])
def test_nothing_but_hints_is_an_echo_unless_it_is_one(text):
    hints = ["Anneke Visser", "Bjarne Holm", "Utrecht", "Anneke"]
    assert judge.echoes(text, hints)
    assert not judge.echoes("Anneke Visser", hints)
    assert not judge.echoes("Anneke Visser and Bjarne Holm", hints)


def test_a_surer_text_wins_but_never_a_loop():
    loop = attempt("go on. go on. go on. go on. go on. go on.", logprob=-0.1)
    unsure, surer = attempt("go on", logprob=-1.4), attempt("go on then", logprob=-1.1)
    assert judge.better(loop, unsure) is unsure
    assert judge.better(unsure, surer) is surer
    assert judge.better(surer, unsure) is surer


def test_unsure_words_without_voice_are_invented():
    assert judge.invented(attempt("Thank you.", logprob=-1.3), speech=0.3)
    assert judge.invented(attempt("Thank you.", logprob=-1.3, no_speech=0.8), speech=2.0)
    assert not judge.invented(attempt("Thank you.", logprob=-0.5, no_speech=0.8), speech=0.3)
    assert not judge.invented(attempt("mumbled words", logprob=-1.3), speech=3.0)


def test_characters_without_spaces_are_closed_up():
    assert judge.closed_up("今日は 雨です。 明日は OK かな") == "今日は雨です。明日は OK かな"
    assert judge.closed_up("two words") == "two words"
