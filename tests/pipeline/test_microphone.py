"""When a recording begins and when it ends, fed from files through the real detector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.sound import SAMPLES, wav_pcm
from wlm.errors import BadAudio, EnvironmentFault, NothingHeard, UsageError
from wlm.pipeline.audio import decode
from wlm.pipeline.microphone import FileMicrophone
from wlm.pipeline.recorder import FRAME, record

LIMITS = {"max_bytes": 10**8, "max_seconds": 600.0}
SPOKEN = ("lunch_with_anna", "agenda_tomorrow", "rain_on_sunday", "headlines", "weather_in_paris")


def sample(name: str) -> NDArray[np.float32]:
    return decode(SAMPLES / f"{name}.flac", **LIMITS).samples


def quiet(seconds: float) -> NDArray[np.float32]:
    floor = np.random.default_rng(7).standard_normal(round(seconds * 16_000)) * 1e-4
    return floor.astype(np.float32)


def noise(seconds: float) -> NDArray[np.float32]:
    return np.resize(sample("noise"), round(seconds * 16_000))


def frames(*parts: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    samples = np.concatenate(parts)
    return iter([samples[at : at + FRAME] for at in range(0, samples.size, FRAME)])


@pytest.mark.parametrize("name", SPOKEN)
def test_it_stops_soon_after_the_speech_and_keeps_all_of_it(name: str) -> None:
    said = sample(name)
    taken = frames(quiet(2), said, quiet(5))
    recording = record(taken)
    left = sum(frame.size for frame in taken) / 16_000
    stopped = 2 + said.size / 16_000 + 5 - left
    loud = np.flatnonzero(np.abs(said) > 0.02)
    assert recording.ended == "silence"
    assert 0.4 < stopped - (2 + loud[-1] / 16_000) < 1.0
    assert stopped - recording.seconds < 2 + loud[0] / 16_000 - 0.1, "the first word is cut"


def test_steady_noise_does_not_keep_it_open() -> None:
    said = sample("lunch_with_anna")
    mixed = np.concatenate((quiet(1), said, quiet(8))) + 0.6 * noise(9 + said.size / 16_000)
    taken = frames(mixed.astype(np.float32))
    recording = record(taken)
    left = sum(frame.size for frame in taken) / 16_000
    stopped = mixed.size / 16_000 - left
    assert recording.ended == "silence"
    assert stopped - (1 + np.flatnonzero(np.abs(said) > 0.02)[-1] / 16_000) < 1.0


def test_a_longer_silence_bridges_a_pause() -> None:
    said = sample("agenda_tomorrow")
    parts = (said, quiet(0.3), said, quiet(3))  # 1.1 s between the words
    assert record(frames(*parts), end_silence_ms=500).seconds < 4
    assert record(frames(*parts), end_silence_ms=1800).seconds > 5


def test_two_requests_are_two_recordings() -> None:
    taken = frames(sample("headlines"), quiet(1), sample("phone_number"), quiet(1))
    first, second = record(taken), record(taken)
    assert first.seconds + second.seconds < 7.5
    with pytest.raises(NothingHeard):
        record(taken)


@pytest.mark.parametrize("name", ["silence", "noise"])
def test_nobody_speaks(name: str) -> None:
    with pytest.raises(NothingHeard, match="I heard nothing"):
        record(frames(sample(name)))


def test_it_does_not_wait_for_ever() -> None:
    taken = frames(quiet(10))
    with pytest.raises(NothingHeard):
        record(taken, wait_seconds=4)
    assert sum(frame.size for frame in taken) / 16_000 == pytest.approx(6, abs=0.1)


def test_an_endless_talker_is_cut_at_the_limit() -> None:
    said = sample("two_requests")[6400:-6400]
    recording = record(frames(*[said] * 10), max_seconds=8)
    assert recording.ended == "limit"
    assert recording.seconds == pytest.approx(8, abs=0.1)


def test_the_end_of_a_file_ends_the_request() -> None:
    said = sample("lunch_with_anna")
    recording = record(frames(said[: round(2.5 * 16_000)]))
    assert recording.ended == "closed"
    assert recording.seconds > 1.9


def test_levels_are_told() -> None:
    levels: list[float] = []
    record(frames(sample("headlines"), quiet(1)), on_level=levels.append)
    assert min(levels) < -70
    assert -20 < max(levels) < 0


def test_a_file_takes_the_microphones_place(tmp_path: Path) -> None:
    source = FileMicrophone(SAMPLES / "lunch_with_anna.flac", **LIMITS)
    parts = list(source.frames())
    np.testing.assert_array_equal(np.concatenate(parts), sample("lunch_with_anna"))
    assert {part.size for part in parts[:-1]} == {FRAME}
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(BadAudio):
        list(FileMicrophone(tmp_path / "text.wav", **LIMITS).frames())


def test_a_file_that_is_cut_off_says_so(tmp_path: Path) -> None:
    whole = wav_pcm(sample("lunch_with_anna"))
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 3 // 4])
    source = FileMicrophone(tmp_path / "cut.wav", **LIMITS)
    assert record(source.frames()).ended == "closed"
    assert source.truncated


def test_a_wake_word_wakes_and_other_words_do_not() -> None:
    from wlm.pipeline.wake import WakeWord

    assert any(map(WakeWord("Okay Nabu").heard, frames(sample("okay_nabu"))))
    for name in SPOKEN:
        assert not any(map(WakeWord("okay_nabu").heard, frames(sample(name)))), name


def test_an_unknown_wake_word() -> None:
    from wlm.pipeline.wake import WakeWord

    with pytest.raises(UsageError) as caught:
        WakeWord("abracadabra")
    assert "okay_nabu" in caught.value.hint


def test_a_microphone_that_is_not_there() -> None:
    from wlm.pipeline.microphone import Microphone

    with pytest.raises(EnvironmentFault, match="microphone"), Microphone("no such device"):
        pass
