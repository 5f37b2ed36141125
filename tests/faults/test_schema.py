"""A short run of schemathesis; `python -m faults.schema 60` is the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("schemathesis", reason="pip install schemathesis")


def test_the_document_tells_what_the_gateway_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faults.schema", "2", "1", "fuzzing"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of 1 runs with findings, alive: True" in done.stdout
