"""Which mail is meant, and whom it goes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from wlm.plugins import Context, Person, TimeRange
from wlm_email.imap import Mailbox
from wlm_email.mime import Mail


def one(
    box: Mailbox, ctx: Context, sender: Person | None, query: str, when: TimeRange | None
) -> Mail | None:
    """The mail that is meant: as asked for, else the one last spoken of, else the newest."""
    if not (sender or query or when):
        found = remembered(box, ctx) or box.search(unseen=True).mails
        if found:
            return found[0]
    return next(iter(box.search(sender, query, when).mails), None)


def remembered(box: Mailbox, ctx: Context) -> list[Mail]:
    """The mail last spoken of, if it had an id and is still there."""
    known = (ctx.memory.get("email") or {}).get("message_id")
    return by_id(box, known) if known else []


def by_id(box: Mailbox, message_id: str) -> list[Mail]:
    """The mail of exactly that id: servers look for a part of it."""
    found = box.search(message_id=message_id).mails
    return [mail for mail in found if mail.message_id == message_id]


def to_pass_on(
    box: Mailbox, ctx: Context, sender: Person | None, query: str, mail: str
) -> Mail | None:
    """The mail that is to go to others: never one that nobody spoke of."""
    if mail:
        return next(iter(by_id(box, mail)), None)
    if not (sender or query):
        found = remembered(box, ctx)
        if not found:
            ctx.ask("query", "Which mail?")
        return found[0]
    spoken_of = remembered(box, ctx) if sender and sender.email and not query else []
    if spoken_of and spoken_of[0].address.casefold() == (sender.email or "").casefold():  # type: ignore[union-attr]
        return spoken_of[0]
    return next(iter(box.search(sender, query).mails), None)


def answerable(box: Mailbox, ctx: Context, sender: Person | None) -> list[Mail]:
    """Mails that may be meant: the one last spoken of, else those from ``sender``."""
    spoken_of = remembered(box, ctx)
    if sender is None:
        return [mail for mail in spoken_of if mail.address]
    mails = [*spoken_of, *box.search(sender).mails] if sender.email else box.search(sender).mails
    wanted = (sender.email or "").casefold()
    return [mail for mail in mails if mail.address and wanted in ("", mail.address.casefold())]


def ask_sender(ctx: Context, mails: Sequence[Mail]) -> NoReturn:
    """Ask which address is meant. Names are the senders' to choose, so addresses are shown."""
    people = senders(mails)
    choices = [(f"{who.name}, {who.email}", who.to_dict()) for who in people][:5]
    question = f"To {' or '.join(label for label, _ in choices)}?"
    ctx.ask("sender", question, choices)


def senders(mails: Sequence[Mail]) -> list[Person]:
    """Who wrote them, each address once."""
    found = {m.address.casefold(): Person(m.sender, None, m.address) for m in reversed(mails)}
    return [found[key] for key in dict.fromkeys(m.address.casefold() for m in mails)]


def address(ctx: Context, person: Person, slot: str = "to") -> tuple[str, str]:
    """Name and address of a recipient; asks where there is none."""
    if person.email:
        return person.name, person.email
    if not ("@" in person.name and " " not in person.name):
        ctx.ask(slot, f"I have no e-mail address for {person.name}. What is it?")
    return "", person.name


def people(pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """Recipients as slot values that nobody needs to look up again."""
    return [Person(name or mail, None, mail).to_dict() for name, mail in pairs]
