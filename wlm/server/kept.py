"""Answers that are kept for a while, so that who asks again gets them without a look at the rows.

Kept under the owner and the version of what was answered (``Contract.version``): after any change
the version is another one, so nothing old is ever given, and nothing of one user to another. They
are in this process's memory alone, open; a store beside it would be one more place to seal.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from flask import Flask, Response
from flask.globals import request_ctx

_KEY = "wlm.kept"
_JSON = "application/json"
SECONDS = 60.0
"""How long an answer is kept."""

_SHARE = 8  # one answer may take so much of the room: an eighth


class _Kept(NamedTuple):
    owner: str
    body: bytes
    until: float


class KeptAnswers:
    """At most ``room`` bytes of answers, the oldest go first. Many threads may use it."""

    def __init__(self, room: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._clock = clock
        self._used = 0
        self._answers: OrderedDict[str, _Kept] = OrderedDict()  # in the order in which they end
        self._lock = threading.Lock()

    def get(self, owner: str, tag: str) -> bytes | None:
        """The answer that ``owner`` was given under ``tag``, if it is still kept."""
        found = self._answers.get(tag)
        if found is None or found.owner != owner or found.until <= self._clock():
            return None
        return found.body

    def put(self, owner: str, tag: str, body: bytes) -> None:
        """Keep an answer, unless it is too large."""
        if len(body) * _SHARE > self._room:
            return
        now = self._clock()
        with self._lock:
            self._drop(tag)
            self._answers[tag] = _Kept(owner, body, now + SECONDS)
            self._used += len(body)
            while self._used > self._room or next(iter(self._answers.values())).until <= now:
                self._drop(next(iter(self._answers)))

    def forget(self, owner: str) -> None:
        """Keep nothing of ``owner`` any more."""
        with self._lock:
            for tag in [tag for tag, kept in self._answers.items() if kept.owner == owner]:
                self._drop(tag)

    def _drop(self, tag: str) -> None:
        if (gone := self._answers.pop(tag, None)) is not None:
            self._used -= len(gone.body)


def install(app: Flask, room: int) -> KeptAnswers:
    """Let ``app`` keep so many bytes of answers."""
    made = app.extensions[_KEY] = KeptAnswers(room)
    return made


def answered(owner: str, tag: str, make: Callable[[], Response]) -> Response:
    """The answer that ``tag`` stands for: the one that is kept, or a new one, which will be."""
    answers: KeptAnswers = request_ctx.app.extensions[_KEY]
    body = answers.get(owner, tag)
    if body is not None:
        return Response(body, mimetype=_JSON)
    made = make()
    if made.status_code == 200 and made.mimetype == _JSON and not made.is_streamed:
        answers.put(owner, tag, made.get_data())
    return made
