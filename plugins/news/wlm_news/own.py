"""What the user has made their own: feeds beside those of the settings, and saved searches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wlm.errors import BadRequest
from wlm.plugins import Context
from wlm_news.tables import feeds, searches

MOST_FEEDS = 1000
_NAME = 100


class Source(NamedTuple):
    """A feed that somebody subscribed to."""

    name: str
    url: str
    folder: str = ""


class Search(NamedTuple):
    """A topic, perhaps of one source, under a name."""

    name: str
    topic: str
    source: str = ""


class Brought(NamedTuple):
    """What an import did; ``skipped`` are those without a web address, or beyond the limit."""

    added: int
    updated: int
    unchanged: int
    skipped: int


def key(name: str) -> str:
    """What a name is found by: its words, without case and punctuation."""
    return " ".join(re.findall(r"[^\W_]+", name.casefold()))[:200]


def subscribed(ctx: Context) -> list[Source]:
    """The user's own feeds, by name."""
    rows = ctx.db.select(feeds, order_by=feeds.c.key)
    return [Source(row["name"], row["url"], row["folder"]) for row in rows]


def subscribe(ctx: Context, sources: Iterable[Source]) -> Brought:
    """Take feeds in, all of them or none; one of the same name or address is replaced."""
    counts = dict.fromkeys(Brought._fields, 0)
    with ctx.db.transaction():
        known = {key(source.name): source for source in subscribed(ctx)}
        by_url = {source.url: name for name, source in known.items()}
        for source in sources:
            name = by_url.get(source.url) or key(source.name)
            source = source._replace(name=" ".join(source.name.split())[:_NAME])
            if not name or not is_web(source.url) or len(known) >= MOST_FEEDS:
                counts["skipped"] += 1
                continue
            old = known.get(name)
            row = {"key": name, **source._asdict()}
            if old is None:
                ctx.db.insert(feeds, row)
            elif old != source:
                ctx.db.update(feeds, row, feeds.c.key == name)
            counts["added" if old is None else "unchanged" if old == source else "updated"] += 1
            known[name] = source
            by_url[source.url] = name
    return Brought(**counts)


def unsubscribe(ctx: Context, name: str) -> None:
    """Take a feed out. Raises ``BadRequest`` if the user has none of that name."""
    if not ctx.db.delete(feeds, feeds.c.key == key(name)):
        raise BadRequest("You have no feed of your own of that name.", hint="See `wlm news feeds`.")


def is_web(url: str) -> bool:
    """Whether it is an address that can be fetched."""
    return bool(re.match(r"https?://[^\s/]+", url, re.I)) and len(url) <= 2000


def saved(ctx: Context) -> list[Search]:
    """The user's searches, by name."""
    rows = ctx.db.select(searches, order_by=searches.c.key)
    return [Search(row["name"], row["topic"], row["source"]) for row in rows]


def search_of(ctx: Context, name: str) -> Search | None:
    """The search of that name."""
    rows = ctx.db.select(searches, searches.c.key == key(name)) if key(name) else []
    return Search(rows[0]["name"], rows[0]["topic"], rows[0]["source"]) if rows else None


def put(ctx: Context, search: Search) -> Search | None:
    """Keep a search; the one that had its name before, if there was one."""
    before = search_of(ctx, search.name)
    drop(ctx, search.name)
    ctx.db.insert(searches, {"key": key(search.name), **search._asdict()})
    return before


def drop(ctx: Context, name: str) -> bool:
    """Forget a search; whether there was one."""
    return bool(ctx.db.delete(searches, searches.c.key == key(name)))


def all_feeds(ctx: Context, set_up: Mapping[str, str]) -> dict[str, str]:
    """URL by name: those of the settings and the user's own, which win."""
    own = {source.name: source.url for source in subscribed(ctx)}
    taken = {key(name) for name in own}
    return {**{name: url for name, url in set_up.items() if key(name) not in taken}, **own}


def scope(topic: str, source: str) -> str:
    """What news are about, as it stands in a sentence; empty for all."""
    return f"{f' about {topic}' if topic else ''}{f' from {source}' if source else ''}"
