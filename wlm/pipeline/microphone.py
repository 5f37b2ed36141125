"""From a microphone, or a file in its place, to one recorded utterance.

A source gives mono frames at 16 kHz, some 30 ms each, for as long as it is open;
``record`` takes frames until the speaker has stopped.
"""

from __future__ import annotations

import dataclasses
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np

from wlm.errors import NoMicrophone, NothingHeard
from wlm.pipeline.audio import Audio, Resampler, iter_blocks
from wlm.pipeline.sounddevices import Device, list_devices, open_microphone
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

__all__ = [
    "Device",
    "FileMicrophone",
    "Microphone",
    "Recording",
    "Source",
    "list_devices",
    "record",
]

FRAME = 512  # samples, 32 ms
_PREROLL = 0.5  # s kept from before speech was certain: 0.1 to 0.2 s to be certain, and 0.3 s more
_ECHO = 0.3  # s for which a loudspeaker still sounds in the room and in the buffers
_DEAD = 5.0  # s without a frame after which a microphone counts as gone


class Source(Protocol):
    """Where frames come from."""

    def frames(self) -> Iterator[Samples]:
        """Mono frames at 16 kHz, -1 to 1; ends when the source does."""
        ...

    def muted(self) -> AbstractContextManager[None]:
        """Hear nothing inside this context, so that WLM does not answer itself."""
        ...


@dataclasses.dataclass(frozen=True)
class Recording(Audio):
    """One utterance. ``ended`` says why it ends: silence, its limit, or no more frames."""

    ended: Literal["silence", "limit", "closed"] = "silence"


def record(
    frames: Iterator[Samples],
    *,
    end_silence_ms: int = 500,
    wait_seconds: float | None = None,
    max_seconds: float = 30.0,
    on_level: Callable[[float], None] | None = None,
) -> Recording:
    """Wait for somebody to speak, and record until they have stopped.

    Stops after ``end_silence_ms`` without speech (noise is not speech), at the latest
    after ``max_seconds``. ``on_level`` gets every frame's level, in dB below full scale.
    Raises ``NothingHeard`` if nobody speaks for ``wait_seconds`` (None: wait on) or
    before the frames end.
    """
    from wlm.pipeline.vad import Endpointer

    endpointer = Endpointer(end_silence_ms)
    kept: deque[Samples] = deque()
    waited = length = 0
    began = False
    for frame in frames:
        kept.append(frame)
        length += frame.size
        if on_level:
            on_level(_level(frame))
        mark = endpointer.feed(frame)
        if mark == "end":
            return _recording(kept, "silence")
        began = began or mark == "speech"
        if not began:
            waited += frame.size
            while length - kept[0].size > _PREROLL * SAMPLE_RATE:
                length -= kept.popleft().size
            if wait_seconds is not None and waited > wait_seconds * SAMPLE_RATE:
                break
        elif length > max_seconds * SAMPLE_RATE:
            return _recording(kept, "limit")
    if not began:
        raise NothingHeard("I heard nothing.")
    return _recording(kept, "closed")


def _recording(kept: deque[Samples], ended: Literal["silence", "limit", "closed"]) -> Recording:
    samples = np.concatenate(list(kept))
    return Recording(samples, samples.size / SAMPLE_RATE, ended=ended)


def _level(frame: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(frame, dtype=np.float64)) + 1e-10))


class Microphone:
    """The default microphone, or the one with that name or number, while the context is open.

    Frames queue up while nobody takes them, so nothing is lost while WLM thinks.
    Raises ``NoMicrophone`` when it is opened, or goes away.
    """

    def __init__(self, device: str | int | None = None) -> None:
        self._device = device
        self._queue: queue.SimpleQueue[Samples] = queue.SimpleQueue()
        self._muted = False
        self._stream: Any = None
        self._rate = SAMPLE_RATE

    def __enter__(self) -> Self:
        self._stream, self._rate = open_microphone(self._device, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close(ignore_errors=True)

    def frames(self) -> Iterator[Samples]:
        """Frames as they come; never ends by itself."""
        resampler = Resampler(self._rate)
        while True:
            try:
                heard = self._queue.get(timeout=_DEAD)
            except queue.Empty:
                if self._muted:
                    continue
                raise NoMicrophone(
                    "The microphone gives no sound any more.",
                    hint="Check that it is plugged in; `wlm doctor audio` lists devices.",
                ) from None
            if (frame := resampler.feed(heard)).size:
                yield frame

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Drop what the microphone hears, and for a moment after, until the echo is gone."""
        self._muted = True
        try:
            yield
            time.sleep(_ECHO)
        finally:
            self._muted = False

    def _heard(self, data: NDArray[np.float32], *_: object) -> None:
        """PortAudio's callback, on its own thread; ``data`` is (samples, channels)."""
        if not self._muted:
            self._queue.put(data.mean(axis=1))


class FileMicrophone:
    """A file in the microphone's place: its sound arrives frame by frame, then ends.

    ``realtime`` keeps the file's own pace; otherwise frames come as fast as they are
    taken. ``truncated`` is known once the frames have ended. Raises as ``decode`` does.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, max_seconds: float, realtime: bool = False
    ) -> None:
        self._blocks = iter_blocks(path, max_bytes=max_bytes, max_seconds=max_seconds)
        self._realtime = realtime

    @property
    def truncated(self) -> bool:
        """Whether the file ended too early."""
        return self._blocks.truncated

    def frames(self) -> Iterator[Samples]:
        """The file's frames, once."""
        start, given = time.monotonic(), 0
        for block in self._blocks:
            for at in range(0, block.size, FRAME):
                frame = block[at : at + FRAME]
                given += frame.size
                if self._realtime:
                    time.sleep(max(0.0, start + given / SAMPLE_RATE - time.monotonic()))
                yield frame

    def muted(self) -> AbstractContextManager[None]:
        """A file hears nothing."""
        return nullcontext()
