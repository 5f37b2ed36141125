"""``wlm SKILL sync`` and ``wlm SKILL conflicts``: the same for every skill that is kept in step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wlm.plugins.context import Context
    from wlm.plugins.sync.both_ways import Synced
    from wlm.plugins.sync.remotes import Tables
    from wlm.types import Reply

AsJson = Annotated[bool, typer.Option("--json", help="The result as JSON.")]


def add_commands(
    app: typer.Typer,
    context: Callable[[], Context],
    tables: Tables,
    sync: Callable[[Context], Synced],
    reply: Callable[[Synced], Reply],
) -> None:
    """Add both commands; ``sync`` does it, ``reply`` says what it did."""

    @app.command("sync")
    def sync_now(as_json: AsJson = False) -> None:
        """Bring what is here and at the server in step, now."""
        done = sync(context())
        shown = json.dumps(done.to_dict(), ensure_ascii=False) if as_json else reply(done).display
        typer.echo(shown)

    @app.command()
    def conflicts(as_json: AsJson = False) -> None:
        """What was changed on both sides at once, and how that was settled."""
        from wlm.plugins.sync.remotes import Remotes

        found = Remotes(context(), tables).reported()
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
            return
        for each in found:
            typer.echo(f"{each['at'][:16]}  {each['title']}: {each['what']}")
        if not found:
            typer.echo("There were none.")
