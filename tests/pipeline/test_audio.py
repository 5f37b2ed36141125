"""Recordings of every kind, whole, cut, lying and hostile."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sound import SAMPLES, convert, tone, wav, wav_float, wav_pcm
from wlm.errors import BadAudio, NotFound, TooLarge, WlmError
from wlm.pipeline.audio import Audio, Resampler, decode, iter_blocks
from wlm.pipeline.containers import recognise

FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "m4a", "aac", "webm", "aiff")
OPTIONS = {"webm": ("-c:a", "libopus"), "opus": ("-ar", "48000")}


def load(source: Path | bytes, *, max_bytes: int = 10**8, max_seconds: float = 600) -> Audio:
    reader = io.BytesIO(source) if isinstance(source, bytes) else source
    return decode(reader, max_bytes=max_bytes, max_seconds=max_seconds)


def pitch(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 16_000 / samples.size)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a stereo tone at 44.1 kHz in every format."""
    folder = tmp_path_factory.mktemp("formats")
    stereo = np.repeat(tone(3, 44_100), 2)
    (folder / "source.wav").write_bytes(wav_pcm(stereo, rate=44_100, channels=2))
    for name in FORMATS:
        convert(folder / "source.wav", folder / f"tone.{name}", *OPTIONS.get(name, ()))
    return folder


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives little at a time, as a socket does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1000))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_sound(folder: Path, name: str) -> None:
    audio = load(folder / f"tone.{name}")
    assert audio.samples.dtype == np.float32
    assert audio.seconds == audio.samples.size / 16_000 == pytest.approx(3, abs=0.1)
    assert not audio.truncated
    assert pitch(audio.samples) == pytest.approx(440, abs=2)
    assert float(np.sqrt(np.mean(audio.samples[8000:40000] ** 2))) == pytest.approx(0.354, rel=0.1)


@pytest.mark.parametrize("name", FORMATS)
def test_the_name_of_a_file_does_not_matter(folder: Path, name: str, tmp_path: Path) -> None:
    renamed = tmp_path / "recording.txt"
    renamed.write_bytes((folder / f"tone.{name}").read_bytes())
    assert load(renamed).seconds == load(folder / f"tone.{name}").seconds


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "m4a"])
def test_a_part_of_a_file_gives_what_is_there_and_says_so(folder: Path, name: str) -> None:
    data = (folder / f"tone.{name}").read_bytes()
    audio = load(data[: len(data) * 4 // 5])
    assert audio.truncated
    assert 0.3 < audio.seconds < 2.8
    assert pitch(audio.samples) == pytest.approx(440, abs=4)


def test_an_m4a_without_its_index_cannot_be_decoded(folder: Path) -> None:
    data = (folder / "tone.m4a").read_bytes()
    with pytest.raises(BadAudio, match="header is damaged"):
        load(data[: len(data) // 2])


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "m4a"])
def test_a_pipe_that_cannot_seek(folder: Path, name: str) -> None:
    pipe = Pipe((folder / f"tone.{name}").read_bytes())
    audio = decode(pipe, max_bytes=10**7, max_seconds=60)
    assert audio.seconds == pytest.approx(3, abs=0.1)
    assert not audio.truncated


def test_the_length_placeholder_of_a_live_wav_is_no_truncation() -> None:
    whole = bytearray(wav_pcm(tone(1)))
    whole[4:8] = whole[40:44] = b"\xff\xff\xff\xff"
    assert load(bytes(whole)).truncated is False


def test_blocks_are_the_whole(folder: Path) -> None:
    blocks = iter_blocks(folder / "tone.flac", max_bytes=10**7, max_seconds=60)
    parts = list(blocks)
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate(parts), load(folder / "tone.flac").samples)


def test_the_sound_track_of_a_film(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    command = "ffmpeg -v error -f lavfi -i testsrc=s=64x64:d=2 -f lavfi -i sine=440:d=2 -shortest"
    subprocess.run([*command.split(), str(film)], check=True)
    assert pitch(load(film).samples) == pytest.approx(440, abs=2)


def test_a_film_without_sound(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    command = "ffmpeg -v error -f lavfi -i testsrc=s=64x64:d=1"
    subprocess.run([*command.split(), str(film)], check=True)
    with pytest.raises(BadAudio, match="no sound track"):
        load(film)


def test_what_is_not_a_number_becomes_silence_or_full_scale() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[[10, 20, 30, 40]] = np.nan, np.inf, -np.inf, 1e30
    audio = load(wav_float(samples))
    assert audio.samples[[10, 20, 30, 40]].tolist() == [0, 1, -1, 1]


@pytest.mark.parametrize("rate", [1000, 8000, 11_025, 44_101, 192_000])
def test_odd_rates(rate: int) -> None:
    audio = load(wav_pcm(tone(2, rate, 200), rate=rate))
    assert audio.seconds == pytest.approx(2, abs=0.01)
    assert pitch(audio.samples) == pytest.approx(200, abs=1)


@pytest.mark.parametrize("rate", [1, 999, 4_000_000])
def test_impossible_rates(rate: int) -> None:
    with pytest.raises(BadAudio, match="sample rate"):
        load(wav_pcm(tone(1), rate=rate))


@pytest.mark.parametrize("channels", [2, 6, 7, 24])
def test_channels_are_averaged(channels: int) -> None:
    each = np.linspace(-0.5, 1, channels, dtype=np.float32)
    audio = load(wav_float(np.tile(each, 8000), channels=channels))
    assert audio.seconds == 0.5
    np.testing.assert_allclose(audio.samples, each.mean(), atol=1e-6)


def test_widths() -> None:
    assert load(wav(bytes([255]) * 16_000, bits=8)).samples.max() == pytest.approx(127 / 128)
    assert load(wav(b"\0\0\x40" * 16_000, bits=24)).samples.max() == pytest.approx(0.5)
    assert load(wav(b"\0\0\0\xc0" * 16_000, bits=32)).samples.min() == pytest.approx(-0.5)


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path / "none" / "x.wav", tmp_path / "nul\0.wav"):
        with pytest.raises(NotFound, match="There is no file"):
            load(path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    with pytest.raises(BadAudio, match=r"empty\.wav is empty"):
        load(tmp_path / "empty.wav")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="is a folder"):
        load(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"these are words, not samples\n" * 100,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        np.random.default_rng(1).integers(-9, 9, 50_000, dtype="<i2").tobytes(),
        b"RIFF",
        b"\xff\xff" * 1000,
    ],
    ids=["text", "playlist", "concat", "raw samples", "a magic word", "ones"],
)
def test_what_is_no_recording(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_bytes(data)
    with pytest.raises(BadAudio, match=r"text\.wav could not be decoded"):
        load(tmp_path / "text.wav")


def test_a_header_without_samples() -> None:
    with pytest.raises(BadAudio, match="holds no sound"):
        load(wav(b""))


def test_a_small_file_that_claims_hours_is_taken_for_what_it_holds() -> None:
    lying = bytearray(wav_pcm(tone(0.1)))
    lying[4:8] = lying[40:44] = (0x4000_0000).to_bytes(4, "little")
    audio = load(bytes(lying), max_seconds=10)
    assert audio.seconds == pytest.approx(0.1)
    assert audio.truncated


def test_more_bytes_than_allowed(tmp_path: Path) -> None:
    with (tmp_path / "large.wav").open("wb") as out:
        out.write(wav_pcm(tone(1)))
        out.truncate(1_000_000_000)
    with pytest.raises(TooLarge, match=r"larger than 500\.0 MB"):
        load(tmp_path / "large.wav", max_bytes=500_000_000)


def test_bytes_are_counted_while_they_come() -> None:
    data = wav_pcm(tone(10))
    with pytest.raises(TooLarge, match="larger than"):
        decode(Pipe(data), max_bytes=200_000, max_seconds=60)
    with pytest.raises(TooLarge, match="larger than"):
        load(data, max_bytes=200_000)
    assert load(data, max_bytes=len(data)).seconds == 10


def test_a_pipe_in_the_file_system(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    data = wav_pcm(tone(1))
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    writer.start()
    assert load(tmp_path / "pipe").seconds == 1
    writer.join()


def test_longer_than_allowed() -> None:
    data = wav_pcm(tone(10))
    assert load(data, max_seconds=10).seconds == 10
    with pytest.raises(TooLarge, match="longer than 9 seconds"):
        load(data, max_seconds=9)


BOMB = """
import resource, sys
from pathlib import Path
from wlm.errors import TooLarge
from wlm.pipeline.audio import decode
import av
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(Path(sys.argv[1]), max_bytes=10**8, max_seconds=60)
except TooLarge:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_bomb_costs_no_more_memory_than_the_limit_allows(tmp_path: Path) -> None:
    """Half an hour of silence: 300 kB of FLAC, 691 MB of stereo samples."""
    bomb = tmp_path / "bomb.flac"
    source = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=1800"]
    subprocess.run(["ffmpeg", "-v", "error", *source, str(bomb)], check=True)
    assert bomb.stat().st_size < 500_000
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(bomb)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 60


def test_an_hour_does_not_take_twice_their_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    source = ["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=3600"]
    subprocess.run(["ffmpeg", "-v", "error", *source, str(path)], check=True)
    code = BOMB.replace("max_seconds=60)", "max_seconds=7200); raise TooLarge")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1.5 * 3600 * 16_000 * 4 / 2**20


def test_a_resampler_has_no_seams() -> None:
    whole = tone(1, 48_000)
    at_once, in_pieces = Resampler(48_000), Resampler(48_000)
    expected = np.concatenate((at_once.feed(whole), at_once.flush()))
    parts = [in_pieces.feed(whole[i : i + 1536]) for i in range(0, whole.size, 1536)]
    np.testing.assert_allclose(np.concatenate((*parts, in_pieces.flush())), expected, atol=1e-6)
    assert expected.size == 16_000


def test_headers_are_recognised() -> None:
    assert recognise(b"ID3\x04\0\0\0\0\0\x02xxfLaC") == "flac"
    assert recognise(b"ID3\x04\0\0\0\0\0\x02xx\xff\xfb\x90\x64") == "mp3"
    assert recognise(b"RIFF\0\0\0\0AVI ") is None
    assert recognise(b"") is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(("lunch_with_anna.flac", "silence.flac")),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6
    ),
)
def test_damage_ends_in_sound_or_in_a_clear_error(
    name: str, cuts: list[tuple[float, bytes]]
) -> None:
    data = bytearray((SAMPLES / name).read_bytes())
    for where, junk in cuts:
        at = int(where * (len(data) - 1))
        data[at : at + len(junk)] = junk
    try:
        audio = load(bytes(data), max_seconds=30)
    except WlmError as error:
        assert error.exit_code == 2
    else:
        assert np.isfinite(audio.samples).all()
