"""The command line: the table of its commands, and the way in."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Annotated

import typer

COMMANDS = {
    "ask": "ask:ask",
    "listen": "listen:listen",
    "transcribe": "transcribe:transcribe",
    "route": "ask:route",
    "undo": "undo:undo",
    "why": "ask:why",
    "wrong": "teach:wrong",
    "replay": "teach:replay",
    "events": "events:app",
    "schedule": "schedule:app",
    "history": "history:history",
    "forget": "history:forget",
    "skills": "skills:app",
    "login": "account:login",
    "logout": "account:logout",
    "whoami": "account:whoami",
    "keys": "keys:app",
    "admin": "admin:app",
    "config": "config:app",
    "db": "db:app",
    "worker": "worker:worker",
    "models": "models:app",
    "doctor": "doctor:doctor",
    "serve": "serve:serve",
}
"""Module and object in ``wlm.cli`` by command, in the order of the help."""

REMOTE = frozenset(("ask", "listen", "transcribe", "route", "why", "events", "history", "skills"))
"""Commands that work at a gateway as they do here."""


def build(word: str = "") -> typer.Typer:
    """The command line; with the name of a command, that one alone, which is quicker."""
    app = typer.Typer(
        name="wlm", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False
    )
    app.callback()(root)
    for name in [word] if word in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        target = getattr(import_module(f"wlm.cli.{module}"), attribute)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name)
        else:
            app.command(name)(target)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wlm {version('wlm')}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="Talk to this gateway, also behind ask, listen, transcribe, route, why, events, "
            "history, skills list.",
        ),
    ] = None,
) -> None:
    """Say it, and it is done. A skill's own commands are at `wlm SKILL --help`."""


def run() -> None:
    """Run the command line; every error ends in a message, a hint and an exit code."""
    from wlm.cli import boundary

    # Starting makes two hundred thousand objects that nearly all stay: looking for garbage among
    # them takes a twentieth of a short command.
    gc.set_threshold(300_000, 20, 20)
    # Nor does a command of ours want the plugins of pydantic, for which it would read the entry
    # points of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(boundary.guard(_command))


def _command() -> None:
    _take_server()
    word = next((argument for argument in sys.argv[1:2]), "")
    app = build(word)
    if word and word not in COMMANDS and not word.startswith("-"):
        _add_skill_commands(app, word)
    app()


def _take_server() -> None:
    """`--server URL` before or behind a command: the setting for this run, like its variable."""
    arguments = sys.argv[1:]
    word = next((a for a in arguments if a in COMMANDS), "")
    if arguments[:1] != ["--server"] and word not in REMOTE:
        return  # a command that has the option itself
    for position, argument in enumerate(sys.argv):
        if argument == "--":
            return
        name, mark, value = argument.partition("=")
        if name != "--server":
            continue
        given = [value] if mark else sys.argv[position + 1 : position + 2]
        if given:
            os.environ["WLM_SERVER_URL"] = given[0]
            del sys.argv[position : position + (1 if mark else 2)]
        return


def _add_skill_commands(app: typer.Typer, name: str) -> None:
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
