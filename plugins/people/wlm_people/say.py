"""Contacts as sentences to be heard and as cards to be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from wlm_people.contact import Contact, Point

_SPOKEN = 3  # people or values that are named aloud; the rest is counted


def number(value: str) -> str:
    """A phone number to be heard: its digits one by one, in the groups it is written in."""
    groups = re.findall(r"\d+", value)
    if len(groups) == 1:
        groups = _grouped(groups[0])
    said = ", ".join(" ".join(group) for long in groups for group in _grouped(long))
    return f"plus {said}" if value.lstrip().startswith("+") else said


def _grouped(digits: str) -> list[str]:
    """Threes, and a last one of up to four."""
    groups = []
    while len(digits) > 4:
        groups.append(digits[:3])
        digits = digits[3:]
    return [*groups, digits]


def mail(value: str) -> str:
    """An e-mail address to be heard."""
    marks = {"@": " at ", ".": " dot ", "_": " underscore ", "-": " dash ", "+": " plus "}
    return "".join(marks.get(c, c) for c in value)


def listed(items: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return f" {last} ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def some(items: Sequence[str], last: str = "and") -> str:
    """The first few of them and how many more there are."""
    if len(items) <= _SPOKEN + 1:
        return listed(items, last)
    return listed([*items[:_SPOKEN], f"{len(items) - _SPOKEN} more"], "and")


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 number", "2 numbers"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def birth_date(birthday: str) -> tuple[int | None, int, int]:
    """Year (if known), month and day of a stored birthday."""
    year, month, day = re.fullmatch(r"(\d{4}|-)-(\d\d)-(\d\d)", birthday).groups()  # type: ignore[union-attr]  # stored in this form alone
    return (None if year == "-" else int(year)), int(month), int(day)


def day(birthday: str) -> str:
    """ "31 March 1990", or without the year where it is not known."""
    year, month, day_ = birth_date(birthday)
    return f"{day_} {date(2000, month, 1):%B}" + (f" {year}" if year else "")


def next_birthday(birthday: str, today: date) -> date:
    """The first day from ``today`` on when it is celebrated; 29 February on the 28th."""
    _, month, day_ = birth_date(birthday)
    for year in (today.year, today.year + 1):
        try:
            that = date(year, month, day_)
        except ValueError:
            that = date(year, 2, 28)
        if that >= today:
            break
    return that


def age(birthday: str, on: date) -> int | None:
    """Years of age on a day, if the year of birth is known."""
    year, month, day_ = birth_date(birthday)
    return None if year is None else on.year - year - ((on.month, on.day) < (month, day_))


def label(contact: Contact, among: Sequence[Contact] = ()) -> str:
    """The name, with the company or role where somebody else has the same."""
    same = [c for c in among if c.name == contact.name and c.id != contact.id]
    if not same:
        return contact.name
    first = (contact.phones or contact.emails or (Point(""),))[0].value
    what = next(
        (
            text
            for text in (
                contact.company and f"at {contact.company}",
                contact.role and f"the {contact.role}",
                first and f"with {first}",
            )
            if text
        ),
        "with nothing else known",
    )
    return f"{contact.name} {what}"


def work(contact: Contact) -> str:
    """ "designer at Acme", as far as known."""
    if contact.role and contact.company:
        return f"{contact.role} at {contact.company}"
    return contact.role or contact.company


def about(contact: Contact) -> str:
    """Who somebody is and how to reach them, in a sentence or two."""
    who = [contact.name]
    if contact.relations:
        who.append(f"your {contact.relations[0]}")
    if contact.role:
        who.append(work(contact))
    elif contact.company:
        who.append(f"who works at {contact.company}")
    reach = []
    if contact.phones:
        reach.append(f"the number is {number(contact.phones[0].value)}")
    if contact.emails:
        reach.append(f"the e-mail address is {mail(contact.emails[0].value)}")
    if not reach and contact.birthday:
        reach.append(f"the birthday is {day(contact.birthday)}")
    if not reach and contact.addresses:
        reach.append(f"the address is {', '.join(contact.addresses[0].value.splitlines())}")
    if not reach:
        reach.append("no number and no address is known")
    return f"{', '.join(who)}: {listed(reach)}."


def card(contact: Contact) -> str:
    """Everything that is known, a line each."""
    lines: list[tuple[str, str]] = []
    lines += [(point.kind or "phone", point.value) for point in contact.phones]
    lines += [(f"{point.kind} e-mail".strip(), point.value) for point in contact.emails]
    lines += [
        (f"{point.kind} address".strip(), ", ".join(point.value.splitlines()))
        for point in contact.addresses
    ]
    if contact.birthday:
        lines.append(("birthday", day(contact.birthday)))
    for name, texts in (
        ("called", contact.nicknames),
        ("your", contact.relations),
        ("groups", contact.groups),
        *((point.kind, (point.value,)) for point in contact.links),
    ):
        if texts:
            lines.append((name, ", ".join(texts)))
    if contact.notes:
        lines.append(("notes", " ".join(contact.notes.split())))
    width = max((len(name) for name, _ in lines), default=0)
    head = contact.name + (f"\n  {work(contact)}" if work(contact) else "")
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in lines)])


def table(people: Sequence[Contact]) -> str:
    """One line each: name, work, first number, first address."""
    rows = [
        (
            c.name,
            work(c),
            c.phones[0].value if c.phones else "",
            c.emails[0].value if c.emails else "",
        )
        for c in people
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    return "\n".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True) if w).rstrip()
        for row in rows
    )
