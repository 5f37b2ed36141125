"""`wlm meeting import FILE`, `export [FILE]`, `sync` and `conflicts`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wlm.plugins import files

if TYPE_CHECKING:
    from wlm.plugins import Context
    from wlm_meeting.ics import Imported

_SHOWN = 20


def commands(context: Callable[[], Context]) -> typer.Typer:
    """The commands; ``context`` makes the context that they work in."""
    from wlm.plugins.sync.commands import add_commands
    from wlm_meeting.sync import run
    from wlm_meeting.tables import kept

    app = typer.Typer(no_args_is_help=True, help="Bring calendars in, out, and in step.")

    @app.command("import")
    def import_(
        file: Annotated[Path, typer.Argument(help="An .ics file, or - for standard input.")],
        as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    ) -> None:
        """Bring in an .ics file. Again is harmless: what is known by its UID is updated."""
        from wlm_meeting.ics import import_ics

        done = import_ics(context(), files.read(file))
        typer.echo(json.dumps(done.to_dict(), ensure_ascii=False) if as_json else _text(done))

    @app.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Where to write; - is standard output.")] = Path(
            "-"
        ),
    ) -> None:
        """Write the whole calendar as an .ics file."""
        from wlm_meeting.ics import export_ics

        data = export_ics(context())
        files.write(file, data)
        typer.echo(f"Wrote the calendar, {len(data):,} bytes.", err=True)

    add_commands(app, context, kept, run.sync, run.reply)
    return app


def _text(done: Imported) -> str:
    lines = [
        f"{done.added} added, {done.updated} updated, {done.unchanged} as they were, "
        f"{len(done.skipped)} left out."
    ]
    lines += [f"  left out: {title or 'untitled'}: {why}" for title, why in done.skipped[:_SHOWN]]
    if len(done.skipped) > _SHOWN:
        lines.append(f"  … and {len(done.skipped) - _SHOWN} more")
    return "\n".join(lines)
