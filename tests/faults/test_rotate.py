"""A short form of `python -m faults.rotate`."""

from __future__ import annotations

from pathlib import Path

from faults.rotate import run


def test_a_new_master_key_breaks_no_read(tmp_path: Path) -> None:
    done = run(tmp_path, 0)
    assert done.wrong == [] and done.rotations == 2
    assert done.statuses["search", 200] and done.statuses["ask", 200]
