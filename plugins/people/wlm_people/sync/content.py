"""Contacts as they cross between two address books: read, compared, written back whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from wlm.plugins import Context
from wlm.plugins.sync.both_ways import Read
from wlm.types import new_id
from wlm_people.book import Book
from wlm_people.card import Card, from_lines
from wlm_people.contact import INDEXED, Contact
from wlm_people.lines import Line, read, rows
from wlm_people.tables import contacts
from wlm_people.vcards import decode, one_card, to_vcard

_PLACED = ("BEGIN", "END", "VERSION", "UID")
_DATED = ("REV", "PRODID")
_LABEL = "X-ABLABEL"


class Contacts:
    """Our side: everybody in the user's address book."""

    def __init__(self, ctx: Context) -> None:
        self._book = Book(ctx)

    def all(self) -> dict[str, Contact]:
        """Everybody by UID."""
        return {_uid(contact): contact for contact in self._book.where()}

    def here(self, uid: str) -> Contact | None:
        """The contact of that UID."""
        return next(iter(self._book.where(contacts.c.uid == uid)), None)

    def digest(self, thing: Contact) -> str:
        """What the contact says, once it has crossed."""
        card = from_lines(read(to_vcard(thing).replace("\r\n", "\n")))
        return hashlib.sha256(repr(card._replace(uid="") if card else None).encode()).hexdigest()

    def title(self, thing: Contact) -> str:
        """What they are called."""
        return thing.name

    def read(self, data: str) -> Read:
        """The contact in a resource; none for a group, or a card that names nobody."""
        text = one_card(decode(data.encode()))
        card = from_lines(read(text)) if text else None
        if card is None or not card.uid:
            return Read("", None)
        uid = card.uid[:INDEXED]
        return Read(uid, card.onto(Contact(new_id(), card.name, uid=uid)))

    def write(self, thing: Contact, before: str) -> bytes:
        """The resource to write."""
        ours = to_vcard(thing)
        old = one_card(decode(before.encode())) if before else ""
        return ("".join(_merged(ours, old)) if old else ours).encode()

    def take(self, here: Contact | None, there: Contact) -> None:
        """Put the server's in place of ours, under its id."""
        if here is None:
            self._book.add(there)
        else:
            self._book.save(there.having(id=here.id, used=here.used))

    def drop(self, here: Contact) -> None:
        """Take ours out."""
        self._book.remove(here.id)

    def keep_copy(self, here: Contact) -> None:
        """Keep ours as a contact of its own."""
        name = f"{here.name} (your version)"
        self._book.add(here.having(id=new_id(), uid="", name=name, given="", family=""))


def _uid(contact: Contact) -> str:
    return (contact.uid or contact.id)[:INDEXED]


def _merged(ours: str, before: str) -> Iterator[str]:
    """The card to write, line by line: what did not change is written as the server had it.

    So a photo, a postal address in its parts, the label of a number and all that we do not
    know stay as they are.
    """
    mine = list(rows(ours.replace("\r\n", "\n")))
    theirs = list(rows(before))
    same = _unchanged([line for _, line in mine], [line for _, line in theirs])
    stay = [each for each in theirs if _stays(each[1], same)]
    labelled = {line.group for _, line in stay if line.name != _LABEL}
    yield "BEGIN:VCARD\r\n"
    yield from (text for text, line in theirs if line.name == "VERSION")
    yield from (text for text, line in mine if line.name == "UID")
    yield from (text for text, line in mine if line.name not in same and line.name not in _PLACED)
    yield from (text for text, line in stay if line.name != _LABEL or line.group in labelled)
    yield "END:VCARD\r\n"


def _stays(line: Line, same: set[str]) -> bool:
    """Whether a line of the server's is written again."""
    return line.name in same if line.name in _FIELDS else line.name not in (*_PLACED, *_DATED)


_FIELDS = {
    "FN": ("name", "given", "family"),
    "N": ("name", "given", "family"),
    "ORG": ("company",),
    "TITLE": ("role",),
    "ROLE": ("role",),
    "BDAY": ("birthday",),
    "NOTE": ("notes",),
    "TEL": ("phones",),
    "EMAIL": ("emails",),
    "ADR": ("addresses",),
    "NICKNAME": ("nicknames",),
    "CATEGORIES": ("groups",),
    "X-WLM-RELATION": ("relations",),
}
"""Which fields of a contact a property is written from."""


def _unchanged(mine: list[Line], theirs: list[Line]) -> set[str]:
    """The properties that say the same in both cards, both as we would write them."""
    ours, old = from_lines(mine), from_lines(theirs)
    if old is not None:
        known = old.onto(Contact("", old.name))
        old = from_lines(read(to_vcard(known).replace("\r\n", "\n")))
    if ours is None or old is None:
        return set()
    return {
        name
        for name, fields in _FIELDS.items()
        if all(_value(ours, field) == _value(old, field) for field in fields)
    }


def _value(card: Card, field: str) -> object:
    if field in card._fields:
        return getattr(card, field)
    return re.sub(r"\s+", " ", card.texts.get(field, ""))
