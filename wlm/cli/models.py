"""`wlm models`: the speech models on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from wlm.pipeline.transcribe.models import Model

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
        print_json({"models": _forms(found, used.name if used else None)})
        return
    for model in found:
        mark = "*" if used and model.name == used.name else " "
        speaks = "English" if model.english_only else "many languages"
        typer.echo(f"{mark} {model.name:<16} {model.megabytes:>6} MB  {speaks} ({model.source})")
    if used and used.source == "folder":
        typer.echo(f"* {used.folder}")


def _forms(found: Sequence[Model], used: str | None) -> list[dict[str, object]]:
    return [
        {
            "name": model.name,
            "source": model.source,
            "folder": str(model.folder),
            "megabytes": model.megabytes,
            "english_only": model.english_only,
            "used": model.name == used,
        }
        for model in found
    ]


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
