"""The mailbox over IMAP: the one module that speaks it. Searching is the server's work."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Person, TimeRange
from wlm_email.account import CONFIGURE, TIMEOUT, Account, signed_in, tls
from wlm_email.mime import Mail, parse, plain
from wlm_email.search import MOST, Reach, Search

PART = 1_000_000
"""Bytes of a mail that are read; texts come before what is attached to them."""

_HEAD = (
    "BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID REFERENCES IN-REPLY-TO "
    "CONTENT-TYPE)]"
)
_UID = re.compile(rb"\bUID (\d+)")
_CALENDAR = re.compile(rb'"(?:text" "calendar|application" "ics)"', re.I)
_ROLES = {"sent": ("sent",), "drafts": ("drafts", "draft")}
_MOST_OF_A_THREAD = 20


class Found(NamedTuple):
    """The newest of the mails that fit, and how many fit in all."""

    mails: list[Mail]
    total: int


class Mailbox:
    """An open folder."""

    def __init__(self, box: Any, account: Account) -> None:
        self._box = box
        self._account = account
        self._settings = account.settings
        self.reach: Reach | None = None
        """How far the last search for words came."""

    def search(
        self,
        sender: Person | None = None,
        query: str = "",
        when: TimeRange | None = None,
        *,
        unseen: bool = False,
        message_id: str = "",
    ) -> Found:
        """Mails that fit, newest first. ``query`` is sought whole, else word by word, and as far
        back as ``reach`` then says."""
        from imap_tools import AND

        parts: list[Any] = []
        if unseen:
            parts.append(AND(seen=False))
        if sender:
            parts.append(_from(sender))
        if when:  # the server knows days in its own zone only; times are compared below
            first = (when.start - timedelta(days=1)).date()
            parts.append(AND(date_gte=first, date_lt=(when.end + timedelta(days=2)).date()))
        if message_id:
            parts.append(_of_id("Message-ID", message_id))
        if not parts and not plain(query):
            return self._newest()
        self.reach = None
        if not plain(query):
            return self._found(self._uids(parts), when)
        search = Search(self._uids_in, self._total(), parts, query)
        uids = search.run()
        self.reach = search.reach
        if search.reach.broke:
            self._anew()
        return self._found(uids, when)

    def read(self, mail: Mail) -> Mail:
        """The mail with its text; it then counts as seen."""
        raw = self.raw(mail, PART)
        self._box.flag(mail.uid, ["\\Seen"], True)
        return parse(raw, mail.uid, seen=True)

    def look(self, mail: Mail) -> Mail:
        """The mail with its text, and its marks as they were."""
        return parse(self.raw(mail, PART), mail.uid, seen=mail.seen)

    def raw(self, mail: Mail, most: int) -> bytes:
        """The first ``most`` bytes of a mail. Raises ``ProviderError`` if it is gone."""
        found = self._fetch([mail.uid], f"BODY.PEEK[]<0.{most}>")
        if not found:
            raise ProviderError("That mail is no longer in the mailbox.")
        return found[0].data

    def heads(self, uids: Sequence[str]) -> list[Mail]:
        """The mails of these numbers that are there, without their texts, newest first."""
        return _newest_first(_heads(self._fetch(uids, _HEAD)))

    def with_calendar(self, mails: Sequence[Mail]) -> list[Mail]:
        """Those of the mails that hold a calendar; the server tells by their structure."""
        if not mails:
            return []
        uids = ",".join(mail.uid for mail in mails)
        status, told = self._box.client.uid("FETCH", uids, "(UID BODYSTRUCTURE)")
        if status != "OK":
            raise ProviderError("The mail server gives no mails.")
        having = set()
        for line in told or ():
            # A part's name may come as a literal: then the line is a pair, cut before it.
            text = b" ".join(line) if isinstance(line, tuple) else line or b""
            if _CALENDAR.search(text) and (uid := _UID.search(text)) is not None:
                having.add(uid[1].decode())
        return [mail for mail in mails if mail.uid in having]

    def thread(self, mail: Mail) -> list[Mail]:
        """The mails of a conversation with their texts, oldest first; those sent are among them."""
        ids = [*dict.fromkeys([*mail.references.split(), mail.message_id])][-_MOST_OF_A_THREAD:]
        ids = [id_ for id_ in ids if id_]
        if not ids:
            return [self.look(mail)]
        found = self._around(ids)
        sent = self._folder("sent")
        if sent is not None and sent != self._settings.folder:
            with self._within(sent):
                found += self._around(ids)
        once = {each.message_id or each.uid: each for each in found} or {"": self.look(mail)}
        return sorted(once.values(), key=lambda each: each.date.timestamp() if each.date else 0.0)

    def sent_copy(self, message_id: str) -> bool:
        """Whether a mail of that id lies in the folder of sent mail."""
        return bool(self._in_role("sent", message_id))

    def keep(self, message: bytes, when: datetime) -> bool:
        """Put a copy into the folder of sent mail; whether there is one."""
        return self._put("sent", message, when, "\\Seen")

    def put_draft(self, message: bytes, when: datetime) -> bool:
        """Put a draft into its folder; whether there is one."""
        return self._put("drafts", message, when, "\\Draft")

    def drafts(self) -> list[Mail]:
        """The drafts, newest first."""
        folder = self._folder("drafts")
        if folder is None:
            return []
        with self._within(folder):
            return [self.look(mail) for mail in self._newest(limit=10).mails]

    def draft(self, message_id: str) -> bytes | None:
        """A draft's bytes; ``None`` if it is not there."""
        folder = self._folder("drafts")
        if folder is None:
            return None
        with self._within(folder):
            uids = self._uids([_of_id("Message-ID", message_id)])
            return self._fetch(uids[-1:], "BODY.PEEK[]")[0].data if uids else None

    def drop_draft(self, message_id: str) -> bool:
        """Delete a draft; whether it was there."""
        folder = self._folder("drafts")
        if folder is None:
            return False
        with self._within(folder):
            uids = self._uids([_of_id("Message-ID", message_id)])
            if uids:
                self._box.delete(uids)
        return bool(uids)

    def _in_role(self, role: str, message_id: str) -> list[str]:
        folder = self._folder(role)
        if folder is None:
            return []
        with self._within(folder):
            return self._uids([_of_id("Message-ID", message_id)])

    def _put(self, role: str, message: bytes, when: datetime, flag: str) -> bool:
        folder = self._folder(role)
        if folder is None:
            return False
        self._box.append(message, folder, dt=when, flag_set=[flag])
        return True

    @contextlib.contextmanager
    def _within(self, folder: str) -> Iterator[None]:
        self._box.folder.set(folder)
        try:
            yield
        finally:
            self._box.folder.set(self._settings.folder)

    def _folder(self, role: str) -> str | None:
        """The folder that is set, else the one the server marks as such, else by its name."""
        if name := getattr(self._settings, f"{role}_folder"):
            return str(name)
        folders = list(self._box.folder.list())
        marked = [f.name for f in folders if f"\\{role}" in {flag.casefold() for flag in f.flags}]
        named = [
            f.name for f in folders if re.split(r"[./]", f.name)[-1].casefold() in _ROLES[role]
        ]
        return next(iter([*marked, *named]), None)

    def _around(self, ids: Sequence[str]) -> list[Mail]:
        """The mails of this folder that are one of ``ids`` or answer to one."""
        uids = {uid for id_ in ids for uid in self._uids([_of_id("Message-ID", id_)])}
        uids |= set(self._uids([_of_id("References", ids[0])]))
        uids |= set(self._uids([_of_id("In-Reply-To", ids[-1])]))
        kept = sorted(uids, key=int)[-_MOST_OF_A_THREAD:]
        fetched = self._fetch(kept, f"BODY.PEEK[]<0.{PART // 10}>")
        return [parse(item.data, item.uid, seen=item.seen) for item in fetched]

    def _uids(self, parts: Sequence[Any]) -> list[str]:
        from imap_tools import AND

        return self._ask(str(AND(*parts)) if parts else "ALL")

    def _uids_in(self, stretch: str, parts: Sequence[Any]) -> list[str]:
        from imap_tools import AND

        return self._ask(f"{stretch} {AND(*parts)}")

    def _ask(self, criteria: str) -> list[str]:
        charset = "US-ASCII" if criteria.isascii() else "UTF-8"
        return list(self._box.uids(criteria, charset))

    def _anew(self) -> None:
        """Connect again: a server that stopped answering may still send what nobody waits for."""
        with contextlib.suppress(OSError):
            self._box.client.shutdown()
        self._box = open_box(self._account)

    def _total(self) -> int:
        return int(self._box.client.untagged_responses.get("EXISTS", [b"0"])[-1] or 0)

    def _newest(self, limit: int = MOST) -> Found:
        """The last mails of the folder, without a list of all of them."""
        total = self._total()
        if not total:
            return Found([], 0)
        first = max(1, total - limit + 1)
        status, data = self._box.client.fetch(f"{first}:*", f"(UID FLAGS {_HEAD})")
        return Found(_newest_first(_heads(_items(status, data))), total)

    def _found(self, uids: list[str], when: TimeRange | None) -> Found:
        newest = sorted(uids, key=int)[-MOST:]
        mails = _heads(self._fetch(newest, _HEAD))
        if when:
            mails = [m for m in mails if m.date and when.start <= m.date < when.end]
        return Found(_newest_first(mails), len(mails) if when else len(uids))

    def _fetch(self, uids: Sequence[str], what: str) -> list[_Item]:
        if not uids:
            return []
        return _items(*self._box.client.uid("FETCH", ",".join(uids), f"(UID FLAGS {what})"))


class _Item(NamedTuple):
    """One answer to FETCH."""

    uid: str
    seen: bool
    data: bytes


def _items(status: str, data: Sequence[Any]) -> list[_Item]:
    if status != "OK":
        raise ProviderError("The mail server gives no mails.")
    found = []
    for i, part in enumerate(data or ()):
        if not isinstance(part, tuple):
            continue
        after = data[i + 1] if i + 1 < len(data) else b""
        told = part[0] + (after if isinstance(after, bytes) else b"")  # flags may come last
        if (uid := _UID.search(told)) is not None:
            found.append(_Item(uid[1].decode(), b"\\Seen" in told, part[1]))
    return found


def _heads(items: Iterable[_Item]) -> list[Mail]:
    heads = []
    for item in items:
        with contextlib.suppress(BadRequest):  # one that cannot be read hides no other
            heads.append(parse(item.data, item.uid, seen=item.seen))
    return heads


def _newest_first(mails: list[Mail]) -> list[Mail]:
    return sorted(mails, key=lambda mail: mail.date.timestamp() if mail.date else 0.0, reverse=True)


@contextlib.contextmanager
def connect(account: Account) -> Iterator[Mailbox]:
    """The mailbox, opened and closed again. All that goes wrong in it becomes one of ours.

    Raises ``ProviderPaused`` where the server is to be left alone."""
    with account.asking("imap"), _connected(account) as box:
        yield box


@contextlib.contextmanager
def opened(account: Account) -> Iterator[Any]:
    """The library's mailbox, for who stays in it for hours: it counts as no call to the server.

    Raises as ``connect``, but never ``ProviderPaused``."""
    with _connected(account) as box:
        yield box._box


@contextlib.contextmanager
def _connected(account: Account) -> Iterator[Mailbox]:
    import imaplib

    from imap_tools import errors

    host = account.settings.imap_host
    try:
        box = Mailbox(open_box(account), account)
        try:
            yield box
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error, errors.ImapToolsError):
                box._box.logout()
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


def open_box(account: Account) -> Any:
    """The library's mailbox, logged in, its folder chosen. Raises the library's errors."""
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

    settings = account.settings
    host, port = settings.imap_host, settings.imap_port
    box: Any
    account.check(host, port)
    match settings.imap_security:
        case "tls":
            box = MailBox(host, port, timeout=TIMEOUT, ssl_context=tls())
        case "starttls":
            box = MailBoxStartTls(host, port, timeout=TIMEOUT, ssl_context=tls())
        case _:
            box = MailBoxUnencrypted(host, port, timeout=TIMEOUT)
    try:
        account.check(*box.client.socket().getpeername()[:2])
        if account.token is not None:
            signed_in(account, lambda said: _taken(box, said), host)
            box.folder.set(settings.folder)
        elif (settings.user + account.password).isascii():
            box.login(settings.user, account.password, settings.folder)
        else:
            box.login_utf8(settings.user, account.password, settings.folder)
    except BaseException:
        with contextlib.suppress(OSError):
            box.client.shutdown()
        raise
    return box


def _taken(box: Any, said: str) -> bool:
    """Whether the server takes what XOAUTH2 says."""
    import imaplib

    # A refused token is told in a challenge; the empty answer to it ends the attempt.
    answers = iter([said.encode()])
    try:
        box.client.authenticate("XOAUTH2", lambda _: next(answers, b""))
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        return False
    return True


def _unreachable(host: str, error: OSError) -> ProviderError:
    import ssl

    if isinstance(error, ssl.SSLError):
        return ProviderError(f"The certificate of {host} does not hold; no password was sent.")
    return ProviderAway(f"{host} cannot be reached.")


def _from(sender: Person) -> Any:
    """By address where it is known, else by every word of the name."""
    from imap_tools import AND

    if sender.email:
        return AND(from_=plain(sender.email))
    return AND(from_=[plain(word) for word in sender.name.split()] or [""])


def _of_id(name: str, message_id: str) -> Any:
    # One line: a line end would begin another IMAP command.
    from imap_tools import AND, Header

    return AND(header=Header(name, plain(message_id)))
