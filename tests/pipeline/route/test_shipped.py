"""The trained model that is shipped belongs to the phrases that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.make_router import SKILLS
from wlm.pipeline.route.local import LocalRouter
from wlm.plugins.manager import load


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_the_five_skills_need_no_training(tmp_path: Path, language: str) -> None:
    router = LocalRouter.train(load(SKILLS).intents, language, tmp_path)
    assert router.kept == "shipped", "run `python -m bench.make_router`"
    assert not list(tmp_path.rglob("*.npz"))
