"""A part of the hostile set; `python -m faults.hostile` is all of it."""

from __future__ import annotations

from faults import hostile


def test_what_nobody_should_send_is_refused_and_the_gateway_lives() -> None:
    found = hostile.run(1, every=7, slow=False)
    assert found["wrong"] == []
    assert found["cases"] > 90 and found["same_processes"]
    assert not found["grew_too_much"] and not found["left_in_spool"]
