"""`people.merge`: bring together who is in the address book twice, and take it back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from wlm.errors import BadRequest
from wlm.plugins import Context, Person, Reply
from wlm_people import say, undo
from wlm_people.book import Book
from wlm_people.changes import MANY, SINGLE
from wlm_people.contact import Contact, Point, lookup_key
from wlm_people.match import NEAR, score
from wlm_people.names import fold, name_words, said_words
from wlm_people.search import find
from wlm_people.who import MOST_ASKED

INTENT = "people.unmerge"
ALL = "everybody"
"""The answer that means all who were named in the question."""

_POINTS = {**MANY, "link": "links"}
_TEXTS = {"nickname": "nicknames", "relation": "relations", "group": "groups"}
_MOST_SHARING = 8
"""People who share a number before it is taken for that of a house or a company."""


def merge(ctx: Context, book: Book, who: Person | None) -> Reply:
    """Make one of those who are there twice; asks whom where several people are."""

    def work() -> dict[str, Any]:
        groups = _wanted(ctx, book, who)
        done = [(_merged(group), group) for group in groups]
        for one, group in done:
            book.save(one)
            for other in group[1:]:
                book.remove(other.id)
        if done:
            ctx.undo(
                INTENT,
                {
                    "after": json.dumps([undo.dump(one) for one, _ in done]),
                    "before": json.dumps([undo.dump(c) for _, group in done for c in group]),
                },
            )
        return {"made": [[one.id, one.name, len(group)] for one, group in done]}

    made = ctx.once("merge", work)["made"]
    if not made:
        return Reply("Nobody is in your address book twice.", data={"merged": []})
    said = say.some([f"{count} entries of {name}" for _, name, count in made])
    speech = f"I merged {said}."
    data: dict[str, Any] = {"merged": [{"id": i, "name": n, "entries": c} for i, n, c in made]}
    if len(made) > 1:
        return Reply(speech, data=data)
    data["remember"] = {"person": {"name": made[0][1], "id": made[0][0]}}
    contact = book.get(made[0][0])
    return Reply(speech, f"{speech}\n\n{say.card(contact)}" if contact else speech, data)


def unmerge(ctx: Context, book: Book, after: str, before: str) -> Reply:
    """Put them back as they were. Raises ``BadRequest`` if one was changed since."""
    made, were = json.loads(after), [undo.load(text) for text in json.loads(before)]

    def work() -> list[str]:
        for text in made:
            now = book.get(undo.load(text).id)
            if now is None or undo.dump(now) != text:
                raise undo.changed_since()
        for text in made:
            book.remove(undo.load(text).id)
        book.add(*were)
        return list(dict.fromkeys(contact.name for contact in were))

    return Reply(f"Undone: {say.some(ctx.once('unmerge', work))} as before.")


def _wanted(ctx: Context, book: Book, who: Person | None) -> list[list[Contact]]:
    """The groups to merge: of whom was named, else the only one there is."""
    if who is not None and fold(who.name) != fold(ALL):
        return [_named(book, who)]
    groups = list(duplicates(book))
    if who is None and len(groups) > 1:
        _ask_whom(ctx, groups)
    return groups


def _ask_whom(ctx: Context, groups: Sequence[Sequence[Contact]]) -> NoReturn:
    shown = groups[:MOST_ASKED]
    them = ", ".join(f"{group[0].name} ({len(group)})" for group in shown)
    more = f", and {len(groups) - len(shown)} more" if len(groups) > len(shown) else ""
    ctx.ask(
        "who",
        f"{len(groups)} people are there more than once: {them}{more}. Merge whom, or {ALL}?",
        [
            *((group[0].name, {"name": group[0].name, "id": group[0].id}) for group in shown),
            (ALL, {"name": ALL}),
        ],
    )


def _named(book: Book, who: Person) -> list[Contact]:
    """All who are meant by a name: those who are alike, or called just the same."""
    said = said_words(who.name)
    plural = [*said[:-1], said[-1][:-1]] if said and said[-1].endswith("s") else said
    for words in (said, plural):  # "merge the two Anna Bergs"
        sure = find(book, words, ("name", "nickname")).sure if words else []
        if who.id:
            sure = [contact for contact in sure if contact.id == who.id] or sure
        for contact in sure:
            same = {c.id: c for c in book.called(" ".join(name_words(contact.name)))}
            same |= {c.id: c for c in _sharing(book, contact) if _alike(contact, c)}
            if len(same) > 1:
                return _first_used(same.values())
    raise BadRequest(
        f"{who.name} is not in your address book twice; nothing was changed.",
        hint='To see who is: `wlm ask "merge duplicate contacts"`.',
    )


def duplicates(book: Book) -> Iterator[list[Contact]]:
    """Groups of entries that are of one person, the most used entry of each first.

    They share a number or an address and are called alike, or they have one name and
    nothing tells them apart.
    """
    leader: dict[str, str] = {}

    def top(contact_id: str) -> str:
        while (above := leader.get(contact_id, contact_id)) != contact_id:
            contact_id = above
        return contact_id

    shared = [ids for ids in book.shared() if len(ids) <= _MOST_SHARING]
    known = {c.id: c for c in book.those(dict.fromkeys(itertools.chain.from_iterable(shared)))}
    for ids in shared:
        people = [known[i] for i in ids if i in known]
        for one, other in itertools.combinations(people, 2):
            if _one_person(one, other):
                leader[top(other.id)] = top(one.id)
    groups: dict[str, list[Contact]] = {}
    for contact_id, contact in known.items():
        groups.setdefault(top(contact_id), []).append(contact)
    yield from (_first_used(group) for group in groups.values() if len(group) > 1)


def _first_used(people: Iterable[Contact]) -> list[Contact]:
    return sorted(people, key=lambda contact: (-contact.used, contact.id))


def _sharing(book: Book, contact: Contact) -> list[Contact]:
    """Others with a number or an address of theirs."""
    points = [("phone", p.value) for p in contact.phones]
    points += [("email", p.value) for p in contact.emails]
    found = [book.with_detail(type_, lookup_key(type_, value)) for type_, value in points]
    return [other for people in found for other in people if len(people) <= _MOST_SHARING]


def _one_person(a: Contact, b: Contact) -> bool:
    """Whether two entries are of one person, as far as can be told without asking."""
    if _differ(a.birthday, b.birthday):
        return False
    here, there = _keys(a), _keys(b)
    if here & there:
        return _alike(a, b)
    same_name = name_words(a.name) == name_words(b.name)
    return same_name and not (here and there) and not _differ(a.company, b.company)


def _differ(one: str, other: str) -> bool:
    """Whether both are known and are not the same."""
    return bool(one and other) and fold(one) != fold(other)


def _alike(a: Contact, b: Contact) -> bool:
    """Whether one may be another way to write, or a part of, the other's name."""
    one, other = sorted((name_words(a.name), name_words(b.name)), key=len)
    return score(one, other) >= NEAR


def _keys(contact: Contact) -> set[tuple[str, str]]:
    found = {("phone", lookup_key("phone", point.value)) for point in contact.phones}
    return found | {("email", lookup_key("email", point.value)) for point in contact.emails}


def _merged(group: Sequence[Contact]) -> Contact:
    """The first of the group with all that is known of the others."""
    made = group[0]
    for other in group[1:]:
        fields: dict[str, Any] = {
            field: getattr(other, field)
            for field in SINGLE
            if not getattr(made, field) and getattr(other, field)
        }
        if made.notes and other.notes and other.notes not in made.notes:
            fields["notes"] = f"{made.notes}\n{other.notes}"
        if len(name_words(other.name)) > len(name_words(made.name)):
            fields |= {"name": other.name, "given": other.given, "family": other.family}
        for type_, field in _POINTS.items():
            fields[field] = _joined(type_, getattr(made, field), getattr(other, field))
        for type_, field in _TEXTS.items():
            points = (map(Point, getattr(contact, field)) for contact in (made, other))
            fields[field] = tuple(point.value for point in _joined(type_, *points))
        made = made.having(**fields)
    return made


def _joined(type_: str, ours: Iterable[Point], theirs: Iterable[Point]) -> tuple[Point, ...]:
    """All of ours, and of theirs what is not among them; a kind that ours lacks is taken over."""
    found: dict[tuple[str, str], Point] = {}
    for point in (*ours, *theirs):
        key = (lookup_key(type_, point.value), point.kind if type_ == "link" else "")
        known = found.setdefault(key, point)
        if not known.kind:
            found[key] = known._replace(kind=point.kind)
    return tuple(found.values())
