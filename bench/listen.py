"""`python -m bench.listen`: how long a speaker waits for words, with and without the live path.

Plays `samples/` at their own pace into `partials.listen`, each once with drafts and the
transcript begun ahead, and once without (as if it were recorded first). Times count from the
end of the last word, where the samples have been silent for 0.4 s more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wlm.config import load
from wlm.pipeline.audio import decode
from wlm.pipeline.partials import Partial, listen
from wlm.pipeline.recorder import FRAME
from wlm.pipeline.transcribe.interface import SAMPLE_RATE, Request
from wlm.pipeline.transcribe.whisper import FasterWhisper

SAMPLES = Path("samples")
LOUD = 0.02


class Clock:
    """A source at the pace of speech; knows how long ago the last word ended."""

    def __init__(self, samples: np.ndarray) -> None:
        quiet = np.random.default_rng(3).normal(0, 1e-4, 2 * SAMPLE_RATE).astype(np.float32)
        self._samples = np.concatenate((samples, quiet))
        self._last = int(np.flatnonzero(np.abs(samples) > LOUD)[-1]) / SAMPLE_RATE

    def frames(self) -> Iterator[np.ndarray]:
        self._start = time.monotonic()
        for at in range(0, self._samples.size, FRAME):
            due = self._start + (at + FRAME) / SAMPLE_RATE
            time.sleep(max(0.0, due - time.monotonic()))
            yield self._samples[at : at + FRAME]

    def since_last_word(self) -> float:
        return time.monotonic() - self._start - self._last


class Times(NamedTuple):
    """Seconds from the last word to the transcript, and how far behind each partial was."""

    final: float
    behind: list[float]


def play(whisper: FasterWhisper, samples: np.ndarray, *, live: bool) -> Times:
    clock, behind = Clock(samples), []
    for heard in listen(clock.frames(), whisper, Request(), drafts=live, ahead=live):
        if isinstance(heard, Partial):
            behind.append(time.monotonic() - clock._start - heard.seconds)
    return Times(clock.since_last_word(), behind)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.listen")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--out", type=Path, default=Path("bench/out/listen.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("WLM_HOME", home)
        whisper = FasterWhisper.from_settings(load({"stt_model": options.model}))
        whisper.warm()
        rows: dict[bool, list[Times]] = {True: [], False: []}
        for path in sorted(SAMPLES.glob("*.flac")):
            if path.stem in ("silence", "noise", "okay_nabu", "two_requests"):
                continue
            samples = decode(path, max_bytes=10**7, max_seconds=60).samples
            for live, times in rows.items():
                times.append(play(whisper, samples, live=live))
    live, plain = (statistics.median(row.final for row in rows[key]) for key in (True, False))
    result = {
        "model": options.model,
        "clips": len(rows[True]),
        "final_s_live": round(live, 2),
        "final_s_plain": round(plain, 2),
        "partials_per_clip": statistics.fmean(len(row.behind) for row in rows[True]),
        "partial_behind_s": round(statistics.median(b for r in rows[True] for b in r.behind), 2),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1), "utf-8")
    print(json.dumps(result))
    return 0 if live <= plain else 1


if __name__ == "__main__":
    sys.exit(main())
