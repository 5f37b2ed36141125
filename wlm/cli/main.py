"""The command line: the root command, the order of its commands, the error boundary."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wlm.cli import ask, config, db, doctor, events, history, listen, models, skills, transcribe

app = typer.Typer(
    name="wlm",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wlm {version('wlm')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Say it, and it is done. A skill's own commands are at `wlm SKILL --help`."""


app.command("ask")(ask.ask)
app.command("listen")(listen.listen)
app.command("transcribe")(transcribe.transcribe)
app.command("route")(ask.route)
app.command("why")(ask.why)
app.add_typer(events.app, name="events")
app.command("history")(history.history)
app.command("forget")(history.forget)
app.add_typer(skills.app, name="skills")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def run() -> None:
    """Run the command line; every error ends in a message, a hint and an exit code."""
    from wlm.cli import boundary

    def command() -> None:
        known = {info.name for info in app.registered_commands}
        known |= {info.name for info in app.registered_groups}
        word = sys.argv[1] if len(sys.argv) > 1 else "-"
        if not word.startswith("-") and word not in known:
            _add_skill_commands(word)
        app()

    sys.exit(boundary.guard(command))


def _add_skill_commands(name: str) -> None:
    """Add `wlm NAME …` if the skill of that name brings commands; plugins load only then."""
    from wlm.sdk.assistant import Assistant

    assistant = Assistant()
    loaded = assistant.registry.skills.get(name)
    if loaded is None:
        return
    commands = loaded.skill.commands(lambda: assistant.engine.context(assistant.owner, name))
    if commands is not None:
        app.add_typer(commands, name=name)


if __name__ == "__main__":
    run()
