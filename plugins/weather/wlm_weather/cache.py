"""Answers of the provider on disk, so that a second question costs nothing.

One JSON file an answer, below the user's own folder. What cannot be read counts as absent;
a folder that cannot be written costs the cache, not the answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

KEEP = timedelta(days=30)


class Kept(NamedTuple):
    """An answer from before: when it was fetched and until when it holds."""

    value: Any
    fetched: datetime
    expires: datetime


class Cache:
    """A folder of answers by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Kept | None:
        """The answer kept under ``key``, also one that has expired."""
        return _read(self._path(key))

    def put(self, key: str, value: Any, fetched: datetime, expires: datetime) -> None:
        """Keep an answer, and drop those too old to be of use."""
        path = self._path(key)
        entry = {
            "fetched": fetched.isoformat(),
            "expires": expires.isoformat(),
            "value": value,
        }
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep(fetched)
            temporary.write_text(json.dumps(entry), "utf-8")
            temporary.replace(path)

    def values(self) -> list[Any]:
        """Every answer kept, newest first."""
        paths = self._folder.glob("*.json") if self._folder.is_dir() else ()
        kept = [entry for path in paths if (entry := _read(path))]
        return [entry.value for entry in sorted(kept, key=lambda k: k.fetched, reverse=True)]

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"

    def _sweep(self, now: datetime) -> None:
        for path in self._folder.glob("*.json"):
            if (entry := _read(path)) is None or now - entry.fetched > KEEP:
                path.unlink(missing_ok=True)


def _read(path: Path) -> Kept | None:
    try:
        entry = json.loads(path.read_text("utf-8"))
        fetched = datetime.fromisoformat(entry["fetched"])
        expires = datetime.fromisoformat(entry["expires"])
        return Kept(entry["value"], fetched, expires) if fetched.tzinfo and expires.tzinfo else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
