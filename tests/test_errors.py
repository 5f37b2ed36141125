"""The exception tree is one table: complete, stable, and drawn where it is defined."""

from __future__ import annotations

from wlm import errors
from wlm.errors import ProviderAway, WlmError, walk


def test_codes_are_unique_and_drawn_in_the_docstring() -> None:
    found = [e for e in walk() if e.__module__ == "wlm.errors"]
    assert len({e.code for e in found}) == len(found)
    for error in found:
        line = next(
            (x for x in (errors.__doc__ or "").splitlines() if f" {error.code} " in f"{x} "), ""
        )
        assert error.__name__ in line, error
        assert f"exit {error.exit_code}" in line
        assert f"HTTP {error.http_status}" in line
        assert error.default_hint


def test_exit_codes_are_the_published_ones() -> None:
    assert {e.exit_code for e in walk()} <= set(range(1, 8))


def test_an_error_says_what_happened_and_what_to_do() -> None:
    error = ProviderAway("The forecast is away.", retry_after=3)
    assert error.retryable
    assert error.as_dict() == {
        "code": "provider_away",
        "message": "The forecast is away.",
        "hint": ProviderAway.default_hint,
        "retryable": True,
    }
    assert WlmError().message.startswith("Something inside WLM")
