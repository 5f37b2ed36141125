"""`wlm events`: what was accepted, how it stands, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from wlm.sdk.assistant import Assistant
    from wlm.sdk.client import Client
    from wlm.types import Event

app = typer.Typer(
    help="Accepted work: list, show, watch, confirm, cancel, retry.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
EventId = Annotated[str, typer.Argument(metavar="EVENT", help="Its id.")]
StateName = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE", help="Only in this state; several.")
]
_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "dead": "red",
    "retrying": "yellow",
    "waiting_confirmation": "cyan",
    "waiting_input": "cyan",
    "cancelled": "dim",
}


@app.command("list")
def list_(
    state: StateName = None,
    skill: Annotated[
        str | None, typer.Option("--skill", metavar="NAME", help="Of this skill alone.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", metavar="ID", help="Of this conversation alone.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this event, towards older ones.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Events, newest first."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        events = assistant.events(
            states=_states(state),
            skill=skill,
            conversation=conversation,
            limit=limit,
            before=before,
        )
        zone = assistant.settings.zone
    if json:
        following = events[-1].id if len(events) == limit else None
        print_json({"events": [event.to_dict() for event in events], "next": following})
    elif events:
        _console().print(_table(events, zone))
    else:
        typer.echo("There are no events yet." if not state else "No event is like that.", err=True)


@app.command()
def show(event_id: EventId, json: AsJson = False) -> None:
    """One event with its whole history, what it came from and what it caused."""
    from wlm.cli import event_view
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        event = assistant.event(event_id)
        entries = assistant.event_history(event_id)
        family = assistant.event_family(event_id)
        zone = assistant.settings.zone
    if json:
        print_json(event_view.as_json(event, entries, family))
    else:
        event_view.show(event, entries, family, zone)


@app.command()
def watch(
    state: StateName = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 20,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="A JSON line for each change.")] = False,
) -> None:
    """Events as they change, until you press Ctrl-C."""
    import contextlib
    import time

    from wlm.sdk import choose

    with choose.assistant() as assistant, contextlib.suppress(KeyboardInterrupt):
        states = _states(state)
        if not json:
            _watch_table(assistant, states, limit, every)
        seen: dict[str, Event] = {}
        while True:
            for event in reversed(_watched(assistant, states, limit)):
                if seen.get(event.id) != event:
                    print_json(event.to_dict())
                    seen[event.id] = event
            time.sleep(every)


@app.command()
def confirm(
    event_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[EVENT]", help="Its id; default: the only one that waits for a yes."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Say yes to an event that waits for it, and run it."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        event = assistant.confirm(event_id or _only_waiting(assistant))
    _finish(event, json=json)


@app.command()
def cancel(event_id: EventId, json: AsJson = False) -> None:
    """Cancel an event that has not ended."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        event = assistant.cancel(event_id)
    _finish(event, json=json)


@app.command()
def retry(event_id: EventId, json: AsJson = False) -> None:
    """Run an event again that failed, is dead, or waits for its next attempt."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        event = assistant.retry(event_id)
    _finish(event, json=json)


def _finish(event: Event, *, json: bool) -> None:
    """Print what became of the event, and exit with the code for that."""
    from wlm.pipeline.say import of_event
    from wlm.types import State

    typer.echo(event.to_json() if json else of_event(event).display)
    if event.state in (State.FAILED, State.DEAD, State.RETRYING):
        raise typer.Exit(5)
    raise typer.Exit(3 if event.state.waiting else 0)


def _only_waiting(assistant: Assistant | Client) -> str:
    from wlm.errors import NotFound, UsageError
    from wlm.types import State

    waiting = assistant.events(states=[State.WAITING_CONFIRMATION], limit=2)
    if not waiting:
        raise NotFound("No event waits for a confirmation.", hint="`wlm events list` shows all.")
    if len(waiting) > 1:
        raise UsageError(
            "More than one event waits for a confirmation.",
            hint="Give the id: `wlm events list --state waiting_confirmation`.",
        )
    return waiting[0].id


def _states(names: list[str] | None) -> list[Any] | None:
    from wlm.errors import UsageError
    from wlm.types import State

    if not names:
        return None
    known = {state.value: state for state in State}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"{unknown[0]!r} is no state.", hint=f"One of: {', '.join(known)}.")
    return [known[name] for name in names]


def _watched(assistant: Assistant | Client, states: list[Any] | None, limit: int) -> list[Event]:
    """What has not ended, however old it is, before the newest of what has."""
    from wlm.types import FINAL_STATES, State

    if states is not None:
        return assistant.events(states=states, limit=limit)
    open_ = assistant.events(states=set(State) - FINAL_STATES, limit=limit)
    return open_ + assistant.events(states=FINAL_STATES, limit=limit)[: limit - len(open_)]


def _watch_table(
    assistant: Assistant | Client, states: list[Any] | None, limit: int, every: float
) -> None:
    import time

    from rich.live import Live

    zone = assistant.settings.zone
    with Live(console=_console(), auto_refresh=False, screen=False) as live:
        while True:
            events = _watched(assistant, states, limit)
            live.update(_table(events, zone), refresh=True)
            time.sleep(every)


def _table(events: list[Event], zone: ZoneInfo) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("event", "when", "state", "intent", "what"):
        table.add_column(name, no_wrap=name != "what", overflow="fold")
    for event in events:
        created = f"{event.created_at.astimezone(zone):%m-%d %H:%M}" if event.created_at else ""
        table.add_row(
            event.id,
            created,
            Text(event.state.value, style=_COLOURS.get(event.state.value, "")),
            event.route.intent,
            Text(_what(event, zone)),
        )
    return table


def _what(event: Event, zone: ZoneInfo) -> str:
    """The most telling thing about an event in its state."""
    if event.question is not None and event.state.waiting:
        return event.question.text
    if event.error is not None:
        return event.error.message
    if (
        not event.state.final
        and event.run_at
        and event.created_at
        and event.run_at > event.created_at
    ):
        return f"due {event.run_at.astimezone(zone):%Y-%m-%d %H:%M}"
    return event.reply.speech if event.reply is not None else ""


def _console() -> Any:
    from rich.console import Console

    # Where nobody sees it, a line must not be broken at 80 columns.
    console = Console()
    return console if console.is_terminal else Console(width=240)
