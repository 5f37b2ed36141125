"""Which meeting is meant: by what it is called, who takes part, and when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from wlm.plugins import Person
from wlm_meeting.entry import Entry, Occurrence

_NOISE_WORDS = (
    "a an the my our this that these those it its me to of for on at in with all any every one "
    "next upcoming scheduled planned"
)
_MEETING_WORDS = (
    "meeting meetings appointment appointments event events calendar agenda schedule entry "
    "entries plan plans thing things something anything booking"
)
_NOISE = frozenset(_NOISE_WORDS.split())
_MEETINGS = frozenset(_MEETING_WORDS.split())
_EVERY = frozenset(("all", "every", "alle", "jede", "jeden", "jedes", "todas", "todos", "cada"))
_REMINDERS = frozenset(("reminder", "reminders", "remind"))
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_LIKE = 80
"""How alike words must be, 0 to 100, to count as the same word heard or typed amiss."""


class Wanted(NamedTuple):
    """What was said of a meeting. ``words`` are the telling words of its title."""

    words: tuple[str, ...]
    people: tuple[Person, ...]
    kind: str

    @property
    def anything(self) -> bool:
        """Whether it says nothing that tells one meeting from another."""
        return not (self.words or self.people)

    def score(self, entry: Entry) -> int:
        """How well the entry fits: 0 not at all, 3 in every word."""
        if self.kind and entry.kind != self.kind:
            return 0
        if not all(_takes_part(person, entry) for person in self.people):
            return 0
        return _title_score(self.words, entry) if self.words else 1

    def fits(self, entry: Entry) -> bool:
        """Whether it may be meant."""
        return self.score(entry) > 0


def wanted(title: str, people: Sequence[Person] | None) -> Wanted:
    """What ``title`` and ``people`` ask for; "meeting" or "it" alone asks for anything."""
    words = words_of(title)
    kind = "reminder" if _REMINDERS & set(words) else ""
    telling = tuple(w for w in words if w not in _NOISE | _MEETINGS | _REMINDERS | _EVERY)
    return Wanted(telling, tuple(people or ()), kind)


def all_of(title: str) -> bool:
    """Whether the title asks for each that fits: "all standups", "every standup"."""
    return bool(_EVERY.intersection(words_of(title)[:1]))


def best(found: Sequence[Occurrence], what: Wanted) -> list[Occurrence]:
    """Those that fit best: where a title fits in full, what is merely alike is left out.

    A reminder of the same name is meant only where there is no meeting, or where it was said.
    """
    scores = [what.score(occurrence.entry) for occurrence in found]
    top = max(scores, default=0)
    kept = [o for o, score in zip(found, scores, strict=True) if score == top and top > 0]
    meetings = [o for o in kept if o.entry.kind == "meeting"]
    return meetings if what.words and meetings else kept


def words_of(text: str) -> list[str]:
    """Words in lower case, without 's."""
    return [re.sub(r"['’]s$", "", word) for word in _WORD.findall(text.casefold())]


def _title_score(words: Sequence[str], entry: Entry) -> int:
    own = [w for w in words_of(entry.title) if w not in _NOISE]
    telling = [w for w in own if w not in _MEETINGS] or own
    names = [w for person in entry.people for w in words_of(person["name"])]
    if list(words) == telling:
        return 3
    if set(words) <= {*own, *names}:
        return 2
    return 1 if _alike(words, [*own, *names]) else 0


def _alike(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether each word is like one of the others, also where one was heard as two."""
    from rapidfuzz import fuzz

    if fuzz.ratio("".join(words), "".join(others[: len(words) + 1])) >= _LIKE + 5:
        return True
    if fuzz.ratio("".join(words), "".join(others)) >= _LIKE + 5:
        return True
    return bool(others) and all(
        any(fuzz.ratio(word, other) >= _LIKE for other in others) for word in words
    )


def _takes_part(person: Person, entry: Entry) -> bool:
    from rapidfuzz import fuzz

    said = words_of(person.name)
    for known in entry.people:
        if person.id and known.get("id"):
            if person.id == known["id"]:
                return True
            continue
        own = words_of(known["name"])
        if said and all(any(fuzz.ratio(w, o) >= _LIKE for o in own) for w in said):
            return True
    return bool(said) and set(said) <= set(words_of(entry.title))
