"""`wlm meeting import` and `export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from plugins.meeting.tests.talk import Talk, at
from wlm.errors import NotFound, WlmError


def call(talk: Talk, *words: str, stdin: bytes | None = None) -> str:
    app = talk.skill.commands(lambda: talk.ctx)
    done = CliRunner().invoke(app, list(words), input=stdin)
    if isinstance(done.exception, WlmError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_out_and_in_again(talk: Talk, tmp_path: Path) -> None:
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    file = tmp_path / "out.ics"
    call(talk, "export", str(file))
    assert file.read_bytes().startswith(b"BEGIN:VCALENDAR")
    said = call(talk, "import", str(file))
    assert said == "0 added, 0 updated, 1 as they were, 0 left out.\n"


def test_by_pipe_and_as_json(talk: Talk) -> None:
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    data = call(talk, "export").encode()
    talk("cancel", title="lunch")
    done = json.loads(call(talk, "import", "-", "--json", stdin=data))
    assert done == {"added": 1, "updated": 0, "unchanged": 0, "skipped": []}


def test_what_is_left_out_is_named(talk: Talk, tmp_path: Path) -> None:
    file = tmp_path / "tasks.ics"
    file.write_text("BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:shop\nEND:VTODO\nEND:VCALENDAR\n")
    assert "left out: shop: it is a task" in call(talk, "import", str(file))


def test_no_such_file(talk: Talk, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing was changed"):
        call(talk, "import", str(tmp_path / "missing.ics"))
