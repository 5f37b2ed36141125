"""How much of the understanding noise takes away: spoken, mixed with babble, heard, routed.

    python -m bench.noise ../shared/data/nlu/dev.jsonl ../shared/data/audio [--cache FOLDER]

A random part of the labelled utterances is spoken by two voices (espeak-ng, piper), mixed at
several signal-to-noise ratios with babble, heard by Whisper (``--model``) and routed. Prints
the accuracy beside that of the written text, and saves the curve to ``bench/out/noise.png``.
Babble is six stretches at once of recordings from the second folder, none of which is a
spoken utterance of the first. Speech and transcripts are kept in ``--cache``: a run that was
stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.route import OUT, Figures, Line, answer, figures, read
from bench.speech_material import RATE, espeak, piper, recordings
from wlm.config import load as load_settings
from wlm.pipeline.route.local import LocalRouter
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.whisper import FasterWhisper
from wlm.plugins.manager import load

VOICES: Mapping[str, Callable[[list[str], Path], list[np.ndarray]]] = {
    "espeak-ng": espeak,
    "piper": piper,
}
LEVELS: Mapping[int | None, float | None] = {None: None, 20: 3.0, 10: 6.0, 5: 12.0}
"""Signal-to-noise ratio in dB (None: no noise) and the points that it may cost."""
TALKERS = 6
LEAD = RATE // 2
"""Samples of babble before and after the speech."""


def chosen(path: Path, count: int) -> list[Line]:
    """The utterances that are spoken: by chance, the same ones each time."""
    lines = read(path)
    random.Random(5).shuffle(lines)
    return lines[:count]


def speak(name: str, texts: list[str], cache: Path) -> list[np.ndarray]:
    """The texts in one voice."""
    key = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
    kept = cache / f"{name}-{key}.npz"
    if not kept.is_file():
        with tempfile.TemporaryDirectory() as folder:
            clips = VOICES[name](texts, Path(folder))
        np.savez(kept, *clips)
    with np.load(kept) as arrays:
        return [arrays[f"arr_{number}"] for number in range(len(texts))]


def babble(folder: Path) -> np.ndarray:
    """All the recorded speech of the folder, end to end, as loud as each other."""
    clips = [clip.samples for clip in recordings(folder) if clip.category != "nonspeech"]
    return np.concatenate([clip / (_loudness(clip) or 1.0) for clip in clips])


def _loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def mixed(
    speech: np.ndarray, voices: np.ndarray, level: int | None, dice: np.random.Generator
) -> np.ndarray:
    """The speech with room before and after it, and with so much babble."""
    padded = np.pad(speech, LEAD)
    if level is None:
        return padded.astype(np.float32)
    starts = dice.integers(0, len(voices) - len(padded), TALKERS)
    noise = sum(voices[start : start + len(padded)] for start in starts)
    noise = noise * (_loudness(speech) / _loudness(noise) * 10 ** (-level / 20))
    loud = padded + noise
    return (loud / max(1.0, float(np.abs(loud).max()))).astype(np.float32)


def hear(
    name: str, clips: Sequence[np.ndarray], voices: np.ndarray, engine: FasterWhisper, cache: Path
) -> dict[int | None, list[str]]:
    """What Whisper makes of one voice at each level."""
    found: dict[int | None, list[str]] = {}
    for level in LEVELS:
        kept = cache / f"{name}-{engine.model}-{level}.json"
        heard: dict[str, str] = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
        for number, clip in enumerate(clips):
            key = f"{number}-{hashlib.sha256(clip.tobytes()).hexdigest()[:12]}"
            if key not in heard:
                sound = mixed(clip, voices, level, np.random.default_rng(1000 + number))
                heard[key] = engine.transcribe(sound, Request(language="en")).text
                kept.write_text(json.dumps(heard), "utf-8")
            found.setdefault(level, []).append(heard[key])
        print(f"{name} at {label(level)}: heard", flush=True)
    return found


def label(level: int | None) -> str:
    return "no noise" if level is None else f"{level} dB"


def judge(router: LocalRouter, lines: Sequence[Line], texts: Sequence[str]) -> Figures:
    """The figures of these texts for those lines."""
    return figures([line.label for line in lines], [answer(router, text) for text in texts])


def picture(clean: float, curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Accuracy by noise, and what is allowed."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    names = [label(level) for level in LEVELS]
    for voice, values in curves.items():
        axes.plot(names, values, marker="o", label=voice)
    axes.axhline(clean, color="grey", linestyle=":", label="written")
    noisy = [name for name, cost in zip(names, LEVELS.values(), strict=True) if cost is not None]
    allowed = [clean - cost / 100 for cost in LEVELS.values() if cost is not None]
    axes.plot(noisy, allowed, color="black", linestyle="--", marker="_", label="allowed")
    axes.set_ylabel("intent accuracy")
    axes.set_ylim(min(0.6, *(min(v) for v in curves.values())), 1.0)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Speak, mix, hear, route, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "wlm-noise")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--model", default="tiny.en")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    lines = chosen(args.file, args.count)
    texts = [line.text for line in lines]
    voices = babble(args.recordings)
    engine = FasterWhisper.from_settings(load_settings({"stt_model": args.model}))
    heard = {
        name: hear(name, speak(name, texts, args.cache), voices, engine, args.cache)
        for name in VOICES
    }
    with tempfile.TemporaryDirectory() as folder:
        router = LocalRouter.train(load().intents, "en", Path(folder))
    clean = judge(router, lines, texts)
    print(f"{len(lines)} utterances, written          {clean}")
    curves: dict[str, list[float]] = {}
    for level, allowed in LEVELS.items():
        found = {name: judge(router, lines, heard[name][level]) for name in VOICES}
        for name, one in found.items():
            curves.setdefault(name, []).append(one.accuracy)
            print(f"{name:10} {label(level):10} {one}")
        lost = 100 * (clean.accuracy - sum(f.accuracy for f in found.values()) / len(found))
        bar = "" if allowed is None else f" (at most {allowed:g}: {_met(lost <= allowed)})"
        print(f"  both voices, {label(level)}: {lost:.1f} points below the written text{bar}")
    OUT.mkdir(exist_ok=True)
    picture(clean.accuracy, curves, OUT / "noise.png")


def _met(right: bool) -> str:
    return "met" if right else "MISSED"


if __name__ == "__main__":
    main()
