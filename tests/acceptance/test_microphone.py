"""`wlm listen` on a real sound device: a recording in, a Turn out, in time.

The device is a PulseAudio server of the test's own whose loudspeaker is its microphone,
so WLM hears what is played, and would hear itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.pulse import SoundServer, sound_server
from tests.support.sound import SAMPLES, wav_pcm
from wlm.pipeline.audio import decode

pytestmark = pytest.mark.alone

WLM = str(Path(sys.executable).with_name("wlm"))
LUNCH = SAMPLES / "lunch_with_anna.flac"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    with sound_server(tmp_path_factory.mktemp("room")) as server:
        yield server


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all, because a router is trained in it once; each test has its database."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run(
        [WLM, "route", "what meetings do I have tomorrow"],
        env={**os.environ, "WLM_HOME": str(home)},
        check=True,
        capture_output=True,
    )
    return home


@pytest.fixture
def environment(home: Path, shared_home: Path) -> dict[str, str]:
    """Settings of the listener; its recordings are kept, to be measured."""
    return {
        "WLM_HOME": str(shared_home),
        "WLM_DATABASE_URL": f"sqlite:///{home / 'wlm.db'}",
        "WLM_OFFLINE": "1",
        "WLM_KEEP_RECORDINGS": "1",
    }


def samples(path: Path) -> NDArray[np.float32]:
    return decode(path, max_bytes=10**8, max_seconds=600).samples


def recorded_after(environment: dict[str, str], turn: str, spoken: NDArray[np.float32]) -> float:
    """Seconds that were recorded after the last word, by the recording itself.

    Where the speech lies in it is found by correlation, so that noise does not matter.
    """
    kept = Path(environment["WLM_HOME"]) / f"{turn}.wav"
    command = [str(Path(sys.executable).with_name("wlm")), "db", "recording", turn, str(kept)]
    subprocess.run(command, env={**os.environ, **environment}, check=True)
    heard = samples(kept)
    words = spoken[np.flatnonzero(np.abs(spoken) > 0.02)[0] :]
    last = np.flatnonzero(np.abs(words) > 0.02)[-1]
    size = heard.size + words.size
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(words, size).conj(), size)
    start = int(match[: heard.size].argmax())
    return (heard.size - start - last) / 16_000


def test_a_spoken_request_is_done_and_recording_stops_within_a_second(
    room: SoundServer, environment: dict[str, str]
) -> None:
    with room.recorder(WLM, "listen", "--once", "--json", **environment) as listener:
        room.play(LUNCH)
        out, err = listener.communicate(timeout=240)
    assert listener.returncode == 0, err
    turn = json.loads(out)
    assert turn["text"] == "Schedule lunch with Anna tomorrow at noon."
    [action] = turn["actions"]
    assert action["route"]["intent"] == "meeting.create"
    assert action["route"]["slots"]["people"] == ["Anna"]
    assert "T12:00:00" in action["route"]["slots"]["start"]
    assert action["event"]["state"] == "succeeded"
    assert turn["timings_ms"]["record"] < 4000
    assert 0.3 < recorded_after(environment, turn["id"], samples(LUNCH)) < 1.0


def test_a_fan_in_the_room_does_not_keep_it_listening(
    room: SoundServer, environment: dict[str, str], tmp_path: Path
) -> None:
    said = samples(LUNCH)
    fan = np.resize(samples(SAMPLES / "noise.flac"), said.size + 6 * 16_000)
    mixed = 0.6 * fan + np.pad(said, (16_000, 5 * 16_000))
    (tmp_path / "fan.wav").write_bytes(wav_pcm(mixed.astype(np.float32)))
    with room.recorder(WLM, "listen", "--once", "--json", **environment) as listener:
        room.play(tmp_path / "fan.wav")
        out, err = listener.communicate(timeout=240)
    assert listener.returncode == 0, err
    turn = json.loads(out)
    assert turn["actions"][0]["route"]["intent"] == "meeting.create"
    assert 0.3 < recorded_after(environment, turn["id"], said) < 1.0


def test_it_speaks_without_hearing_itself_and_ctrl_c_ends_it(
    room: SoundServer, environment: dict[str, str]
) -> None:
    with room.recorder(WLM, "listen", "--json", "--speak", **environment) as listener:
        assert listener.stdout
        room.play(LUNCH)
        first = json.loads(listener.stdout.readline())
        spoken(room, listener)
        room.play(SAMPLES / "agenda_tomorrow.flac")
        second = json.loads(listener.stdout.readline())
        spoken(room, listener)
        listener.send_signal(signal.SIGINT)
        rest, err = listener.communicate(timeout=60)
    assert [first["text"], second["text"]] == [
        "Schedule lunch with Anna tomorrow at noon.",
        "What meetings do I have tomorrow?",
    ]
    assert first["conversation"] == second["conversation"]
    assert rest == "", "it answered itself"
    assert listener.returncode == 0, err
    assert "Traceback" not in err


def spoken(room: SoundServer, listener: subprocess.Popen[str]) -> None:
    """Wait until WLM has begun and ended to speak."""
    for there in (True, False):
        while bool(room.run("pactl", "list", "short", "sink-inputs")) != there:
            assert listener.poll() is None
            time.sleep(0.05)


def test_ctrl_c_before_a_word_was_said(room: SoundServer, environment: dict[str, str]) -> None:
    with room.recorder(WLM, "listen", "--once", **environment) as listener:
        listener.send_signal(signal.SIGINT)
        out, err = listener.communicate(timeout=60)
    assert (listener.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_the_doctor_names_the_devices(room: SoundServer, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [WLM, "doctor", "audio"],
        env={**room.environment, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "microphone (default)" in done.stdout
    assert done.stderr == ""


def test_a_microphone_that_goes_away(environment: dict[str, str], tmp_path: Path) -> None:
    with sound_server(tmp_path) as room:
        with room.recorder(WLM, "listen", "--once", **environment) as listener:
            room.run("pulseaudio", "--kill")
            _, err = listener.communicate(timeout=60)
        room.start()
    assert listener.returncode == 1
    assert "microphone gives no sound" in err
