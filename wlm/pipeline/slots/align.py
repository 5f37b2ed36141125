"""Fit an utterance to the examples of its intent: the best template names the spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from wlm.pipeline.slots.atoms import Tokens
from wlm.pipeline.slots.canon import PASSED, canonical
from wlm.pipeline.slots.plan import Plan, Template
from wlm.plugins.slots import Kind

_LONGEST = 14
_WORDS = 48
_LEADING = (
    ("can", "you"),
    ("could", "you"),
    ("would", "you"),
    ("will", "you"),
    ("i", "want", "you", "to"),
    ("i", "need", "you", "to"),
    ("i", "would", "like", "you", "to"),
    ("i'd", "like", "you", "to"),
    ("i", "would", "like", "to"),
    ("i'd", "like", "to"),
    ("i", "want", "to"),
    ("i", "need", "to"),
    ("go", "ahead", "and"),
)


class Run(NamedTuple):
    """A stretch of tokens, ``first`` to ``last`` (exclusive)."""

    first: int
    last: int


class Piece(NamedTuple):
    """A word to compare, or a ``{slot}`` that was filled already, with its tokens."""

    item: str
    run: Run


NameEnds = Callable[[str, int], int]
"""For a slot and a token: where the name that begins there ends (the token itself: none)."""


class Aligned(NamedTuple):
    """The spans of the slots; ``whole`` if the template explains every word.

    ``bare``: the template's example had no slots at all.
    """

    spans: dict[str, Run]
    whole: bool
    bare: bool


def align(plan: Plan, tokens: Tokens, marks: Sequence[str], ends: NameEnds) -> Aligned | None:
    """The spans of the slots in the best template, or nothing if none fits.

    ``marks`` names, by token, the slot that it was given to already ("" for none, "-" for
    what is passed over: times, politeness). A template fits if its words stand in the
    text in its order and its marks take all that lies between; words may be left over in
    front and behind, at a price.
    """
    pieces = _pieces(tokens, marks)
    said = {piece.item for piece in pieces}
    kinds = {slot.name: slot.kind for slot in plan.spec.slots}
    best: tuple[int, Aligned] | None = None
    for template in plan.templates:
        if not template.literals <= said or len(template.items) > len(pieces):
            continue
        most = 3 * len(template.items)
        if best is not None and most <= best[0]:
            continue
        found = _Alignment(template, pieces, kinds, ends).best()
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    return best[1] if best and best[0] > 0 else None


def _pieces(tokens: Tokens, marks: Sequence[str]) -> list[Piece]:
    out: list[Piece] = []
    first = _lead(tokens)
    for i in range(first, len(tokens)):
        mark, token = marks[i], tokens[i]
        if mark == "-" or token.shape == "other":
            continue
        if mark:
            item = f"{{{mark}}}"
            if out and out[-1].item == item:
                out[-1] = Piece(item, Run(out[-1].run.first, i + 1))
            else:
                out.append(Piece(item, Run(i, i + 1)))
        elif token.low not in PASSED:
            before = tokens[i - 1].low if i else ""
            out.append(Piece(canonical(token.low, before), Run(i, i + 1)))
        if len(out) == _WORDS:
            break
    return out


def _lead(tokens: Tokens) -> int:
    """How many tokens merely lead to the request ("could you please")."""
    i = 0
    while i < len(tokens) and (tokens[i].low in PASSED or tokens[i].shape == "other"):
        i += 1
    for phrase in _LEADING:
        if tuple(token.low for token in tokens[i : i + len(phrase)]) == phrase:
            return i + len(phrase)
    return 0


class _Alignment:
    """The search for one template."""

    def __init__(
        self, template: Template, pieces: list[Piece], kinds: dict[str, Kind], ends: NameEnds
    ) -> None:
        self.items, self.bare, self.pieces = template.items, template.bare, pieces
        self.kinds, self.ends = kinds, ends
        self.literals = sum(not item.startswith("{") for item in template.items)

    def best(self) -> tuple[int, Aligned] | None:
        """(score, spans) of the first fit; words left over in front cost less than behind."""
        head = self.items[0]
        for start in range(len(self.pieces)):
            if not head.startswith("{") and self.pieces[start].item != head:
                continue
            if head.startswith("{") and start > 0:
                break
            found = self._match(0, start)
            if found is not None:
                end, spans = found
                left_over = 2 * (len(self.pieces) - end) + start
                score = 3 * self.literals + 2 * len(spans) - left_over
                return score - self._length(spans), Aligned(spans, left_over == 0, self.bare)
        return None

    def _length(self, spans: dict[str, Run]) -> int:
        """Long text spans cost: the template that explains more words is the better one."""
        return sum(run.last - run.first for n, run in spans.items() if self.kinds.get(n) == "text")

    def _match(self, i: int, j: int) -> tuple[int, dict[str, Run]] | None:
        if i == len(self.items):
            return j, {}
        if j == len(self.pieces):
            return None
        item, piece = self.items[i], self.pieces[j]
        if not item.startswith("{"):
            return self._match(i + 1, j + 1) if piece.item == item else None
        if piece.item == item:
            return self._match(i + 1, j + 1)
        name = item[1:-1]
        for end in self._ends(name, i, j):
            found = self._match(i + 1, end)
            if found is not None:
                run = Run(piece.run.first, self.pieces[end - 1].run.last)
                return found[0], {name: run, **found[1]}
        return None

    def _ends(self, name: str, i: int, j: int) -> list[int]:
        """Where the mark at ``j`` may end, as piece indices, the likeliest first."""
        kind = self.kinds.get(name)
        if kind in ("person", "place"):
            last = self.ends(name, self.pieces[j].run.first)
            inside = [k + 1 for k in range(j, len(self.pieces)) if self.pieces[k].run.last <= last]
            return inside[::-1]
        if kind == "choice":
            return [end for end in (j + 1, j + 2) if end <= len(self.pieces)]
        if kind != "text":
            return []
        limit = j
        while limit < min(len(self.pieces), j + _LONGEST) and (
            not self.pieces[limit].item.startswith("{")
        ):
            limit += 1
        if i == len(self.items) - 1:
            return [limit] if limit > j else []
        return list(range(j + 1, limit + 1))
