"""Every command in the docs is run, in the order of its page, and ends as the page says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import command

ROOT = Path(__file__).parents[2]
PAGES = [
    "docs/quickstart.md",
    "docs/howto/sign-in.md",
    "docs/howto/schedules.md",
    "docs/howto/connect-google.md",
]
BLOCK = re.compile(r"```console\n(.*?)```", re.S)
COMMAND = re.compile(r"^\$ (?P<command>.*?)(?:\s+# exit (?P<code>\d+))?$", re.M)


@pytest.mark.parametrize("page", PAGES)
def test_commands(page: str, home: Path) -> None:
    blocks = BLOCK.findall((ROOT / page).read_text("utf-8"))
    commands = [match for block in blocks for match in COMMAND.finditer(block)]
    assert commands
    wrong = []
    for match in commands:
        program, *arguments = shlex.split(match["command"])
        assert program == "wlm"
        done = command.run(arguments, environment=os.environ, folder=ROOT)
        if done.returncode != int(match["code"] or 0):
            wrong.append((match["command"], done.returncode, done.stdout, done.stderr))
    assert not wrong


def test_the_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_tutorial_skill_works(tmp_path: Path, home: Path) -> None:
    page = (ROOT / "docs/howto/write-a-skill.md").read_text("utf-8")
    toml = re.search(r"```toml\n(\[build-system\].*?)```", page, re.S)
    code = re.search(r"```python\n(from typing.*?)```", page, re.S)
    test = re.search(r"```python\n(from wlm\.plugins import testing.*?)```", page, re.S)
    phrases = re.search(r"```text\n(\[heat\].*?)```", page, re.S)
    assert toml and code and test and phrases
    package = tmp_path / "dist" / "wlm_kettle"
    (package / "phrases").mkdir(parents=True)
    (package.parent / "pyproject.toml").write_text(toml[1])
    (package / "__init__.py").write_text(code[1])
    (package / "phrases" / "en.txt").write_text(phrases[1])
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(site), str(package.parent)], check=True
    )
    (tmp_path / "test_kettle.py").write_text(test[1])
    environment = {**os.environ, "PYTHONPATH": str(site)}
    wlm = str(Path(sys.executable).with_name("wlm"))
    done = subprocess.run(
        [wlm, "ask", "heat the kettle to ninety degrees"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "Heating to 90 degrees."), done.stderr
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path / "test_kettle.py")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout


def test_the_python_on_the_page_runs(home: Path) -> None:
    page = (ROOT / "docs/howto/use-from-python.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 4
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
