"""A skill from the template works, and what it would take over is seen before it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.registries import only
from wlm import Assistant
from wlm.errors import NotFound, SkillMissing, UsageError
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.plugins.project import load_project, make_project
from wlm.sdk.skill_check import check


class Pantry(Skill):
    """The pantry."""

    @intent(
        examples=["what is in the pantry", "show the pantry list", "read me the pantry list"],
        keywords=["pantry"],
    )
    def look(self, ctx: Context) -> Reply:
        """Say what is there."""
        return Reply("Rice.")


class Thief(Skill):
    """Wants one of the things that the pantry does, and says it in more ways."""

    @intent(
        examples=[
            "show the pantry list",
            "show me the pantry list",
            "please show the pantry list",
        ],
        keywords=["pantry", "list"],
    )
    def steal(self, ctx: Context) -> Reply:
        """Say something else."""
        return Reply("Mine.")


def registry(*skills: type[Skill]) -> Registry:
    return only(**{skill.name: skill for skill in skills})


def test_the_template_passes_its_own_test(tmp_path: Path) -> None:
    make_project("wish_list", tmp_path / "made")
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", ".", "tests"]
    done = subprocess.run(
        command,
        cwd=tmp_path / "made",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "made")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_template_takes_nothing_and_finds_its_own(home: Path, tmp_path: Path) -> None:
    make_project("chore_list", tmp_path / "made")
    new = load_project(tmp_path / "made")
    assert list(new.intents) == ["chore_list.note", "chore_list.show"]
    with Assistant(registry=registry(Pantry)) as assistant:
        report = check(assistant, new)
    assert report.tried >= 3
    assert [each for each in report.moved if each.after in report.intents] == []
    assert report.missed == []
    assert report.languages == dict.fromkeys(("de", "es"), report.intents)


def test_what_would_be_taken_over_is_told(home: Path) -> None:
    with Assistant(registry=registry(Pantry)) as assistant:
        assistant.ask("please show the pantry list")
        report = check(assistant, registry(Thief))
    moved = {(each.before, each.source) for each in report.moved}
    assert ("pantry.look", "example") in moved
    assert ("pantry.look", "history") in moved


def test_what_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_project(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    with pytest.raises(UsageError, match="no entry point"):
        load_project(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname='x'\n[project.entry-points.'wlm.skills']\nx='no_such_module_x:X'\n"
    )
    with pytest.raises(SkillMissing, match="import"):
        load_project(tmp_path)
    with pytest.raises(UsageError, match="name"):
        make_project("Bad Name", tmp_path / "made")
    with pytest.raises(UsageError, match="already"):
        make_project("good", tmp_path)
