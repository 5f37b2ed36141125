"""One event as people read it: what it is, its history with timings, its family as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    from wlm.events.history import Entry
    from wlm.types import Event

Family = Sequence[tuple[int, "Event"]]


def as_json(event: Event, entries: Sequence[Entry], family: Family) -> dict[str, Any]:
    """The event, its history (with the seconds since the state before), its family."""
    from wlm.events.firing import schedule_of
    from wlm.types import jsonable

    history = [
        {**jsonable(entry._asdict()), "after_seconds": gap.total_seconds() if gap else None}
        for entry, gap in _with_gaps(entries)
    ]
    tree = [
        {
            "depth": depth,
            "id": one.id,
            "parent": one.parent,
            "intent": one.route.intent,
            "state": one.state.value,
        }
        for depth, one in family
    ]
    return {
        "event": event.to_dict(),
        "schedule": schedule_of(event.idempotency_key),
        "history": history,
        "tree": tree,
    }


def show(event: Event, entries: Sequence[Entry], family: Family, zone: ZoneInfo) -> None:
    """Print all of it."""
    _fields(event, zone)
    typer.echo("history")
    for entry, gap in _with_gaps(entries):
        what = " ".join(part for part in (entry.code, entry.detail) if part)
        moment = f"{entry.at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        after = f"+{_length(gap)}" if gap is not None else ""
        who = _worker(entry.worker)
        line = f"  {moment} {after:>8}  {entry.state:<20} attempt {entry.attempt}  {who}  {what}"
        typer.echo(line.rstrip())
    if len(family) > 1:
        typer.echo("family")
        for depth, one in family:
            mark = "▸" if one.id == event.id else " "
            branch = f"{'   ' * (depth - 1)}└─ " if depth else ""
            typer.echo(f"{mark} {branch}{one.route.intent}  {one.state}  {one.id}")


def _with_gaps(entries: Sequence[Entry]) -> Iterator[tuple[Entry, timedelta | None]]:
    before: Entry | None = None
    for entry in entries:
        yield entry, entry.at - before.at if before is not None else None
        before = entry


def _length(gap: timedelta) -> str:
    """A length for people: 12 ms, 3.4 s, 5 min, 2 h, 3 d."""
    seconds = gap.total_seconds()
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    for limit, unit, size in ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600)):
        if abs(seconds) < limit:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def _worker(name: str | None) -> str:
    """Node and process of a worker's name."""
    node, _, rest = (name or "").partition("/")
    process = rest.partition("/")[0]
    return f"{node[:8]}:{process}" if process else node


def _fields(event: Event, zone: ZoneInfo) -> None:
    from wlm.events.firing import schedule_of

    slots = ", ".join(f"{name}={value}" for name, value in event.route.slots.items())
    lines = {
        "event": event.id,
        "state": event.state.value,
        "intent": f"{event.route.intent} ({event.effect})",
        "slots": slots,
        "due": f"{event.run_at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if event.run_at else "",
        "attempts": str(event.attempts),
        "priority": str(event.priority),
        "owner": event.owner,
        "conversation": event.conversation or "",
        "turn": event.turn or "",
        "schedule": schedule_of(event.idempotency_key) or "",
        "parent": event.parent or "",
        "asks": event.question.text if event.question else "",
        "error": f"{event.error.code}: {event.error.message}" if event.error else "",
        "hint": event.error.hint if event.error else "",
        "reply": event.reply.display if event.reply else "",
    }
    for name, value in lines.items():
        first, *rest = value.splitlines() or [""]
        if value:
            typer.echo("\n".join([f"{name:<13}{first}", *(f"{'':13}{line}" for line in rest)]))
