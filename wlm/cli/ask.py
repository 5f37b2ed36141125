"""`wlm ask`, `wlm route`, `wlm why`: one typed request, decided, done, explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wlm.sdk.assistant import Assistant
    from wlm.sdk.client import Client
    from wlm.types import Turn

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Conversation = Annotated[
    str | None, typer.Option("--conversation", metavar="ID", help="Continue this conversation.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm what must be confirmed.")]


def ask(
    text: Annotated[str, typer.Argument(help="What you want.")],
    json: AsJson = False,
    yes: Yes = False,
    conversation: Conversation = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what was understood and how long it took.")
    ] = False,
) -> None:
    """Ask for something and get it done."""
    from wlm.cli.render import interactive, show_notices, show_turn
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        show_notices(assistant.notices())
        turn = assistant.ask(text, conversation=conversation, yes=yes)
        code = show_turn(turn, json=json, explain=explain)
        if not json and interactive():
            code = converse(assistant, turn, code)
    raise typer.Exit(code)


def converse(assistant: Assistant | Client, turn: Turn, code: int) -> int:
    """Go on asking while something waits for the person at the terminal."""
    from wlm.cli.render import show_turn

    while code == 3:
        answer = typer.prompt("", prompt_suffix="> ", default="", show_default=False)
        if not answer.strip():
            return code
        turn = assistant.ask(answer, conversation=turn.conversation)
        code = show_turn(turn)
    return code


def route(
    text: Annotated[str | None, typer.Argument(help="What you would ask.")] = None,
    batch: Annotated[
        Path | None,
        typer.Option("--batch", metavar="FILE", help="JSON lines with id and text; - for stdin."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Decide only: which skill, which intent, which slots. Nothing runs."""
    from wlm.errors import UsageError
    from wlm.sdk import choose

    if (text is None) == (batch is None):
        raise UsageError("Give a text, or --batch FILE.")
    with choose.assistant() as assistant:
        if batch is not None:
            for line in _batch(assistant, batch):
                typer.echo(line)
            return
        decided = assistant.route(text or "")
    if json:
        typer.echo(_dumps({"text": text, "actions": [r.to_dict() for r in decided]}))
    else:
        for r in decided:
            slots = ", ".join(f"{name}={value}" for name, value in r.slots.items())
            typer.echo(f"{r.intent}  {r.confidence:.2f}  {slots}".rstrip())
        if not decided:
            typer.echo("No installed skill serves this.")
    raise typer.Exit(0 if decided else 4)


def _batch(assistant: Assistant | Client, path: Path) -> Iterator[str]:
    """A line out for each line in; a bad line stops with its number."""
    import json
    import sys
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from wlm.errors import NotFound, UsageError

    try:
        source = sys.stdin if str(path) == "-" else path.open(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    with source:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            try:
                item = json.loads(line)
                now = datetime.fromisoformat(item["now"]) if item.get("now") else None
                zone = ZoneInfo(item["timezone"]) if item.get("timezone") else None
                text, id_ = str(item["text"]), item["id"]
            except (ValueError, KeyError, TypeError, OSError) as error:
                raise UsageError(
                    f"Line {number} of the batch is not of the right form "
                    f"({type(error).__name__}); the lines before it were answered.",
                    hint='Each line is {"id": …, "text": …}, with "now" and "timezone" if needed.',
                ) from None
            routes = assistant.route(text, now=now, timezone=zone)
            yield _dumps({"id": id_, "actions": [r.to_dict() for r in routes]})


def why(
    event: Annotated[
        str | None, typer.Argument(help="An event or turn; default: the last.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Why the last turn went where it went: scores, runner-up, stage times."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        reasons = assistant.why(event)
    if json:
        typer.echo(_dumps(reasons))
        return
    typer.echo(f"heard       {reasons['text']}")
    decision: dict[str, Any] = reasons["decision"]
    explanation = dict(decision.get("explanation", {}))
    if again := explanation.pop("heard_again", None):
        typer.echo(_heard_again(again, reasons["text"]))
    typer.echo(f"normalised  {decision.get('normalised', '')}")
    typer.echo(f"outcome     {decision.get('outcome', '')} ({decision.get('router', '')})")
    for candidate in decision.get("candidates", [])[:5]:
        bar = "█" * round(candidate["score"] * 30)
        typer.echo(f"  {candidate['intent']:<20} {candidate['score']:.3f} {bar}")
    for name, value in explanation.items():
        typer.echo(f"  {name}: {value}")
    for stage, ms in reasons["timings_ms"].items():
        typer.echo(f"{stage:<11} {ms:.1f} ms")


def _heard_again(again: dict[str, Any], text: str) -> str:
    """The line about what was heard at first, or the second time where the first stands."""
    if "failed" in again:
        return f"again       not heard ({again['failed']})"
    if again["first"] != text:
        return f"at first    {again['first']} (then by {again['model']})"
    if again["second"] != text:
        doubt = "; not believed" if again.get("doubted") else ""
        return f"again       {again['second']} (by {again['model']}{doubt})"
    return f"again       the same (by {again['model']})"


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
