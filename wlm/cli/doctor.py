"""`wlm doctor`: look at everything that WLM needs and say what is wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from wlm.cli.render import print_json

_MARKS = {"ok": "✓", "note": "·", "fault": "✗"}


def doctor(
    section: Annotated[str, typer.Argument(help="all, or audio: the sound devices alone.")] = "all",
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Check settings, folders, database, plugins, models and sound; exit 1 if one is at fault."""
    from wlm.errors import UsageError
    from wlm.sdk.checkup import check_all, check_audio

    if section not in ("all", "audio"):
        raise UsageError(
            f"There is no section {section!r}; use `wlm doctor` or `wlm doctor audio`."
        )
    findings = list(check_audio() if section == "audio" else check_all())
    if json:
        print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{_MARKS[finding.status]} {finding.name:<22} {finding.text}")
            if finding.hint:
                typer.echo(f"  {'':<22} {finding.hint}")
    raise typer.Exit(int(any(finding.status == "fault" for finding in findings)))
