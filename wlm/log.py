"""Logging: one line a record on stderr, personal data masked.

Rooms log with ``logging.getLogger(__name__)`` and pass ids, codes and numbers, never what
a user said. The filter here is the second line of defence: it masks what looks like an
e-mail address, a phone number, a bearer token or an API key in any record.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TextIO

_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<e-mail>"),
    (re.compile(r"(?i)bearer\s+\S+|wlmk_\w+|sk-[\w-]{8,}"), "<secret>"),
    (re.compile(r"(?<![\w-])\+?\d[\d ()/-]{7,}\d(?![\w-])"), "<number>"),
)

_BATCH = 0.1  # s

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` makes one for each line


def mask(text: str) -> str:
    """``text`` with addresses, phone numbers and secrets replaced by their kind."""
    for pattern, kind in _MASKS:
        text = pattern.sub(kind, text)
    return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the error's type."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one masked line; exception texts are left out, their types stay."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        line.update(getattr(record, "fields", {}))  # numbers and names that the caller vouches for
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return _ENCODE(line)


def to_stderr() -> None:
    """Send WLM's log to stderr, one JSON line a record; for programs, not for importers."""
    logger = logging.getLogger("wlm")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.propagate = False


def show_requests() -> None:
    """Log every request to the gateway, whatever the setting ``log_level``; many lines at once."""
    logger = logging.getLogger("wlm.access")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(BatchHandler(sys.stderr))
        logger.propagate = False


class BatchHandler(logging.Handler):
    """Writes the lines of a tenth of a second at once, from a thread of its own.

    To write a line takes the system as long as a short request takes us, and gives up the
    interpreter's lock. What is kept back is written when the process ends.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self._stream = stream
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # what is kept is the parent's to write

    def _begin(self) -> None:
        self._records: deque[logging.LogRecord] = deque()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep a record for the next batch; many threads may do so."""
        self._records.append(record)
        if not self._some.is_set():
            self._some.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
                self._thread.start()
        return True

    def flush(self) -> None:
        """Write what is kept."""
        with self.lock or contextlib.nullcontext():
            lines = []
            while self._records:
                lines.append(self.format(self._records.popleft()) + "\n")
            if lines:
                with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more
                    self._stream.write("".join(lines))
                    self._stream.flush()

    def _write_on(self) -> None:
        while True:
            self._some.wait()
            time.sleep(_BATCH)
            self._some.clear()
            self.flush()


def set_level(level: str) -> None:
    """Log from ``level`` up: the setting ``log_level``."""
    logging.getLogger("wlm").setLevel(level.upper())
