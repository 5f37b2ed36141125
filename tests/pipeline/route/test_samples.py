"""What a skill with few examples is trained from, and what comes of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wlm.pipeline.route.interface import NONE, Utterance
from wlm.pipeline.route.local import LocalRouter
from wlm.pipeline.route.samples import make_samples
from wlm.plugins.manager import load
from wlm.plugins.skill import IntentSpec, Phrases

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def first(count: int) -> dict[str, IntentSpec]:
    """The five skills with ``count`` of their examples, spread over them."""
    found = {}
    for name, spec in load().intents.items():
        english = spec.phrases["en"]
        step = max(1, len(english.examples) // count)
        few = Phrases(english.examples[::step][:count], english.keywords)
        found[name] = spec._replace(phrases={"en": few})
    return found


@pytest.mark.parametrize(("count", "times"), [(5, 12), (20, 5), (60, 2)])
def test_the_fewer_examples_the_oftener_are_they_filled_in(count: int, times: int) -> None:
    samples = make_samples(first(count), "en", pool=False)
    rows = Counter(sample.group for sample in samples if sample.intent == "meeting.create")
    assert max(rows.values()) == times


def test_rows_that_stand_for_what_is_known_are_made_once() -> None:
    samples = make_samples(first(5), "en", expansions=1, pool=False)
    assert max(Counter((sample.intent, sample.group) for sample in samples).values()) == 1


def test_five_examples_an_intent_go_far(tmp_path: Path) -> None:
    router = LocalRouter.train(first(5), "en", tmp_path)
    file = Path(__file__).parent / "utterances.tsv"
    lines = [line.split("\t") for line in file.read_text("utf-8").splitlines()]
    right = 0
    for intent, text in lines:
        decision = router.decide(Utterance(text, NOW))
        said = decision.choices[0].intent if decision.choices else NONE
        right += said.partition(".")[0] == intent.partition(".")[0]
    assert right >= 0.85 * len(lines)
