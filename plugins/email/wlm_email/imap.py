"""The mailbox over IMAP: the one module that speaks it. Searching is the server's work."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from wlm.errors import ProviderAway, ProviderError
from wlm.plugins import Person, TimeRange
from wlm_email.account import CONFIGURE, TIMEOUT, Account, tls
from wlm_email.mime import Mail, parse, plain

MOST = 50
"""Heads fetched for one question."""

PART = 1_000_000
"""Bytes of a mail that are read; texts come before what is attached to them."""

_EMPTY = frozenset({"the", "a", "an", "of", "my", "mail", "email", "about", "with", "and", "from"})


class Found(NamedTuple):
    """The newest of the mails that fit, and how many fit in all."""

    mails: list[Mail]
    total: int


class Mailbox:
    """An open folder."""

    def __init__(self, box: Any, account: Account) -> None:
        self._box = box
        self._account = account

    def search(
        self,
        sender: Person | None = None,
        query: str = "",
        when: TimeRange | None = None,
        *,
        unseen: bool = False,
        message_id: str = "",
    ) -> Found:
        """Mails that fit, newest first. ``query`` is sought whole, then word by word."""
        from imap_tools import AND, Header

        parts: list[Any] = []
        if unseen:
            parts.append(AND(seen=False))
        if sender:
            parts.append(_from(sender))
        if when:  # the server knows days in its own zone only; times are compared below
            first = (when.start - timedelta(days=1)).date()
            parts.append(AND(date_gte=first, date_lt=(when.end + timedelta(days=2)).date()))
        if message_id:
            parts.append(AND(header=Header("Message-ID", _safe(message_id))))
        for words in _phrasings(query):
            uids = self._uids([*parts, *(AND(text=word) for word in words)])
            if uids or not words:
                break
        return self._heads(uids, when)

    def read(self, mail: Mail) -> Mail:
        """The mail with its text; it then counts as seen."""
        parts = f"(BODY.PEEK[]<0.{PART}> UID FLAGS)"
        status, data = self._box.client.uid("FETCH", mail.uid, parts)
        raw = next((part[1] for part in data or () if isinstance(part, tuple)), None)
        if status != "OK" or raw is None:
            raise ProviderError("That mail is no longer in the mailbox.")
        self._box.flag(mail.uid, ["\\Seen"], True)
        return parse(raw, mail.uid, seen=True)

    def sent_copy(self, message_id: str) -> bool:
        """Whether a mail of that id lies in the folder of sent mail."""
        from imap_tools import AND, Header

        folder = self._sent_folder()
        if folder is None:
            return False
        self._box.folder.set(folder)
        try:
            return bool(self._box.uids(AND(header=Header("Message-ID", message_id))))
        finally:
            self._box.folder.set(self._account.settings.folder)

    def keep(self, message: bytes, when: datetime) -> bool:
        """Put a copy into the folder of sent mail; whether there is one."""
        folder = self._sent_folder()
        if folder is None:
            return False
        self._box.append(message, folder, dt=when, flag_set=["\\Seen"])
        return True

    def _sent_folder(self) -> str | None:
        """The folder that is set, else the one the server marks as such, else by its name."""
        if name := self._account.settings.sent_folder:
            return name
        folders = list(self._box.folder.list())
        marked = [folder.name for folder in folders if "\\Sent" in folder.flags]
        named = [f.name for f in folders if re.split(r"[./]", f.name)[-1].casefold() == "sent"]
        return next(iter([*marked, *named]), None)

    def _uids(self, parts: Sequence[Any]) -> list[str]:
        from imap_tools import AND

        criteria = str(AND(*parts)) if parts else "ALL"
        charset = "US-ASCII" if criteria.isascii() else "UTF-8"
        return list(self._box.uids(criteria, charset))

    def _heads(self, uids: list[str], when: TimeRange | None) -> Found:
        newest = sorted(uids, key=int)[-MOST:]
        if not newest:
            return Found([], 0)
        fetched = self._box.fetch(uid_list=newest, headers_only=True, mark_seen=False, bulk=True)
        mails = [
            parse(item.obj.as_bytes(), item.uid or "", seen="\\Seen" in item.flags)
            for item in fetched
        ]
        if when:
            mails = [m for m in mails if m.date and when.start <= m.date < when.end]
        mails.sort(key=lambda mail: mail.date.timestamp() if mail.date else 0.0, reverse=True)
        return Found(mails, len(mails) if when else len(uids))


@contextlib.contextmanager
def connect(account: Account) -> Iterator[Mailbox]:
    """The mailbox, opened and closed again. All that goes wrong in it becomes one of ours."""
    import imaplib

    from imap_tools import errors

    host = account.settings.imap_host
    try:
        box = _open(account)
        try:
            yield Mailbox(box, account)
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error, errors.ImapToolsError):
                box.logout()
    except errors.MailboxLoginError:
        raise ProviderError(f"{host} refuses the login name or password.", hint=CONFIGURE) from None
    except imaplib.IMAP4.abort:
        raise ProviderAway(f"{host} broke off the connection.") from None
    except (imaplib.IMAP4.error, errors.ImapToolsError) as error:
        raise ProviderError(f"{host} refuses the request ({type(error).__name__}).") from None
    except TimeoutError:
        raise ProviderAway(f"{host} did not answer within {TIMEOUT:g} s.") from None
    except OSError as error:
        raise _unreachable(host, error) from None


def _open(account: Account) -> Any:
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

    settings = account.settings
    host, port = settings.imap_host, settings.imap_port
    box: Any
    match settings.imap_security:
        case "tls":
            box = MailBox(host, port, timeout=TIMEOUT, ssl_context=tls())
        case "starttls":
            box = MailBoxStartTls(host, port, timeout=TIMEOUT, ssl_context=tls())
        case _:
            box = MailBoxUnencrypted(host, port, timeout=TIMEOUT)
    ascii_only = (settings.user + account.password).isascii()
    login = box.login if ascii_only else box.login_utf8
    try:
        login(settings.user, account.password, settings.folder)
    except BaseException:
        with contextlib.suppress(OSError):
            box.client.shutdown()
        raise
    return box


def _unreachable(host: str, error: OSError) -> ProviderError:
    import ssl

    if isinstance(error, ssl.SSLError):
        return ProviderError(f"The certificate of {host} does not hold; no password was sent.")
    return ProviderAway(f"{host} cannot be reached.")


def _from(sender: Person) -> Any:
    """By address where it is known, else by every word of the name."""
    from imap_tools import AND

    if sender.email:
        return AND(from_=_safe(sender.email))
    return AND(from_=[_safe(word) for word in sender.name.split()] or [""])


def _phrasings(query: str) -> list[list[str]]:
    """The whole phrase, then its words; [[]] where nothing is sought."""
    phrase = _safe(query)
    words = [word for word in phrase.split() if word.casefold() not in _EMPTY]
    if not phrase:
        return [[]]
    return [[phrase], words] if len(words) > 1 or (words != [phrase] and words) else [[phrase]]


def _safe(text: str) -> str:
    """One line: a line end would begin another IMAP command."""
    return plain(text)
