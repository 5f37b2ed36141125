"""Take back a change to a contact: as it was before, unless it changed since."""

from __future__ import annotations

import json
from typing import Any

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply
from wlm_people import say
from wlm_people.book import Book
from wlm_people.contact import Contact, Point

INTENT = "people.restore"
_POINTS = ("phones", "emails", "addresses", "links")
_LISTS = ("nicknames", "relations", "groups")
_TEXTS = ("id", "name", "uid", "given", "family", "company", "role", "birthday", "notes")


def record(ctx: Context, before: Contact | None, after: Contact | None) -> None:
    """Keep how to take back what made ``after`` of ``before``; None is nobody."""
    contact = after or before
    if contact is not None:
        slots = {
            "contact": contact.id,
            "after": dump(after) if after else "",
            "before": dump(before) if before else "",
        }
        ctx.undo(INTENT, slots)


def changed_since() -> BadRequest:
    """The refusal to take back what others built on."""
    return BadRequest(
        "This contact was changed since; it stays as it is.",
        hint='Say what to change, as in `wlm ask "change NAME\'s number to …"`.',
    )


def restore(ctx: Context, book: Book, contact_id: str, before: str, after: str) -> Reply:
    """Write the contact as it was. Raises ``BadRequest`` if it changed since."""

    def work() -> str:
        now = book.get(contact_id)
        if (dump(now) if now else "") != after:
            raise changed_since()
        if now is None:
            book.add(load(before))
            return load(before).name
        if before:
            book.save(load(before))
        else:
            book.remove(contact_id)
        return now.name

    name = str(ctx.once("restore", work))
    if not before:
        speech = f"Undone: {name} is out of your address book again."
        return Reply(speech, data={"remember": {"person": None}})
    contact = load(before)
    remember = {"person": {"name": contact.name, "id": contact.id}}
    speech = f"Undone: {contact.name} is as before."
    return Reply(
        speech,
        f"{speech}\n\n{say.card(contact)}",
        {"person": contact.as_dict(), "remember": remember},
    )


def dump(contact: Contact) -> str:
    """A contact as it is kept to be put back, and compared."""
    plain: dict[str, Any] = {name: getattr(contact, name) for name in (*_TEXTS, *_LISTS, *_POINTS)}
    plain["uid"] = contact.uid or contact.id
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


def load(text: str) -> Contact:
    """The contact that ``dump`` kept."""
    plain = json.loads(text)
    # What was kept by an older version has no links.
    points = {name: tuple(Point(*pair) for pair in plain.pop(name, ())) for name in _POINTS}
    lists = {name: tuple(plain.pop(name)) for name in _LISTS}
    return Contact(**plain, **points, **lists)
