"""Frames of sound, from a microphone or a file in its place.

A source gives mono frames at 16 kHz, some 30 ms each, for as long as it is open.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from wlm.errors import NoMicrophone
from wlm.pipeline.audio import Resampler, iter_blocks
from wlm.pipeline.recorder import FRAME
from wlm.pipeline.sounddevices import Device, list_devices, open_microphone
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

__all__ = [
    "Device",
    "FileMicrophone",
    "Microphone",
    "Source",
    "list_devices",
]

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
