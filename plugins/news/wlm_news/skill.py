"""What can be asked of the news. The handlers say; the modules beside this one do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply, Skill, Slot, TimeRange, ToModel, intent
from wlm_news.settings import NewsSettings
from wlm_news.tables import metadata

if TYPE_CHECKING:
    from typer import Typer

    from wlm_news.own import Search


SECONDS = 60.0
"""The feeds' answers, and a language model's."""


class News(Skill):
    """Headlines from the feeds you choose."""

    tables = metadata
    to_model = ToModel(
        "titles and openings of the news that you ask for",
        allowed_by="summaries",
        personal=False,
    )

    class Settings(NewsSettings):
        """Settings of the news."""

    @intent(
        examples=["what's in the news", "any news about {topic}"],
        cache_seconds=300,
        timeout=SECONDS,
    )
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
        from wlm_news.headlines import latest

        return latest(ctx, topic, source, when)

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
        lines = [f"{s.name}: {own.scope(s.topic, s.source).strip()}" for s in found]
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

    def depends(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Any:
        """The user's own feeds and searches, which commands change, too."""
        from wlm_news import own

        return [own.subscribed(ctx), own.saved(ctx)]

    def commands(self, context: Callable[[], Context]) -> Typer:
        """`wlm news feeds`, `add`, `remove`, `import` and `export`."""
        from wlm_news.cli import commands

        return commands(context, lambda ctx: ctx.settings_as(NewsSettings).feeds)

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """The names of the feeds, and of the saved searches."""
        from wlm_news import own

        names = [search.name for search in own.saved(ctx)]
        return {
            "source": list(own.all_feeds(ctx, ctx.settings_as(NewsSettings).feeds)),
            "topic": names,
        }


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
    from wlm_news import own

    was = f" It was about {done['before']}." if done["before"] not in ("", search.topic) else ""
    scope = own.scope(search.topic, search.source)
    return Reply(
        f"I keep the search {search.name}: news{scope}.{was}",
        data={"search": search._asdict(), **done},
    )
