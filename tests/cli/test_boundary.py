"""The error boundary: what is printed, and with which exit code."""

from __future__ import annotations

import json

import pytest

from wlm.cli.boundary import guard
from wlm.errors import ProviderAway, WlmError, walk


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", list(walk()), ids=lambda error: error.code)
def test_every_error_ends_in_its_exit_code(
    error: type[WlmError], capsys: pytest.CaptureFixture[str]
) -> None:
    assert guard(lambda: raising(error("It broke.", hint="Mend it.")), ["wlm"]) == error.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert "It broke." in err
    assert "Mend it." in err


def test_with_json_the_error_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    guard(lambda: raising(ProviderAway("It is away.")), ["wlm", "ask", "--json"])
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "provider_away"
    assert error["retryable"] is True


def test_what_was_not_expected_shows_no_personal_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(lambda: raising(KeyError("Anna's number")), ["wlm"]) == 1
    out, err = capsys.readouterr()
    assert "Anna" not in out + err
    assert "KeyError" in err


@pytest.mark.parametrize(
    ("stop", "code"),
    [(SystemExit(3), 3), (SystemExit(None), 0), (SystemExit("no"), 1), (KeyboardInterrupt(), 130)],
)
def test_stops_keep_their_code(stop: BaseException, code: int) -> None:
    assert guard(lambda: raising(stop), ["wlm"]) == code
