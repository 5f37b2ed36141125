"""How well the local router decides, on labelled utterances.

    python -m bench.route ../shared/data/nlu/dev.jsonl [--curve] [--no-baselines]

Prints accuracy, macro-F1 over the ten labels, recall of none, wrong skill and times, and
writes a confusion matrix and the list of errors to ``bench/out/``. The file is only
measured against: nothing in it is learnt from.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from wlm.pipeline.route.interface import Decision, Utterance
from wlm.pipeline.route.local import LocalRouter
from wlm.plugins.manager import load
from wlm.plugins.skill import IntentSpec, Phrases

OUT = Path(__file__).parent / "out"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NONE = "none"
LABELS = {
    "weather.forecast": "weather.query",
    "news.headlines": "news.query",
    "meeting.create": "calendar.create",
    "meeting.update": "calendar.create",
    "meeting.remind": "calendar.create",
    "meeting.list": "calendar.query",
    "meeting.find_time": "calendar.query",
    "meeting.cancel": "calendar.delete",
    "email.list": "email.query",
    "email.search": "email.query",
    "email.read": "email.query",
    "email.summarize": "email.query",
    "email.send": "email.send",
    "email.reply": "email.send",
    "email.forward": "email.send",
    "email.draft": "email.send",
    "email.send_draft": "email.send",
    "people.find": "people.find",
    "people.add": "people.add",
    "people.update": "people.add",
    NONE: NONE,
}
ORDER = list(dict.fromkeys(LABELS.values()))


def label(intent: str) -> str:
    """The label of an intent; one that the data know nothing of is itself, and never right."""
    return LABELS.get(intent, intent)


class Line(NamedTuple):
    """An utterance and its label."""

    id: str
    text: str
    label: str


class Figures(NamedTuple):
    """What a list of answers is worth."""

    accuracy: float
    macro_f1: float
    none_recall: float
    wrong_skill: float

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.4f}  macro-F1 {self.macro_f1:.4f}  "
            f"recall of none {self.none_recall:.4f}  false accepts {1 - self.none_recall:.4f}  "
            f"wrong skill {self.wrong_skill:.4f}"
        )


def read(path: Path) -> list[Line]:
    """The labelled utterances."""
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
    return [Line(row["id"], row["text"], row["intent"]) for row in rows]


def figures(gold: Sequence[str], said: Sequence[str]) -> Figures:
    """The four numbers of the README beside the data."""
    pairs = Counter(zip(gold, said, strict=True))
    right = sum(count for (g, s), count in pairs.items() if g == s)
    scores = []
    for label in ORDER:
        true = pairs[label, label]
        wrong = sum(n for (g, s), n in pairs.items() if (g == label) != (s == label))
        scores.append(2 * true / (2 * true + wrong) if true else 0.0)
    nones = gold.count(NONE) or 1  # type: ignore[attr-defined]  # always lists here
    inside = len(gold) - nones or 1
    swapped = sum(n for (g, s), n in pairs.items() if g != s and NONE not in (g, s))
    return Figures(
        right / len(gold), statistics.mean(scores), pairs[NONE, NONE] / nones, swapped / inside
    )


def answer(router: LocalRouter, text: str) -> str:
    """The label of the first action; none where the router asks or declines."""
    return acted(router.decide(Utterance(text, NOW)))


def acted(decision: Decision) -> str:
    """The label of the first action of a decision; none where it is to ask or to decline."""
    choices = decision.choices
    return label(choices[0].intent) if choices else NONE


def timed(router: LocalRouter, lines: Sequence[Line]) -> tuple[list[str], list[float]]:
    """Labels, and milliseconds each."""
    labels, spent = [], []
    for line in lines:
        start = time.perf_counter()
        labels.append(answer(router, line.text))
        spent.append((time.perf_counter() - start) * 1000)
    return labels, spent


def cut(intents: Mapping[str, IntentSpec], count: int, seed: int) -> dict[str, IntentSpec]:
    """The same intents with ``count`` examples each, chosen by chance."""
    chance = random.Random(seed)
    found = {}
    for name, spec in intents.items():
        english = spec.phrases["en"]
        few = chance.sample(english.examples, min(count, len(english.examples)))
        found[name] = spec._replace(phrases={"en": Phrases(tuple(few), english.keywords)})
    return found


def curve(intents: Mapping[str, IntentSpec], lines: Sequence[Line]) -> None:
    """Figures with few examples an intent, mean of five seeds."""
    gold = [line.label for line in lines]
    for count in (5, 20):
        runs = []
        for seed in range(5):
            with tempfile.TemporaryDirectory() as folder:
                router = LocalRouter.train(cut(intents, count, seed), "en", Path(folder))
            runs.append(figures(gold, [answer(router, line.text) for line in lines]))
        mean = Figures(*(statistics.mean(column) for column in zip(*runs, strict=True)))
        print(f"{count:3} examples an intent, 5 seeds   {mean}")


COLD = """
import json, time
start = time.perf_counter()
from bench.route import NOW, LocalRouter, Utterance, load
from pathlib import Path
intents = load().intents
loaded = time.perf_counter()
router = LocalRouter.train(intents, "en", Path({folder!r}))
looks = []
for text in ("do i have anything on", "what of my colleague", "anything new at all"):
    looks.append(router.decide(Utterance(text, NOW)).explanation["closer_look"])
ready = time.perf_counter()
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(json.dumps([any(looks), 1000 * (loaded - start), 1000 * (ready - loaded),
                  int(status["VmRSS"].split()[0]) / 1024]))
"""
"""A process that decides its first three requests, the encoder among its means."""


def cold() -> str:
    """Milliseconds until a new process has decided three requests, and what it then holds."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(5):
            code = COLD.format(folder=folder)
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            rows.append(json.loads(done.stdout))
    if not all(row[0] for row in rows):
        raise SystemExit("none of the three was looked at closely: choose others")
    _, skills, router, held = (statistics.median(column) for column in zip(*rows, strict=True))
    return (
        f"cold: skills {skills:.0f} ms, then router and encoder {router:.0f} ms; {held:.0f} MB held"
    )


_THINGS = r"(meeting|event|appointment|calendar|reminder|schedule)"
REGULAR = (
    ("calendar.delete", rf"\b(cancel|delete|remove|clear|erase)\b.*\b{_THINGS}"),
    ("calendar.create", r"\b(remind|reminder|schedule a|set up|add .* calendar|create .* event)"),
    ("calendar.query", r"\b(calendar|agenda|my schedule|meetings?|appointments?|events?)\b"),
    ("people.add", r"\b(add|save|create)\b.*\bcontacts?\b"),
    ("people.find", r"\b(phone number|contacts?|'s (email|address|number|birthday))\b"),
    ("email.send", r"\b(send|write|compose|forward)\b.*\be?-?mails?\b|^e?-?mail \w+|\breply\b"),
    ("email.query", r"\be?-?mails?\b|\binbox\b"),
    ("news.query", r"\bnews\b|\bheadlines?\b"),
    ("weather.query", r"\b(weather|forecast|rain|snow|umbrella|temperature|sunny)\b"),
)


def by_expressions(text: str) -> str:
    """Nine regular expressions, the first that fits."""
    return next((label for label, p in REGULAR if re.search(p, text.lower())), NONE)


def by_words(intents: Mapping[str, IntentSpec]) -> Callable[[str], str]:
    """TF-IDF of words and pairs, nearest class mean, none where nothing is near."""
    from wlm.pipeline.route.samples import make_samples

    samples = make_samples(intents, "en")
    import numpy as np

    def terms(text: str) -> list[str]:
        words = text.split()
        return [*words, *(" ".join(pair) for pair in itertools.pairwise(words))]

    documents = Counter(term for sample in samples for term in set(terms(sample.text)))
    index = {term: i for i, term in enumerate(documents)}
    weight = np.array([np.log(len(samples) / count) for count in documents.values()], np.float32)

    def vector(text: str) -> Any:
        row = np.zeros(len(index), np.float32)
        for term in terms(text):
            if term in index:
                row[index[term]] += weight[index[term]]
        return row / (np.linalg.norm(row) or 1.0)

    names = sorted({sample.intent for sample in samples})
    means = np.zeros((len(names), len(index)), np.float32)
    for sample in samples:
        means[names.index(sample.intent)] += vector(sample.text)
    means /= np.linalg.norm(means, axis=1, keepdims=True)

    from wlm.pipeline.route.normalise import normalise

    return lambda text: label(names[int((means @ vector(normalise(text))).argmax())])


def picture(gold: Sequence[str], said: Sequence[str], path: Path) -> None:
    """The confusion matrix."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    pairs = Counter(zip(gold, said, strict=True))
    grid = [[pairs[g, s] for s in ORDER] for g in ORDER]
    shares = [[value / max(sum(row), 1) for value in row] for row in grid]
    figure, axes = plt.subplots(figsize=(8, 7))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(ORDER)), ORDER, rotation=45, ha="right")
    axes.set_yticks(range(len(ORDER)), ORDER)
    axes.set_xlabel("decided")
    axes.set_ylabel("label")
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            if value:
                shade = "white" if shares[y][x] > 0.5 else "black"
                axes.text(x, y, str(value), ha="center", va="center", color=shade)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--curve", action="store_true", help="also with 5 and 20 examples")
    parser.add_argument("--no-baselines", action="store_true")
    args = parser.parse_args()
    lines = read(args.file)
    gold = [line.label for line in lines]
    intents = load().intents
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        LocalRouter.train(intents, "en", Path(folder))
        print(f"training {time.perf_counter() - start:.2f} s")
        start = time.perf_counter()
        router = LocalRouter.train(intents, "en", Path(folder))
        print(f"load from the cache {(time.perf_counter() - start) * 1000:.0f} ms ({router.kept})")
    said, spent = timed(router, lines)
    spent.sort()
    print(f"local router                     {figures(gold, said)}")
    print(f"p50 {statistics.median(spent):.2f} ms  p95 {spent[int(len(spent) * 0.95)]:.2f} ms")
    print(cold())
    OUT.mkdir(exist_ok=True)
    picture(gold, said, OUT / "route-confusion.png")
    wrong = [f"{g}\t{s}\t{x.text}" for x, g, s in zip(lines, gold, said, strict=True) if g != s]
    (OUT / "route-errors.tsv").write_text("\n".join(sorted(wrong)), "utf-8")
    if not args.no_baselines:
        print(f"always none                      {figures(gold, [NONE] * len(gold))}")
        expressions = [by_expressions(line.text) for line in lines]
        print(f"nine regular expressions         {figures(gold, expressions)}")
        words = by_words(intents)
        print(f"TF-IDF, nearest class            {figures(gold, [words(x.text) for x in lines])}")
    if args.curve:
        curve(intents, lines)


if __name__ == "__main__":
    main()
