"""How long each stage of a turn takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from wlm import trace


class Stopwatch:
    """Milliseconds by stage, and a span of the trace for each time that one is gone through."""

    def __init__(self, transcribe_ms: float) -> None:
        """It was begun when the transcription was, which is over."""
        self._start = time.perf_counter() - transcribe_ms / 1000
        self._spent = {"transcribe": transcribe_ms, "route": 0.0, "skill": 0.0}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            with trace.span(f"stage {stage}"):
                yield
        finally:
            self._spent[stage] += (time.perf_counter() - start) * 1000

    def timings(self) -> dict[str, float]:
        """What each stage took, and all together since the beginning."""
        total = (time.perf_counter() - self._start) * 1000
        return {stage: round(ms, 1) for stage, ms in {**self._spent, "total": total}.items()}
