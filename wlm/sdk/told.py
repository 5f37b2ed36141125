"""What a user is told of events that nobody waited for, as a client of a gateway gets it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

from wlm.errors import Unreachable, WlmError
from wlm.types import Notice

if TYPE_CHECKING:
    from wlm.config import Settings

log = logging.getLogger(__name__)
PATH = "/v1/notices"
SILENCE_SECONDS = 60.0
"""How long a stream may say nothing; a gateway sends a comment more often than that."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_AGAIN_SECONDS = 1.0
"""What a gateway asks for (``retry``) where it ends a stream itself."""


class Cursor:
    """The last notice that was told on this machine, of one gateway and credential.

    A number in a file. Where it cannot be kept, notices are told again.
    """

    def __init__(self, settings: Settings) -> None:
        config = settings.config
        whose = "\n".join((config.server_url.rstrip("/"), config.profile, config.api_key))
        name = hashlib.sha256(whose.encode()).hexdigest()[:16]
        self._file = settings.paths.data / "notices" / name
        self._shown: int | None = None

    def last(self) -> int | None:
        """Its id; ``None`` where none was told yet."""
        try:
            return int(self._file.read_text("ascii"))
        except (OSError, ValueError):
            return None

    def show(self, last: int) -> None:
        """Notices up to that one are being shown; ``keep`` notes it once they have been."""
        self._shown = last

    def keep(self) -> None:
        """What was shown need not be told again."""
        if self._shown is None:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._file, str(self._shown))
        except OSError as error:
            log.warning("what was told cannot be noted (%s): it will be told again", error.strerror)
        self._shown = None


class Stream:
    """One reader of the notices' stream, over all its connections.

    ``last`` is where the next connection goes on. Lines are those of server-sent events.
    """

    def __init__(self, after: int | None) -> None:
        self.last = after
        self._failures = 0
        self._id = ""
        self._data: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        """What the next connection asks for."""
        self._id, self._data = "", []  # what a broken connection left half said
        told = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        return {"Accept": "text/event-stream", **told}

    def read(self, line: str) -> Notice | None:
        """The notice that ends with this line, if one does."""
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                self._id = value
            elif field == "data":
                self._data.append(value)
            return None
        data, self._data = "\n".join(self._data), []
        if self._id.isdigit():
            self.last = int(self._id)
        if not data:
            return None
        self._failures = 0
        return Notice.from_dict(json.loads(data))

    def pause(self, error: WlmError | None) -> float:
        """Seconds until the next connection, after ``error`` or a stream that ended. Raises the
        error where another connection would not help."""
        if error is None:
            return _AGAIN_SECONDS
        if not (isinstance(error, Unreachable) and error.retryable):
            raise error
        wait: float = min(_FIRST_PAUSE * 2 ** min(self._failures, 10), _LONGEST_PAUSE)
        self._failures += 1
        spread: float = random.uniform(1.0, 1.25)  # noqa: S311 - many must not come at once
        return max(wait, error.retry_after or 0.0) * spread


def _replace(file: Path, text: str) -> None:
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text, "ascii")
    temporary.replace(file)
