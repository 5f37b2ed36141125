"""`people.add` and `people.update`: each writes once for its event, and says what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wlm.errors import BadRequest
from wlm.plugins import Context, Person, Reply
from wlm.types import new_id
from wlm_people import say
from wlm_people.book import Book
from wlm_people.changes import Change, Unclear, as_data, check, merge, put, sentence
from wlm_people.contact import Contact, lookup_key
from wlm_people.names import fold, name_words, tidy
from wlm_people.undo import record
from wlm_people.who import candidates, namesakes, one


def add(ctx: Context, book: Book, who: Person, values: Mapping[str, str], kind: str) -> Reply:
    """Put somebody in, or add what is new to the one who is there under that name."""
    check(values)
    name = tidy(who.name)[:200]
    if not fold(name):
        ctx.ask("who", "What is the name?")

    def work() -> dict[str, Any]:
        known = _same_person(book, who, name, values)
        contact, changes = merge(known or Contact(new_id(), name), values, kind)
        shared = _sharing(book, contact, values)
        if known is None:
            book.add(contact)
        elif changes:
            book.save(contact)
        if known is None or changes:
            record(ctx, known, contact)
        return {"id": contact.id, "known": known is not None, "changes": as_data(changes),
                "shared": shared}  # fmt: skip

    done = ctx.once("add", work)
    contact = _written(book, done)
    changes = [Change(**change) for change in done["changes"]]
    if not done["known"]:
        speech = f"I added {contact.name}."
    elif changes:
        speech = f"{contact.name} was there already. {sentence(contact, changes)}"
    else:
        speech = f"{contact.name} is in your address book already; there was nothing to add."
    if done["shared"]:
        speech += f" The same {done['shared'][0]} is kept for {say.some(done['shared'][1])}."
    return _reply(contact, speech, added=not done["known"], changes=done["changes"])


def update(
    ctx: Context,
    book: Book,
    who: Person,
    values: Mapping[str, str],
    kind: str,
    unknown: str | None = None,
) -> Reply:
    """Change what was said, and say what was there before.

    Of somebody who is not there asks whether to add them; ``unknown`` is the answer.
    """
    check(values)
    if not values:
        raise BadRequest(
            "What to change was not said; nothing was changed.",
            hint="Say the new number, address, company, role, nickname or birthday.",
        )
    if "name" in values:
        values = {**values, "name": tidy(values["name"])[:200]}
    elif unknown == "add them":
        return add(ctx, book, who, values, kind)
    elif unknown == "leave it":
        return Reply("Nothing was changed.")
    elif _is_stranger(ctx, book, who):
        name = tidy(who.name)
        ctx.ask(
            "unknown",
            f"There is no {name} in the address book. Add them?",
            [("yes", "add them"), ("no", "leave it")],
        )

    def work() -> dict[str, Any]:
        known = one(ctx, book, who)
        try:
            contact, changes = put(known, values, kind)
        except Unclear as unclear:
            _ask_which(ctx, known, unclear)
        if changes:
            book.save(contact)
            record(ctx, known, contact)
        return {"id": contact.id, "changes": as_data(changes)}

    done = ctx.once("update", work)
    contact = _written(book, done)
    changes = [Change(**change) for change in done["changes"]]
    speech = sentence(contact, changes) or f"That is how it was with {contact.name} already."
    return _reply(contact, speech, changes=done["changes"])


def remove(ctx: Context, book: Book, who: Person) -> Reply:
    """Take somebody out."""

    def work() -> str:
        known = one(ctx, book, who)
        book.remove(known.id)
        record(ctx, known, None)
        return known.name

    name = ctx.once("remove", work)
    return Reply(
        f"{name} is out of your address book.",
        data={"removed": name, "remember": {"person": None}},
    )


def _is_stranger(ctx: Context, book: Book, who: Person) -> bool:
    """Whether nobody of that name, or of one like it, is there; a first name is too little."""
    if who.id or len(name_words(who.name)) < 2:
        return False
    found = candidates(ctx, book, who.name)
    return not (found.sure or found.near)


def _same_person(book: Book, who: Person, name: str, values: Mapping[str, str]) -> Contact | None:
    """Who is in the book already: by id, or by name unless the companies tell them apart."""
    if who.id and (contact := book.get(who.id)):
        return contact
    company = fold(values.get("company", ""))
    for contact in namesakes(book, name):
        if not company or not contact.company or fold(contact.company) == company:
            return contact
    return None


def _sharing(
    book: Book, contact: Contact, values: Mapping[str, str]
) -> tuple[str, list[str]] | None:
    """Others who have the number or address that was given."""
    for field, called in (("phone", "number"), ("email", "e-mail address")):
        if value := values.get(field):
            others = book.with_detail(field, lookup_key(field, value))
            if names := [other.name for other in others if other.id != contact.id]:
                return called, names
    return None


def _ask_which(ctx: Context, contact: Contact, unclear: Unclear) -> None:
    kinds = list(
        dict.fromkeys(p.kind for p in unclear.points if p.kind in ("mobile", "home", "work"))
    )
    them = say.some([f"{p.kind} {say.number(p.value)}".strip() for p in unclear.points], "or")
    ctx.ask("kind", f"Which one of {contact.name}: {them}?", [(each, each) for each in kinds])


def _written(book: Book, done: Mapping[str, Any]) -> Contact:
    contact = book.get(done["id"])
    if contact is None:  # removed between the write and a retry
        raise BadRequest("This contact is no longer in the address book.", hint="Add it again.")
    return contact


def _reply(contact: Contact, speech: str, **data: Any) -> Reply:
    remember = {"person": {"name": contact.name, "id": contact.id}}
    whole = {"person": contact.as_dict(), **data, "remember": remember}
    return Reply(speech, f"{speech}\n\n{say.card(contact)}", whole)
