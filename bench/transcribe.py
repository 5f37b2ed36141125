"""`python -m bench.transcribe FOLDER`: next to plain faster-whisper, in the same run.

Same weights, same clips, int8, beam 1; ours and theirs in turn, clip by clip, so that a
machine that drifts does not decide. FOLDER has recordings and a `manifest.jsonl`.
`--model` and `--part` choose what is measured (each part takes a few minutes at most); each
result is kept in `--out`, and the table at the end shows all that are there.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from bench import speech_material as material
from bench.speech_material import Clip
from wlm.config import load
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.models import find_model
from wlm.pipeline.transcribe.whisper import FasterWhisper
from wlm.pipeline.vocabulary import hotwords

MODELS = ("tiny.en", "base")
BARS = {
    "wer": "word errors not above plain's",
    "commands": "p50 at most 0.45 of plain's",
    "long": "time at most 1.05 of plain's best batching",
    "clients": "4 clients: at least 4 x plain's requests/s",
    "nonspeech": "no invented word",
    "vocabulary": "at least 20 points more names right",
}
BATCHES = (1, 2, 4, 8)
CLIENTS = 4
JOINED_SECONDS = 120.0
_ENGLISH, _OTHER = EnglishTextNormalizer(), BasicTextNormalizer()
Row = dict[str, Any]


class Pair:
    """Ours and plain faster-whisper on the same weights."""

    def __init__(self, model: str) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        settings = load({"stt_model": model})
        self.ours = FasterWhisper.from_settings(settings)
        self.ours.warm()
        folder = str(find_model(settings).folder)
        self.raw = WhisperModel(folder, device="cpu", compute_type="int8")
        self.batched = BatchedInferencePipeline(self.raw)

    def hear(self, clip: Clip, words: tuple[str, ...] = ()) -> str:
        request = Request(language=clip.language, vocabulary=words)
        return self.ours.transcribe(clip.samples, request).text

    def hear_raw(self, clip: Clip) -> str:
        found, _ = self.raw.transcribe(clip.samples, language=clip.language, beam_size=1)
        return "".join(segment.text for segment in found)

    def hear_batched(self, clip: Clip, size: int) -> str:
        found, _ = self.batched.transcribe(
            clip.samples, language=clip.language, beam_size=1, batch_size=size
        )
        return "".join(segment.text for segment in found)


def timed(work: Callable[[], str]) -> tuple[float, str]:
    start = time.perf_counter()
    text = work()
    return time.perf_counter() - start, text


def plain(text: str, language: str) -> str:
    return str((_ENGLISH if language == "en" else _OTHER)(text)).strip()


def error_rate(clips: list[Clip], texts: list[str]) -> float:
    """Word errors in per cent of the words said, over all clips."""
    pairs = [
        (plain(c.words or "", c.language), plain(t, c.language))
        for c, t in zip(clips, texts, strict=True)
    ]
    pairs = [pair for pair in pairs if pair[0]]
    return 100 * float(jiwer.wer([p[0] for p in pairs], [p[1] for p in pairs]))


def wer(pair: Pair, clips: list[Clip]) -> Row:
    """WER of both, by category and over all clips whose reference is exact."""
    groups = collections.defaultdict(list)
    for clip in clips:
        if clip.words and clip.category != "prompt_approx":
            groups[f"{clip.category} {clip.language}"].append(clip)
    ours, raw = {}, {}
    for name, group in groups.items():
        texts = [(pair.hear(clip), pair.hear_raw(clip)) for clip in group]
        ours[name], raw[name] = ([text[side] for text in texts] for side in (0, 1))
    every = [clip for group in groups.values() for clip in group]
    by_group = {
        name: [round(error_rate(group, ours[name]), 2), round(error_rate(group, raw[name]), 2)]
        for name, group in sorted(groups.items())
    }
    total = [error_rate(every, [t for n in groups for t in side[n]]) for side in (ours, raw)]
    return {
        "figure": f"{total[0]:.2f} % against {total[1]:.2f} %",
        "wer_ours": round(total[0], 2),
        "wer_raw": round(total[1], 2),
        "ok": total[0] <= total[1],
        "groups": by_group,
    }


def commands(pair: Pair, clips: list[Clip]) -> Row:
    """Time of a spoken command: the ratio of the medians, ours to plain."""
    chosen = [clip for clip in clips if clip.category == "command"]
    ours, raw = [], []
    for clip in chosen:
        ours.append(timed(lambda clip=clip: pair.hear(clip))[0])
        raw.append(timed(lambda clip=clip: pair.hear_raw(clip))[0])
    ratio = statistics.median(ours) / statistics.median(raw)
    return {
        "figure": f"{ratio:.3f}",
        "clips": len(chosen),
        "p50_ms_ours": round(1000 * statistics.median(ours)),
        "p95_ms_ours": round(1000 * statistics.quantiles(ours, n=20)[-1]),
        "p50_ms_raw": round(1000 * statistics.median(raw)),
        "ratio": round(ratio, 3),
        "ok": ratio <= 0.45,
    }


def long(pair: Pair, clips: list[Clip]) -> Row:
    """Time of long recordings against the best batch size of the batched pipeline."""
    dictation = [c for c in clips if c.category == "dictation" and c.language == "en"]
    chosen = [clip for clip in clips if clip.category == "long"]
    if dictation:
        chosen.append(material.joined(dictation, JOINED_SECONDS))
    rows, texts, best_texts = {}, [], []
    for clip in chosen:
        spent: dict[Any, list[float]] = collections.defaultdict(list)
        text: dict[Any, str] = {}
        fastest, sizes = 0, (0, *BATCHES)
        for _ in range(3):
            for size in sizes:
                start = time.perf_counter()
                text[size] = pair.hear_batched(clip, size) if size else pair.hear(clip)
                spent[size].append(time.perf_counter() - start)
            fastest = min(BATCHES, key=lambda size: min(spent[size]))
            sizes = (0, fastest)
        rows[clip.name] = {
            "seconds": round(clip.seconds, 1),
            "ours": round(min(spent[0]), 2),
            "batched": round(min(spent[fastest]), 2),
            "best_batch": fastest,
        }
        texts.append(text[0])
        best_texts.append(text[fastest])
    ratio = sum(r["ours"] for r in rows.values()) / sum(r["batched"] for r in rows.values())
    return {
        "figure": f"{ratio:.3f} (batch {'/'.join(str(r['best_batch']) for r in rows.values())})",
        "files": rows,
        "wer_ours": round(error_rate(chosen, texts), 2),
        "wer_batched": round(error_rate(chosen, best_texts), 2),
        "ratio": round(ratio, 3),
        "ok": ratio <= 1.05,
    }


def clients(pair: Pair, clips: list[Clip]) -> Row:
    """Requests per second with four clients, each sending its next when the last is done."""
    chosen = [c for c in clips if c.category == "command" and c.seconds <= 10]
    random.Random(3).shuffle(chosen)
    chosen = chosen[:24]
    rates: dict[str, list[float]] = {"ours": [], "raw": []}
    for _ in range(2):
        rates["ours"].append(_rate(pair.hear, chosen))
        rates["raw"].append(_rate(pair.hear_raw, chosen))
    ours, raw = max(rates["ours"]), max(rates["raw"])
    return {
        "figure": f"{ours / raw:.2f} x",
        "per_second_ours": round(ours, 2),
        "per_second_raw": round(raw, 2),
        "ratio": round(ours / raw, 2),
        "ok": ours >= 4 * raw,
    }


def _rate(hear: Callable[[Clip], str], clips: list[Clip]) -> float:
    waiting, lock = iter(clips), threading.Lock()

    def client() -> None:
        while True:
            with lock:
                clip = next(waiting, None)
            if clip is None:
                return
            hear(clip)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(clips) / (time.perf_counter() - start)


def nonspeech(pair: Pair, clips: list[Clip]) -> Row:
    """Words invented where nobody speaks, with and without a vocabulary."""
    words = tuple(hotwords(material.vocabulary()))
    chosen = [c for c in clips if c.category == "nonspeech"] + material.silences()
    count = {
        "ours": sum(len(plain(pair.hear(clip), "en").split()) for clip in chosen),
        "told": sum(len(plain(pair.hear(clip, words), "en").split()) for clip in chosen),
        "raw": sum(len(plain(pair.hear_raw(clip), "en").split()) for clip in chosen),
    }
    invented = count["ours"] + count["told"]
    return {
        "figure": f"{invented} (plain: {count['raw']})",
        "clips": len(chosen),
        "invented_words": count,
        "ok": invented == 0,
    }


def vocabulary(pair: Pair, _: list[Clip]) -> Row:
    """How many names in sixty made commands are right, with the vocabulary and without."""
    words = tuple(hotwords(material.vocabulary()))
    right: dict[tuple[str, str], list[bool]] = collections.defaultdict(list)
    rates: dict[str, tuple[list[str], list[str]]] = {"with": ([], []), "without": ([], [])}
    with tempfile.TemporaryDirectory() as folder:
        made = material.spoken(Path(folder))
    for item in made:
        clip = Clip("", "command", "en", None, item.samples)
        for how, told in (("with", words), ("without", ())):
            heard = plain(pair.hear(clip, told), "en")
            for name in item.names:
                hit = f" {plain(name, 'en')} " in f" {heard} "
                right[how, item.condition].append(hit)
            rates[how][0].append(plain(item.text, "en"))
            rates[how][1].append(heard)
    share = {
        how: 100 * statistics.fmean(x for (h, _), hits in right.items() if h == how for x in hits)
        for how in ("with", "without")
    }
    gain = share["with"] - share["without"]
    return {
        "figure": f"{gain:.1f} points ({share['without']:.0f} to {share['with']:.0f} %)",
        "right_with": round(share["with"], 1),
        "right_without": round(share["without"], 1),
        "by_condition": {
            f"{how}, {cond}": round(100 * statistics.fmean(hits), 1)
            for (how, cond), hits in sorted(right.items())
        },
        "wer_with": round(100 * float(jiwer.wer(*rates["with"])), 2),
        "wer_without": round(100 * float(jiwer.wer(*rates["without"])), 2),
        "gain_points": round(gain, 1),
        "ok": gain >= 20,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.transcribe")
    parser.add_argument("folder", type=Path, help="recordings and their manifest.jsonl")
    parser.add_argument("--model", action="append", help="tiny.en, base … (both if not given)")
    parser.add_argument("--part", action="append", choices=tuple(BARS), help="all if not given")
    parser.add_argument("--out", type=Path, default=Path("bench/out/transcribe"))
    options = parser.parse_args()
    parts = options.part or list(BARS)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("WLM_HOME", home)
        results = [
            row
            for model in options.model or MODELS
            for row in _measure(model, parts, options.folder, options.out)
        ]
    print(_table(options.out))
    return 0 if all(row["ok"] for row in results) else 1


def _measure(model: str, parts: list[str], folder: Path, out: Path) -> Iterator[Row]:
    clips = material.recordings(folder)
    pair = Pair(model)
    if model.endswith(".en"):
        clips = [clip for clip in clips if clip.language == "en"]
    for part in parts:
        row: Row = {"model": model, "part": part, **globals()[part](pair, clips)}
        (out / f"{model}.{part}.json").write_text(json.dumps(row, indent=1), "utf-8")
        shown = ", ".join(f"{key} {value}" for key, value in row.items() if key not in _HEAD)
        print(f"{model} {part}: {shown}", flush=True)
        yield row


_HEAD = ("model", "part", "figure", "ok")


def _table(out: Path) -> str:
    """Every result that is kept, in Markdown."""
    kept = [json.loads(path.read_text("utf-8")) for path in out.glob("*.json")]
    kept.sort(key=lambda row: (list(BARS).index(row["part"]), row["model"] != "tiny.en"))
    lines = [("part", "model", "bar", "figure", ""), ("---",) * 5]
    for row in kept:
        verdict = "met" if row["ok"] else "missed"
        lines.append((row["part"], row["model"], BARS[row["part"]], row["figure"], verdict))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
