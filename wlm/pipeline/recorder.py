"""One utterance out of a stream of frames: from the first word until the speaker has stopped.

Frames are mono samples at 16 kHz, -1 to 1, some 30 ms each. ``frames`` makes them of blocks
of any length, for a stream that comes over a network.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from wlm.errors import NothingHeard
from wlm.pipeline.audio import Audio
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

FRAME = 512
"""Samples in a frame: 32 ms."""

_PREROLL = 0.5  # s kept from before speech was certain: 0.1 to 0.2 s to be certain, and 0.3 s more


@dataclasses.dataclass(frozen=True)
class Recording(Audio):
    """One utterance. ``ended`` says why it ends: silence, its limit, or no more frames."""

    ended: Literal["silence", "limit", "closed"] = "silence"


class Recorder:
    """Takes frames until somebody has spoken and stopped.

    An utterance ends after ``end_silence_ms`` without speech (noise is not speech), at the
    latest after ``max_seconds``. Nobody is waited for longer than ``wait_seconds`` (None: for
    ever).
    """

    def __init__(
        self,
        *,
        end_silence_ms: int = 500,
        wait_seconds: float | None = None,
        max_seconds: float = 30.0,
    ) -> None:
        from wlm.pipeline.vad import Endpointer

        self._endpointer = Endpointer(end_silence_ms)
        self._wait = wait_seconds
        self._longest = max_seconds
        self._kept: deque[Samples] = deque()
        self._waited = self._length = 0
        self.began = False

    @property
    def seconds(self) -> float:
        """How much is recorded."""
        return self._length / SAMPLE_RATE

    @property
    def pause(self) -> float:
        """Seconds of silence since the last word."""
        return self._endpointer.pause

    def samples(self) -> Samples:
        """What is recorded."""
        return np.concatenate(list(self._kept)) if self._kept else np.zeros(0, np.float32)

    def feed(self, frame: Samples) -> Recording | None:
        """The utterance, if it ended with this frame. Raises ``NothingHeard``."""
        self._kept.append(frame)
        self._length += frame.size
        mark = self._endpointer.feed(frame)
        if mark == "end":
            return self._recording("silence")
        self.began = self.began or mark == "speech"
        if self.began:
            return self._recording("limit") if self.seconds > self._longest else None
        self._waited += frame.size
        while self._length - self._kept[0].size > _PREROLL * SAMPLE_RATE:
            self._length -= self._kept.popleft().size
        if self._wait is not None and self._waited > self._wait * SAMPLE_RATE:
            raise NothingHeard("I heard nothing.")
        return None

    def close(self) -> Recording:
        """What there is when the frames end. Raises ``NothingHeard`` if nobody spoke."""
        if not self.began:
            raise NothingHeard("I heard nothing.")
        return self._recording("closed")

    def _recording(self, ended: Literal["silence", "limit", "closed"]) -> Recording:
        return Recording(self.samples(), self.seconds, ended=ended)


def record(
    frames: Iterator[Samples],
    *,
    end_silence_ms: int = 500,
    wait_seconds: float | None = None,
    max_seconds: float = 30.0,
    on_level: Callable[[float], None] | None = None,
) -> Recording:
    """Take frames until a ``Recorder`` has an utterance, or they end.

    ``on_level`` gets every frame's level, in dB below full scale. Raises ``NothingHeard``.
    """
    recorder = Recorder(
        end_silence_ms=end_silence_ms, wait_seconds=wait_seconds, max_seconds=max_seconds
    )
    for frame in frames:
        if on_level:
            on_level(level(frame))
        if recording := recorder.feed(frame):
            return recording
    return recorder.close()


def frames(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Blocks of any length as frames; what is left over at the end is a shorter one."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate((rest, block)) if rest.size else block
        whole = rest.size - rest.size % FRAME
        yield from rest[:whole].reshape(-1, FRAME)
        rest = rest[whole:]
    if rest.size:
        yield rest


def level(frame: Samples) -> float:
    """How loud a frame is, in dB below full scale."""
    return float(10 * np.log10(np.mean(np.square(frame, dtype=np.float64)) + 1e-10))
