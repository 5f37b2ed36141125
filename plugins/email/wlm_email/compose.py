"""Write mails: new ones and answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from wlm.errors import BadRequest
from wlm_email.account import Account
from wlm_email.mime import Mail, plain

Pair = tuple[str, str]
"""Name (may be empty) and address."""


def compose(
    account: Account,
    to: Sequence[Pair],
    subject: str,
    body: str,
    *,
    now: datetime,
    event_id: str,
    answers: Mail | None = None,
) -> EmailMessage:
    """A mail to (name, address) pairs. The same event gives the same Message-ID."""
    message = EmailMessage()
    message["From"] = _address(account.settings.display_name, account.address)
    message["To"] = [_address(name, address) for name, address in to]
    message["Subject"] = plain(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(account, event_id)
    if answers and answers.message_id:
        message["In-Reply-To"] = plain(answers.message_id)
        message["References"] = _references(answers)
    message.set_content(body.strip() + "\n")
    return message


def message_id(account: Account, event_id: str) -> str:
    """The id of the mail that an event sends; a repeat is known by it."""
    return f"<{event_id}.wlm@{account.address.rpartition('@')[2]}>"


def answer_subject(subject: str) -> str:
    """``Re: …``, once."""
    known = subject.casefold().startswith(("re:", "aw:"))
    return subject if known else f"Re: {subject}".strip()


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
