"""The questions that the engine itself asks, and values as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from wlm.plugins import IntentSpec, Person, Place, Recurrence, TimeRange
from wlm.types import iso_duration

_MARK = re.compile(r"\{(\w+)\}")


def confirmation(
    spec: IntentSpec, values: Mapping[str, Any], zone: ZoneInfo, *, again: bool = False
) -> str:
    """The question before an effect, with every argument that it will have.

    ``again``: it was begun before, and nobody knows how that ended.
    """
    shown = {
        name: readable(value, zone) for name, value in values.items() if value not in (None, "", [])
    }
    marks = set(_MARK.findall(spec.confirm))
    if spec.confirm and marks <= shown.keys():
        text = _MARK.sub(lambda mark: shown[mark[1]], spec.confirm)
        rest = {name: value for name, value in shown.items() if name not in marks}
    else:
        what = spec.help.partition("\n")[0].rstrip(".")
        text, rest = f"{what}?", shown
    if rest:
        text += " ({})".format("; ".join(f"{_word(n)}: {v}" for n, v in rest.items()))
    return once_more(text) if again else text


def once_more(text: str, reason: str = "") -> str:
    """The same question after a try of which nobody knows how it ended."""
    told = reason or "This was begun before, and it is not known whether it was done."
    return f"{told} Again? {text}"


def in_anothers(text: str, of: str) -> str:
    """The same question where it is done with an account that another user shares."""
    return f"{text} This is in the account of {of or 'another user'}."


def which(kind: str, said: str) -> str:
    """The question when several people or places fit."""
    return f"Which {said} do you mean?" if said else f"Which {kind} do you mean?"


def label(value: Any) -> str:
    """A candidate in a list: enough to tell it from the others."""
    if isinstance(value, Person):
        return ", ".join(part for part in (value.name, value.email or value.phone) if part)
    if isinstance(value, Place):
        return ", ".join(part for part in (value.name, value.country) if part)
    return str(value)


def readable(value: Any, zone: ZoneInfo) -> str:
    """A slot's value for people; whom and where exactly, times in ``zone``."""
    match value:
        case list():
            return _and([readable(item, zone) for item in value])
        case Person():
            address = value.email or value.phone
            return f"{value.name} ({address})" if address else value.name
        case Place():
            return label(value)
        case datetime():
            return f"{value.astimezone(zone):%A %d %B %Y, %H:%M}"
        case TimeRange():
            return f"{readable(value.start, zone)} to {readable(value.end, zone)}"
        case timedelta():
            return iso_duration(value)
        case Recurrence():
            return value.rrule
    return str(value)


def _and(words: Sequence[str]) -> str:
    *most, last = words or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _word(name: str) -> str:
    return name.replace("_", " ")
