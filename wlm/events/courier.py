"""Bring notices to the channels that no command reads: the desktop, and e-mail.

Both are those of whoever works on this machine; a gateway's users have neither here.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from wlm.events.firing import Accept
from wlm.events.notices import DESKTOP, EMAIL, KEY, Notices
from wlm.store.scope import LOCAL_OWNER
from wlm.types import Notice, Route

if TYPE_CHECKING:
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

NOTICE = "notice"
"""The router of events that deliver a notice."""
_OLD_NEWS = timedelta(hours=1)
_LONGEST = 200
_NO_MARKUP = str.maketrans({"<": "‹", ">": "›", "&": "＆"})
"""Some desktops read markup in a message, and what we tell may come from outside."""


class Courier:
    """Delivers what lies ready. Any process may do it, and each notice goes out once."""

    def __init__(
        self,
        store: Store,
        notices: Notices,
        clock: Callable[[], datetime],
        accept: Accept,
        address: str,
    ) -> None:
        self._store = store
        self._notices = notices
        self._clock = clock
        self._accept = accept
        self._address = address

    def deliver(self) -> int:
        """Send what lies ready; how many notices."""
        return self._by_email() + (self._to_desktop() if desktop_here() else 0)

    def _by_email(self) -> int:
        """An event of the e-mail skill for each, in the transaction that marks it done."""
        if not self._address or not self._notices.ready(EMAIL, LOCAL_OWNER):
            return 0
        with self._store.write():
            taken = self._notices.take(EMAIL, LOCAL_OWNER)
            for notice in taken:
                slots = {
                    "to": [self._address],
                    "subject": _subject(notice),
                    "body": notice.display,
                }
                route = Route("email", "email.send", slots, 1.0, NOTICE)
                # The user's own setting says that it may be sent, and to whom.
                self._accept(notice.owner, route, f"{KEY}{notice.id}", self._clock(), True)
            self._notices.done(EMAIL, [notice.id for notice in taken])
        return len(taken)

    def _to_desktop(self) -> int:
        taken = self._notices.take(DESKTOP, LOCAL_OWNER)
        for notice in taken:
            fresh = notice.created_at is None or self._clock() - notice.created_at < _OLD_NEWS
            shown = fresh and show_on_desktop(_subject(notice), notice.speech)
            self._notices.done(DESKTOP, [notice.id], failed=not shown)
        return len(taken)


def desktop_here() -> bool:
    """Whether this process can reach a desktop that shows notifications."""
    if sys.platform in ("darwin", "win32"):
        return True
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and Path(runtime or "", "bus").exists()


def show_on_desktop(title: str, message: str) -> bool:
    """Show a desktop notification; whether that worked."""
    try:
        from desktop_notifier.sync import DesktopNotifierSync
    except ImportError:
        log.warning("no desktop notification: `pip install 'wlm[desktop]'`")
        return False
    shown: list[bool] = []
    plain = message.translate(_NO_MARKUP)
    try:
        notifier = DesktopNotifierSync(app_name="WLM")
        notifier.send(title, plain, on_dispatched=lambda: shown.append(True))
    except Exception as error:  # noqa: BLE001 - each platform has its own errors
        log.warning("no desktop notification (%s)", type(error).__name__)
    return bool(shown)


def _subject(notice: Notice) -> str:
    line = notice.speech.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
