"""The house: imports point down, and modules stay small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 400


def test_imports_point_down() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_modules_stay_small() -> None:
    modules = [*ROOT.glob("wlm/**/*.py"), *ROOT.glob("plugins/*/wlm_*/**/*.py")]
    long = {str(m.relative_to(ROOT)): n for m in modules if (n := lines(m)) > LONGEST}
    assert not long


def lines(path: Path) -> int:
    return sum(bool(line.strip()) for line in path.read_text("utf-8").splitlines())
