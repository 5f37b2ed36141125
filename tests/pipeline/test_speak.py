"""Replies as sound: what is said can be understood, with each engine that is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from wlm.errors import EnvironmentFault
from wlm.pipeline.speak import ProgramSpeaker, find_speaker
from wlm.pipeline.vad import speech

REPLY = "Lunch with Anna, tomorrow at noon,\nis in your calendar."


@pytest.mark.parametrize(("language", "engine"), [("en", "piper"), ("de", "espeak-ng")])
def test_an_engine_speaks(language: str, engine: str) -> None:
    speaker = find_speaker(language)
    assert isinstance(speaker, ProgramSpeaker)
    assert speaker.name == engine
    samples = speaker.synthesise(REPLY)
    [(start, end), *_] = speech(samples)
    assert 1.5 < samples.size / 16_000 < 8
    assert end > start
    assert np.abs(samples).max() > 0.1


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault) as caught:
        find_speaker("fr")
    assert "wlm[speak]" in caught.value.hint


def test_an_engine_that_fails_says_nothing_of_the_text() -> None:
    program = shutil.which("false")
    assert program
    with pytest.raises(EnvironmentFault) as caught:
        ProgramSpeaker("broken", [program]).say("a secret")
    assert "broken" in caught.value.message
    assert "secret" not in str(caught.value.as_dict())


def test_nothing_to_say_starts_nothing() -> None:
    ProgramSpeaker("none", ["/nonexistent"]).say("  \n ")
