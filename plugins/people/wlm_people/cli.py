"""`wlm people import FILE`, `export [FILE]`, `sync` and `conflicts`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wlm.plugins import files

if TYPE_CHECKING:
    from wlm.plugins import Context


def commands(context: Callable[[], Context]) -> typer.Typer:
    """The commands; ``context`` makes the context that they work in."""
    from wlm.plugins.sync.commands import add_commands
    from wlm_people.sync import run
    from wlm_people.tables import kept

    app = typer.Typer(no_args_is_help=True, help="Contacts in (vCard, CSV), out, and in step.")

    @app.command("import")
    def import_(
        file: Annotated[Path, typer.Argument(help="A .vcf or .csv file, or - for standard input.")],
        as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    ) -> None:
        """Bring in vCards, or a table with headings (CSV) as Google and Outlook export it.

        Again is harmless: who is known is updated.
        """
        from wlm_people.vcards import import_contacts

        done = import_contacts(context(), files.read(file))
        if as_json:
            typer.echo(json.dumps(done._asdict()))
            return
        typer.echo(
            f"{done.added} added, {done.updated} updated, {done.unchanged} as they were, "
            f"{done.skipped} left out."
        )

    @app.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Where to write; - is standard output.")] = Path(
            "-"
        ),
    ) -> None:
        """Write every contact as vCards."""
        from wlm_people.vcards import export_vcards

        data = export_vcards(context())
        files.write(file, data)
        typer.echo(f"Wrote the contacts, {len(data):,} bytes.", err=True)

    add_commands(app, context, kept, run.sync, run.reply)
    return app
