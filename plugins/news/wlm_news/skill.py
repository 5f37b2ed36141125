"""What can be asked of the news. The handler says; ``feeds.py`` fetches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply, Skill, Slot, TimeRange, intent
from wlm_news import pick
from wlm_news.feeds import Feed, Reader, failure
from wlm_news.items import Item

DEFAULT_FEEDS = {
    "BBC News": "https://feeds.bbci.co.uk/news/rss.xml",
    "The Guardian": "https://www.theguardian.com/international/rss",
    "NPR": "https://feeds.npr.org/1001/rss.xml",
    "Deutsche Welle": "https://rss.dw.com/rdf/rss-en-all",
    "Al Jazeera": "https://www.aljazeera.com/xml/rss/all.xml",
    "Ars Technica": "https://feeds.arstechnica.com/arstechnica/index",
}


class News(Skill):
    """Headlines from the feeds you choose."""

    class Settings(BaseModel):
        """Settings of the news."""

        model_config = ConfigDict(defer_build=True)  # built by who uses it

        feeds: dict[str, str] = Field(
            DEFAULT_FEEDS,
            description="Feeds (RSS, Atom, JSON Feed) by name; as text: NAME=URL; NAME=URL.",
        )
        heard: int = Field(3, ge=1, le=10, description="How many headlines are spoken.")
        shown: int = Field(10, ge=1, le=50, description="How many headlines are shown.")
        allow_private: bool = Field(
            False, description="Also read feeds on this machine or in the local network."
        )

        @field_validator("feeds", mode="before")
        @classmethod
        def _from_text(cls, value: Any) -> Any:
            """Feeds as they come from the environment: NAME=URL; NAME=URL, or JSON."""
            if not isinstance(value, str):
                return value
            if value.lstrip().startswith("{"):
                return json.loads(value)
            pairs = (part.partition("=") for part in value.split(";") if part.strip())
            return {name.strip(): url.strip() for name, _, url in pairs}

        @field_validator("feeds")
        @classmethod
        def _web_addresses(cls, value: dict[str, str]) -> dict[str, str]:
            for name, url in value.items():
                if not url.startswith(("http://", "https://")):
                    raise ValueError(f"the address of {name!r} does not begin with https://")
            return value

    @intent(examples=["what's in the news", "any news about {topic}"])
    def headlines(
        self,
        ctx: Context,
        topic: Annotated[
            str, Slot("what the news is about", cues=("about", "on", "regarding"))
        ] = "",
        source: Annotated[str, Slot("whose news", cues=("from", "by"))] = "",
        when: TimeRange | None = None,
    ) -> Reply:
        """Read the latest headlines."""
        settings = _settings(ctx)
        chosen = _feeds(settings, source)
        folder = ctx.data_dir / "news" / quote(ctx.user, safe="")
        reader = Reader(ctx.http, folder, ctx.now, public_only=not settings.allow_private)
        feeds = reader.read(chosen)
        if error := failure(feeds):
            raise error
        items = [item for feed in feeds for item in feed.items]
        if when:
            items = pick.within(items, when)
        items = pick.newest(pick.about(items, topic, ctx.language))
        return _reply(ctx, items, feeds, topic, source)

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """The names of the feeds."""
        return {"source": list(_settings(ctx).feeds)}


def _settings(ctx: Context) -> News.Settings:
    if not isinstance(ctx.settings, News.Settings):
        raise TypeError("the context holds another skill's settings")
    return ctx.settings


def _feeds(settings: News.Settings, source: str) -> dict[str, str]:
    if not settings.feeds:
        raise BadRequest("No feed is set up.", hint="Add one with `wlm skills configure news`.")
    if not source:
        return settings.feeds
    if chosen := pick.sources(source, settings.feeds):
        return chosen
    raise BadRequest(
        "None of your feeds has that name.",
        hint=f"You have {', '.join(settings.feeds)}; `wlm skills configure news` adds others.",
    )


def _reply(ctx: Context, items: list[Item], feeds: list[Feed], topic: str, source: str) -> Reply:
    settings = _settings(ctx)
    heard, shown = items[: settings.heard], items[: settings.shown]
    scope = f"{f' about {topic}' if topic else ''}{f' from {feeds[0].name}' if source else ''}"
    notes = _notes(feeds)
    data = {
        "items": [item.to_dict() for item in shown],
        "found": len(items),
        "failed": [feed.name for feed in feeds if feed.error],
    }
    if not items:
        speech = " ".join([f"I found no news{scope}.", *notes])
        return Reply(speech, speech, data)
    lines = [_spoken(item, bare=bool(source)) for item in heard]
    speech = " ".join([f"The latest{scope}.", *lines, *notes])
    display = [
        f"The latest{scope}",
        "",
        *(_shown(n, item, ctx.now) for n, item in enumerate(shown, 1)),
    ]
    return Reply(speech, "\n".join([*display, *([""] if notes else []), *notes]), data)


def _spoken(item: Item, *, bare: bool) -> str:
    title = item.title.rstrip(" .")
    end = "" if title.endswith(("?", "!", "…")) else "."
    return f"{title}{end}" if bare else f"{item.source}: {title}{end}"


def _shown(number: int, item: Item, now: datetime) -> str:
    facts = " · ".join(part for part in (item.source, _ago(item, now)) if part)
    link = f"\n    {item.url}" if item.url else ""
    return f"{number:>2}. {item.title}\n    {facts}{link}"


def _ago(item: Item, now: datetime) -> str:
    if item.published is None:
        return ""
    minutes = int((now - item.published).total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 0)} min ago"
    hours = minutes // 60
    return f"{hours} h ago" if hours < 48 else f"{item.published.astimezone(now.tzinfo):%d %B %Y}"


def _notes(feeds: list[Feed]) -> list[str]:
    """Which feeds did not answer, in one sentence each kind."""
    old = [feed for feed in feeds if feed.error and feed.items]
    lost = [feed.name for feed in feeds if feed.error and not feed.items]
    notes = []
    if old:
        hours = max(1, round(max(feed.age for feed in old).total_seconds() / 3600))
        names = ", ".join(feed.name for feed in old)
        notes.append(f"{names} did not answer; that is from up to {hours} hours ago.")
    if lost:
        notes.append(f"{', '.join(lost)} did not answer.")
    return notes
