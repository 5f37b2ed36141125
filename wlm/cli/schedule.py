"""`wlm schedule`: what is done again and again, when next, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from wlm.types import Firing, Schedule

app = typer.Typer(
    help="What is done again and again: list, show, simulate, pause, resume, remove.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id.")]
NOTHING = 'Nothing is scheduled. `wlm ask "every weekday at eight tell me the weather"` does it.'


@app.command("list")
def list_(json: AsJson = False) -> None:
    """Every schedule, the next to come first."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        found = assistant.schedules()
    if json:
        print_json({"schedules": [schedule.to_dict() for schedule in found]})
    elif found:
        _print_table(found)
    else:
        typer.echo(NOTHING, err=True)


@app.command()
def show(schedule_id: ScheduleId, json: AsJson = False) -> None:
    """One schedule, what it does, and what became of its last occurrences."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        schedule = assistant.schedule(schedule_id)
        firings = assistant.firings(schedule_id)
    if json:
        data = [firing.to_dict() for firing in firings]
        print_json({"schedule": schedule.to_dict(), "firings": data})
        return
    _print_one(schedule, firings)


@app.command()
def simulate(
    days: Annotated[float, typer.Option(min=0.01, max=366, help="How far to look.")] = 7,
    json: AsJson = False,
) -> None:
    """What would be done in the next days, and when. Nothing runs."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        found = assistant.simulate(days)
        zone = assistant.settings.zone
    if json:
        due = [
            {"at": at.astimezone(zone).isoformat(), "schedule": s.id, "title": s.title}
            for at, s in found
        ]
        print_json({"firings": due})
    for at, schedule in () if json else found:
        typer.echo(f"{_moment(at, zone)}  {schedule.title}")
    if not found and not json:
        typer.echo("Nothing is due in that time.", err=True)


@app.command()
def pause(schedule_id: ScheduleId, json: AsJson = False) -> None:
    """Let a schedule rest until you resume it."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        _changed(assistant.pause_schedule(schedule_id), "Paused", json=json)


@app.command()
def resume(schedule_id: ScheduleId, json: AsJson = False) -> None:
    """Go on with a schedule; what came due meanwhile is not made up for."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        _changed(assistant.resume_schedule(schedule_id), "On again", json=json)


@app.command()
def remove(schedule_id: ScheduleId, json: AsJson = False) -> None:
    """End a schedule; what it did stays in `wlm events list`."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        _changed(assistant.remove_schedule(schedule_id), "Removed", json=json)


def _changed(schedule: Schedule, verb: str, *, json: bool) -> None:
    typer.echo(schedule.to_json() if json else f"{verb}: {schedule.title}.")


def _print_table(found: list[Schedule]) -> None:
    from zoneinfo import ZoneInfo

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from wlm.plugins.briefings import often

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("schedule", "next", "how often", "what"):
        table.add_column(name, no_wrap=name != "what", overflow="fold")
    for schedule in found:
        zone = ZoneInfo(schedule.timezone)
        following = _moment(schedule.next_at, zone) if schedule.next_at else schedule.state
        table.add_row(schedule.id, following, often(schedule), Text(schedule.title))
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)


def _print_one(schedule: Schedule, firings: list[Firing]) -> None:
    from zoneinfo import ZoneInfo

    from wlm.plugins.briefings import often

    zone = ZoneInfo(schedule.timezone)
    lines = {
        "schedule": schedule.id,
        "what": schedule.title,
        "state": schedule.state,
        "how often": f"{often(schedule)} ({schedule.timezone})",
        "rule": schedule.rrule,
        "next": _moment(schedule.next_at, zone) if schedule.next_at else "",
        "late by": f"at most {schedule.catch_up_hours:g} hours, else skipped",
        "told by": ", ".join(schedule.notify) if schedule.notify is not None else "",
        "made by": schedule.skill or "",
    }
    for name, value in lines.items():
        if value:
            typer.echo(f"{name:<11}{value}")
    for route in schedule.routes:
        slots = ", ".join(f"{name}={value}" for name, value in route.slots.items())
        typer.echo(f"{'does':<11}{route.intent} {slots}".rstrip())
    for firing in firings:
        missed = f", {firing.missed} before it missed" if firing.missed else ""
        events = f"  {' '.join(firing.events)}" if firing.events else ""
        typer.echo(f"  {_moment(firing.occurrence, zone)}  {firing.outcome}{missed}{events}")


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"
