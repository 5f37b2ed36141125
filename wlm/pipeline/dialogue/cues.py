"""English words that point back: "and …", "no, …", "it", "the second one", "undo that"."""

from __future__ import annotations

import re
from typing import NamedTuple

from wlm.pipeline.patterns import pattern

_POLITE = r"(?:please|ok(?:ay)?|well|um+|uh+|er+|hey|so|thanks|hm+|then|now|just)"
_ELLIPSIS = pattern(
    rf"^(?:{_POLITE}[\s,]+)*(?P<lead>(?:and|but|or|also|plus)?[\s,]*"
    r"(?:what about|how about|what's with|and for|same (?:thing )?for|the same (?:thing )?for|"
    r"what is it|how is it|and|but|or|also|plus))\b[\s,]*(?P<rest>\S.*)$",
    re.IGNORECASE,
)
_MARK = pattern(
    rf"^(?:{_POLITE}[\s,]+)*(?:no+|nope|nah|sorry|wait|oh|oops|actually|correction|rather|"
    r"hold on|hang on|hmm|scratch that|strike that|wrong|yes but|yeah but|yes|ok but|"
    r"that'?s (?:wrong|not right|not (?:it|what i (?:said|meant)))|"
    r"i (?:mean|meant|said|wanted|was saying)|i did(?:n'?t| not) (?:say|mean) that|"
    r"(?:it|that) (?:should (?:be|have been)|was supposed to be)|"
    r"(?:make|change) (?:it|that)(?: to)?|let'?s (?:make it|say)|not that(?: one)?)"
    r"\b[\s,.!:;–—-]*",
    re.IGNORECASE,
)
_NOT_BUT = pattern(
    r"^not\s+(?P<wrong>.+?)(?:\s*,\s*(?:but\s+)?|\s+but\s+|\s*[;.–—]\s*)(?P<right>\S.*)$",
    re.IGNORECASE,
)
_CALLED = pattern(
    r"^(?:i said|i meant|i mean|it'?s|it is|make (?:it|that)|call it|say|for|to)\s+", re.IGNORECASE
)
_UNDO = pattern(
    r"^(?:(?:please|no|oh|oops|wait|sorry|ok(?:ay)?|can you|could you|i want to)[\s,]+)*"
    r"(?:undo|revert|reverse|roll back|take back|put back|un-?do)"
    r"(?:\s+(?:that|it|this|them|the last (?:one|thing|change|action|step)|the change|"
    r"my last (?:change|request)|what (?:you|i) (?:just )?did))?"
    r"(?:\s+(?:again|please|now|thanks))*[\s.!?]*$|"
    r"^(?:(?:please|no|oh|oops|wait|sorry)[\s,]+)*(?:take (?:that|it) back|"
    r"put (?:that|it) back(?: (?:as|the way|how) it was)?|bring (?:that|it) back|"
    r"change (?:that|it) back|i did(?:n'?t| not) mean (?:that|to do that|it))[\s.!?]*$",
    re.IGNORECASE,
)
_AGAIN = pattern(
    r"^(?:(?:sorry|please|what|huh|pardon)[\s,?]+)*(?:what|huh|pardon(?: me)?|come again|"
    r"(?:can you |could you |please )?(?:say|read) (?:that|it)(?: (?:back|to me))? again|"
    r"(?:can you |could you |please )?repeat (?:that|it|the question)|repeat|"
    r"what did you (?:just )?(?:say|ask)|what was that|"
    r"i did(?:n'?t| not) (?:hear|get|catch|understand) (?:that|you|it)|read (?:it|that) back)"
    r"(?:\s+please)?[\s.!?]*$",
    re.IGNORECASE,
)
_DROP = pattern(
    r"^(?:(?:no|oh|ok(?:ay)?|actually|wait|sorry|um|well|you know what|please|just|then)[\s,]+)*"
    r"(?:never ?mind|forget (?:it|that|about (?:it|that))|cancel(?: that| it)?|stop(?: it)?|"
    r"leave it(?: (?:be|alone))?|drop (?:it|that)|skip (?:it|that)|scrap (?:it|that)|abort|"
    r"don'?t (?:bother|worry(?: about it)?|do (?:it|that|anything))|let'?s not|not now|"
    r"i changed my mind|i'?ve changed my mind|no need|quit|none of (?:them|these|those)|neither)"
    r"(?:\s+(?:then|please|thanks|thank you|now|after all))*[\s.!]*$",
    re.IGNORECASE,
)
_TAIL = pattern(
    r"(?:[\s,]+(?:too|as well|instead|please|then|thanks|thank you|rather|though))+[\s.!?]*$",
    re.IGNORECASE,
)
_VALUES = pattern(
    r"(?:and|or|with|at|in|on|for|by|only|just|to|from|about|every|an?|the|half|\d)\b",
    re.IGNORECASE,
)
_ORDINALS = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2,
    "fourth": 3, "4th": 3, "fifth": 4, "5th": 4, "last": -1,
}  # fmt: skip
_NUMBERS = {"one": 0, "two": 1, "three": 2, "four": 3, "five": 4}
_PICKED = pattern(
    r"\b(?:the\s+)?(?P<ordinal>first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)"
    r"(?:\s+(?P<noun>one|\w+))?\b|\bnumber\s+(?P<number>one|two|three|four|five|[1-5])\b",
    re.IGNORECASE,
)
_IT = pattern(
    r"\b(?:(?:this|that|the same) one|it|them|these|those)\b|"
    r"(?<=\w )(?:that|this)"
    r"(?=\s+(?:to|from|on|by|at|for|until|with|in|into|back|up|as|an?)\b|[\s.!?]*$)",
    re.IGNORECASE,
)
_HIM = pattern(r"\b(?:him|her|his|hers|he|she|them|their|they)\b", re.IGNORECASE)
_THERE = pattern(
    r"\b(?<!is )(?<!are )(?<!will )(?<!was )(?<!were )there\b"
    r"(?=[\s.!?]*$|\s+(?:today|tonight|tomorrow|on|at|in|this|next|over|then|now)\b)",
    re.IGNORECASE,
)
_THEN = pattern(r"\b(?:(?:on )?that day|at that time|(?:on )?the same day|then)[\s.!?]*$", re.I)
_JOINT = pattern(r"\s*(?:,\s*)?\b(?:and then|and also|and|then|also)\b\s+|\s*[;.]\s+", re.I)


class Ellipsis(NamedTuple):
    """What is left of "and on Saturday?"; ``asks`` for "what about …", which never writes."""

    rest: str
    asks: bool


class Correction(NamedTuple):
    """The right words, and the wrong ones where they were named ("not Tom, Bob")."""

    right: str
    wrong: str


def ellipsis(text: str) -> Ellipsis | None:
    """The part of a sentence that goes on from the one before it."""
    found = _ELLIPSIS.match(text.strip())
    if found is None:
        return None
    asks = any(word in found["lead"].casefold() for word in ("what", "how"))
    return Ellipsis(tail_cut(found["rest"]), asks)


def correction(text: str) -> Correction | None:
    """The words that stand for what was understood wrongly; ``None`` if none do.

    A bare "no" corrects nothing: that is a refusal.
    """
    rest, marked = text.strip(), False
    while (mark := _MARK.match(rest)) and mark.end():
        rest, marked = rest[mark.end() :], True
    wrong = ""
    if (contrast := _NOT_BUT.match(rest)) is not None:
        rest, wrong, marked = contrast["right"], contrast["wrong"], True
    if not marked:
        return None
    rest = _CALLED.sub("", rest, count=1) if wrong else rest
    rest = tail_cut(rest)
    return Correction(rest, wrong) if rest.strip(" .!?,") else None


def bare_values(text: str) -> bool:
    """Whether it begins as values do ("with Tom", "and Anna"), not as a command does."""
    return _VALUES.match(text.strip()) is not None


def tail_cut(text: str) -> str:
    """Without "too", "instead", "please" at its end."""
    return _TAIL.sub("", text.strip()).strip(" ,.!?")


def undoes(text: str) -> bool:
    """Whether it asks to take back what was done last."""
    return _UNDO.match(text.strip()) is not None


def asks_again(text: str) -> bool:
    """Whether it asks to hear the last words once more."""
    return _AGAIN.match(text.strip()) is not None


def drops(text: str) -> bool:
    """Whether it gives up what waits."""
    return _DROP.match(text.strip()) is not None


def with_noun(text: str, noun: str) -> str | None:
    """``text`` with "it" said in full; ``None`` if it holds no such word."""
    changed, count = _IT.subn(f"the {noun}", text, count=1)
    return changed if count else None


def picked(text: str, noun: str) -> tuple[str, int] | None:
    """``text`` with "the second one" said in full, and which one that is, from 0; -1: last."""
    found = _PICKED.search(text)
    if found is None:
        return None
    if found["number"]:
        said = found["number"].casefold()
        index = int(said) - 1 if said.isdigit() else _NUMBERS[said]
    else:
        if found["noun"] and found["noun"].casefold() not in ("one", noun, f"{noun}s"):
            return None
        index = _ORDINALS[found["ordinal"].casefold()]
    return f"{text[: found.start()]}the {noun}{text[found.end() :]}", index


def person_at(text: str) -> tuple[int, int] | None:
    """Where "him", "her" or "them" stands for a person."""
    found = _HIM.search(text)
    return found.span() if found else None


def says_there(text: str) -> bool:
    """Whether "there" stands for a place."""
    return _THERE.search(text) is not None


def says_then(text: str) -> bool:
    """Whether "that day" or "then" stands for a time."""
    return _THEN.search(text) is not None


def halves(text: str) -> list[tuple[str, str]]:
    """Every way to cut ``text`` in two at a word that joins requests."""
    cuts = [(text[: m.start()].strip(), text[m.end() :].strip()) for m in _JOINT.finditer(text)]
    return [(left, right) for left, right in cuts if left and right]
