from __future__ import annotations

import numpy as np
import pytest

from wlm.errors import Cancelled
from wlm.pipeline import vad

SILENCE = np.zeros(32_000, np.float32)


def test_speech_is_found_where_it_is(recording):
    clip = recording("timer")
    sound = np.concatenate((SILENCE, clip, SILENCE, clip, SILENCE))
    found = vad.speech(sound)
    assert found[0][0] == pytest.approx(32_000, abs=4_800)
    assert found[-1][1] == pytest.approx(32_000 * 2 + 2 * len(clip), abs=9_600)
    quiet = slice(32_000 + len(clip) + 3_200, 64_000 + len(clip) - 3_200)
    assert not any(start < quiet.stop and quiet.start < end for start, end in found)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 80_000])
def test_silence_is_no_speech(length):
    assert vad.speech(np.zeros(length, np.float32)) == []


def test_noise_and_clicks_are_no_speech(noise):
    clicks = np.zeros(80_000, np.float32)
    clicks[::8_000] = 0.9
    assert vad.speech(noise) == []
    assert vad.speech(clicks) == []


@pytest.mark.parametrize("piece", [160, 480, 512, 4_001])
def test_a_stream_hears_what_the_whole_holds(recording, piece):
    clip = recording("weather")
    stream = vad.Stream()
    heard = [p for i in range(0, len(clip), piece) for p in stream.feed(clip[i : i + piece])]
    np.testing.assert_allclose(heard, vad.probabilities(clip)[: len(heard)], atol=1e-3)
    assert len(heard) == len(clip) // vad.FRAME


def marks(endpointer: vad.Endpointer, sound, piece=480) -> list[str]:
    return [endpointer.feed(sound[i : i + piece]) for i in range(0, len(sound), piece)]


@pytest.mark.parametrize("silence_ms", [300, 500, 900])
def test_a_request_ends_after_the_silence_that_was_set(recording, silence_ms):
    clip = recording("timer")
    heard = marks(vad.Endpointer(silence_ms), np.concatenate((SILENCE, clip, SILENCE)))
    assert heard.count("end") == 1
    assert heard[: 32_000 // 480] == ["silence"] * (32_000 // 480)
    end = heard.index("end") * 0.03
    spoken = vad.speech(np.concatenate((SILENCE, clip, SILENCE)))[-1][1] / 16_000
    assert end == pytest.approx(spoken + silence_ms / 1000, abs=0.2)


def test_after_an_end_the_next_request_is_heard(recording):
    clip = recording("weather")
    heard = marks(vad.Endpointer(500), np.concatenate((clip, SILENCE, clip, SILENCE)))
    assert heard.count("end") == 2


def test_noise_starts_nothing(noise):
    assert set(marks(vad.Endpointer(500), noise)) == {"silence"}


def test_it_is_asked_on_the_way_whether_anybody_waits() -> None:
    looks: list[None] = []

    def check() -> None:
        looks.append(None)
        if len(looks) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        vad.probabilities(np.zeros(300 * 16_000, np.float32), check)
    assert len(looks) == 3
