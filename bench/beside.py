"""What the author of a new skill gets: each of the five in turn as a stranger's.

    python -m bench.beside ../shared/data/nlu/dev.jsonl [--examples 5 20] [--seeds 3]

A model of the other four is trained, the fifth skill is installed beside it with a few of its
examples, chosen by chance, and the whole file is decided. Prints, for each skill: how many of its
own lines are answered right, how many it takes that are not its own, and the accuracy over all
lines. Models of four are kept in ``--cache`` (half a minute each).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.route import Line, answer, cut, label, read
from wlm.pipeline.route.extension import extend
from wlm.pipeline.route.local import LocalRouter, fingerprint
from wlm.pipeline.route.looks import Alone, WithMore
from wlm.pipeline.route.model import Model
from wlm.pipeline.route.samples import keywords, make_samples
from wlm.pipeline.route.training import fit, recipe_of
from wlm.plugins.manager import load
from wlm.plugins.skill import IntentSpec

SKILLS = ("weather", "news", "people", "email", "meeting")
Intents = Mapping[str, IntentSpec]


class Score(NamedTuple):
    """Shares: own lines that are right, others' lines that were taken, all that are right."""

    own: float
    taken: float
    right: float
    seconds: float


def base(known: Intents, cache: Path) -> Path:
    """The file of a model of these intents."""
    path = cache / f"en-{fingerprint(known, 'en')}.npz"
    if not path.is_file():
        recipe = recipe_of("en")
        samples = make_samples(known, "en", expansions=recipe.expansions)
        fit(samples, keywords(known, "en"), "en", recipe).save(path)
    return path


def scored(
    skill: str, intents: Intents, lines: Sequence[Line], count: int, seeds: int, path: Path
) -> Score:
    """The mean over the seeds, of one skill beside the others."""
    known = {name: spec for name, spec in intents.items() if spec.skill != skill}
    model = Model.load(path)
    assert model is not None, "it was just made"
    rows = []
    own_labels = {label(name) for name in intents if name not in known}
    for seed in range(seeds):
        new = cut({n: s for n, s in intents.items() if n not in known and s.phrases}, count, seed)
        start = time.perf_counter()
        beside = extend(new, known, path.name, "en")
        spent = time.perf_counter() - start
        looks = WithMore(Alone(model, "en", path), beside, "en")
        said = [answer(LocalRouter(looks, {**known, **new}, "en", ""), x.text) for x in lines]
        pairs = [(line.label, heard) for line, heard in zip(lines, said, strict=True)]
        own = [gold == heard for gold, heard in pairs if gold in own_labels]
        taken = [heard in own_labels for gold, heard in pairs if gold not in own_labels]
        right = [gold == heard for gold, heard in pairs]
        rows.append((statistics.mean(own), statistics.mean(taken), statistics.mean(right), spent))
    return Score(*(statistics.mean(column) for column in zip(*rows, strict=True)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--examples", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "wlm-beside")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    lines, intents = read(args.file), load().intents
    print("examples  skill     own right  taken   all right  training s")
    for count in args.examples:
        rows = []
        for skill in SKILLS:
            path = base({n: s for n, s in intents.items() if s.skill != skill}, args.cache)
            rows.append(scored(skill, intents, lines, count, args.seeds, path))
            print(f"{count:8}  {skill:8}" + _row(rows[-1]), flush=True)
        mean = Score(*(statistics.mean(column) for column in zip(*rows, strict=True)))
        print(f"{count:8}  mean    " + _row(mean), flush=True)


def _row(score: Score) -> str:
    own, taken, right, seconds = score
    return f"  {100 * own:7.1f} %  {100 * taken:4.2f} %  {100 * right:7.2f} %  {seconds:8.2f}"


if __name__ == "__main__":
    main()
