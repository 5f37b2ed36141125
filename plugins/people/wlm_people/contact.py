"""A contact as the skill works with it, and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple

from wlm.plugins import Person
from wlm_people.names import Split, digits, fold, name_words, relation, split

INDEXED = 300
"""Characters of an indexed column; a database refuses to index without end."""


class Point(NamedTuple):
    """A phone number, e-mail or postal address; ``kind`` is mobile, home, work … or empty."""

    value: str
    kind: str = ""


@dataclass(frozen=True)
class Contact:
    """Somebody in the address book.

    ``birthday`` is ISO 8601, ``--03-31`` where the year is not known. ``phones`` and
    ``emails``: the preferred one first. ``links`` are names of others, by what they are to
    this person: manager, assistant, spouse. ``used`` counts how often they were looked up.
    """

    id: str
    name: str
    uid: str = ""
    given: str = ""
    family: str = ""
    company: str = ""
    role: str = ""
    birthday: str = ""
    notes: str = ""
    phones: tuple[Point, ...] = ()
    emails: tuple[Point, ...] = ()
    addresses: tuple[Point, ...] = ()
    nicknames: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    links: tuple[Point, ...] = ()
    used: int = field(default=0, compare=False)

    @property
    def person(self) -> Person:
        """As other skills take a person."""
        return Person(
            self.name,
            id=self.id,
            email=self.emails[0].value if self.emails else None,
            phone=self.phones[0].value if self.phones else None,
        )

    @property
    def parts(self) -> Split:
        """Given and family name, as the card had them or as the name shows them."""
        if self.given or self.family:
            return Split(self.given, self.family)
        return split(self.name)

    def having(self, **fields: Any) -> Contact:
        """The contact with other values in these fields."""
        return replace(self, **fields)

    def as_dict(self) -> dict[str, Any]:
        """For programs: what is known, without empty fields."""
        points = {
            "phones": self.phones,
            "emails": self.emails,
            "addresses": self.addresses,
            "links": self.links,
        }
        whole: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "company": self.company,
            "role": self.role,
            "birthday": self.birthday,
            "notes": self.notes,
            **{k: [{"value": p.value, "kind": p.kind} for p in v] for k, v in points.items()},
            "nicknames": list(self.nicknames),
            "relations": list(self.relations),
            "groups": list(self.groups),
        }
        return {key: value for key, value in whole.items() if value}

    def filed(self) -> Iterator[tuple[str, str]]:
        """(field, word) pairs under which the contact is found."""
        for word in (*name_words(self.name), *joined(self)):
            yield "name", word
        for field_, texts in (
            ("nickname", self.nicknames),
            ("relation", map(relation, self.relations)),
            ("company", (self.company,)),
            ("role", (self.role,)),
        ):
            for text in texts:
                for word in fold(text).split():
                    yield field_, word

    def row(self) -> dict[str, Any]:
        """The columns of ``people_contact`` that follow from the contact alone."""
        return {
            "id": self.id,
            "uid": (self.uid or self.id)[:INDEXED],
            "name": self.name,
            "given": self.given,
            "family": self.family,
            "company": self.company,
            "role": self.role,
            "birthday": self.birthday,
            "notes": self.notes,
            "folded": " ".join(name_words(self.name))[:INDEXED],
            "used": self.used,
        }

    def detail_rows(self) -> Iterator[dict[str, Any]]:
        """The rows of ``people_detail``, without ids."""
        many: Sequence[tuple[str, Iterable[Point]]] = (
            ("phone", self.phones),
            ("email", self.emails),
            ("address", self.addresses),
            ("nickname", map(Point, self.nicknames)),
            ("relation", map(Point, self.relations)),
            ("group", map(Point, self.groups)),
            ("link", self.links),
        )
        for type_, points in many:
            for position, point in enumerate(points):
                yield {
                    "contact": self.id,
                    "type": type_,
                    "kind": point.kind[:64],
                    "value": point.value,
                    "key": lookup_key(type_, point.value)[:INDEXED],
                    "position": position,
                }


def lookup_key(type_: str, value: str) -> str:
    """By what a detail is looked up."""
    match type_:
        case "phone":
            return digits(value) or fold(value)
        case "email":
            return value.strip().casefold()
        case "relation":
            return relation(value)
    return fold(value)


def joined(contact: Contact) -> list[str]:
    """Given names and family names of several words as one word each: maryann, vandyke."""
    pairs = [name_words(part) for part in contact.parts]
    return ["".join(words) for words in pairs if len(words) > 1]


OWN = ["id", "uid", "name", "given", "family", "company", "role", "birthday", "notes", "used"]
"""The columns of ``people_contact`` that ``from_rows`` reads."""

OF_DETAIL = ["contact", "type", "kind", "value", "position"]
"""The columns of ``people_detail`` that it reads."""


def from_rows(row: Sequence[Any], details: Iterable[Sequence[Any]]) -> Contact:
    """The contact of its row, as ``OWN`` says, and of its details, as ``OF_DETAIL`` says."""
    many: dict[str, list[Point]] = {}
    for _, type_, kind, value, _ in sorted(details, key=lambda detail: detail[-1]):
        many.setdefault(type_, []).append(Point(value, kind))

    def texts(type_: str) -> tuple[str, ...]:
        return tuple(point.value for point in many.get(type_, ()))

    return Contact(
        **dict(zip(OWN, row, strict=True)),
        phones=tuple(many.get("phone", ())),
        emails=tuple(many.get("email", ())),
        addresses=tuple(many.get("address", ())),
        nicknames=texts("nickname"),
        relations=texts("relation"),
        groups=texts("group"),
        links=tuple(many.get("link", ())),
    )


def birthday_of(start: date, today: date) -> str:
    """A birthday from the day that was said: a day to come was said without its year."""
    return start.isoformat() if start < today else f"--{start:%m-%d}"
