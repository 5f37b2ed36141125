"""Recordings for tests, made with the standard library and ffmpeg."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.audio import decode

SAMPLES = Path(__file__).parents[2] / "samples"


class Swallowed(NamedTuple):
    """A request whose words run together when espeak-ng says it: the small model takes it for a
    remark, the larger one hears it, the hasty one only if it was told what requests are about."""

    text: str
    words_a_minute: int
    heard: str
    intent: str


SWALLOWED = Swallowed("add Julia to my contacts", 155, "Add Julia to my contacts", "people.add")
HASTY = Swallowed("when is my next reminder", 420, "Where is my next reminder?", "meeting.list")


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> NDArray[np.float32]:
    """A sine at half of full scale."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def wav(
    data: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, floating: bool = False
) -> bytes:
    """A WAV file around raw samples, whatever they are."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 3 if floating else 1, channels, rate, rate * width, width, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def wav_float(samples: NDArray[np.float32], **shape: int) -> bytes:
    """A WAV file of 32-bit floats."""
    return wav(samples.astype("<f4").tobytes(), bits=32, floating=True, **shape)


def wav_pcm(samples: NDArray[np.float32], **shape: int) -> bytes:
    """A WAV file of 16-bit integers."""
    return wav((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), **shape)


def spoken(text: str, target: Path, *, words_a_minute: int) -> Path:
    """``text`` in the voice of espeak-ng, with half a second of silence around it, as WAV."""
    speed = str(words_a_minute)
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", speed, "-w", str(target), text], check=True)
    said = decode(target, max_bytes=10**8, max_seconds=60.0).samples
    target.write_bytes(wav_pcm(np.pad(said, 8_000)))
    return target


def convert(source: Path, target: Path, *options: str) -> Path:
    """``source`` in the format that ``target``'s name asks for, by ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True)
    return target
