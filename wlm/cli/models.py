"""`wlm models`: the speech models on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Speech models: what is installed, and how to get more.")


@app.callback()
def models() -> None:
    """Speech models: what is installed, and how to get more."""


@app.command("list")
def list_models(
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show the speech models that can be used, and which one is."""
    from wlm.config import load
    from wlm.errors import ModelMissing
    from wlm.pipeline.transcribe.models import find_model, installed

    settings = load()
    found = installed(settings.paths)
    try:
        used = find_model(settings)
    except ModelMissing:
        if json or found:
            used = None
        else:
            raise
    if json:
        _print_json(found, used.name if used else None)
        return
    for model in found:
        mark = "*" if used and model.name == used.name else " "
        speaks = "English" if model.english_only else "many languages"
        typer.echo(f"{mark} {model.name:<16} {model.megabytes:>6} MB  {speaks} ({model.source})")
    if used and used.source == "folder":
        typer.echo(f"* {used.folder}")


def _print_json(found: object, used: str | None) -> None:
    import json

    rows = [
        {
            "name": model.name,
            "source": model.source,
            "folder": str(model.folder),
            "megabytes": model.megabytes,
            "english_only": model.english_only,
            "used": model.name == used,
        }
        for model in found  # type: ignore[attr-defined]
    ]
    typer.echo(json.dumps({"models": rows}, ensure_ascii=False))


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="A size such as small, or owner/repository.")],
) -> None:
    """Download a speech model, once; WLM never does so by itself."""
    from wlm.config import load
    from wlm.pipeline.transcribe.pull import pull as download

    model = download(name, load())
    typer.echo(f"{model.name} is here ({model.megabytes} MB).")
    typer.echo(f"`wlm config set stt_model {model.name}` uses it.", err=True)
