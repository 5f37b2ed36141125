"""Words that the recogniser and the slot filler should know: those of meetings to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from wlm.plugins import Context
from wlm_meeting.calendar import Calendar

_MOST = 50


def vocabulary(ctx: Context) -> Mapping[str, Iterable[str]]:
    """Titles, people and places of what is not over, most frequent first, at most 50 of each."""
    counts: dict[str, Counter[str]] = {"title": Counter(), "person": Counter(), "place": Counter()}
    for entry in Calendar(ctx).coming():
        counts["title"][entry.title] += 1
        counts["person"].update(person["name"] for person in entry.people)
        if entry.location:
            counts["place"][entry.location] += 1
    return {kind: [word for word, _ in found.most_common(_MOST)] for kind, found in counts.items()}
