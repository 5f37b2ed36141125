"""`wlm news feeds`, `add NAME URL`, `remove NAME`, `import FILE` and `export [FILE]`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wlm.errors import UsageError
from wlm.plugins import files
from wlm_news import opml, own

if TYPE_CHECKING:
    from wlm.plugins import Context

_MOST_BYTES = 5_000_000


def commands(
    context: Callable[[], Context], set_up: Callable[[Context], Mapping[str, str]]
) -> typer.Typer:
    """The commands; ``set_up`` gives the feeds of the settings."""
    app = typer.Typer(no_args_is_help=True, help="Your feeds: list, add, in and out (OPML).")

    @app.command()
    def feeds(
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    ) -> None:
        """List the feeds that are read."""
        ctx = context()
        found = own.all_feeds(ctx, set_up(ctx))
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
            return
        for name, url in found.items():
            typer.echo(f"{name}\n    {url}")

    @app.command()
    def add(
        name: Annotated[str, typer.Argument(help="What to call it.")],
        url: Annotated[str, typer.Argument(help="Its address.")],
    ) -> None:
        """Read a feed from now on."""
        done = own.subscribe(context(), [own.Source(name, url.strip())])
        if done.skipped:
            raise UsageError(
                "That feed cannot be added; nothing was changed.",
                hint="It needs a name, and an address that begins with https://.",
            )
        typer.echo("Added." if done.added else "Changed." if done.updated else "It was there.")

    @app.command()
    def remove(name: Annotated[str, typer.Argument(help="What it is called.")]) -> None:
        """Read a feed of yours no more; those of the settings stay."""
        own.unsubscribe(context(), name)
        typer.echo("Removed.")

    @app.command("import")
    def import_(
        file: Annotated[Path, typer.Argument(help="An OPML file, or - for standard input.")],
        as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    ) -> None:
        """Bring in the feeds of another reader (OPML). Again is harmless."""
        done = own.subscribe(context(), opml.read(files.read(file, _MOST_BYTES)))
        if as_json:
            typer.echo(json.dumps(done._asdict()))
            return
        typer.echo(
            f"{done.added} added, {done.updated} changed, {done.unchanged} as they were, "
            f"{done.skipped} left out."
        )

    @app.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Where to write; - is standard output.")] = Path(
            "-"
        ),
    ) -> None:
        """Write all feeds as OPML, as other readers take it."""
        ctx = context()
        mine = {own.key(source.name): source for source in own.subscribed(ctx)}
        found = own.all_feeds(ctx, set_up(ctx)).items()
        sources = [mine.get(own.key(name), own.Source(name, url)) for name, url in found]
        files.write(file, opml.write(sources))
        typer.echo(f"Wrote {len(sources)} feeds.", err=True)

    return app
