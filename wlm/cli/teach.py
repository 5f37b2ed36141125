"""`wlm wrong` and `wlm replay`: learn from a mistake, and look back with another router."""

from __future__ import annotations

from typing import Annotated

import typer

from wlm.cli.render import print_json

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def wrong(
    event: Annotated[
        str | None, typer.Argument(help="An event or turn; default: the last.")
    ] = None,
    should: Annotated[
        str, typer.Option(metavar="INTENT", help="What was meant, such as meeting.list; or none.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Say that the last turn was understood wrongly; the same goes right from now on.

    Nothing that was done is taken back; what still waits is cancelled. Every earlier
    correction is tried again.
    """
    from wlm.errors import UsageError
    from wlm.sdk.assistant import Assistant

    if not should:
        raise UsageError(
            "Say what was meant: --should INTENT, or --should none.",
            hint="`wlm skills list` shows the intents, `wlm why` what was decided.",
        )
    with Assistant() as assistant:
        learnt = assistant.wrong(event, should=should)
    if json:
        print_json(learnt._asdict())
        return
    typer.echo(f"“{learnt.text}” went to {_names(learnt.before)}; from now on to {learnt.intent}.")
    typer.echo(f"{learnt.kept} of your corrections hold.")
    for text in learnt.broken:
        typer.echo(f"This one does not: “{text}”", err=True)


def replay(
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="From then on: 2026-11-22, 30m, 2h, 30d.")
    ] = "30d",
    router: Annotated[
        str | None, typer.Option(help="The router to try; default: the one in force.")
    ] = None,
    json: AsJson = False,
) -> None:
    """What of your history would go elsewhere now. Nothing runs, nothing is stored."""
    from wlm.cli.history import moment
    from wlm.sdk.assistant import Assistant

    with Assistant() as assistant:
        drift = assistant.replay(since=moment(since, assistant.settings.zone), router=router)
    if json:
        moved = [each._asdict() for each in drift.moved]
        print_json({"turns": drift.turns, "moved": moved})
        return
    for each in drift.moved:
        typer.echo(f"{_names(each.then)} → {_names(each.now)}: {each.text}")
    typer.echo(f"{len(drift.moved)} of {drift.turns} turns would go elsewhere.")


def _names(intents: list[str]) -> str:
    return ", ".join(intents) or "none"
