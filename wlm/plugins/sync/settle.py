"""What to do with a thing that may have changed on either side since both agreed.

    here \\ there    as it was   changed                 gone
    as it was        nothing     take                    drop
    changed          push        the same: note it,      push anew, and say so
                                 else keep both
    gone             remove      take, and say so        forget

Nothing that was written on either side is lost without a conflict that the user sees.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

Side = Literal["same", "changed", "gone"]


class Step(Enum):
    """What is done with one thing."""

    NOTHING = "nothing"
    AGREE = "agree"
    TAKE = "take"
    DROP = "drop"
    PUSH = "push"
    REMOVE = "remove"
    FORGET = "forget"
    KEEP_BOTH = "changed on both sides; both are kept"
    PUSH_ANEW = "changed here, deleted there; it is kept"
    TAKE_BACK = "deleted here, changed there; it is kept"

    @property
    def conflict(self) -> bool:
        """Whether the user must hear of it."""
        return self in (Step.KEEP_BOTH, Step.PUSH_ANEW, Step.TAKE_BACK)


_STEPS: dict[tuple[Side, Side], Step] = {
    ("same", "same"): Step.NOTHING,
    ("same", "changed"): Step.TAKE,
    ("same", "gone"): Step.DROP,
    ("changed", "same"): Step.PUSH,
    ("changed", "changed"): Step.KEEP_BOTH,
    ("changed", "gone"): Step.PUSH_ANEW,
    ("gone", "same"): Step.REMOVE,
    ("gone", "changed"): Step.TAKE_BACK,
    ("gone", "gone"): Step.FORGET,
}


def settle(base: str | None, here: str | None, there: str | None) -> Step:
    """The step for a thing by its digests; ``None``: it is not there (``base``: it never was)."""
    if base is None:
        if here is None:
            return Step.NOTHING if there is None else Step.TAKE
        if there is None:
            return Step.PUSH
        return Step.AGREE if here == there else Step.KEEP_BOTH
    if here is not None and here == there:
        return Step.NOTHING if here == base else Step.AGREE
    return _STEPS[_side(base, here), _side(base, there)]


def _side(base: str, now: str | None) -> Side:
    if now is None:
        return "gone"
    return "same" if now == base else "changed"
