"""What a skill hears of by itself, while nobody asks: `Skill.watch`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import JsonValue


class Noticed(NamedTuple):
    """Something that a watch came upon, and how far it has come.

    ``mark`` (JSON) is given to the next watch, so that what happens between two is not missed;
    it holds nothing personal. ``intent``, one of the skill's own, is done once for each ``key``
    with ``slots`` (JSON form); the user gets its reply as a notice. Without an intent only the
    mark is kept.
    """

    mark: JsonValue
    intent: str = ""
    slots: Mapping[str, Any] = MappingProxyType({})
    key: str = ""
