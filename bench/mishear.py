"""What Whisper makes of requests in babble: pairs of said and heard, to tune the encoder with.

    python -m bench.mishear [--count 1200]

Requests of ``bench/elsewhere.py`` are spoken by piper and by espeak-ng in several voices, mixed
with babble of the same voices, and heard by tiny.en. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
from pathlib import Path

import numpy as np

from bench.elsewhere import MISHEARD, requests
from bench.noise import loudness, mixed
from bench.speech_material import espeak, piper
from wlm.config import load as load_settings
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.whisper import FasterWhisper

EACH = 3
"""Requests of an intent that may be chosen."""
VOICES = ("en-us", "en-us", "en-gb", "en-us+f3", "en-us+m4", "en-gb-scotland", "en-us+f2")
SPEEDS = (130, 150, 170)
LEVELS = (None, 20, 10, 5, 5, 10)
BABBLE = 300
"""Clips that babble is made of."""


def chosen(count: int) -> list[str]:
    """Requests of all intents, by chance, the same each time."""
    dice = random.Random(3)
    found = [text for texts in requests().values() for text in dice.sample(texts, EACH)]
    dice.shuffle(found)
    return found[:count]


def main() -> None:
    """Speak, mix, hear, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1200)
    texts = chosen(parser.parse_args().count)
    kept = MISHEARD.read_text("utf-8").splitlines() if MISHEARD.is_file() else []
    done = {json.loads(line)["said"] for line in kept}
    engine = FasterWhisper.from_settings(load_settings({"stt_model": "tiny.en"}))
    with tempfile.TemporaryDirectory() as name:
        half = len(texts) // 2
        clips = piper(texts[:half], Path(name))
        for text, voice, speed in zip(
            texts[half:], itertools.cycle(VOICES), itertools.cycle(SPEEDS), strict=False
        ):
            clips += espeak([text], Path(name), voice=voice, speed=speed)
    babble = np.concatenate([clip / (loudness(clip) or 1.0) for clip in clips[:BABBLE]])
    dice = np.random.default_rng(5)
    with MISHEARD.open("a", encoding="utf-8") as out:
        for text, clip, level in zip(texts, clips, itertools.cycle(LEVELS), strict=False):
            sound = mixed(clip, babble, level, dice)
            if text not in done:
                heard = engine.transcribe(sound, Request(language="en")).text
                out.write(json.dumps({"said": text, "heard": heard, "level": level}) + "\n")
                out.flush()


if __name__ == "__main__":
    main()
