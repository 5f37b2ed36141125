"""Logging: one line a record on stderr, personal data masked.

Rooms log with ``logging.getLogger(__name__)`` and pass ids, codes and numbers, never what
a user said. The filter here is the second line of defence: it masks what looks like an
e-mail address, a phone number, a bearer token or an API key in any record.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<e-mail>"),
    (re.compile(r"(?i)bearer\s+\S+|wlmk_\w+|sk-[\w-]{8,}"), "<secret>"),
    (re.compile(r"(?<![\w-])\+?\d[\d ()/-]{7,}\d(?![\w-])"), "<number>"),
)

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
    """Log every request to the gateway, whatever the setting ``log_level``."""
    logging.getLogger("wlm.access").setLevel(logging.INFO)


def set_level(level: str) -> None:
    """Log from ``level`` up: the setting ``log_level``."""
    logging.getLogger("wlm").setLevel(level.upper())
