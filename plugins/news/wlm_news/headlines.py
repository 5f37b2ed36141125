"""The latest headlines, to be heard and to be read."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply, TimeRange
from wlm_news import gist, own, pick
from wlm_news.feeds import Feed, Reader, failure, host_of
from wlm_news.items import Item
from wlm_news.settings import DEFAULT_FEEDS, NewsSettings


def latest(ctx: Context, topic: str, source: str, when: TimeRange | None) -> Reply:
    """The newest of what the feeds have: on a topic or a saved search, of a source, of a time.

    Raises ``BadRequest`` where there is no such feed, ``ProviderAway`` where none answers.
    """
    settings = ctx.settings_as(NewsSettings)
    if topic and (search := own.search_of(ctx, topic)):
        topic, source = search.topic, source or search.source
    chosen = _feeds(own.all_feeds(ctx, settings.feeds), source)
    folder = ctx.data_dir / "news" / quote(ctx.user, safe="")
    asking = partial(_asking, ctx)
    reader = Reader(ctx.http, asking, folder, ctx.now, public_only=not settings.allow_private)
    feeds = reader.read(chosen)
    ctx.lasts(min(feed.until or ctx.now for feed in feeds))
    if error := failure(feeds):
        raise error
    items = [item for feed in feeds for item in feed.items]
    if when:
        items = pick.within(items, when)
    items = pick.ranked(pick.about(items, topic, ctx.language))
    return _reply(ctx, items, feeds, topic, source)


def _asking(ctx: Context, host: str) -> AbstractContextManager[None]:
    """A feed's server. All users share those of the feeds that come with the skill."""
    return ctx.provider(host, own=host not in map(host_of, DEFAULT_FEEDS.values()))


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
    settings = ctx.settings_as(NewsSettings)
    heard, shown = items[: settings.heard], items[: settings.shown]
    scope = own.scope(topic, feeds[0].name if source else "")
    notes = _notes(feeds)
    data: dict[str, Any] = {
        "items": [item.to_dict() for item in shown],
        "found": len(items),
        "failed": [feed.name for feed in feeds if feed.error],
    }
    if not items:
        speech = " ".join([f"I found no news{scope}.", *notes])
        return Reply(speech, speech, data)
    summary = gist.summary(ctx, shown)
    data["summary"] = summary.to_dict()
    said = [summary.text] if summary else [_spoken(item, bare=bool(source)) for item in heard]
    if topic and not summary and (more := gist.lead(items[0])):
        said.insert(1, more)
    display = [f"The latest{scope}", ""]
    if summary:
        display += [f"The language model's summary: {summary.text}", ""]
    display += [_shown(n, item, ctx.now, n <= len(heard)) for n, item in enumerate(shown, 1)]
    below = [*notes, *([summary.note] if summary.note else [])]
    display += ["", *below] if below else []
    speech = " ".join([f"The latest{scope}.", *said, *notes])
    return Reply(speech, "\n".join(display), data)


def _spoken(item: Item, *, bare: bool) -> str:
    title = item.title.rstrip(" .")
    end = "" if title.endswith(("?", "!", "…")) else "."
    more = f" and {len(item.also)} more" if item.also else ""
    return f"{title}{end}" if bare else f"{item.source}{more}: {title}{end}"


def _shown(number: int, item: Item, now: datetime, opening: bool) -> str:
    told_by = ", ".join((item.source, *item.also))
    facts = " · ".join(part for part in (told_by, _ago(item, now)) if part)
    lead = gist.lead(item) if opening else ""
    return "\n    ".join(
        part for part in (f"{number:>2}. {item.title}", lead, facts, item.url) if part
    )


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
