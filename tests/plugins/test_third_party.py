"""Plugins in distributions of their own: one that works, and four that do not.

Each is made in a temporary folder and pip-installed there; `wlm` runs as a whole process
that sees that folder, so nothing of this repository knows of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "wlm-{name}"
version = "1.0"
dependencies = ["{need}"]
[project.entry-points."wlm.skills"]
{name} = "wlm_{name}:{target}"
[tool.hatch.build.targets.wheel]
packages = ["wlm_{name}"]
"""

LAMP = """
from typing import Literal
from wlm.plugins import Context, Reply, Skill, intent

class Lamp(Skill):
    '''The lamp in the hall.'''

    @intent(
        examples=["turn the hall lamp {state}", "switch {state} the lamp in the hall",
                  "hall lamp {state}", "make the hall lamp go {state}", "lamp {state} please"],
        keywords=["lamp"], effect="write")
    def switch(self, ctx: Context, state: Literal["on", "off"]) -> Reply:
        '''Switch the hall lamp.'''
        return Reply(f"The lamp is {state}.", data={"state": state})
"""

RAISES_AT_RUN_TIME = (
    LAMP.replace("class Lamp", "class Crasher")
    .replace(
        'return Reply(f"The lamp is {state}.", data={"state": state})', 'raise KeyError("inside")'
    )
    .replace("hall lamp", "garage siren")
    .replace("lamp", "siren")
)

RAISES_AT_REGISTRATION = """
from wlm.plugins import Context, Reply, Skill, intent

class Register(Skill):
    '''Its slot type is none.'''

    @intent(examples=["do something {with}"])
    def verb(self, ctx: Context, thing: complex) -> Reply:
        return Reply("no")
"""


def make(folder: Path, name: str, code: str, target: str, need: str) -> Path:
    """Make a distribution and return its folder."""
    package = folder / name / f"wlm_{name}"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(textwrap.dedent(code))
    (folder / name / "pyproject.toml").write_text(
        PYPROJECT.format(name=name, target=target, need=need)
    )
    return folder / name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all five plugins pip-installed."""
    folder, site = tmp_path_factory.mktemp("dists"), tmp_path_factory.mktemp("site")
    made = [
        make(folder, "lamp", LAMP, "Lamp", "wlm>=0.1,<1"),
        make(folder, "importer", "raise RuntimeError('at import')", "X", "wlm>=0.1,<1"),
        make(folder, "register", RAISES_AT_REGISTRATION, "Register", "wlm>=0.1,<1"),
        make(folder, "crasher", RAISES_AT_RUN_TIME, "Crasher", "wlm>=0.1,<1"),
        make(folder, "future", LAMP.replace("Lamp", "Future"), "Future", "wlm>=9,<10"),
    ]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--no-build-isolation", "--disable-pip-version-check", "--target", str(site)),
        *map(str, made),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return site


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all, so that the router learns the five once."""
    return tmp_path_factory.mktemp("home")


def wlm(site: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("WLM_")},
        "PYTHONPATH": str(site),
        "WLM_HOME": str(home),
        "WLM_TIMEZONE": "Europe/Berlin",
    }
    program = str(Path(sys.executable).with_name("wlm"))
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


def test_a_third_party_skill_answers(site: Path, home: Path) -> None:
    done = wlm(site, home, "ask", "--json", "turn the hall lamp off")
    turn = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert turn["actions"][0]["route"]["intent"] == "lamp.switch"
    assert turn["actions"][0]["route"]["slots"] == {"state": "off"}
    assert turn["actions"][0]["reply"]["data"] == {"state": "off"}


def test_its_schema_and_page_come_from_the_declaration(site: Path, home: Path) -> None:
    tools = json.loads(wlm(site, home, "skills", "show", "lamp", "--tools").stdout)
    parameters = tools[0]["function"]["parameters"]
    assert parameters["properties"]["state"]["enum"] == ["on", "off"]
    assert parameters["required"] == ["state"]
    assert "Switch the hall lamp." in wlm(site, home, "skills", "show", "lamp").stdout


def test_one_that_raises_at_run_time_fails_alone(site: Path, home: Path) -> None:
    done = wlm(site, home, "ask", "--json", "turn the garage siren on")
    turn = json.loads(done.stdout)
    assert done.returncode == 5
    assert turn["actions"][0]["event"]["state"] == "failed"
    assert "inside" not in done.stdout + done.stderr  # exception texts may be personal
    again = wlm(site, home, "ask", "what meetings do I have tomorrow")
    assert again.returncode == 0, again.stderr


def test_doctor_names_each_fault(site: Path, home: Path) -> None:
    wlm(site, home, "ask", "turn the garage siren on")
    done = wlm(site, home, "doctor", "--json")
    findings = {f["name"]: f for f in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert "import" in findings["plugin importer"]["text"]
    assert "register" in findings["plugin register"]["text"]
    assert "wlm<10,>=9" in findings["plugin future"]["text"]
    assert findings["skill crasher"]["status"] == "note"
    assert re.search(r"raised in \d of", findings["skill crasher"]["text"])
    assert findings["skill lamp"]["status"] == "ok"
    assert findings["skill meeting"]["status"] == "ok"
