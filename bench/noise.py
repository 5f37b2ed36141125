"""How much of the understanding noise takes away: spoken, mixed with babble, heard, routed.

    python -m bench.noise ../shared/data/nlu/dev.jsonl ../shared/data/audio [--cache FOLDER]

A random part of the labelled utterances is spoken by two voices (espeak-ng, piper), mixed at
several signal-to-noise ratios with babble, heard by Whisper (``--model``) and routed; what led
to nothing is heard again as WLM does it (``wlm.pipeline.again``). Prints the accuracy of the first
hearing and of both beside that of the written text, and saves the curves to
``bench/out/noise.png``.
Babble is six stretches at once of recordings from the second folder, none of which is a
spoken utterance of the first. The second hearing is told the keywords of the skills, as in WLM;
names, which WLM tells both, there are none here. Speech and transcripts are kept in ``--cache``: a
run that was stopped goes on.
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

from bench.route import NOW, OUT, Figures, Line, acted, answer, figures, read
from bench.speech_material import RATE, espeak, piper, recordings
from wlm.config import load as load_settings
from wlm.pipeline.again import Look, settle
from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.route.local import LocalRouter
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.models import closer, find_model
from wlm.pipeline.transcribe.whisper import FasterWhisper
from wlm.pipeline.understand import Understanding
from wlm.pipeline.vocabulary import topics
from wlm.plugins.manager import load
from wlm.types import Transcript

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
    kept = cache / f"{name}-{_digest(texts)}.npz"
    if not kept.is_file():
        with tempfile.TemporaryDirectory() as folder:
            clips = VOICES[name](texts, Path(folder))
        np.savez(kept, *clips)
    with np.load(kept) as arrays:
        return [arrays[f"arr_{number}"] for number in range(len(texts))]


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def babble(folder: Path) -> np.ndarray:
    """All the recorded speech of the folder, end to end, as loud as each other."""
    clips = [clip.samples for clip in recordings(folder) if clip.category != "nonspeech"]
    return np.concatenate([clip / (loudness(clip) or 1.0) for clip in clips])


def loudness(samples: np.ndarray) -> float:
    """The root of the mean square."""
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
    noise = noise * (loudness(speech) / loudness(noise) * 10 ** (-level / 20))
    loud = padded + noise
    return (loud / max(1.0, float(np.abs(loud).max()))).astype(np.float32)


class Ears:
    """Whisper, and what it heard before."""

    def __init__(self, model: str, voices: np.ndarray, told: Sequence[str], cache: Path) -> None:
        """``told``: the words that the second hearing is told."""
        settings = load_settings({"stt_model": model})
        self._engine = FasterWhisper.from_settings(settings)
        self._names = find_model(settings, "en").name, closer(settings, "en")
        self._voices = voices
        self._told = {False: (), True: tuple(told)}
        self._cache = cache
        self._kept: dict[Path, dict[str, str]] = {}

    @property
    def closer(self) -> str:
        """The model that hears again; empty if there is none."""
        return self._names[True]

    def hear(
        self, name: str, number: int, clip: np.ndarray, level: int | None, *, closely: bool = False
    ) -> str:
        """The words of one clip of a voice at that level."""
        told = self._told[closely]
        model = f"{self._names[closely]}-{_digest(told)}" if told else self._names[closely]
        path = self._cache / f"{name}-{model}-{level}.json"
        if path not in self._kept:
            self._kept[path] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        heard = self._kept[path]
        key = f"{number}-{hashlib.sha256(clip.tobytes()).hexdigest()[:12]}"
        if key not in heard:
            sound = mixed(clip, self._voices, level, np.random.default_rng(1000 + number))
            request = Request("en", told, closely=closely)
            heard[key] = self._engine.transcribe(sound, request).text
            path.write_text(json.dumps(heard), "utf-8")
        return heard[key]


def looks(
    router: LocalRouter, ears: Ears, name: str, clips: Sequence[np.ndarray], level: int | None
) -> list[tuple[Look, Look]]:
    """What each clip of a voice leads to, heard once, and again where that led to nothing sure."""

    def look(text: str) -> Look:
        return Look(text, Understanding(router.decide(Utterance(text, NOW)), ()))

    found = []
    for number, clip in enumerate(clips):

        def hear(number: int = number, clip: np.ndarray = clip) -> Transcript:
            text = ears.hear(name, number, clip, level, closely=True)
            return Transcript(text, model=ears.closer)

        first = look(ears.hear(name, number, clip, level))
        again = first.doubtful and ears.closer
        found.append((first, settle(first, hear, look) if again else first))
    print(f"{name} at {label(level)}: heard", flush=True)
    return found


def label(level: int | None) -> str:
    return "no noise" if level is None else f"{level} dB"


def judge(lines: Sequence[Line], found: Sequence[Look]) -> Figures:
    """The figures of what was understood of those lines."""
    said = [acted(look.understood.decision) for look in found]
    return figures([line.label for line in lines], said)


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
    parser.add_argument("--model", default="auto")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    lines = chosen(args.file, args.count)
    texts = [line.text for line in lines]
    spoken = {name: speak(name, texts, args.cache) for name in VOICES}
    intents = load().intents
    ears = Ears(args.model, babble(args.recordings), topics(intents, "en"), args.cache)
    with tempfile.TemporaryDirectory() as folder:
        router = LocalRouter.train(intents, "en", Path(folder))
    clean = figures([line.label for line in lines], [answer(router, text) for text in texts])
    print(f"{len(lines)} utterances, written          {clean}")
    curves: dict[str, list[float]] = {}
    for level, allowed in LEVELS.items():
        both = []
        for name, clips in spoken.items():
            found = looks(router, ears, name, clips, level)
            for at, times in enumerate(("once", "again")):
                one = judge(lines, [pair[at] for pair in found])
                curves.setdefault(f"{name}, {times}", []).append(one.accuracy)
                print(f"{name:10} {label(level):10} {times:6} {one}")
            both.append(one.accuracy)
        lost = 100 * (clean.accuracy - sum(both) / len(both))
        bar = "" if allowed is None else f" (at most {allowed:g}: {_met(lost <= allowed)})"
        print(f"  both voices, {label(level)}: {lost:.1f} points below the written text{bar}")
    OUT.mkdir(exist_ok=True)
    picture(clean.accuracy, curves, OUT / "noise.png")


def _met(right: bool) -> str:
    return "met" if right else "MISSED"


if __name__ == "__main__":
    main()
