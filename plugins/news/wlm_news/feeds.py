"""Fetch feeds, all at once, and only what has changed since the last time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from wlm.errors import ProviderAway, ProviderError
from wlm_news.items import Item, read

FRESH = timedelta(minutes=5)
LONGEST_FRESH = timedelta(hours=1)
STALE_LIMIT = timedelta(days=3)
MAX_BYTES = 3_000_000
TIMEOUT = 8.0
AT_ONCE = 16
_LONGEST_NAME = 255
AT_ONCE_A_HOST = 2
"""Requests that one server gets at a time, however many feeds it has."""


Asking = Callable[[str], AbstractContextManager[None]]


class HttpGet(Protocol):
    """What is needed of ``ctx.http``."""

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        timeout: float = TIMEOUT,
        public_only: bool = False,
    ) -> Any:
        """Fetch a URL; see ``wlm.plugins.http.Http.get``."""
        ...


class Feed(NamedTuple):
    """What came of one feed; ``age`` says how old its items are where it did not answer,
    ``until`` how long they hold (``None``: look again)."""

    name: str
    items: list[Item]
    error: ProviderError | None = None
    age: timedelta = timedelta(0)
    until: datetime | None = None


class _Kept(NamedTuple):
    """What is remembered of a feed between two questions."""

    items: list[Item]
    etag: str
    modified: str
    fetched: datetime
    expires: datetime


class Reader:
    """Reads feeds for one user. ``public_only`` refuses addresses inside the network."""

    def __init__(
        self, http: HttpGet, asking: Asking, folder: Path, now: datetime, *, public_only: bool
    ) -> None:
        """``asking`` is ``Context.provider`` for a feed's server, by its name."""
        self._http, self._asking = http, asking
        self._folder = folder
        self._now = now
        self._public_only = public_only
        self._hosts: defaultdict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(AT_ONCE_A_HOST)
        )

    def read(self, feeds: Mapping[str, str]) -> list[Feed]:
        """Every feed (URL by name), in the order given. One that fails takes down no other."""
        hosts = {name: host_of(url) for name, url in feeds.items()}
        for host in hosts.values():  # made before the threads come
            _ = self._hosts[host]
        # Hosts take turns, so that one with many feeds does not hold all the threads.
        turns: Counter[str] = Counter()
        order = {}
        for name, host in hosts.items():
            order[name] = turns[host]
            turns[host] += 1
        names = sorted(feeds, key=lambda name: order[name])
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="feed") as pool:
            done = dict(zip(names, pool.map(lambda n: self._one(n, feeds[n]), names), strict=True))
        return [done[name] for name in feeds]

    def _one(self, name: str, url: str) -> Feed:
        kept = self._load(url, name)
        if kept and kept.expires > self._now:
            return Feed(name, kept.items, until=kept.expires)
        try:
            fresh = self._fetch(name, url, kept)
            return Feed(name, fresh.items, until=fresh.expires)
        except ProviderError as error:
            if kept and self._now - kept.fetched < STALE_LIMIT:
                return Feed(name, kept.items, error, self._now - kept.fetched)
            return Feed(name, [], error)

    def _fetch(self, name: str, url: str, kept: _Kept | None) -> _Kept:
        headers = {}
        if kept and kept.etag:
            headers["if-none-match"] = kept.etag
        if kept and kept.modified:
            headers["if-modified-since"] = kept.modified
        host = host_of(url)
        with self._hosts[host], self._asking(host[:_LONGEST_NAME]):
            response = self._http.get(
                url,
                headers=headers,
                max_bytes=MAX_BYTES,
                timeout=TIMEOUT,
                public_only=self._public_only,
            )
        if response.status == 304 and kept:
            items = kept.items
        else:
            sent = read(response.content, name, url)
            items = _dated(sent, kept.items if kept else [], self._now.astimezone(UTC))
        fresh = _fresh_for(response.headers)
        etag = response.headers.get("etag", kept.etag if kept else "")
        modified = response.headers.get("last-modified", kept.modified if kept else "")
        found = _Kept(items, etag, modified, self._now, self._now + fresh)
        self._save(url, found)
        return found

    def _path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.json"

    def _load(self, url: str, name: str) -> _Kept | None:
        try:
            raw = json.loads(self._path(url).read_text("utf-8"))
            items = [Item.from_dict(item)._replace(source=name) for item in raw["items"]]
            times = (datetime.fromisoformat(raw[key]) for key in ("fetched", "expires"))
            kept = _Kept(items, raw["etag"], raw["modified"], *times)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept if kept.fetched.tzinfo and kept.expires.tzinfo else None

    def _save(self, url: str, kept: _Kept) -> None:
        """Remember it; a folder that cannot be written costs the memory, not the answer."""
        path = self._path(url)
        raw = {
            "items": [item.to_dict() for item in kept.items],
            "etag": kept.etag,
            "modified": kept.modified,
            "fetched": kept.fetched.isoformat(),
            "expires": kept.expires.isoformat(),
        }
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(json.dumps(raw), "utf-8")
            temporary.replace(path)


def host_of(url: str) -> str:
    """The server of a feed, with its port where the address names one."""
    try:
        return urlsplit(url).netloc.casefold()
    except ValueError:
        return ""


def failure(feeds: list[Feed]) -> ProviderError | None:
    """The error to raise where no feed gave anything; one that may pass before one that stays."""
    if any(feed.items for feed in feeds):
        return None
    errors = [feed.error for feed in feeds if feed.error]
    away = [error for error in errors if isinstance(error, ProviderAway)]
    return next(iter(away or errors), None)


def _dated(found: list[Item], before: list[Item], now: datetime) -> list[Item]:
    """Items without a date, or with one to come, count as published when first seen."""
    seen = {item.id: item.published for item in before}
    return [
        item
        if item.published and item.published <= now
        else item._replace(published=seen.get(item.id) or now)
        for item in found
    ]


def _fresh_for(headers: Mapping[str, str]) -> timedelta:
    match = re.search(r"max-age=(\d{1,9})", headers.get("cache-control", ""))
    asked = timedelta(seconds=int(match[1])) if match else FRESH
    return min(max(asked, FRESH), LONGEST_FRESH)
