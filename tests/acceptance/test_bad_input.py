"""Bad input, case by case, as whole processes; the docs page is the table of expectations."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import command as program
from tests.support.http_server import HttpServer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/when-something-goes-wrong.md"
ROW = re.compile(r"^\| (?P<case>[^|]+?) \| (?P<code>\d+) \| (?P<words>[^|]+?) \|$", re.M)
SAMPLE = ROOT / "samples/lunch_with_anna.flac"
WLM = str(Path(sys.executable).with_name("wlm"))

Setup = Callable[[Path], tuple[list[str], dict[str, str]]]
CASES: dict[str, Setup] = {}


GAZETTEER = HttpServer()


@pytest.fixture(scope="module", autouse=True)
def _gazetteer() -> Iterator[None]:
    """A gazetteer that knows no place, in the provider's shape."""
    with GAZETTEER:
        GAZETTEER.route("/search", body=b'{"generationtime_ms": 0.5}')
        yield


def case(name: str) -> Callable[[Setup], Setup]:
    """Register how a row of the page is brought about: command and environment."""

    def mark(setup: Setup) -> Setup:
        CASES[name] = setup
        return setup

    return mark


def wlm(home: Path, *arguments: str) -> None:
    """Prepare a home with a command that has to work."""
    environment = {**os.environ, "WLM_HOME": str(home)}
    program.run(arguments, environment=environment, folder=home).check_returncode()


def in_mount(options: str, home: Path, *arguments: str, setup: str = "true") -> list[str]:
    """The command in a mount namespace where ``home`` is a tmpfs of its own."""
    user = [] if os.geteuid() == 0 else ["-r"]
    script = f'mount -t tmpfs tmpfs "$1" && {setup} && mount -o remount,{options} "$1" && shift'
    return [
        "unshare",
        *user,
        "-m",
        "sh",
        "-c",
        f'{script} && exec "$@"',
        "sh",
        str(home),
        WLM,
        *arguments,
    ]


@case("no such file")
def _(home: Path):
    return [WLM, "listen", "--file", str(home / "none.wav")], {}


@case("an empty file")
def _(home: Path):
    (home / "empty.wav").touch()
    return [WLM, "transcribe", str(home / "empty.wav")], {}


@case("a text file named .wav")
def _(home: Path):
    (home / "text.wav").write_text("these are words, not samples\n" * 50)
    return [WLM, "transcribe", str(home / "text.wav")], {}


@case("truncated audio")
def _(home: Path):
    whole = SAMPLE.read_bytes()
    (home / "cut.flac").write_bytes(whole[: len(whole) * 3 // 4])
    return [WLM, "transcribe", str(home / "cut.flac")], {}


@case("a recording longer than the limit")
def _(home: Path):
    with wave.open(str(home / "long.wav"), "wb") as out:
        out.setparams((1, 1, 8000, 0, "NONE", ""))
        for _ in range(2 * 60 + 1):
            out.writeframes(b"\x80" * 8000 * 60)
    return [WLM, "transcribe", str(home / "long.wav")], {}


@case("a file larger than the limit")
def _(home: Path):
    with (home / "large.wav").open("wb") as out:
        out.truncate(1_000_000_000)
    return [WLM, "transcribe", str(home / "large.wav")], {}


@case("no microphone")
def _(home: Path):
    # No sound server and no card: a machine in a rack.
    return [WLM, "listen", "--once"], {"PULSE_SERVER": "unix:/nonexistent"}


@case("no speech model")
def _(home: Path):
    return [WLM, "listen", "--file", str(SAMPLE)], {"WLM_STT_MODEL": "small"}


@case("silence")
def _(home: Path):
    with wave.open(str(home / "silence.wav"), "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(b"\0\0" * 16000 * 3)
    return [WLM, "listen", "--file", str(home / "silence.wav")], {}


@case("an unknown person")
def _(home: Path):
    return [WLM, "ask", "what's Zebedee Quux's phone number"], {}


@case("an unknown place")
def _(home: Path):
    asked = [WLM, "ask", "what's the weather in Nowhereville"]
    return asked, {
        "WLM_OFFLINE": "0",
        "WLM_SKILL_WEATHER__GEOCODING_URL": GAZETTEER.url + "/search",
    }


@case("a time in the past")
def _(home: Path):
    return [WLM, "ask", "schedule a meeting called budget yesterday at noon"], {}


@case("an ambiguous name")
def _(home: Path):
    wlm(home, "ask", "add Tom Baker to my contacts, phone 030 5550 1111")
    wlm(home, "ask", "add Tom Miller to my contacts, phone 030 5550 2222")
    return [WLM, "ask", "what's Tom's phone number", "--conversation", "another"], {}


@case("no skill installed")
def _(home: Path):
    return [WLM, "ask", "what meetings do I have tomorrow"], {"WLM_PLUGINS": "-"}


@case("nothing that a skill serves")
def _(home: Path):
    return [WLM, "ask", "how do I prune an apple tree"], {}


@case("a home that cannot be written")
def _(home: Path):
    return in_mount("ro", home, "ask", "what meetings do I have tomorrow"), {}


@case("a full disk")
def _(home: Path):
    fill = 'dd if=/dev/zero of="$1/filler" bs=64k 2>/dev/null; true'
    return in_mount(
        "size=1m", home, "ask", "meetings tomorrow", setup=f'mount -o remount,size=1m "$1"; {fill}'
    ), {}


@case("a file that is no database")
def _(home: Path):
    (home / "data").mkdir()
    (home / "data" / "wlm.db").write_text("this is no database\n" * 400)
    return [WLM, "events", "list"], {}


@case("a database from a newer version")
def _(home: Path):
    wlm(home, "ask", "what meetings do I have tomorrow")
    with sqlite3.connect(home / "data" / "wlm.db") as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    connection.close()
    return [WLM, "events", "list"], {}


@case("broken TOML")
def _(home: Path):
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("language = \n")
    return [WLM, "config", "show"], {}


@case("an unknown setting")
def _(home: Path):
    return [WLM, "config", "set", "languge", "de"], {}


@case("a value that does not fit")
def _(home: Path):
    return [WLM, "events", "list"], {"WLM_END_SILENCE_MS": "soon"}


@case("an unknown command")
def _(home: Path):
    return [WLM, "dance"], {}


ROWS = {m["case"]: m for m in ROW.finditer(PAGE.read_text("utf-8")) if not m["case"].isdigit()}


def test_the_page_and_the_cases_are_the_same() -> None:
    assert set(ROWS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, home: Path) -> None:
    expected = ROWS[name]
    command, environment = CASES[name](home)
    environment = {**os.environ, "WLM_OFFLINE": "1", **environment}
    if command[0] == WLM:
        done = program.run(command[1:], environment=environment, folder=home)
    else:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    said = done.stdout + done.stderr
    assert (done.returncode, expected["words"].casefold() in said.casefold()) == (
        int(expected["code"]),
        True,
    ), said
    assert "Traceback" not in said
