"""What `people.add` and `people.update` do to a contact, and how they say it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wlm.errors import BadRequest
from wlm_people import say
from wlm_people.answers import linked, of_kind
from wlm_people.contact import Contact, Point, lookup_key

SINGLE = ("company", "role", "birthday", "notes", "name")
MANY = {"phone": "phones", "email": "emails", "address": "addresses"}
LINKS = ("manager", "assistant")
LISTS = {"nickname": "nicknames", "relation": "relations", "group": "groups"}
_CALLED = {"phone": "phone number", "email": "e-mail address"}


class Change(NamedTuple):
    """One field that changed: what it was before (empty if new) and what it is now."""

    field: str
    before: str
    after: str
    kind: str = ""


def check(values: Mapping[str, str]) -> None:
    """Raises ``BadRequest`` for a number or address that cannot be one; never repeats it."""
    if (email := values.get("email")) and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise BadRequest("That is no e-mail address; nothing was changed.", hint="Spell it out.")
    if (phone := values.get("phone")) and len(re.findall(r"\d", phone)) < 3:
        raise BadRequest("That is no phone number; nothing was changed.", hint="Say it slowly.")


def merge(
    contact: Contact, values: Mapping[str, str], kind: str = ""
) -> tuple[Contact, list[Change]]:
    """Put in what was not known; numbers and addresses are added to those that are there."""
    changes: list[Change] = []
    for field, value in values.items():
        if field in SINGLE:
            if getattr(contact, field):
                continue
            contact = contact.having(**{field: value})
        elif field in LINKS:
            contact, change = _linked(contact, field, value)
            changes += change
            continue
        elif not _has(contact, field, value):
            contact = _appended(contact, field, value, kind)
        else:
            continue
        changes.append(Change(field, "", value, kind if field in MANY else ""))
    return contact, changes


def put(
    contact: Contact, values: Mapping[str, str], kind: str = ""
) -> tuple[Contact, list[Change]]:
    """Write values over what was there; what was before is in the changes.

    A number or address takes the place of the one of its kind; without a kind, of the one
    that has none, or of the only one. Raises ``Unclear`` where several could be meant.
    """
    changes: list[Change] = []
    for field, value in values.items():
        if field in SINGLE:
            before = getattr(contact, field)
            if before != value:
                parts = {"given": "", "family": ""} if field == "name" else {}
                contact = contact.having(**{field: value, **parts})
                changes.append(Change(field, before, value))
        elif field in LINKS:
            contact, change = _linked(contact, field, value)
            changes += change
        elif field in LISTS:
            if not _has(contact, field, value):
                contact = _appended(contact, field, value, kind)
                changes.append(Change(field, "", value))
        else:
            contact, change = _replaced(contact, field, value, kind)
            changes += change
    return contact, changes


class Unclear(Exception):
    """Which of several numbers or addresses is meant is not clear."""

    def __init__(self, field: str, points: Sequence[Point]) -> None:
        super().__init__(field)
        self.points = list(points)


def _linked(contact: Contact, field: str, value: str) -> tuple[Contact, list[Change]]:
    before = linked(contact, field)
    if before == value:
        return contact, []
    others = tuple(point for point in contact.links if point.kind != field)
    return contact.having(links=(*others, Point(value, field))), [Change(field, before, value)]


def _replaced(contact: Contact, field: str, value: str, kind: str) -> tuple[Contact, list[Change]]:
    points: list[Point] = list(getattr(contact, MANY[field]))
    if any(
        _same(field, point.value, value) and (not kind or of_kind([point], kind))
        for point in points
    ):
        return contact, []
    if kind:
        wanted = of_kind(points, kind)
        # A lone number of no kind is what "change the mobile number" means.
        if not wanted and len(points) == 1 and not points[0].kind:
            wanted = points
    else:
        wanted = [point for point in points if not point.kind] or points
        if len({point.kind for point in wanted}) > 1:
            raise Unclear(field, points)
    if not wanted:
        return _appended(contact, field, value, kind), [Change(field, "", value, kind)]
    at = points.index(wanted[0])
    new = Point(value, points[at].kind or kind)
    before, points[at] = points[at].value, new
    return contact.having(**{MANY[field]: tuple(points)}), [Change(field, before, value, new.kind)]


def _appended(contact: Contact, field: str, value: str, kind: str) -> Contact:
    if field in MANY:
        return contact.having(**{MANY[field]: (*getattr(contact, MANY[field]), Point(value, kind))})
    return contact.having(**{LISTS[field]: (*getattr(contact, LISTS[field]), value)})


def _has(contact: Contact, field: str, value: str) -> bool:
    if field in MANY:
        return any(_same(field, point.value, value) for point in getattr(contact, MANY[field]))
    return any(_same(field, known, value) for known in getattr(contact, LISTS[field]))


def _same(field: str, a: str, b: str) -> bool:
    return lookup_key(field, a) == lookup_key(field, b)


def sentence(contact: Contact, changes: Sequence[Change]) -> str:
    """What was changed, and what was there before."""
    return " ".join(_clause(contact, change) for change in changes)


def _clause(contact: Contact, change: Change) -> str:
    after, before = _said(change.field, change.after), _said(change.field, change.before)
    if change.field == "name":
        return f"{before} is now called {after}."
    if change.field == "nickname":
        return f"{contact.name} is also called {after} now."
    if change.field == "relation":
        return f"{contact.name} is your {after} now."
    if change.field == "group":
        return f"{contact.name} is in the group {after} now."
    called = f"{change.kind} {_CALLED.get(change.field, change.field)}".strip()
    was = f"; it was {before}" if before else ""
    return f"{contact.name}'s {called} is now {after}{was}."


def _said(field: str, value: str) -> str:
    if not value:
        return ""
    match field:
        case "phone":
            return say.number(value)
        case "email":
            return say.mail(value)
        case "birthday":
            return say.day(value)
    return ", ".join(value.splitlines())


def as_data(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The changes for programs."""
    return [change._asdict() for change in changes]
