"""`wlm db`: upgrade and check the database, export and erase what one user owns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The database: upgrade, check, export, erase.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command()
def upgrade(json: AsJson = False) -> None:
    """Bring the database to this version's tables. Every other command does so by itself, too."""
    from wlm.sdk.assistant import Assistant
    from wlm.store.migrate import all_schemas, check

    with Assistant() as assistant:
        status = check(assistant.store, all_schemas(assistant.registry))
        name = assistant.store.name
    versions = {branch or "core": version for branch, version in status.found.items()}
    if json:
        _print_json({"database": name, "versions": versions})
        return
    typer.echo(name)
    for branch, version in versions.items():
        typer.echo(f"  {branch:<12} {version}")


@app.command()
def check(json: AsJson = False) -> None:
    """Look at pages, references, versions and events; exit 1 if something is wrong."""
    from wlm.events.audit import audit
    from wlm.sdk.assistant import Assistant
    from wlm.store.health import Finding, examine
    from wlm.store.migrate import all_schemas

    with Assistant() as assistant:
        findings = list(examine(assistant.store, all_schemas(assistant.registry)))
        wrong = [f"{id_} {complaint}" for id_, complaint in audit(assistant.store)]
    findings.append(Finding("events", not wrong, "; ".join(wrong[:5]) or "ok"))
    ok = all(finding.ok for finding in findings)
    if json:
        _print_json({"ok": ok, "findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'✓' if finding.ok else '✗'} {finding.name:<20} {finding.text}")
    raise typer.Exit(0 if ok else 1)


@app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; default: stdout.", dir_okay=False)
    ] = None,
) -> None:
    """Everything that you said, did and stored, as JSON lines."""
    import json
    import os

    from wlm.errors import StorageFault
    from wlm.sdk.assistant import Assistant
    from wlm.store.personal import export as rows

    with Assistant() as assistant:
        lines = (
            json.dumps(row, ensure_ascii=False) for row in rows(assistant.store, assistant.owner)
        )
        if file is None:
            for line in lines:
                typer.echo(line)
            return
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                count = sum(bool(out.write(f"{line}\n")) for line in lines)
        except OSError as error:
            raise StorageFault(f"{file} cannot be written: {error.strerror}.") from None
    typer.echo(f"{count} rows in {file}", err=True)


@app.command()
def erase(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Remove everything that you said, did and stored. It cannot be undone."""
    from wlm.cli.consent import sure
    from wlm.sdk.assistant import Assistant
    from wlm.store.personal import erase as erase_rows
    from wlm.store.personal import remove_recordings

    with Assistant() as assistant:
        sure(f"Erase everything in {assistant.store.name} that is yours?", yes=yes)
        counts = erase_rows(assistant.store, assistant.owner)
        recordings = remove_recordings(assistant.settings.paths.data)
    if json:
        _print_json({"erased": counts, "recordings": recordings})
        return
    typer.echo(f"Erased {sum(counts.values())} rows and {recordings} recordings.")
    typer.echo("Settings and secrets are kept: `wlm skills configure` removes those.", err=True)


def _print_json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False))
