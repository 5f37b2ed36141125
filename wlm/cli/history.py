"""`wlm history` and `wlm forget`: what was said and done, found and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from wlm.store.turns import StoredTurn

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Conversation = Annotated[
    str | None, typer.Option("--conversation", metavar="ID", help="Of this conversation alone.")
]


def history(
    query: Annotated[str | None, typer.Argument(help="Words that were said or answered.")] = None,
    conversation: Conversation = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this turn, towards older ones.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Search what was said and done, newest first."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        turns = assistant.history(query, conversation=conversation, before=before, limit=limit)
        zone = assistant.settings.zone
    if json:
        print_json(
            {
                "turns": [_json_form(turn) for turn in turns],
                "next": turns.next,
            }
        )
        return
    for turn in turns:
        typer.echo(f"{turn.created_at.astimezone(zone):%Y-%m-%d %H:%M}  {turn.text}")
        for line in turn.turn.reply.display.splitlines():
            typer.echo(f"{'':18}{line}")
    if query and turns.next and len(turns) < limit:
        typer.echo(f"That is as far as one search looks. Go on: --before {turns.next}", err=True)
    elif not turns:
        typer.echo("Nothing was found." if query else "Nothing was said yet.", err=True)


def forget(
    turn: Annotated[
        str | None, typer.Argument(help="A turn's id (`wlm history --json`), or: last.")
    ] = None,
    conversation: Conversation = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="From then on: 2026-11-22, 2026-11-22T10:00, 30m, 2h, 7d."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that was ever said.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Remove what was said, with what was answered. What skills stored (a meeting) stays."""
    from wlm.cli.consent import sure
    from wlm.errors import UsageError
    from wlm.sdk import choose

    if everything == any(given is not None for given in (turn, conversation, since)):
        raise UsageError("Say what to forget: a turn, --conversation, --since, or --all.")
    with choose.assistant() as assistant:
        start = moment(since, assistant.settings.zone) if since else None
        sure("Forget everything that was said?" if everything else "Forget that?", yes=yes)
        gone = assistant.forget(turn=turn, conversation=conversation, since=start)
    if json:
        print_json({"turns": gone.turns, "events": gone.events, "kept": gone.kept})
        return
    typer.echo(f"Forgot {gone.turns} turns and {gone.events} events.")
    if gone.kept:
        typer.echo(f"{gone.kept} events that are still to run were kept (`wlm events list`).")


def moment(text: str, zone: Any) -> datetime:
    """A date, a date with a time, or so long ago."""
    import re
    from datetime import UTC, datetime, timedelta

    from wlm.errors import UsageError

    if match := re.fullmatch(r"(\d{1,5})([mhd])", text):
        unit = {"m": "minutes", "h": "hours", "d": "days"}[match[2]]
        return datetime.now(UTC) - timedelta(**{unit: int(match[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "--since is no time.", hint="Such as 2026-11-22, 2026-11-22T10:00, 30m, 2h or 7d."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _json_form(turn: StoredTurn) -> dict[str, Any]:
    return {**turn.turn.to_dict(), "created_at": turn.created_at.isoformat()}
