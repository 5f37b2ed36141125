"""`wlm db`: upgrade and check the database, change its key, export and erase what one owns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wlm.cli.render import print_json

app = typer.Typer(help="The database: upgrade, check, prune, export, erase.", no_args_is_help=True)

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
        print_json({"database": name, "versions": versions})
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
        print_json({"ok": ok, "findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'✓' if finding.ok else '✗'} {finding.name:<20} {finding.text}")
    raise typer.Exit(0 if ok else 1)


@app.command()
def prune(
    days: Annotated[
        int | None,
        typer.Option(min=1, help="Older than so many days; default: what the settings say."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    json: AsJson = False,
) -> None:
    """Remove events that ended, and what was said and recorded, long ago.

    A worker does so by itself, a few at a time. How long is in the settings keep_events_days,
    keep_turns_days and keep_recordings_days.
    """
    from wlm.sdk.assistant import Assistant

    asked = dict.fromkeys(("keep_events_days", "keep_turns_days", "keep_recordings_days"), days)
    with Assistant(**asked) as assistant:
        retention, aging = assistant.engine.upkeep.retention, assistant.engine.upkeep.aging
        count = retention.waiting() if dry_run else retention.all()
        said = aging.waiting() if dry_run else aging.all()
        kept = retention.days
    if json:
        old = {"old": count, "days": kept, **said._asdict()}
        print_json({"removed": 0 if dry_run else count, **old})
        return
    done = "would be removed" if dry_run else "removed"
    if kept:
        events = "1 event" if count == 1 else f"{count} events"
        typer.echo(f"{events} that ended more than {kept} days ago {done}.")
    else:
        typer.echo("The setting keep_events_days is 0: all events are kept.")
    typer.echo(f"{said.turns} old turns and {said.recordings} old recordings {done}.")


@app.command("rotate-key")
def rotate_key(
    discard: Annotated[
        bool,
        typer.Option(
            "--discard-old", help="Throw older master keys away; old backups still need them."
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Put a new master key in force. Nothing has to stop for it, and no data is rewritten."""
    from wlm.config import load
    from wlm.store.accounts.audit import Audit
    from wlm.store.migrate import open_store

    store = open_store(load())
    try:
        version = store.vault.rotate(discard=discard)
        Audit(store).add("key.rotate", actor="host", target=str(version))
    finally:
        store.close()
    if json:
        print_json({"version": version})
        return
    typer.echo(f"Version {version} of the master key is in force.")


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
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        lines = (json.dumps(row, ensure_ascii=False) for row in assistant.export())
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
def recording(
    turn: Annotated[str, typer.Argument(help="The turn's id (`wlm history --json`).")],
    file: Annotated[Path, typer.Argument(help="Where to write the WAV.", dir_okay=False)],
) -> None:
    """Take out the recording that was kept with a turn; it lies sealed in the data folder."""
    import os

    from wlm.errors import StorageFault
    from wlm.pipeline.recordings import fetch
    from wlm.sdk.assistant import Assistant

    with Assistant() as assistant:
        data = assistant.settings.paths.data
        found = fetch(assistant.store, data, assistant.owner, turn)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(found)
    except OSError as error:
        raise StorageFault(f"{file} cannot be written: {error.strerror}.") from None


@app.command()
def erase(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Remove everything that you said, did and stored; at a gateway, your account too. It cannot
    be undone."""
    from wlm.cli.consent import sure
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        where = assistant.settings.config.server_url
        sure(f"Erase everything{f' at {where}' if where else ''} that is yours?", yes=yes)
        gone = assistant.erase()
    if json:
        print_json({"erased": gone.rows, "recordings": gone.recordings})
        return
    typer.echo(f"Erased {sum(gone.rows.values())} rows and {gone.recordings} recordings.")
    if not where:
        typer.echo("Settings and secrets are kept: `wlm skills configure` removes those.", err=True)
