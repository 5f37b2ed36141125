"""New mail as it comes: the server says so (IMAP IDLE), or is asked once a minute."""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import time
from collections.abc import Iterator
from typing import Any

from imap_tools.errors import ImapToolsError
from pydantic import JsonValue

from wlm.errors import ProviderAway, ProviderError
from wlm.plugins import Context, Noticed, Reply
from wlm_email import imap, rsvp, say
from wlm_email.account import Account, account

_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 540.0
"""How long the server is waited for at once; it logs who is silent for 30 minutes off."""
_ASK_SECONDS = 60.0
"""Between two looks at a server that cannot say when mail comes."""
_NOTHINGS = 3
_MOST = 100
"""New mails that one notice is about; of more, the newest."""


def watch(account: Account, mark: JsonValue) -> Iterator[Noticed | None]:
    """The mails that come after those of ``mark``, until the connection breaks.

    Without a mark, or with that of another mailbox, it begins with what comes from now on.
    Raises ``ProviderAway`` or ``ProviderError``.
    """
    with imap.opened(account) as opened:
        box = _Box(opened)
        place = _place(account, box)
        known = mark if isinstance(mark, dict) and mark.get("place") == place else None
        last = int(str(known["last"])) if known else box.last_uid()
        if known is None:
            yield Noticed({"place": place, "last": last})
        while True:
            if uids := box.uids_after(last):
                last = uids[-1]
                came = ",".join(map(str, uids[-_MOST:]))
                key = f"{place}:{last}"
                yield Noticed({"place": place, "last": last}, "email.arrived", {"mails": came}, key)
            yield from _until_something(box)


def _until_something(box: _Box) -> Iterator[None]:
    """Wait until the server says that the mailbox has changed, or it should be looked at."""
    began = time.monotonic()
    if not box.can_idle:
        while time.monotonic() - began < _ASK_SECONDS:
            time.sleep(_LOOK_SECONDS)
            yield None
        return
    box.idle()
    try:
        while time.monotonic() - began < _IDLE_SECONDS:
            if box.heard(_LOOK_SECONDS):
                return
            yield None
    finally:
        box.end_idle()


class _Box:
    """What a watch needs of the library's mailbox: its numbers, and IDLE."""

    def __init__(self, box: Any) -> None:
        self._box = box
        told = box.client.untagged_responses  # by SELECT; the next command may change them
        self.validity = b"".join(told.get("UIDVALIDITY", [])[-1:]).decode()
        self._next = int(b"".join(told.get("UIDNEXT", [])[-1:]) or 0)
        self._nothing = 0
        self.can_idle = "IDLE" in box.client.capabilities

    def last_uid(self) -> int:
        """The greatest number that a mail here has, or had."""
        return self._next - 1 if self._next else max(self.uids_after(0), default=0)

    def uids_after(self, last: int) -> list[int]:
        """The numbers above ``last``, ascending."""
        status, data = self._box.client.uid("SEARCH", f"UID {last + 1}:*")
        if status != "OK":
            raise ProviderError("The mail server does not say what mail there is.")
        # "5:*" means the last mail, too, where there is none after it.
        return sorted(uid for line in data for uid in map(int, (line or b"").split()) if uid > last)

    def idle(self) -> None:
        """Let the server say what happens."""
        self._box.idle.start()

    def heard(self, seconds: float) -> bool:
        """Whether it says that mails came or went, within so many seconds."""
        began = time.monotonic()
        lines = self._box.idle.poll(timeout=seconds)
        if any(b" EXISTS" in line for line in lines):
            return True
        # The library hides the end of a connection: it gives nothing, at once, ever again.
        # Once is no sign of it: TLS has things of its own to say.
        at_once = not lines and time.monotonic() - began < seconds / 2
        self._nothing = self._nothing + 1 if at_once else 0
        if self._nothing > _NOTHINGS or any(line.startswith(b"* BYE") for line in lines):
            raise ProviderAway("The mail server broke off the connection.")
        return False

    def end_idle(self) -> None:
        """Have it answer questions again. One that is gone says so to the next question."""
        with contextlib.suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
            self._box.idle.stop()


def told(ctx: Context, mails: str) -> Reply:
    """What to say of mails that came, by their numbers; nothing of those that were read since."""
    with imap.connect(account(ctx)) as box:
        found = [mail for mail in box.heads(mails.split(",")) if not mail.seen]
        rsvp.follow_unread(ctx, box, found)
    if not found:
        return Reply("", "", {"mails": [], "found": 0})
    if len(found) > 1:
        return say.listed(ctx.now, found, len(found), "new mail")
    (mail,) = found
    speech = f"New mail from {mail.sender}: {say.subject(mail)}"
    return Reply(speech, speech, say.data(found, 1))


def _place(account: Account, box: _Box) -> str:
    """What tells this mailbox, as it is numbered now, from every other; it names nobody."""
    settings = account.settings
    parts = (settings.imap_host, settings.user, settings.folder, box.validity)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
