"""Recordings that are kept with their turn, where the user wants that."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING

from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    from wlm.pipeline.audio import Audio


def keep(data: Path, turn: str, audio: Audio) -> Path:
    """Write 16-bit WAV to ``data/recordings/TURN.wav``, readable by its owner alone."""
    import numpy as np

    folder = data / "recordings"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, temporary = folder / f"{turn}.wav", folder / f"{turn}.tmp"
    samples = (np.clip(audio.samples, -1, 1) * 32767).astype("<i2")
    temporary.touch(mode=0o600)
    with wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples.tobytes())
    return temporary.replace(path)
