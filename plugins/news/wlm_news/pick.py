"""Which of the items answer the question: by topic, source and time, each once, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from wlm.plugins import TimeRange
from wlm_news.items import Item

ALIKE = 92
"""Titles of this likeness (0 to 100) are one story."""

_HEAD_START = timedelta(hours=2)
"""By so much a story counts as newer for each further source that tells it, …"""
_MOST_SOURCES = 3
"""… up to so many."""

SOUNDS_LIKE = 78
"""A source is meant from this likeness on."""

_STEMMERS = {"en": "english", "de": "german", "es": "spanish"}
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        the a an of in on at to for from and or with about any s is what whats happening going
        news latest recent current today todays top headlines headline stories story world
        der die das und oder über von mit im am aus zu nachrichten neues aktuelle
        el la los las de del en y o sobre noticias últimas
        """,
    )
)
"""Words that name no topic."""


def sources(said: str, feeds: Mapping[str, str]) -> dict[str, str]:
    """The feeds whose name is meant by ``said``; empty if none is."""
    from rapidfuzz import fuzz

    wanted = _name(said)
    scores = {name: fuzz.WRatio(wanted, _name(name)) for name in feeds}
    exact = {name for name in feeds if wanted and wanted in _name(name).split()}
    best = max(scores.values(), default=0.0)
    if not exact and best < SOUNDS_LIKE:
        return {}
    chosen = exact or {name for name, score in scores.items() if score >= best - 3}
    return {name: url for name, url in feeds.items() if name in chosen}


def about(items: Iterable[Item], topic: str, language: str) -> list[Item]:
    """Items on a topic: all its words, else at least half of them."""
    wanted = stems(topic, language)
    if not wanted:
        return list(items)
    initials = frozenset(stem[0] for stem in wanted)  # stemming keeps the first letter
    scored = [
        (len(wanted & _stems_of(item, language, initials)) / len(wanted), item) for item in items
    ]
    whole = [item for score, item in scored if score == 1]
    return whole or [item for score, item in scored if score >= 0.5 and len(wanted) > 1]


def within(items: Iterable[Item], when: TimeRange) -> list[Item]:
    """Items published in a range of time."""
    return [item for item in items if item.published and when.start <= item.published < when.end]


def ranked(items: Iterable[Item]) -> list[Item]:
    """Each story once, as its newest item; the newest first, and what several sources tell before
    what is a little newer."""
    ordered = sorted(items, key=_published, reverse=True)
    return sorted(_once(ordered), key=_rank, reverse=True)


def _published(item: Item) -> datetime:
    return item.published or datetime.min.replace(tzinfo=UTC)


def _rank(item: Item) -> datetime:
    return _published(item) + _HEAD_START * min(len(item.also), _MOST_SOURCES)


def stems(text: str, language: str, initials: frozenset[str] | None = None) -> set[str]:
    """The stems of the words that mean something; with ``initials``, of those that begin so."""
    import Stemmer  # type: ignore[import-not-found] # a C extension without types

    stemmer = Stemmer.Stemmer(_STEMMERS.get(language, "english"))
    words = set(re.findall(r"[^\W_]+", text.casefold())) - _EMPTY
    return {stemmer.stemWord(w) for w in words if initials is None or w[0] in initials}


def _stems_of(item: Item, language: str, initials: frozenset[str]) -> set[str]:
    """What an item is about: its words, its feed's, its categories, the path of its address."""
    path = re.sub(r"[\W_\d]+", " ", urlsplit(item.url).path)
    text = f"{item.title} {item.summary} {item.source} {' '.join(item.tags)} {path}"
    return stems(text, language, initials)


def _once(items: Sequence[Item]) -> list[Item]:
    from rapidfuzz import fuzz, process

    alike: dict[str, Any] = {"scorer": fuzz.ratio, "score_cutoff": ALIKE}
    found: list[Item] = []
    places: dict[str, int] = {}
    titles: list[str] = []
    for item in items:
        title = _name(item.title)
        keys = [key for key in (_address(item.url), title) if key]
        same = [places[key] for key in keys if key in places]
        if not same and (like := process.extractOne(title, titles, **alike)) is not None:
            same = [like[2]]
        if not same:
            same = [len(found)]
            found.append(item)
            titles.append(title)
        first = found[same[0]]
        if item.source not in (first.source, *first.also):
            found[same[0]] = first._replace(also=(*first.also, item.source))
        for key in keys:
            places.setdefault(key, same[0])
    return found


def _address(url: str) -> str:
    """A link without what only tracks: scheme, query, fragment."""
    parts = urlsplit(url)
    keep = parts.query if re.search(r"(^|&)(id|p|article|story)=", parts.query) else ""
    return f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}?{keep}" if url else ""


def _name(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
