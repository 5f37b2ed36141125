"""vCard files, in (2.1, 3.0, 4.0) and out (3.0, which every address book reads).

``lines.py`` takes a file apart, ``card.py`` knows what the properties mean; here a card
finds the contact that it is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import NamedTuple

from wlm.errors import UsageError
from wlm.plugins import Context
from wlm.types import new_id
from wlm_people.book import Book, chunks
from wlm_people.card import Card, from_lines
from wlm_people.contact import INDEXED, Contact, Point, lookup_key
from wlm_people.lines import codec, escape, read, write
from wlm_people.tables import contacts

_CARD = re.compile(r"(?ims)^[ \t]*BEGIN:VCARD[ \t]*$.*?^[ \t]*END:VCARD[ \t]*$")
_CHARSET = re.compile(r"(?i)CHARSET=\"?([\w.:-]+?)\"?(?=[;:])")


class Imported(NamedTuple):
    """How many contacts a file brought.

    ``skipped`` cards cannot be read, or name nobody (a card without any name, number or
    address; a group). ``unchanged`` ones were there already, with all that the card has.
    """

    added: int
    updated: int
    skipped: int
    unchanged: int = 0


def import_vcards(ctx: Context, data: bytes) -> Imported:
    """Put the cards of a file into the address book: all of them or, on an error, none.

    A card is somebody who is there already if it has their UID, or their name and a number
    or address of theirs. Its texts then take the place of what was there; its numbers and
    addresses are added. Raises ``UsageError`` if the file has no card.
    """
    texts = _CARD.findall(_decode(data))
    if not texts:
        raise UsageError(
            "There is no vCard in this file; nothing was changed.",
            hint="Export the contacts as vCard (.vcf) and try again.",
        )
    added = updated = unchanged = 0
    cards = [card for text in texts if (card := from_lines(read(text)))]
    book = Book(ctx)
    with ctx.db.transaction():
        for part in chunks(cards):
            known = _Known(book, part)
            new: dict[str, Contact] = {}
            for card in part:
                old = known.match(card)
                contact = card.onto(old or Contact(new_id(), card.name, uid=card.uid))
                known.add(contact)
                if old is None:
                    new[contact.id] = contact
                    added += 1
                elif contact == old:
                    unchanged += 1
                elif old.id in new:
                    new[contact.id] = contact
                    unchanged += 1
                else:
                    book.save(contact)
                    updated += 1
            book.add(*new.values())
    return Imported(added, updated, len(texts) - len(cards), unchanged)


def export_vcards(ctx: Context) -> bytes:
    """Every contact as vCard 3.0 in UTF-8, by name."""
    people = sorted(Book(ctx).where(), key=lambda contact: (contact.name.casefold(), contact.id))
    return "".join(map(to_vcard, people)).encode()


class _Known:
    """The contacts that the cards of one part may be."""

    def __init__(self, book: Book, cards: Iterable[Card]) -> None:
        cards = list(cards)
        self._by_uid: dict[str, Contact] = {}
        self._by_name: dict[str, dict[str, Contact]] = {}
        uids = {card.uid[:INDEXED] for card in cards if card.uid}
        for contact in book.where(contacts.c.uid.in_(uids)):
            self.add(contact)
        for contact in book.where(contacts.c.folded.in_({card.folded for card in cards})):
            self.add(contact)

    def add(self, contact: Contact) -> None:
        row = contact.row()
        self._by_uid[row["uid"]] = contact
        self._by_name.setdefault(row["folded"], {})[contact.id] = contact

    def match(self, card: Card) -> Contact | None:
        if card.uid and (same := self._by_uid.get(card.uid[:INDEXED])):
            return same
        reach = _reach(card.phones, card.emails)
        for contact in self._by_name.get(card.folded, {}).values():
            theirs = _reach(contact.phones, contact.emails)
            others = card.uid and contact.uid not in ("", contact.id)  # both know who they are
            if reach & theirs or (not others and not (reach and theirs)):
                return contact
        return None


def _reach(phones: Iterable[Point], emails: Iterable[Point]) -> set[str]:
    return {lookup_key("phone", point.value) for point in phones} | {
        lookup_key("email", point.value) for point in emails
    }


def _decode(data: bytes) -> str:
    """The file as text: UTF-16 by its mark, else UTF-8, each line that is not by its charset."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        lines = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = "\n".join(_line(line) for line in lines.split(b"\n"))
    return text.replace("\r\n", "\n").replace("\0", "")


def _line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        match = _CHARSET.search(line.split(b":", 1)[0].decode("latin-1") + ":")
        return line.decode(codec(match[1] if match else "") or "cp1252", "replace")


def to_vcard(contact: Contact) -> str:
    """One contact as vCard 3.0."""
    given, family = contact.parts
    out = [
        write("BEGIN", "VCARD"),
        write("VERSION", "3.0"),
        write("UID", escape(contact.uid or contact.id)),
        write("N", f"{escape(family)};{escape(given)};;;"),
        write("FN", escape(contact.name)),
    ]
    texts = (
        ("ORG", contact.company),
        ("TITLE", contact.role),
        ("BDAY", contact.birthday),
        ("NOTE", contact.notes),
        *(("X-WLM-RELATION", relation) for relation in contact.relations),
    )
    out += [write(name, escape(value)) for name, value in texts if value]
    for name, points in (("TEL", contact.phones), ("EMAIL", contact.emails)):
        out += [write(name, escape(point.value), _types(point)) for point in points]
    out += [
        write("ADR", f";;{escape(point.value)};;;;", _types(point)) for point in contact.addresses
    ]
    for name, many in (("NICKNAME", contact.nicknames), ("CATEGORIES", contact.groups)):
        if many:
            out.append(write(name, ",".join(map(escape, many))))
    return "".join([*out, write("END", "VCARD")])


def _types(point: Point) -> list[str]:
    return [{"mobile": "cell"}.get(point.kind, point.kind)]
