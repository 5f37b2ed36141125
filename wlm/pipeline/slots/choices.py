"""Choices: one of a few words, or an alias of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wlm.pipeline.slots.atoms import Tokens
from wlm.plugins.slots import SlotSpec

TIME = "…"
"""What stands for a time between the words of an alias."""


class Chosen(NamedTuple):
    """The choice and its tokens (``last`` exclusive)."""

    value: str
    first: int
    last: int


def table(slot: SlotSpec) -> dict[tuple[str, ...], str]:
    """The words of each choice and alias. Underscores in a choice are spoken as spaces."""
    words: dict[tuple[str, ...], str] = {}
    for choice in slot.choices:
        words[tuple(choice.lower().replace("_", " ").split())] = choice
    for choice, aliases in slot.extra.aliases.items():
        for alias in aliases:
            words[tuple(alias.lower().split())] = choice
    return words


def choose(
    tokens: Tokens,
    words: dict[tuple[str, ...], str],
    taken: Sequence[bool],
    timed: Sequence[bool] = (),
) -> list[Chosen]:
    """The choices that were said, longest first at each place.

    ``timed`` are the words of times: what an alias such as "from … on" has in its middle.
    """
    longest = max(map(len, words), default=0)
    found: list[Chosen] = []
    i = 0
    while i < len(tokens):
        for length in range(min(longest, len(tokens) - i), 0, -1):
            said = tuple(token.low for token in tokens[i : i + length])
            value = words.get(said) or (words.get(_singular(said)) if said else None)
            if value is None and i and any(timed[i - 1 : i]):
                value = _behind(tokens, i, timed, words, said)
            if value is not None and not any(taken[i : i + length]):
                found.append(Chosen(value, i, i + length))
                i += length - 1
                break
        i += 1
    return found


def _behind(
    tokens: Tokens,
    i: int,
    timed: Sequence[bool],
    words: dict[tuple[str, ...], str],
    said: tuple[str, ...],
) -> str | None:
    """The choice of an alias such as "from … on" whose last words are at ``i``, behind a time."""
    found: str | None = None
    while found is None and i and timed[i - 1]:
        i -= 1
        found = words.get((tokens[i].low, TIME, *said))
    return found


def _singular(words: tuple[str, ...]) -> tuple[str, ...]:
    last = words[-1]
    return (*words[:-1], last[:-1]) if last.endswith("s") and len(last) > 3 else words
