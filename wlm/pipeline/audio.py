"""Recordings in, samples out: any common file to mono float32 at 16 kHz, within limits.

Headers lie: a WAV of 144 bytes may claim an hour, 176 KB of FLAC may hold 439 MB of
samples. So the limits on bytes and seconds are checked while reading and decoding, block
by block, and no length in a header is believed. The container is recognised by its first
bytes, never by the file's name, and only sound formats are opened: a playlist could
otherwise name other files or addresses.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from wlm.errors import BadAudio, TooLarge
from wlm.pipeline.containers import Reader, open_file, recognise
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

_BLOCK = 65_536  # decoded samples gathered before they are mixed and resampled
_RATES = range(1_000, 1_000_001)  # Hz; outside of it a header is damaged or hostile
_TOLERANCE = 0.25  # s that a codec's padding may make up between header and samples


@dataclasses.dataclass(frozen=True)
class Audio:
    """Decoded sound: ``samples`` are mono, 16 kHz, -1 to 1; ``seconds`` is their length.

    ``truncated``: the recording ends too early or is damaged; ``samples`` is what there was.
    """

    samples: Samples
    seconds: float
    truncated: bool = False


def decode(source: Path | BinaryIO, *, max_bytes: int, max_seconds: float) -> Audio:
    """The sound in a file (wav, flac, mp3, ogg, opus, m4a, aac, webm, aiff).

    Of a file with video, the first sound track counts. Memory is bounded by
    ``max_seconds`` (64 kB a second). Raises ``NotFound``, ``BadAudio`` where there is no
    sound to decode, and ``TooLarge`` as soon as a limit is passed.
    """
    blocks = Blocks(source, max_bytes=max_bytes, max_seconds=max_seconds)
    samples, used = np.empty(SAMPLE_RATE * 10, np.float32), 0
    for block in blocks:
        if used + block.size > samples.size:
            # In place (the allocator can move pages), so the peak is not twice the length.
            samples.resize(max(samples.size + samples.size // 4, used + block.size), refcheck=False)
        samples[used : used + block.size] = block
        used += block.size
    samples.resize(used, refcheck=False)
    return Audio(samples, used / SAMPLE_RATE, blocks.truncated)


def iter_blocks(source: Path | BinaryIO, *, max_bytes: int, max_seconds: float) -> Blocks:
    """The sound in a file as blocks of mono float32 at 16 kHz; raises as ``decode`` does."""
    return Blocks(source, max_bytes=max_bytes, max_seconds=max_seconds)


class Blocks:
    """Decodes while it is iterated, once. ``truncated`` is known when the iteration is over."""

    def __init__(self, source: Path | BinaryIO, *, max_bytes: int, max_seconds: float) -> None:
        self.truncated = False
        self._source = source
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds

    def __iter__(self) -> Iterator[Samples]:
        if isinstance(self._source, Path):
            with open_file(self._source, self._max_bytes) as file:
                yield from self._decode(file, self._source.name)
        else:
            yield from self._decode(self._source, "the recording")

    def _decode(self, file: BinaryIO, name: str) -> Iterator[Samples]:
        load_av()
        import av
        from av.error import FFmpegError

        reader = Reader(file, self._max_bytes)
        form = recognise(reader.head)
        if form is None:
            what = (
                "is empty" if not reader.head else "could not be decoded: it is no known sound file"
            )
            raise BadAudio(f"{name} {what}.")
        try:
            container = av.open(reader, format=form, metadata_errors="ignore")
        except (FFmpegError, OSError, ValueError) as error:
            raise BadAudio(f"{name} could not be decoded: its header is damaged.") from error
        heard = 0.0
        with container:
            if not container.streams.audio:
                raise BadAudio(f"{name} has no sound track.")
            track = _Track(container, name, self._max_seconds)
            for samples in track:
                heard += samples.size / SAMPLE_RATE
                if samples.size:
                    yield samples
            claimed = _claimed_seconds(container, form, reader.head)
        if not heard:
            raise BadAudio(f"{name} could not be decoded: it holds no sound.")
        self.truncated = track.damaged or heard + _TOLERANCE < claimed or reader.ends_early(form)


def _claimed_seconds(container: Any, form: str, head: bytes) -> float:
    """How long the header says that it is; 0 where FFmpeg only guesses."""
    guessed = form in ("ogg", "aac", "wav") or (
        form == "mp3" and not any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
    )
    return 0.0 if guessed or container.duration is None else container.duration / 1_000_000


class _Track:
    """The first sound track of a container as mono float32 at 16 kHz, block by block."""

    def __init__(self, container: Any, name: str, max_seconds: float) -> None:
        self.damaged = False
        self._container = container
        self._name = name
        self._max = max_seconds

    def __iter__(self) -> Iterator[Samples]:
        seconds, resampler = 0.0, None
        for rate, block in self._mixed():
            if rate not in _RATES:
                raise BadAudio(f"{self._name} could not be decoded: a sample rate of {rate} Hz.")
            seconds += block.size / rate
            if seconds > self._max:
                raise TooLarge(f"The recording is longer than {self._max:,.0f} seconds.")
            if resampler is None or resampler.rate != rate:
                if resampler is not None:
                    yield resampler.flush()
                resampler = Resampler(rate)
            yield resampler.feed(block)
        if resampler is not None:
            yield resampler.flush()

    def _mixed(self) -> Iterator[tuple[int, Samples]]:
        """Runs of mono samples with their rate, gathered to about ``_BLOCK`` samples."""
        from av import AudioFifo

        shape, fifo = None, AudioFifo()
        for frame in self._frames():
            if shape != (shape := (frame.format.name, frame.layout.name, frame.rate)):
                yield from self._drained(fifo)
                fifo = AudioFifo()  # a queue takes frames of one shape only
            frame.pts = None  # gaps in the timestamps do not matter
            fifo.write(frame)
            if fifo.samples >= _BLOCK:
                yield from self._drained(fifo)
        yield from self._drained(fifo)

    @staticmethod
    def _drained(fifo: Any) -> Iterator[tuple[int, Samples]]:
        if fifo.samples:
            frame = fifo.read()
            yield frame.rate, _mono(frame)

    def _frames(self) -> Iterator[Any]:
        """Decoded frames; a packet that cannot be decoded is left out and noted."""
        from av.error import FFmpegError

        packets = self._container.demux(self._container.streams.audio[0])
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
            except FFmpegError:
                self.damaged = True
                return
            try:
                yield from packet.decode()
            except FFmpegError:
                self.damaged = True


def _mono(frame: Any) -> Samples:
    """A frame's channels, averaged, -1 to 1; what is not a number becomes silence."""
    try:
        data = frame.to_ndarray()
    except ValueError:
        raise BadAudio(
            f"The recording could not be decoded: samples of the form {frame.format.name}."
        ) from None
    channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    mixed: Samples = (
        data[0].astype(np.float32) if channels == 1 else data.mean(axis=0, dtype=np.float32)
    )
    if data.dtype.kind == "u":
        mixed = mixed / np.float32(128) - np.float32(1)
    elif data.dtype.kind == "i":
        mixed /= -float(np.iinfo(data.dtype).min)
    if not np.isfinite(mixed).all():
        np.nan_to_num(mixed, copy=False, posinf=1, neginf=-1)
    np.clip(mixed, -1, 1, out=mixed)
    return mixed


class Resampler:
    """Mono float32 from ``rate`` Hz to 16 kHz, piece by piece, without seams."""

    def __init__(self, rate: int) -> None:
        load_av()
        from av.audio.resampler import AudioResampler

        self.rate = rate
        self._av = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)

    def feed(self, samples: Samples) -> Samples:
        """What can be told of the next samples; a few stay behind until more come."""
        if self.rate == SAMPLE_RATE or not samples.size:
            return samples
        from av import AudioFrame

        piece = np.ascontiguousarray(samples[np.newaxis])
        frame = AudioFrame.from_ndarray(piece, format="flt", layout="mono")
        frame.sample_rate = self.rate
        return self._joined(self._av.resample(frame))

    def flush(self) -> Samples:
        """The rest. Nothing can be fed afterwards."""
        return (
            np.empty(0, np.float32)
            if self.rate == SAMPLE_RATE
            else self._joined(self._av.resample(None))
        )

    @staticmethod
    def _joined(frames: list[Any]) -> Samples:
        parts = [frame.to_ndarray()[0] for frame in frames]
        return np.clip(np.concatenate(parts), -1, 1) if parts else np.empty(0, np.float32)


_LOADING = threading.Lock()


def load_av() -> None:
    """Import PyAV whole. Its modules import each other in a circle, so that of two threads
    which begin at once (a microphone's and the recogniser's) one would find half of it."""
    with _LOADING:
        import av  # noqa: F401
