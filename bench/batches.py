"""`python -m bench.batches [ROUNDS]`: whether short clips are better transcribed together.

The repository's spoken requests, on the weights that are installed, with as many threads as a lone
decoding gets: N clips in one batch against the same clips one after the other, in turn in the same
run. The ratio is that of the medians of processor time, which other programs disturb least, and of
the clock; below 1 the batch is cheaper. `encoder` is the encoder alone, `decoder` the decoder alone
on what was encoded one by one; `both` batches both, `ours` only the decoder, as WLM does (for two).
"""

from __future__ import annotations

import functools
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2 import StorageView

from wlm.config import load
from wlm.pipeline.audio import decode
from wlm.pipeline.transcribe.decode import Clip, Decoder, Try, Wanted
from wlm.pipeline.transcribe.models import find_model

SAMPLES = Path(__file__).parents[1] / "samples"
SPOKEN = ("lunch_with_anna", "agenda_tomorrow", "rain_on_sunday", "unread_mail",
          "phone_number", "headlines", "remind_to_call", "weather_in_paris")  # fmt: skip
MODELS, SIZES, THREADS = ("tiny.en", "base"), (2, 4, 8), 2
WANTED = Wanted("en", careful=False)


class Machine:
    """A model, asked step by step."""

    def __init__(self, model: str) -> None:
        folder = find_model(load({"stt_model": model})).folder
        self._decoder = Decoder(folder, workers=1, threads=THREADS)

    def how(self, clips: list[Clip]) -> Try:
        return Try(self._decoder.context(clips, WANTED), hinted=False, beam=1)

    def encode(self, clips: list[Clip], *, together: bool) -> list[Any]:
        """What the encoder makes of the clips, as one for each group that it was given."""
        context = self.how(clips).context
        mels = [self._decoder._features(clip.samples, context) for clip in clips]
        groups = [np.stack(mels)] if together else [mel[None] for mel in mels]
        model = self._decoder._whisper.model
        return [model.encode(StorageView.from_array(np.ascontiguousarray(g))) for g in groups]

    def read(self, clips: list[Clip], encoded: list[Any], *, together: bool) -> None:
        """The decoder's part, on one of the encoder's for each clip, or for all."""
        how = self.how(clips)
        if together:
            self._decoder._generate(clips, encoded, WANTED, how)
        else:
            for clip, one in zip(clips, encoded, strict=True):
                self._decoder._generate([clip], [one], WANTED, how)


def spent(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of processor, and of the clock."""
    begun, at = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - begun, time.perf_counter() - at


def measure(machine: Machine, clips: list[Clip], rounds: int) -> dict[str, dict[str, float]]:
    """The ratios for these clips: together to one by one."""
    apart = machine.encode(clips, together=False)

    def whole(encoder: bool, decoder: bool) -> None:
        machine.read(clips, machine.encode(clips, together=encoder), together=decoder)

    parts: dict[str, Callable[[bool], Any]] = {
        "encoder": lambda together: machine.encode(clips, together=together),
        "decoder": lambda together: machine.read(clips, apart, together=together),
        "both": lambda together: whole(together, together),
        "ours": lambda together: whole(encoder=False, decoder=together),
    }
    found = {}
    for name, part in parts.items():
        told: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for round_ in range(rounds + 1):
            for together in (True, False) if round_ % 2 else (False, True):
                took = spent(functools.partial(part, together))
                if round_:  # the first is to warm up
                    told[together].append(took)
        ratios = [
            statistics.median(t[which] for t in told[True])
            / statistics.median(t[which] for t in told[False])
            for which in (0, 1)
        ]
        found[name] = {"processor": round(ratios[0], 3), "clock": round(ratios[1], 3)}
    return found


def main(rounds: int = 7) -> int:
    """Measure and tell; there is no bar: the figures decide."""
    heard = [decode(SAMPLES / f"{name}.flac", max_bytes=10**7, max_seconds=60) for name in SPOKEN]
    clips = [Clip(audio.samples, audio.seconds) for audio in heard]
    for model in MODELS:
        machine = Machine(model)
        for size in SIZES:
            row = {"model": model, "clips": size, **measure(machine, clips[:size], rounds)}
            print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
