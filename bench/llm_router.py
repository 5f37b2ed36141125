"""What a language model beside the local router is worth, and what it can do harm.

    python -m bench.llm_router ../shared/data/nlu/dev.jsonl [--limit N]
    python -m bench.llm_router FILE --endpoint http://127.0.0.1:8080/v1 --model NAME --limit 60

Without ``--endpoint`` a stand-in on loopback answers: a strong model (from the file's
labels), a coarse one (always the first verb of a label), liars of several kinds, one that
is away, that is slow, that trickles, that makes malformed calls. For each the figures, the
share of lines asked, and the longest decision next to the time limit.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.route import LABELS, NONE, NOW, Line, figures, label, read
from tests.support.http_server import Answer
from tests.support.llm_server import Asked, LlmServer, Says
from wlm import config
from wlm.pipeline.route.interface import Router, Utterance
from wlm.pipeline.route.llm.make import make_router
from wlm.pipeline.route.local import LocalRouter
from wlm.plugins.manager import Registry, load
from wlm.store.migrate import open_store

LIMIT_SECONDS = 1.0


class Run(NamedTuple):
    """One pass over the file: labels, milliseconds, and how many lines the model was asked."""

    said: list[str]
    spent: list[float]
    asked: int


def run(router: Router, lines: Sequence[Line]) -> Run:
    """Decide every line."""
    said, spent, asked = [], [], 0
    for line in lines:
        start = time.perf_counter()
        decision = router.decide(Utterance(line.text, NOW))
        spent.append((time.perf_counter() - start) * 1000)
        said.append(label(decision.choices[0].intent) if decision.choices else NONE)
        asked += bool(decision.explanation.get("llm", {}).get("asked"))
    return Run(said, spent, asked)


def strong(gold: Mapping[str, str]) -> Says:
    """Right about every line; of a label's verbs it takes the one that is likeliest locally."""

    def says(asked: Asked) -> list[tuple[str, Any]]:
        fits = [n for n in asked.functions if label(n.replace("__", ".")) == gold[asked.text]]
        return [(fits[0], {"said": asked.text})] if fits else []

    return says


def coarse(gold: Mapping[str, str]) -> Says:
    """Right about every label, and always of the same verb of it."""
    first = {label: intent for intent, label in reversed(LABELS.items())}

    def says(asked: Asked) -> list[tuple[str, Any]]:
        label = gold[asked.text]
        return [] if label == NONE else [(first[label].replace(".", "__"), {})]

    return says


def liar(gold: Mapping[str, str], share: float, seed: int = 3, after: int = 0) -> Says:
    """Says something wrong in a share of all questions, from the ``after``-th on."""
    chance = random.Random(seed)
    honest = strong(gold)
    seen = 0

    def says(asked: Asked) -> Any:
        nonlocal seen
        seen += 1
        if seen <= after or chance.random() >= share:
            return honest(asked)
        wrong = [n for n in asked.functions if label(n.replace("__", ".")) != gold[asked.text]]
        if gold[asked.text] != NONE and chance.random() < 0.3:
            return []
        return [(chance.choice(wrong), {})] if wrong else []

    return says


def selective(gold: Mapping[str, str], sure: Mapping[str, bool]) -> Says:
    """The worst there is: honest wherever it can be checked, lying wherever it cannot."""
    honest, lies = strong(gold), liar(gold, 1.0)
    return lambda asked: honest(asked) if sure[asked.text] else lies(asked)


def malformed(_: Asked) -> Any:
    """A call that cannot be read."""
    return [("weather__forecast", '{"place": "Par')]


def unknown(_: Asked) -> Any:
    """A call of what is not installed."""
    return [("bank__transfer", {"amount": 1000})]


class Bench:
    """The parts that every run shares."""

    def __init__(self, lines: Sequence[Line], folder: Path) -> None:
        self.lines = lines
        self.gold = [line.label for line in lines]
        self.registry: Registry = load()
        self._folder = folder
        self._count = 0
        self.local = LocalRouter.train(self.registry.intents, "en", folder)

    def router(self, url: str, model: str, **more: Any) -> Router:
        """A cascade with a standing of its own."""
        self._count += 1
        home = str(self._folder / str(self._count))
        flags = {"router": "cascade", "llm_base_url": url, "llm_model": model}
        flags |= {"llm_timeout": LIMIT_SECONDS, **more}
        settings = config.load(flags, {"WLM_HOME": home})
        store = open_store(settings, self.registry)
        mode = settings.config.router
        assert mode != "local"
        return make_router(mode, self.local, self.registry.intents, settings, store, lambda: NOW)

    def show(self, name: str, done: Run) -> None:
        """One line of figures."""
        share = done.asked / len(self.lines)
        ranked = sorted(done.spent)
        print(
            f"{name:34} {figures(self.gold, done.said)}  asked {share:.3f}  "
            f"p50 {ranked[len(ranked) // 2]:.1f} ms  max {ranked[-1]:.0f} ms",
            flush=True,
        )


def stand_ins(bench: Bench) -> dict[str, tuple[Says, dict[str, Any]]]:
    """Every kind of model, by name, with the settings that it is tried under."""
    gold = {line.text: line.label for line in bench.lines}
    from wlm.pipeline.route.llm.cascade import margin

    sure = {
        line.text: margin(bench.local.decide(Utterance(line.text, NOW))) >= 0.75
        for line in bench.lines
    }
    return {
        "strong": (strong(gold), {}),
        "strong, verbs coarse": (coarse(gold), {}),
        "strong, always asked (llm)": (strong(gold), {"router": "llm"}),
        "lies always": (liar(gold, 1.0), {}),
        "lies every second time": (liar(gold, 0.5), {}),
        "lies every fourth time": (liar(gold, 0.25), {}),
        "honest for 60 questions, then lies": (liar(gold, 1.0, after=60), {}),
        "lies where it cannot be checked": (selective(gold, sure), {}),
        "lies always, always asked (llm)": (liar(gold, 1.0), {"router": "llm"}),
        "says none to all": (lambda _: [], {}),
        "says the same to all": (lambda asked: [(asked.functions[0], {})], {}),
        "malformed calls": (malformed, {}),
        "calls what is not installed": (unknown, {}),
        "answers 500": (lambda _: Answer(500, b"{}"), {}),
        "answers 401": (lambda _: Answer(401, b"{}"), {}),
        "sends what is not JSON": (lambda _: Answer(200, b"<html>"), {}),
        "slow": (slow(gold), {}),
    }


def slow(gold: Mapping[str, str]) -> Says:
    """Right, but three times later than anybody waits."""
    says = strong(gold)

    def late(asked: Asked) -> Any:
        time.sleep(3 * LIMIT_SECONDS)
        return says(asked)

    return late


def against_stand_ins(bench: Bench, only: str) -> None:
    """The figures with each of them."""
    for name, (says, more) in stand_ins(bench).items():
        if only not in name:
            continue
        with LlmServer(says) as server:
            bench.show(name, run(bench.router(server.url, "stand-in", **more), bench.lines))
    if only in (name := "away"):
        bench.show(name, run(bench.router("http://127.0.0.1:9/v1", "m"), bench.lines))
    if only in (name := "trickles without end"):
        with LlmServer(lambda _: "") as server:
            server.says = lambda _: server.trickle()
            bench.show(name, run(bench.router(server.url, "m"), bench.lines))


def against_endpoint(bench: Bench, url: str, model: str, seconds: float) -> None:
    """The figures with a real model, in both modes."""
    for mode in ("cascade", "llm"):
        router = bench.router(url, model, router=mode, llm_timeout=seconds)
        bench.show(f"{model} ({mode})", run(router, bench.lines))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--model", default="model")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", default="", help="the stand-ins whose name holds this")
    parser.add_argument("--limit", type=int, default=0)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    importlib.import_module("openai")  # a second, once; it is not what is measured
    lines = read(args.file)
    random.Random(1).shuffle(lines)
    lines = lines[: args.limit or len(lines)]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(lines, Path(folder))
        bench.show("local alone", run(bench.local, lines))
        print(f"time limit {(args.seconds if args.endpoint else LIMIT_SECONDS) * 1000:.0f} ms")
        if args.endpoint:
            against_endpoint(bench, args.endpoint, args.model, args.seconds)
        else:
            against_stand_ins(bench, args.only)


if __name__ == "__main__":
    main()
