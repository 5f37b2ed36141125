"""`wlm undo`: take back what was done last."""

from __future__ import annotations

from typing import Annotated

import typer


def undo(
    event: Annotated[
        str | None,
        typer.Argument(metavar="[EVENT]", help="Its id; default: what was changed last."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Take back what was done last, such as a meeting that was made or moved."""
    from wlm.pipeline import say
    from wlm.sdk import choose
    from wlm.types import State

    with choose.assistant() as assistant:
        done = assistant.undo(event)
    typer.echo(done.to_json() if json else say.of_event(done).display)
    raise typer.Exit(0 if done.state is State.SUCCEEDED else 5)
