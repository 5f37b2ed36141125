"""Bring a file of contacts in: a card finds the contact that it is, or becomes a new one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wlm.plugins import Context
from wlm.types import new_id
from wlm_people.book import Book, chunks
from wlm_people.card import Card
from wlm_people.contact import INDEXED, Contact, Point, lookup_key
from wlm_people.tables import contacts


class Imported(NamedTuple):
    """How many contacts a file brought.

    ``skipped`` cards cannot be read, or name nobody (a card without any name, number or
    address; a group). ``unchanged`` ones were there already, with all that the card has.
    """

    added: int
    updated: int
    skipped: int
    unchanged: int = 0


def bring_in(ctx: Context, read: Iterable[Card | None]) -> Imported:
    """Put cards into the address book: all of them or, on an error, none.

    A card is somebody who is there already if it has their UID, or their name and a number
    or address of theirs. Its texts then take the place of what was there; its numbers and
    addresses are added. ``None`` stands for a card that names nobody.
    """
    every = list(read)
    cards = [card for card in every if card]
    added = updated = unchanged = 0
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
    return Imported(added, updated, len(every) - len(cards), unchanged)


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
