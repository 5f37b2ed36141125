"""Two sides that are edited and brought in step over a line that breaks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tests.support.cutter import Cutter
from wlm.errors import ProviderAway, ProviderError

_CUTS = [None, "refuse", "request", "answer", "half"]
_TRIES = 30


def settled(was: str | None, ours: str | None, theirs: str | None) -> str | None:
    """What something must say after a sync: the side that changed wins, the server over us."""
    if theirs != was and theirs is not None:
        return theirs
    if ours != was and ours is not None:
        return ours
    return ours if theirs == was == ours else None


def sync_through_cuts(relay: Cutter, rng: random.Random, sync: Callable[[], object]) -> None:
    """Sync while connections break, again and again until it ends; then once undisturbed."""
    relay.cuts = iter(rng.choices(_CUTS, k=12))
    for _ in range(_TRIES):
        try:
            sync()
            break
        except (ProviderAway, ProviderError):
            continue
    relay.cuts = iter(())
    sync()


def check_settled(
    base: Mapping[str, str],
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    now: Mapping[str, str],
) -> None:
    """Everything says what it must, by UID."""
    for uid in {**base, **ours, **theirs}:
        expected = settled(base.get(uid), ours.get(uid), theirs.get(uid))
        assert now.get(uid) == expected, uid
