"""The words of replies, and what a conversation remembers of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wlm.plugins import Reply
from wlm_email.mime import Mail
from wlm_email.search import Reach

HEARD, SHOWN = 3, 10


def listed(
    now: datetime, mails: Sequence[Mail], total: int, what: str, reach: Reach | None = None
) -> Reply:
    """The newest of them to be heard, more of them to be seen."""
    heard = [f"From {mail.sender}: {subject(mail)}" for mail in mails[:HEARD]]
    speech = f"{count(total, what)}. {' '.join(heard)}{as_far_as(reach)}"
    lines = [
        f"{'•' if not mail.seen else ' '} {when(mail.date, now):<18} "
        f"{mail.sender[:24]:<24} {mail.subject or '(no subject)'}"
        for mail in mails[:SHOWN]
    ]
    shown = [count(total, what), *lines, *([as_far_as(reach).strip()] if as_far_as(reach) else [])]
    return Reply(speech, "\n".join(shown), {**data(mails, total), **searched(reach)})


def as_far_as(reach: Reach | None) -> str:
    """How far back was searched, where that is not the whole mailbox; with a space before it."""
    if reach is None or reach.whole:
        return ""
    old = reach.total - reach.heads
    beyond = "by sender and subject" + (f", and not the {old:,} before them" if old else "")
    among = reach.heads - reach.read
    others = f", and the {among:,} before them {beyond}" if among else ""
    stopped = "The server stopped answering: " if reach.broke else ""
    return f" {stopped}I searched the newest {reach.read:,} of {reach.total:,} mails{others}."


def no_such(reach: Reach | None) -> Reply:
    """There is none, as far as was searched."""
    return Reply(f"There is no such mail.{as_far_as(reach)}", "", {"mails": [], **searched(reach)})


def searched(reach: Reach | None) -> dict[str, Any]:
    """The same for programs; of the whole mailbox there is nothing to say."""
    if reach is None or reach.whole:
        return {}
    return {"searched": {"mails": reach.total, "whole": reach.read, "heads": reach.heads}}


def data(mails: Sequence[Mail], total: int, *, text: bool = False) -> dict[str, Any]:
    """Mails for programs, and what "it" and "the second one" mean from now on."""
    rows = [
        {
            "message_id": mail.message_id,
            "name": mail.name,
            "address": mail.address,
            "subject": mail.subject,
            "date": mail.date.isoformat() if mail.date else None,
            "seen": mail.seen,
            **({"text": mail.text, "attachments": [*mail.attachments]} if text else {}),
        }
        for mail in mails[:SHOWN]
    ]
    first = remember(mails[0])
    choices = {"noun": "email", "items": [remember(mail) for mail in mails[:SHOWN]]}
    return {"mails": rows, "found": total, "remember": {"email": first, "choices": choices}}


def remember(mail: Mail) -> dict[str, Any] | None:
    """What "it" means in a reply: this mail, and whom an answer to it goes to."""
    if not mail.message_id:
        return None
    sender = {"name": mail.sender, "email": mail.address}
    return {"message_id": mail.message_id, "slots": {"sender": sender} if mail.address else {}}


def subject(mail: Mail) -> str:
    """As a sentence."""
    title = (mail.subject or "no subject").rstrip(" .")
    return title if title.endswith(("?", "!", "…")) else f"{title}."


def title(body: str) -> str:
    """A subject from the first words of the body."""
    first = " ".join(body.split())
    short = first if len(first) <= 50 else f"{first[:50].rsplit(' ', 1)[0]}…"
    return short[:1].upper() + short[1:]


def when(moment: datetime | None, now: datetime) -> str:
    """A time as people say it."""
    if moment is None:
        return "without a date"
    local = moment.astimezone(now.tzinfo)
    clock = f"{local:%H:%M}"
    match (now.date() - local.date()).days:
        case 0:
            return f"today at {clock}"
        case 1:
            return f"yesterday at {clock}"
        case gap if 1 < gap < 7:
            return f"{local:%A} at {clock}"
        case _:
            return f"{local.day} {local:%B %Y}"


def count(number: int, what: str) -> str:
    """``1 mail``, ``2 mails``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def joined(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def exactly(pairs: Sequence[tuple[str, str]]) -> str:
    """People with the very addresses that the mail goes to."""
    return joined([f"{name} ({address})" if name else address for name, address in pairs])


def size(number: int) -> str:
    """Bytes as people read them."""
    return f"{number / 1_000_000:.1f} MB" if number >= 100_000 else f"{max(1, number // 1000)} kB"
