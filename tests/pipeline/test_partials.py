"""Words while they are spoken, by the real recogniser on our own samples.

The source here waits for the recogniser every half second of sound, so that how fast this
machine is decides nothing.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.sound import SAMPLES
from wlm.config import load
from wlm.errors import ModelMissing, NothingHeard
from wlm.pipeline.agreement import Agreement
from wlm.pipeline.audio import decode
from wlm.pipeline.partials import Heard, Partial, listen
from wlm.pipeline.recorder import FRAME, frames
from wlm.pipeline.transcribe.interface import Request, Transcriber
from wlm.pipeline.transcribe.whisper import FasterWhisper
from wlm.types import Segment, Transcript

Samples = NDArray[np.float32]


class Watched:
    """A transcriber that remembers what it was asked, and tells when it has nothing to do."""

    def __init__(self, inner: Transcriber) -> None:
        self._inner = inner
        self._busy = 0
        self._change = threading.Condition()
        self.model = inner.model
        self.requests: list[Request] = []

    def transcribe(self, samples: Samples, request: Request) -> Transcript:
        with self._change:
            self._busy += 1
            self.requests.append(request)
        try:
            return self._inner.transcribe(samples, request)
        finally:
            with self._change:
                self._busy -= 1
                self._change.notify_all()

    def asked(self, draft: bool) -> list[Request]:
        return [request for request in self.requests if request.draft is draft]

    def paced(self, samples: Samples) -> Iterator[Samples]:
        for number, frame in enumerate(frames([samples]), start=1):
            yield frame
            if number % 16 == 0:
                time.sleep(0.02)  # a thread that was just given work may not run yet
                with self._change:
                    assert self._change.wait_for(lambda: not self._busy, timeout=60)


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> FasterWhisper:
    return FasterWhisper(load(environ={"WLM_HOME": str(tmp_path_factory.mktemp("home"))}))


@pytest.fixture
def watched(whisper: FasterWhisper) -> Watched:
    return Watched(whisper)


def sample(name: str) -> Samples:
    return decode(SAMPLES / f"{name}.flac", max_bytes=10**8, max_seconds=60.0).samples


def quiet(seconds: float) -> Samples:
    floor = np.random.default_rng(5).standard_normal(round(seconds * 16_000)) * 1e-4
    return floor.astype(np.float32)


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def heard_in(watched: Watched, *parts: Samples, **options) -> tuple[list[Partial], Heard]:
    source = watched.paced(np.concatenate(parts))
    *partials, last = listen(source, watched, Request(), **options)
    assert all(isinstance(partial, Partial) for partial in partials)
    assert isinstance(last, Heard)
    return partials, last


def test_words_grow_and_what_is_stable_is_not_taken_back(watched: Watched) -> None:
    said = (sample("move_the_review"), quiet(1))
    partials, last = heard_in(watched, *said)
    assert words(last.transcript.text)[:6] == words("Move the design review to Friday")
    assert len(partials) >= 2
    assert len(words(partials[0].text)) < len(words(partials[-1].text))
    assert partials[-1].stable
    for before, after in itertools.pairwise(partials):
        assert words(after.stable)[: len(words(before.stable))] == words(before.stable)
        assert after.text.startswith(after.stable)
        assert after.seconds >= before.seconds
    agreed = words(partials[-1].stable)
    assert words(last.transcript.text)[: len(agreed)] == agreed


def test_the_transcript_is_begun_before_the_utterance_is_over(watched: Watched) -> None:
    partials, last = heard_in(watched, sample("headlines"), quiet(1), drafts=False)
    assert partials == []
    [request] = watched.asked(draft=False)
    assert last.recording.ended == "silence"
    assert last.transcript.seconds == last.recording.seconds
    plain = watched.transcribe(last.recording.samples, Request())
    assert words(last.transcript.text) == words(plain.text)
    assert request.cancelled is not None


def test_a_transcript_begun_in_a_mere_pause_is_dropped(watched: Watched) -> None:
    said = (sample("add_contact"), sample("phone_number"), quiet(1))
    _, last = heard_in(watched, *said, end_silence_ms=1200, drafts=False)
    first, second = watched.asked(draft=False)
    assert first.cancelled is not None
    assert first.cancelled.is_set()
    assert second.cancelled is not None
    text = words(last.transcript.text)
    assert {"robert", "contacts", "phone", "number"} <= set(text)


def test_a_recording_is_decoded_once_where_nobody_waits_for_it(watched: Watched) -> None:
    partials, last = heard_in(watched, sample("headlines"), quiet(1), drafts=False, ahead=False)
    assert (partials, len(watched.requests)) == ([], 1)
    assert "science" in last.transcript.text


def test_two_utterances_of_one_stream(watched: Watched) -> None:
    source = watched.paced(
        np.concatenate((sample("add_contact"), quiet(1), sample("headlines"), quiet(1)))
    )
    texts = []
    for _ in range(2):
        *_, last = listen(source, watched, Request())
        assert isinstance(last, Heard)
        texts.append(last.transcript.text)
    assert "Robert" in texts[0]
    assert "science" in texts[1]
    with pytest.raises(NothingHeard):
        list(listen(source, watched, Request()))


def test_who_stops_listening_stops_the_work(watched: Watched) -> None:
    hearing = listen(watched.paced(sample("two_requests")), watched, Request())
    assert isinstance(next(hearing), Partial)
    hearing.close()  # type: ignore[attr-defined]
    assert all(r.cancelled is not None and r.cancelled.is_set() for r in watched.requests)


def test_a_recogniser_that_fails_says_so_at_the_end() -> None:
    class Broken:
        model = "none"

        def transcribe(self, samples: Samples, request: Request) -> Transcript:
            raise ModelMissing("There is no model.")

    watched = Watched(Broken())
    with pytest.raises(ModelMissing):
        heard_in(watched, sample("headlines"), quiet(1))
    assert watched.asked(draft=True)


@pytest.mark.parametrize("size", [1, 100, FRAME, 5_000])
def test_blocks_of_any_length_become_frames(size: int) -> None:
    samples = np.arange(12_345, dtype=np.float32)
    made = list(frames(samples[i : i + size] for i in range(0, len(samples), size)))
    assert {len(frame) for frame in made[:-1]} == {FRAME}
    np.testing.assert_array_equal(np.concatenate(made), samples)


def draft(text: str, *segments: tuple[float, float, str], seconds: float = 2.0) -> Transcript:
    return Transcript(text, [Segment(*segment) for segment in segments], "en", seconds)


def test_two_drafts_that_agree_make_words_stable() -> None:
    agreement = Agreement()
    assert agreement.take(draft("Move the sign.")) == ("Move the sign.", "")
    assert agreement.take(draft("Move the design")) == ("Move the design", "Move the")
    # What is stable stays, though a later draft hears it differently.
    assert agreement.take(draft("Remove the design review.")) == (
        "Move the design review.",
        "Move the design",
    )
    assert agreement.take(draft("Move the design review")) == (
        "Move the design review",
        "Move the design review",
    )


def test_long_speech_is_not_drafted_from_its_beginning_each_time() -> None:
    agreement = Agreement()
    segments = (0.0, 6.0, "One two three."), (6.0, 13.0, "Four five")
    for _ in range(2):
        text = "One two three. Four five"
        agreement.take(draft(text, *segments, seconds=13.0))
    assert agreement.settle(draft(text, *segments, seconds=13.0)) == 6.0
    assert agreement.take(draft("Four five six")) == (
        "One two three. Four five six",
        "One two three. Four five",
    )


def test_characters_are_words_where_nobody_writes_spaces() -> None:
    agreement = Agreement()
    agreement.take(Transcript("今日は", language="ja"))
    assert agreement.take(Transcript("今日も雨", language="ja")) == ("今日も雨", "今日")
