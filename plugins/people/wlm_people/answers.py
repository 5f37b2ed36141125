"""What `people.find` answers: one person, one detail of them, or several people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from wlm.errors import BadRequest
from wlm.plugins import Reply, TimeRange
from wlm_people import say
from wlm_people.contact import Contact, Point

_CALLED = {
    "phone": ("number", "numbers"),
    "email": ("e-mail address", "e-mail addresses"),
    "address": ("address", "addresses"),
}
_KINDS = {
    "mobile": ("mobile", "cell", "handy", "iphone"),
    "home": ("home", "private"),
    "work": ("work", "office", "business"),
}


def of_kind(points: Sequence[Point], kind: str | None) -> list[Point]:
    """Those for which ``kind`` is another word."""
    alike = _KINDS.get(kind or "", (kind,))
    return [point for point in points if point.kind.casefold() in alike]


def person(contact: Contact) -> Reply:
    """All that is known of somebody."""
    return Reply(say.about(contact), say.card(contact), _data(contact))


def detail(contact: Contact, what: str, kind: str | None, today: date) -> Reply:
    """One thing of somebody; says so where it is not known."""
    match what:
        case "phone":
            return _points(contact, what, contact.phones, kind)
        case "email":
            return _points(contact, what, contact.emails, kind)
        case "address":
            return _points(contact, what, contact.addresses, kind)
        case "birthday":
            return _birthday(contact, today)
        case "company":
            return _fact(contact, "company", contact.company, "{name} works at {value}.")
        case "manager" | "assistant":
            return _link(contact, what)
    return _fact(contact, "role", say.work(contact), "{name} works as {value}.")


def several(people: Sequence[Contact], where: str) -> Reply:
    """A list of people: who they are, aloud the first few, to read all of them."""
    names = [say.label(contact, people) for contact in people]
    if len(people) == 1:
        reply = person(people[0])
        data = {**reply.data, "people": [people[0].as_dict()]}
        return Reply(f"Only one person {where}. {reply.speech}", reply.display, data)
    verb = "works" if where.startswith("works") else where.split()[0]
    plural = {"works": "work", "is": "are", "has": "have"}.get(verb, verb)
    speech = f"{len(people)} people {plural}{where[len(verb) :]}: {say.some(names)}."
    data = {"people": [contact.as_dict() for contact in people]}
    return Reply(
        speech, f"{len(people)} people {plural}{where[len(verb) :]}\n{say.table(people)}", data
    )


def birthdays(people: Sequence[Contact], when: TimeRange | None, today: date) -> Reply:
    """Whose birthday is within a range, or comes next."""
    if when:
        start, end = when.start.date(), max(when.end.date(), when.start.date() + timedelta(days=1))
    else:
        start, end = today, date.max
    coming = sorted(
        ((say.next_birthday(c.birthday, start), c) for c in people if c.birthday),
        key=lambda pair: (pair[0], pair[1].name),
    )
    coming = [(day, contact) for day, contact in coming if day < end]
    if not when:
        coming = coming[:3]
    if not coming:
        return Reply("Nobody in your address book has a birthday then.", data={"people": []})
    lines = [f"{contact.name} on {_weekday(day)}" for day, contact in coming]
    data: dict[str, Any] = {"people": [{**c.as_dict(), "on": d.isoformat()} for d, c in coming]}
    if len(coming) == 1:
        data["remember"] = _data(coming[0][1])["remember"]
    return Reply(f"Birthdays: {say.some(lines)}.", "\n".join(["Birthdays", *lines]), data)


def _weekday(day: date) -> str:
    return f"{day:%A}, {say.day(f'--{day:%m-%d}')}"


def _data(contact: Contact) -> dict[str, Any]:
    who = {"name": contact.name, "id": contact.id}
    return {"person": contact.as_dict(), "remember": {"person": who}}


def _points(contact: Contact, what: str, points: Sequence[Point], kind: str | None) -> Reply:
    single, plural = _CALLED[what]
    wanted = of_kind(points, kind) if kind else list(points)
    kind_said = f"{kind} " if kind else ""
    data = {**_data(contact), what: [{"value": p.value, "kind": p.kind} for p in wanted]}
    if not wanted:
        others = f" There is {_spoken(what, points[0])}." if points else ""
        return _unknown(f"I have no {kind_said}{single} for {contact.name}.{others}", contact, data)
    if len(wanted) == 1:
        called = f"{wanted[0].kind or kind or ''} {single}".strip()
        speech = f"{contact.name}'s {called} is {_value(what, wanted[0])}."
    else:
        them = say.some([_spoken(what, point) for point in wanted])
        speech = f"{contact.name} has {len(wanted)} {plural}: {them}."
    lines = [f"{contact.name}", *(f"  {f'{p.kind}: ' if p.kind else ''}{p.value}" for p in wanted)]
    return Reply(speech, "\n".join(lines), data)


def _spoken(what: str, point: Point) -> str:
    return f"{point.kind} {_value(what, point)}".strip()


def _value(what: str, point: Point) -> str:
    match what:
        case "phone":
            return say.number(point.value)
        case "email":
            return say.mail(point.value)
    return ", ".join(point.value.splitlines())


def _birthday(contact: Contact, today: date) -> Reply:
    data = _data(contact)
    if not contact.birthday:
        return Reply(f"I do not know when {contact.name}'s birthday is.", data=data)
    day, years = say.next_birthday(contact.birthday, today), say.age(contact.birthday, today)
    born = say.day(contact.birthday)
    speech = f"{contact.name}'s birthday is on {born}"
    if years is not None:
        speech = f"{contact.name} was born on {born} and is {say.plural(years, 'year')} old"
    if day == today:
        speech += ". That is today"
    data |= {"birthday": contact.birthday, "next": day.isoformat(), "age": years}
    return Reply(f"{speech}.", data=data)


def _fact(contact: Contact, what: str, value: str, sentence: str) -> Reply:
    data = {**_data(contact), what: getattr(contact, what)}
    if not value:
        return _unknown(f"I do not know the {what} of {contact.name}.", contact, data)
    return Reply(sentence.format(name=contact.name, value=value), data=data)


def _unknown(speech: str, contact: Contact, data: dict[str, Any]) -> Reply:
    """What is not known, and to read: what is."""
    return Reply(speech, f"{speech}\n\n{say.card(contact)}", data)


def linked(contact: Contact, kind: str) -> str:
    """The name of somebody's manager or assistant; empty if it is not known."""
    return next((point.value for point in contact.links if point.kind == kind), "")


def _link(contact: Contact, kind: str) -> Reply:
    data = {**_data(contact), kind: linked(contact, kind)}
    if not data[kind]:
        return _unknown(f"I do not know the {kind} of {contact.name}.", contact, data)
    return Reply(f"{contact.name}'s {kind} is {data[kind]}.", data=data)


def nobody(where: str) -> BadRequest:
    """The error for a list that is empty; what was said stays out of it."""
    return BadRequest(
        f"Nobody in the address book {where}.", hint='`wlm ask "who is in my address book"`.'
    )
