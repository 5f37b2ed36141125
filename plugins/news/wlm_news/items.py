"""One piece of news, and how the bytes of a feed become pieces of news.

What feeds hold was written by strangers: markup and control characters are taken out,
lengths are cut, and only web addresses are kept as links.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from wlm.errors import ProviderError

LIMIT = 100
"""Items read of one feed."""

_TITLE, _SUMMARY = 240, 600
_OPENING = 100
"""Characters of the text that stand for a title, where there is none."""
_LONG_TAG = re.compile(rb"<[^<>]{8192,}>?")  # many attributes take a parser minutes
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]{0,2000}>", re.S | re.I)


class Item(NamedTuple):
    """A headline: who says it, when, where to read on. ``tags`` are the feed's categories,
    ``also`` the other sources that tell the same story."""

    id: str
    title: str
    summary: str
    url: str
    source: str
    published: datetime | None
    tags: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        when = self.published.isoformat() if self.published else None
        lists = {"tags": list(self.tags), "also": list(self.also)}
        return {**self._asdict(), "published": when, **lists}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Item:
        """What ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        when = datetime.fromisoformat(raw["published"]) if raw["published"] else None
        lists = {"tags": tuple(raw["tags"]), "also": tuple(raw.get("also", ()))}
        return cls(**{**raw, "published": when, **lists})


def read(body: bytes, source: str, url: str) -> list[Item]:
    """The items of an RSS, Atom or JSON feed. Raises ``ProviderError`` if it is none."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{":
        return _read_json(body, source, url)
    return _read_xml(body, source, url)


def clean(text: Any, limit: int) -> str:
    """Plain text of one line: no markup, no control or direction characters, cut to length."""
    if not isinstance(text, str):
        return ""
    bare = html.unescape(_MARKUP.sub(" ", html.unescape(text[: limit * 20])))
    bare = _MARKUP.sub(" ", bare)
    shown = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in bare)
    line = " ".join(shown.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rsplit(' ', 1)[0]}…"


def _read_xml(body: bytes, source: str, url: str) -> list[Item]:
    import fastfeedparser  # type: ignore[import-untyped] # it ships no types

    try:
        entries = fastfeedparser.parse(_LONG_TAG.sub(b"", body), include_media=False).entries
    except (ValueError, LookupError, TypeError, SyntaxError, RecursionError):
        raise ProviderError(f"{source} does not answer with a feed.") from None
    items = (_from_entry(entry, source, url) for entry in entries[:LIMIT])
    return [item for item in items if item.title]


def _from_entry(entry: Any, source: str, url: str) -> Item:
    link = _link(entry.get("link"), url)
    title = clean(entry.get("title"), _TITLE) or clean(entry.get("description"), _OPENING)
    return Item(
        str(entry.get("id") or link or title)[:500],
        title,
        clean(entry.get("description"), _SUMMARY),
        link,
        source,
        _iso(entry.get("published") or entry.get("updated")),
        tuple(clean(tag.get("term"), 60) for tag in (entry.get("tags") or ())[:10]),
    )


def _read_json(body: bytes, source: str, url: str) -> list[Item]:
    try:
        feed = json.loads(body)
        entries = feed["items"]
        if "jsonfeed.org/version" not in feed["version"] or not isinstance(entries, list):
            raise ValueError("not a JSON Feed")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProviderError(f"{source} does not answer with a feed.") from None
    found = [_from_json(raw, source, url) for raw in entries[:LIMIT] if isinstance(raw, dict)]
    return [item for item in found if item.title]


def _from_json(raw: dict[str, Any], source: str, url: str) -> Item:
    text = raw.get("content_text") or raw.get("content_html")
    link = _link(raw.get("url") or raw.get("external_url"), url)
    title = clean(raw.get("title"), _TITLE) or clean(text, _OPENING)
    tags = raw.get("tags")
    return Item(
        str(raw.get("id") or link or title)[:500],
        title,
        clean(raw.get("summary") or text, _SUMMARY),
        link,
        source,
        _iso(raw.get("date_published") or raw.get("date_modified")),
        tuple(clean(tag, 60) for tag in tags[:10]) if isinstance(tags, list) else (),
    )


def _link(value: Any, base: str) -> str:
    """An absolute web address, or nothing."""
    if not isinstance(value, str):
        return ""
    try:
        link = urljoin(base, value.strip())
        parts = urlsplit(link)
    except ValueError:
        return ""
    printable = link.isprintable() and " " not in link
    return link[:2000] if parts.scheme in ("http", "https") and parts.netloc and printable else ""


def _iso(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
