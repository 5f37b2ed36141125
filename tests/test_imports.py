"""What a cold start may load: a typed request imports no engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ENGINES = {
    "av", "ctranslate2", "dateparser", "faster_whisper", "httpx", "huggingface_hub", "keyring",
    "onnxruntime", "openai", "piper", "sounddevice", "tokenizers", "flask", "alembic", "feedparser",
    "vobject", "numpy", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql", "imaplib", "smtplib",
}  # fmt: skip
LIGHT = ENGINES | {"sqlalchemy", "pydantic", "rapidfuzz", "pluggy", "icalendar"}

PROGRAM = """
import sys
sys.argv = ["wlm", *{arguments!r}]
from wlm.cli import boundary
from wlm.cli.main import run
try:
    run()
except SystemExit as stop:
    code = stop.code or 0
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def loaded(*arguments: str) -> set[str]:
    """The modules that one `wlm` process has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=list(arguments))],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_version_and_help_load_next_to_nothing(home: Path, flag: str) -> None:
    assert not loaded(flag) & LIGHT


@pytest.mark.parametrize(
    "command", [["ask", "what meetings do I have tomorrow"], ["events", "list"]]
)
def test_a_typed_request_loads_no_engine(home: Path, command: list[str]) -> None:
    loaded(*command)  # makes the database and the router
    assert not loaded(*command) & ENGINES


def test_public_names() -> None:
    import wlm

    for name in wlm.__all__:
        assert getattr(wlm, name) is not None
    with pytest.raises(AttributeError):
        _ = wlm.nothing
