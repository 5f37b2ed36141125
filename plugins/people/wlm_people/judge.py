"""How well each of some people fits what was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from wlm_people.contact import Contact, joined
from wlm_people.match import readings, score
from wlm_people.names import fold, name_words, relation

_WEIGHT = {"name": 1.0, "nickname": 1.0, "relation": 1.0, "role": 0.9, "company": 0.88}
_WORK = ("role", "company")


class Hit(NamedTuple):
    """Somebody who may be meant, and how well it fits."""

    contact: Contact
    score: float


class Judge:
    """Judges people by folded words that were said, each of them once."""

    def __init__(self, said: Sequence[str], fields: Sequence[str]) -> None:
        self.fields = fields
        self._said = list(said)
        self._fits: dict[tuple[str, tuple[str, ...]], float] = {}

    def hits(
        self, people: Iterable[Contact], options: Sequence[Sequence[str]] | None = None
    ) -> list[Hit]:
        """The people, the best first, and the more often used before the others.

        With the ``options`` that they were found by, work is judged only where it has one:
        most words of companies are in no other, and dear to compare.
        """
        words = None if options is None else {word for each in options for word in each}
        hits = {c.id: Hit(c, self._fit(c, words)) for c in people}

        def rank(hit: Hit) -> tuple[float, int, str, str]:
            return -hit.score, -hit.contact.used, hit.contact.name, hit.contact.id

        return sorted(hits.values(), key=rank)

    def _fit(self, contact: Contact, words: set[str] | None) -> float:
        fields = tuple(
            field
            for field in self.fields
            if field not in _WORK
            or words is None
            or not words.isdisjoint(fold(getattr(contact, field)).split())
        )
        if (contact.id, fields) not in self._fits:
            self._fits[contact.id, fields] = round(_fit(contact, self._said, fields), 4)
        return self._fits[contact.id, fields]


def _fit(contact: Contact, said: Sequence[str], fields: Sequence[str]) -> float:
    """The best fit over all that the contact is called and every reading of what was said."""
    named = name_words(contact.name)
    if "name" in fields and named == list(said):
        return 1.0
    best = 0.0
    said_so = readings(said)
    for field in sorted(fields, key=lambda field: -_WEIGHT[field]):
        if best >= _WEIGHT[field]:
            break  # nothing of less weight can be better
        for text in _called(contact, named, field, len(said)):
            for reading in said_so:
                if len(reading) <= len(text):  # else one of its words has no partner: nobody's
                    best = max(best, score(reading, text) * _WEIGHT[field])
    return best


def _called(contact: Contact, named: list[str], field: str, said: int) -> Iterator[list[str]]:
    """All that somebody is called in a field, by its words; ``said`` is how many were said."""
    match field:
        case "name":
            yield named
            yield from ([word] for word in joined(contact))
            yield ["".join(named)]
            yield from _closed(contact, named)
        case "nickname":
            family = fold(contact.parts.family).split()
            for nick in contact.nicknames:
                yield fold(nick).split()
                yield [*fold(nick).split(), *family]
        case "relation":
            for each in contact.relations:
                yield relation(each).split()
                if said > 1:  # "my brother Tom"
                    yield [*relation(each).split(), *named]
        case "role":
            yield fold(contact.role).split()
        case "company":
            yield fold(contact.company).split()


def _closed(contact: Contact, named: list[str]) -> list[list[str]]:
    """The name with its given or family words as one: mary ann smith, maryann smith."""
    given, family = (fold(part).split() for part in contact.parts)
    found = []
    if len(given) > 1:
        found.append(["".join(given), *family])
    if len(family) > 1:
        found.append([*given, "".join(family)])
    return [words for words in found if words != named]
