"""How a Turn is shown: text for people, JSON for programs, and its exit code."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from wlm.types import State

if TYPE_CHECKING:
    from wlm.types import Turn

_FAILED = {State.FAILED, State.DEAD, State.RETRYING}


def print_json(value: object) -> None:
    """Print one JSON document on one line, for programs; paths and the like as text."""
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def show_turn(turn: Turn, *, json: bool = False, explain: bool = False) -> int:
    """Print a turn and return the exit code that it stands for."""
    if json:
        typer.echo(turn.to_json())
        return exit_code(turn)
    for reply in [action.reply for action in turn.actions] or [turn.reply]:
        typer.echo(reply.display)
        _show_age(reply.data)
    if explain:
        show_explanation(turn)
    return exit_code(turn)


def _show_age(data: dict[str, Any]) -> None:
    """Say of an answer that was given before how old it is."""
    try:
        minutes = (datetime.now(UTC) - datetime.fromisoformat(data["made_at"])).total_seconds() / 60
    except (KeyError, TypeError, ValueError):
        return
    if minutes >= 1:
        typer.echo(f"(answered {minutes:.0f} min ago)", err=True)


def exit_code(turn: Turn) -> int:
    """0 done, 3 waiting for the user, 4 not understood, 5 a skill failed."""
    states = {action.event.state for action in turn.actions}
    if not states:
        return 4
    if states & _FAILED:
        return 5
    return 3 if any(state.waiting for state in states) else 0


def show_explanation(turn: Turn) -> None:
    """Say on stderr what was understood and how long each stage took."""
    for action in turn.actions:
        slots = ", ".join(f"{name}={value}" for name, value in action.route.slots.items())
        typer.echo(
            f"understood: {action.route.intent} ({action.route.confidence:.2f}, "
            f"{action.route.router}) {slots}",
            err=True,
        )
    stages = ", ".join(f"{stage} {ms:.0f} ms" for stage, ms in turn.timings_ms.items())
    typer.echo(f"took: {stages}", err=True)


def interactive() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def show_notices(speeches: list[str]) -> None:
    """Say on stderr what became due since the last run, such as reminders."""
    for speech in speeches:
        typer.echo(speech, err=True)
