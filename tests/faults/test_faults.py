"""Short runs of the fault programs; CI runs them in full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from faults.kill import PROMISED
from tests.support import postgres
from tests.support.redis import BINARY, MISSING

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> dict[str, int]:
    """What the program counted; it says by its exit code whether that is as promised."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_two_processes_write_and_lose_nothing(home: Path) -> None:
    counts = run("faults.two_writers", "--seconds", "3")
    assert counts["ran"] > 0
    assert counts["added"] == counts["counter"]
    assert counts["ran"] == counts["done"]
    assert counts["doubled"] == counts["faults"] == 0


def test_a_killed_process_loses_nothing_and_does_nothing_twice(home: Path) -> None:
    counts = run("faults.alone", "--kills", "10")
    assert counts["handed_out"] > 0
    for name in ("missing", "unfinished", "undone", "doubled"):
        assert counts[name] == 0, counts


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
def test_many_killed_processes_lose_nothing_and_do_nothing_twice(backend: str) -> None:
    if backend == "redis":
        if BINARY is None:
            pytest.skip(MISSING)
        postgres.server()
    counts = run("faults.kill", "--events", "40", "--kills", "6", "--backend", backend)
    assert counts["handed_out"] >= 40
    for name in PROMISED:
        assert counts[name] == 0, counts
