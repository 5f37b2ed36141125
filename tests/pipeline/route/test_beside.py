"""A skill beside those of the shipped model, and the closer look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.make_router import SKILLS
from tests.pipeline.route.test_local import LINES, NOW, Garden, Trip, label, some
from wlm.pipeline.route import encoder
from wlm.pipeline.route.encoder import DIMS, Encoder
from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.route.local import LocalRouter
from wlm.pipeline.route.looks import together
from wlm.plugins.manager import load
from wlm.plugins.skill import IntentSpec

FIVE = load(SKILLS).intents


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def both() -> dict[str, IntentSpec]:
    return {**FIVE, **some(Garden, Trip)}


def test_new_skills_are_understood_and_take_nothing_over(
    both: dict[str, IntentSpec], folder: Path
) -> None:
    before = LocalRouter.train(FIVE, "en", folder)
    after = LocalRouter.train(both, "en", folder)
    assert (before.kept, after.kept) == ("shipped", "trained")
    assert after.alone("please water the rose bed") == "garden.water"
    assert after.alone("plan a trip to Oslo with Gwen") == "trip.plan"
    moved = [text for _, text in LINES if before.alone(text) != after.alone(text)]
    assert len(moved) * 100 <= len(LINES), moved


def test_a_new_skill_is_understood_in_words_that_its_examples_lack(
    both: dict[str, IntentSpec], folder: Path
) -> None:
    router = LocalRouter.train(both, "en", folder)
    for text, intent in (
        ("the lawn needs a drink", "garden.water"),
        ("organise a vacation in oslo", "trip.plan"),
    ):
        decision = router.decide(Utterance(text, NOW))
        assert (label(decision), decision.explanation["closer_look"]) == (intent, True)


def test_what_stands_beside_is_kept(both: dict[str, IntentSpec], tmp_path: Path) -> None:
    made = LocalRouter.train(both, "en", tmp_path)
    again = LocalRouter.train(both, "en", tmp_path)
    assert (made.kept, again.kept) == ("trained", "cache")
    for text in ("water the tomatoes", "please water the rose bed", "will it rain"):
        assert made.decide(Utterance(text, NOW)).choices == (
            again.decide(Utterance(text, NOW)).choices
        )


def test_a_skill_that_is_away_costs_no_training(tmp_path: Path) -> None:
    four = {name: spec for name, spec in FIVE.items() if spec.skill != "news"}
    router = LocalRouter.train(four, "en", tmp_path)
    assert router.kept == "shipped"
    assert label(router.decide(Utterance("read me the news", NOW))) == "none"
    assert label(router.decide(Utterance("will it rain tomorrow", NOW))) == "weather.forecast"


def test_the_new_weigh_by_what_the_known_leave() -> None:
    sure, open_, new = [0.98, 0.02], [0.05, 0.95], [0.7, 0.3]
    assert together(sure, new)[0] > 0.8
    assert together(open_, new)[1] > 0.6
    assert together(sure, [0.99, 0.01])[1] > 0.8
    assert sum(together(open_, new)) == pytest.approx(1.0)


def test_the_encoder_reads_in_context() -> None:
    texts = ["i need an umbrella", "will it be raining", "compose a mail to anna"]
    one, near, far = Encoder.load().batch(texts)
    assert one.shape == (DIMS,)
    assert float(np.linalg.norm(one)) == pytest.approx(1.0, abs=1e-4)
    assert one @ near > one @ far
    alone = Encoder.load().sentence(texts[0])
    assert float(alone @ one) > 0.99


def test_the_encoder_takes_any_text() -> None:
    texts = ["", "東京の天気", "🙂", "é" * 3000, "a " * 3000]
    assert np.isfinite(Encoder.load().batch(texts)).all()


def test_what_is_shipped_stays_small() -> None:
    data = Path(encoder.__file__).parent / "data"
    files = [data / name for name in ("encoder.onnx", "vectors.npz", "pieces.txt")]
    assert sum(file.stat().st_size for file in files) < 25e6
