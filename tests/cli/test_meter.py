"""The line that `wlm listen` writes over and over while somebody speaks."""

from __future__ import annotations

import pytest

from wlm.cli.meter import Meter, meter


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", "60")
    return 60


def last_line(written: str) -> str:
    return written.rpartition("\r")[2].removesuffix("\x1b[K")


def test_a_level_is_a_bar(narrow: int, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Meter()
    for level, blocks in ((-60.0, 0), (-30.0, 15), (0.0, 30), (-90.0, 0), (6.0, 30)):
        shown.level(level)
        assert last_line(capsys.readouterr().err).count("█") == blocks


def test_words_stand_beside_it_and_fit_the_line(
    narrow: int, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Meter()
    shown.words("Schedule lunch")
    assert last_line(capsys.readouterr().err).endswith(" Schedule lunch")
    shown.level(-20.0)
    assert last_line(capsys.readouterr().err).endswith(" Schedule lunch")
    shown.words("Schedule lunch with Anna tomorrow at noon in the old town, please")
    line = last_line(capsys.readouterr().err)
    assert len(line) < narrow
    assert line.endswith("in the old town, please")
    assert "…" in line


def test_where_nobody_looks_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with meter() as shown:
        assert shown is None
    assert capsys.readouterr().err == ""
