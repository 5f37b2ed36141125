"""A skill's project folder: load it without installing it, or make a new one."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

from wlm.errors import NotFound, SkillMissing, UsageError
from wlm.plugins.manager import GROUP, Registry

_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")


def load_project(folder: Path) -> Registry:
    """The skills that the project in ``folder`` declares, and nothing else.

    Its modules are imported from the folder. Raises ``NotFound``, ``UsageError`` and
    ``SkillMissing`` with the cause.
    """
    try:
        table = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    except OSError:
        raise NotFound(
            f"There is no pyproject.toml in {folder}.", hint="Name the folder of a skill's project."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The pyproject.toml in {folder} cannot be read: {error}.") from None
    points = table.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if not points:
        raise UsageError(f'The project in {folder} has no entry point in the group "{GROUP}".')
    registry = Registry()
    for path in (folder / "src", folder):
        if path.is_dir() and str(path.resolve()) not in sys.path:
            sys.path.insert(0, str(path.resolve()))
    for name, target in points.items():
        module, _, attribute = str(target).partition(":")
        try:
            loaded = import_module(module)
            registry.add(name, getattr(loaded, attribute) if attribute else loaded)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            registry.fault(name, "", "import", error)
    if registry.faults:
        fault = registry.faults[0]
        raise SkillMissing(f"{fault.plugin} failed at {fault.stage}: {fault.reason}")
    return registry


def make_project(name: str, folder: Path) -> list[Path]:
    """Write a working skill ``name`` with a test into ``folder``; the files that were made.

    Raises ``UsageError`` if the name will not do or the folder is not empty.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no skill name.", hint="Lower-case letters, digits, _.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already.", hint="Name another folder with --path.")
    made = []
    for path, text in _files(name).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        made.append(target)
    return made


def _files(name: str) -> dict[str, str]:
    cls = "".join(part.capitalize() for part in name.split("_") if part)
    said = name.replace("_", " ").strip()
    marks = {"NAME": name, "CLASS": cls, "SAID": said}
    return {
        _filled(path, marks): _filled(text, marks)
        for path, text in {
            "pyproject.toml": _PYPROJECT,
            "README.md": _README,
            "wlm_NAME/__init__.py": _INIT,
            "wlm_NAME/skill.py": _SKILL,
            "wlm_NAME/phrases/en.txt": _PHRASES,
            "tests/test_NAME.py": _TEST,
        }.items()
    }


def _filled(text: str, marks: dict[str, str]) -> str:
    return re.sub(r"NAME|CLASS|SAID", lambda mark: marks[mark[0]], text)


_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "wlm-NAME"
version = "0.1.0"
description = "A skill for WLM."
requires-python = ">=3.11"
dependencies = ["wlm>=0.1,<1"]

[project.entry-points."wlm.skills"]
NAME = "wlm_NAME:CLASS"

[tool.hatch.build.targets.wheel]
packages = ["wlm_NAME"]
"""

_README = """\
# wlm-NAME

Say "note milk on the SAID list"; hear "Noted: milk."

    wlm skills test .
    wlm skills install .
"""

_INIT = '''\
"""The skill NAME for WLM."""

from wlm_NAME.skill import CLASS as CLASS
'''

_SKILL = '''\
"""What the skill can do. Names, slots and help are read from the methods below."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from wlm.plugins import Context, Reply, Skill, Slot, intent


class CLASS(Skill):
    """Notes for the SAID list."""

    name = "NAME"

    class Settings(BaseModel):
        """The skill's settings: `wlm skills configure NAME`."""

        shout: bool = Field(False, description="Answer in capitals.")

    @intent(
        examples=[
            "note {thing} on the SAID list",
            "put {thing} on the SAID list",
            "add {thing} to the SAID list",
        ],
        effect="write",
    )
    def note(self, ctx: Context, thing: Annotated[str, Slot("what to note", ask="What?")]) -> Reply:
        """Note something."""
        file = ctx.data_dir / "NAME.txt"
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{ctx.user}\\t{thing}\\n")
        return Reply(self._say(ctx, f"Noted: {thing}."), data={"thing": thing})

    @intent(examples=["what is on the SAID list", "read the SAID list", "show my SAID list"])
    def show(self, ctx: Context) -> Reply:
        """Read what was noted."""
        file = ctx.data_dir / "NAME.txt"
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        rows = (line.split("\\t", 1) for line in lines)
        things = [thing for user, thing in rows if user == ctx.user]
        text = ", ".join(things) or "Nothing is on it."
        return Reply(self._say(ctx, text), data={"things": things})

    def _say(self, ctx: Context, text: str) -> str:
        return text.upper() if ctx.settings.shout else text
'''

_PHRASES = """\
# How people say it: one phrase a line, {slot} marks stand for values. Twenty an intent do well.

[note]
keywords: SAID, SAID list, note
jot {thing} down on the SAID list
{thing} goes on the SAID list
write {thing} on my SAID list

[show]
keywords: SAID, SAID list
list everything on the SAID list
is there anything on my SAID list
"""

_TEST = '''\
"""The skill as the event engine runs it."""

from pathlib import Path

from wlm_NAME import CLASS

from wlm.plugins.testing import asked, context, run


def test_what_is_noted_is_read(tmp_path: Path) -> None:
    skill = CLASS()
    ctx = context(skill, tmp_path)
    assert run(skill, "show", ctx).data == {"things": []}
    assert run(skill, "note", ctx, thing="milk").speech == "Noted: milk."
    assert run(skill, "show", ctx).data == {"things": ["milk"]}


def test_others_see_nothing(tmp_path: Path) -> None:
    skill = CLASS()
    run(skill, "note", context(skill, tmp_path), thing="milk")
    assert run(skill, "show", context(skill, tmp_path, user="other")).data == {"things": []}


def test_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    skill = CLASS()
    assert asked(skill, "note", context(skill, tmp_path)).text == "What?"
'''
