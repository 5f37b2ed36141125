"""What can be asked of the news. The handler says; ``feeds.py`` fetches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wlm.errors import BadRequest
from wlm.plugins import HOST_ONLY, Context, Reply, Skill, Slot, TimeRange, intent
from wlm_news import pick
from wlm_news.feeds import Feed, Reader, failure
from wlm_news.items import Item
from wlm_news.tables import metadata

if TYPE_CHECKING:
    from typer import Typer

    from wlm_news.own import Search

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

    tables = metadata

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
            False,
            description="Also read feeds on this machine or in the local network.",
            json_schema_extra=HOST_ONLY,
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
        from wlm_news import own

        settings = _settings(ctx)
        if topic and (search := own.search_of(ctx, topic)):
            topic, source = search.topic, source or search.source
        chosen = _feeds(own.all_feeds(ctx, settings.feeds), source)
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

    @intent(examples=["save the search {topic} as {name}"], effect="write")
    def save(
        self,
        ctx: Context,
        topic: Annotated[
            str, Slot("what the news is about", ask="Which topic?", cues=("about", "on", "for"))
        ],
        name: Annotated[str, Slot("what to call the search", cues=("as", "called"))] = "",
        source: Annotated[str, Slot("whose news", cues=("from", "by"))] = "",
    ) -> Reply:
        """Keep a search under a name, to be asked for again."""
        from wlm_news import own

        search = own.Search(" ".join((name or topic).split())[:80], topic, source)
        if not own.key(search.name):
            ctx.ask("name", "What shall the search be called?")
        return _saved(search, ctx.once("save", lambda: _put(ctx, search)))

    @intent(examples=["what are my saved searches"])
    def saved(self, ctx: Context) -> Reply:
        """Name the saved searches."""
        from wlm_news import own

        found = own.saved(ctx)
        if not found:
            return Reply("You have saved no search.", data={"searches": []})
        lines = [f"{s.name}: {_scope(s.topic, s.source).strip()}" for s in found]
        return Reply(
            f"Your searches: {', '.join(s.name for s in found)}.",
            "\n".join(lines),
            {"searches": [s._asdict() for s in found]},
        )

    @intent(examples=["forget the search {name}"], effect="write")
    def forget(
        self, ctx: Context, name: Annotated[str, Slot("what it is called", ask="Which search?")]
    ) -> Reply:
        """Forget a saved search."""
        from wlm_news import own

        if not ctx.once("forget", lambda: _drop(ctx, name)):
            names = ", ".join(search.name for search in own.saved(ctx))
            raise BadRequest(
                "There is no saved search of that name.",
                hint=f"You have {names}." if names else "You have saved none.",
            )
        return Reply("That search is forgotten.", data={"name": name})

    @intent(effect="write")
    def restore(self, ctx: Context, name: str, topic: str = "", source: str = "") -> Reply:
        """Put a search back as it was; emitted to undo a change, never routed to."""
        from wlm_news import own

        def work() -> bool:
            if topic:
                own.put(ctx, own.Search(name, topic, source))
            else:
                own.drop(ctx, name)
            return True

        ctx.once("restore", work)
        return Reply(f"Undone: the search {name} is {'as before' if topic else 'forgotten'}.")

    def commands(self, context: Callable[[], Context]) -> Typer:
        """`wlm news feeds`, `add`, `remove`, `import` and `export`."""
        from wlm_news.cli import commands

        return commands(context, lambda ctx: _settings(ctx).feeds)

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """The names of the feeds, and of the saved searches."""
        from wlm_news import own

        names = [search.name for search in own.saved(ctx)]
        return {"source": list(own.all_feeds(ctx, _settings(ctx).feeds)), "topic": names}


def _settings(ctx: Context) -> News.Settings:
    if not isinstance(ctx.settings, News.Settings):
        raise TypeError("the context holds another skill's settings")
    return ctx.settings


def _put(ctx: Context, search: Search) -> dict[str, str]:
    from wlm_news import own

    before = own.put(ctx, search)
    ctx.undo("news.restore", before._asdict() if before else {"name": search.name})
    return {"before": before.topic if before else ""}


def _drop(ctx: Context, name: str) -> bool:
    from wlm_news import own

    if before := own.search_of(ctx, name):
        own.drop(ctx, name)
        ctx.undo("news.restore", before._asdict())
    return before is not None


def _saved(search: Search, done: Mapping[str, str]) -> Reply:
    was = f" It was about {done['before']}." if done["before"] not in ("", search.topic) else ""
    scope = _scope(search.topic, search.source)
    return Reply(
        f"I keep the search {search.name}: news{scope}.{was}",
        data={"search": search._asdict(), **done},
    )


def _scope(topic: str, source: str) -> str:
    return f"{f' about {topic}' if topic else ''}{f' from {source}' if source else ''}"


def _feeds(feeds: dict[str, str], source: str) -> dict[str, str]:
    if not feeds:
        raise BadRequest("No feed is set up.", hint="Add one with `wlm news add NAME URL`.")
    if not source:
        return feeds
    if chosen := pick.sources(source, feeds):
        return chosen
    raise BadRequest(
        "None of your feeds has that name.",
        hint=f"You have {', '.join(feeds)}; `wlm news add NAME URL` adds others.",
    )


def _reply(ctx: Context, items: list[Item], feeds: list[Feed], topic: str, source: str) -> Reply:
    settings = _settings(ctx)
    heard, shown = items[: settings.heard], items[: settings.shown]
    scope = _scope(topic, feeds[0].name if source else "")
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
