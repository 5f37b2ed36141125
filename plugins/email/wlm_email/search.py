"""Words in a large mailbox: the server reads whole mails, the newest first, for as long as is fair.

A server without an index of texts reads every mail for a search; at 100,000 that takes longer than
anybody waits. So it is asked for a stretch of the newest, then for a longer one before it, and so
on. When the time is up it is asked about the rest by sender, recipient and subject alone, which
servers keep apart. ``Reach`` says how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from wlm_email.mime import plain

MOST = 50
"""With so many found, older ones are not looked for."""

TEXT_SECONDS, HEAD_SECONDS = 8.0, 3.0
"""How long whole mails are searched, and then the heads of the rest."""

_FIRST, _LEAST, _TIMES = 500, 100, 4
"""Mails of the first stretch and of the shortest, and how much longer the next one is at most."""
_STRETCH_SECONDS = 1.0
_HEADS = ("subject", "from_", "to", "cc")
_EMPTY = frozenset({"the", "a", "an", "of", "my", "mail", "email", "about", "with", "and", "from"})
_BY_NUMBER = 500
"""So many mails are named one by one; more are named as a stretch."""

Ask = Callable[[str, Sequence[Any]], list[str]]
"""UIDs in a sequence set (or ``UID`` and a set of those) for which all of the criteria hold."""


class Reach(NamedTuple):
    """How far a search came: of ``total`` mails the newest ``read`` were searched whole, and the
    newest ``heads`` at least by sender, recipient and subject. ``broke``: the server stopped
    answering."""

    total: int
    read: int
    heads: int
    broke: bool = False

    @property
    def whole(self) -> bool:
        """Whether all was searched."""
        return self.read >= self.total


class Search:
    """One search for the words of ``query`` in a folder of ``total`` mails."""

    def __init__(
        self,
        ask: Ask,
        total: int,
        narrowing: Sequence[Any],
        query: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``narrowing`` are criteria that hold besides, such as the sender."""
        self._ask, self._total, self._narrowing = ask, total, narrowing
        self._clock = clock
        phrase = plain(query)
        words = [word for word in phrase.split() if word.casefold() not in _EMPTY]
        self._words = words or [phrase]
        self._phrase = phrase if self._words != [phrase] else ""
        self._loose: list[str] = []
        self._exact: list[str] = []
        self.reach = Reach(total, 0, 0)

    def run(self) -> list[str]:
        """The UIDs of mails with the whole phrase, else of those with all of its words.

        Raises ``TimeoutError`` where the server stops answering before anything was found.
        """
        try:
            self._walk(0, TEXT_SECONDS, self._texts)
            if not self.reach.whole and not self._enough:
                self._walk(self.reach.read, HEAD_SECONDS, self._heads)
        except TimeoutError:
            if not self._loose:
                raise
            self.reach = self.reach._replace(broke=True)
        return self._exact or self._loose

    @property
    def _enough(self) -> bool:
        return len(self._exact if self._phrase else self._loose) >= MOST

    def _walk(self, behind: int, seconds: float, look: Callable[[str], None]) -> None:
        """Search stretch by stretch, from the newest but ``behind`` on."""
        length, ends = _FIRST, self._clock() + seconds
        while behind < self._total and not self._enough:
            started = self._clock()
            if started >= ends:
                return
            last = self._total - behind
            first = max(1, last - length + 1)
            look(f"{first}:{last}")
            behind += last - first + 1
            read = behind if look == self._texts else self.reach.read
            self.reach = self.reach._replace(read=read, heads=behind)
            times = _STRETCH_SECONDS / max(self._clock() - started, 1e-3)
            length = max(_LEAST, int(length * min(times, _TIMES)))

    def _texts(self, stretch: str) -> None:
        from imap_tools import AND

        self._seek(stretch, [AND(text=word) for word in self._words], AND(text=self._phrase))

    def _heads(self, stretch: str) -> None:
        from imap_tools import AND, OR

        words = [OR(**dict.fromkeys(_HEADS, word)) for word in self._words]
        self._seek(stretch, words, AND(subject=self._phrase))

    def _seek(self, stretch: str, words: Sequence[Any], phrase: Any) -> None:
        loose = self._ask(stretch, [*self._narrowing, *words])
        self._loose += loose
        if not (loose and self._phrase):
            return
        if len(loose) <= _BY_NUMBER:
            stretch = f"UID {','.join(loose)}"
        self._exact += self._ask(stretch, [*self._narrowing, phrase])
