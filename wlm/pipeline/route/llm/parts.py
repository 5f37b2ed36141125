"""Find the parts of an utterance that a model names, in the utterance itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+")


def locate(said: Sequence[str], text: str) -> list[str] | None:
    """Each part as it stands in ``text``, in order and apart from the others.

    Case and punctuation do not count. ``None`` if one is not there: what a model makes up is
    no part of the request.
    """
    words = [(m.group().casefold(), m.start(), m.end()) for m in _WORD.finditer(text)]
    found: list[str] = []
    at = 0
    for part in said:
        wanted = _WORD.findall(part.casefold())
        start = _find(wanted, [word for word, _, _ in words], at) if wanted else None
        if start is None:
            return None
        at = start + len(wanted)
        found.append(text[words[start][1] : words[at - 1][2]])
    return found


def _find(wanted: list[str], words: list[str], at: int) -> int | None:
    for start in range(at, len(words) - len(wanted) + 1):
        if words[start : start + len(wanted)] == wanted:
            return start
    return None
