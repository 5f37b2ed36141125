"""Write mails: new ones, answers, and those that are passed on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple

from wlm.errors import BadRequest
from wlm_email.account import Account
from wlm_email.mime import Mail, plain

Pair = tuple[str, str]
"""Name (may be empty) and address."""


class Invite(NamedTuple):
    """A calendar that goes with the words, as iMIP has it: its method, and the bytes."""

    method: str
    data: bytes


class File(NamedTuple):
    """What is attached."""

    name: str
    kind: str
    data: bytes


def compose(
    account: Account,
    to: Sequence[Pair],
    subject: str,
    body: str,
    *,
    now: datetime,
    event_id: str,
    cc: Sequence[Pair] = (),
    answers: Mail | None = None,
    files: Sequence[File] = (),
    invite: Invite | None = None,
) -> EmailMessage:
    """A mail to (name, address) pairs. The same event gives the same Message-ID."""
    message = EmailMessage()
    message["From"] = _address(account.settings.display_name, account.address)
    if to:
        message["To"] = [_address(name, address) for name, address in to]
    if cc:
        message["Cc"] = [_address(name, address) for name, address in cc]
    message["Subject"] = plain(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(account, event_id)
    if answers and answers.message_id:
        message["In-Reply-To"] = plain(answers.message_id)
        message["References"] = _references(answers)
    message.set_content(body.strip() + "\n")
    if invite is not None:
        message.add_alternative(
            invite.data.decode("utf-8"), subtype="calendar", params={"method": invite.method}
        )
    for file in files:
        main, _, sub = file.kind.partition("/")
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name)
    return message


def passed_on(note: str, mail: Mail, when: str) -> str:
    """The text of a mail that passes another on: what is said to it, then what it says."""
    sender = f"{mail.name} <{mail.address}>" if mail.name else mail.address
    head = [
        "---------- Forwarded message ----------",
        f"From: {sender}",
        f"Date: {when}",
        f"Subject: {mail.subject}",
    ]
    if mail.to:
        head.append(f"To: {', '.join(address for _, address in mail.to)}")
    return "\n".join([*([note.strip(), ""] if note.strip() else []), *head, "", mail.text])


def message_id(account: Account, event_id: str) -> str:
    """The id of the mail that an event sends; a repeat is known by it."""
    return f"<{event_id}.wlm@{account.address.rpartition('@')[2]}>"


def prefixed(subject: str, prefix: str) -> str:
    """``Re: …`` or ``Fwd: …``, once."""
    known = ("re:", "aw:") if prefix == "Re:" else ("fwd:", "fw:", "wg:")
    return subject if subject.casefold().startswith(known) else f"{prefix} {subject}".strip()


def recipients(message: EmailMessage) -> list[str]:
    """Every address that the mail goes to, once each."""
    fields = [message[name] for name in ("To", "Cc") if message[name] is not None]
    found = [address.addr_spec for field in fields for address in field.addresses]
    return list(dict.fromkeys(found))


def _references(answers: Mail) -> str:
    known = list(dict.fromkeys([*answers.references.split(), answers.message_id]))
    kept = known if len(known) <= 20 else [known[0], *known[-19:]]
    return plain(" ".join(kept))


def _address(name: str, address: str) -> Address:
    try:
        return Address(plain(name), addr_spec=address)
    except (ValueError, IndexError):
        raise BadRequest("That is not an e-mail address; nothing was sent.") from None
