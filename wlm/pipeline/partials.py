"""Words while they are spoken: partial texts, and the transcript soon after the last word.

``listen`` takes frames (``recorder.frames`` makes them of a network's blocks) until one
utterance is over, and yields what it knows meanwhile:

    for heard in listen(frames, transcriber, request):
        match heard:
            case Partial():  # at any time, zero or more: heard.text, heard.stable
            case Heard():    # last, exactly once: heard.transcript, heard.recording

It runs in the caller's thread and never makes it wait for the recogniser, except for the
last step: drafts are decoded on threads of its own, so frames are taken as fast as they
come. Call it again with the same iterator for the next utterance. Closing the generator
(``break``, or the caller's thread unwinding) stops its work. Any ``Transcriber`` will do.

Two things make it quick. A draft counts as stable where two drafts in a row agree
(LocalAgreement-2), so what was shown as stable is not taken back before the transcript.
And the transcript is begun ahead, as soon as nobody has spoken for 0.2 s; if speech goes on,
that one is dropped.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from wlm.errors import WlmError
from wlm.pipeline.agreement import Agreement
from wlm.pipeline.recorder import Recorder, Recording, level
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wlm.pipeline.transcribe.interface import Request, Transcriber
    from wlm.types import Transcript

    Samples = NDArray[np.float32]

AHEAD = 0.2
"""Seconds of silence after which the transcript is begun, in case the speaker has stopped."""

EVERY = 0.3
"""Seconds of new sound before there is another draft; where decoding takes longer, that long."""


@dataclasses.dataclass(frozen=True)
class Partial:
    """What was heard so far. ``stable`` is the beginning of ``text`` that will not change.

    ``seconds`` is how much of the utterance it covers.
    """

    text: str
    stable: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Heard:
    """A whole utterance and its transcript; ``waited_ms`` is the time from its end to that."""

    transcript: Transcript
    recording: Recording
    waited_ms: float


def listen(
    frames: Iterator[Samples],
    transcriber: Transcriber,
    request: Request,
    *,
    end_silence_ms: int = 500,
    wait_seconds: float | None = None,
    max_seconds: float = 30.0,
    on_level: Callable[[float], None] | None = None,
    drafts: bool = True,
    ahead: bool = True,
) -> Iterator[Partial | Heard]:
    """Partial texts of the next utterance, then the utterance with its transcript.

    When it ends, and when ``NothingHeard`` is raised, is said at ``Recorder``. ``on_level``
    gets every frame's level, in dB below full scale. Without ``drafts`` there are no
    partials; without ``ahead`` the transcript is begun when the utterance is over (for a
    source that is faster than speech). Raises what the transcriber raises.
    """
    recorder = Recorder(
        end_silence_ms=end_silence_ms, wait_seconds=wait_seconds, max_seconds=max_seconds
    )
    with _Decoding(transcriber, request) as decoding:
        recording = None
        for frame in frames:
            if on_level:
                on_level(level(frame))
            if recording := recorder.feed(frame):
                break
            if ahead:
                decoding.look_ahead(recorder)
            if drafts and (partial := decoding.draft(recorder)):
                yield partial
        yield decoding.finish(recording or recorder.close())


class _Decoding:
    """The recogniser's work on one utterance: at most one draft and one look ahead at a time."""

    def __init__(self, transcriber: Transcriber, request: Request) -> None:
        self._transcriber = transcriber
        self._request = request
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="listen")
        self._agreement = Agreement()
        self._shown = Partial("", "", 0.0)
        self._draft: Future[Transcript] | None = None
        self._drafted = self._start = 0.0
        self._ahead: tuple[Future[Transcript], threading.Event] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._drop_ahead()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def look_ahead(self, recorder: Recorder) -> None:
        """Begin the transcript in a pause; drop it once the pause is over."""
        if recorder.pause < AHEAD:
            self._drop_ahead()
        elif self._ahead is None:
            dropped = threading.Event()
            request = dataclasses.replace(self._request, cancelled=dropped)
            future = self._pool.submit(self._transcriber.transcribe, recorder.samples(), request)
            self._ahead = future, dropped

    def draft(self, recorder: Recorder) -> Partial | None:
        """A new partial text, if there is one; begins the next draft where it is time."""
        partial = None
        if self._draft is not None and self._draft.done():
            partial = self._take(self._draft)
            self._draft = None
        # In a pause the cores are kept free for the transcript, which may be begun next.
        due = recorder.began and not recorder.pause and recorder.seconds - self._drafted >= EVERY
        if due and self._draft is None and self._ahead is None:
            self._drafted = recorder.seconds
            request = dataclasses.replace(
                self._request, draft=True, vocabulary=(), progress=None, cancelled=self._stop
            )
            samples = recorder.samples()[round(self._start * SAMPLE_RATE) :]
            self._draft = self._pool.submit(self._transcriber.transcribe, samples, request)
        return partial

    def finish(self, recording: Recording) -> Heard:
        """The transcript: the one begun ahead, if nothing was said since."""
        began = time.perf_counter()
        self._stop.set()
        if self._ahead is not None:
            transcript = self._ahead[0].result()
            transcript = dataclasses.replace(transcript, seconds=recording.seconds)
        else:
            transcript = self._transcriber.transcribe(recording.samples, self._request)
        return Heard(transcript, recording, (time.perf_counter() - began) * 1000)

    def _take(self, future: Future[Transcript]) -> Partial | None:
        try:
            transcript = future.result()
        except WlmError:
            return None  # a draft may fail; the transcript will say why
        text, stable = self._agreement.take(transcript)
        self._start += self._agreement.settle(transcript)
        partial = Partial(text, stable, round(self._drafted, 2))
        if (text, stable) == (self._shown.text, self._shown.stable):
            return None
        self._shown = partial
        return partial

    def _drop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead[1].set()
            self._ahead = None
