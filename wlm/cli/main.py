"""The command line: the table of its commands, and the way in."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Annotated, NamedTuple

import typer


class Entry(NamedTuple):
    """Where a command is, as module and object in ``wlm.cli``, and its line in the overview."""

    module: str
    target: str
    summary: str


COMMANDS = {
    "ask": Entry("ask", "ask", "Ask for something and get it done."),
    "listen": Entry("listen", "listen", "Listen, and do what is said; Ctrl-C stops."),
    "transcribe": Entry("transcribe", "transcribe", "Write down what is said in recordings."),
    "route": Entry(
        "ask", "route", "Decide only: which skill, which intent, which slots. Nothing runs."
    ),
    "undo": Entry(
        "undo", "undo", "Take back what was done last, such as a meeting that was made or moved."
    ),
    "why": Entry(
        "ask", "why", "Why the last turn went where it went: scores, runner-up, stage times."
    ),
    "wrong": Entry(
        "teach",
        "wrong",
        "Say that the last turn was understood wrongly; the same goes right from now on.",
    ),
    "replay": Entry(
        "teach",
        "replay",
        "What of your history would go elsewhere now. Nothing runs, nothing is stored.",
    ),
    "events": Entry("events", "app", "Accepted work: list, show, watch, confirm, cancel, retry."),
    "schedule": Entry(
        "schedule",
        "app",
        "What is done again and again: list, show, simulate, pause, resume, remove.",
    ),
    "history": Entry("history", "history", "Search what was said and done, newest first."),
    "forget": Entry(
        "history",
        "forget",
        "Remove what was said, with what was answered. What skills stored (a meeting) stays.",
    ),
    "skills": Entry("skills", "app", "Installed skills and their settings."),
    "login": Entry(
        "account", "login", "Sign in to a gateway; from then on the other commands talk to it."
    ),
    "logout": Entry(
        "account",
        "logout",
        "End the sign-in, there and here; the other commands work in this process again.",
    ),
    "whoami": Entry("account", "whoami", "Who one is, and where."),
    "connect": Entry("connect", "app", "Accounts elsewhere that skills use."),
    "share": Entry("share", "app", "Accounts of skills that users let one another work with."),
    "keys": Entry("keys", "app", "API keys for a gateway."),
    "admin": Entry("admin", "app", "Users of the gateway on this machine."),
    "config": Entry("config", "app", "See and change settings."),
    "db": Entry("db", "app", "The database: upgrade, check, prune, export, erase."),
    "worker": Entry(
        "worker",
        "worker",
        "Run accepted events until stopped; SIGTERM lets running ones finish first.",
    ),
    "models": Entry("models", "app", "Speech models: what is installed, and how to get more."),
    "doctor": Entry(
        "doctor",
        "doctor",
        "Check settings, folders, database, plugins, models and sound; exit 1 if one is at fault.",
    ),
    "serve": Entry(
        "serve",
        "serve",
        "Serve WLM over HTTP until stopped; SIGTERM lets running requests finish first.",
    ),
}
"""The commands in the order of the overview."""

REMOTE = frozenset(
    ("ask", "listen", "transcribe", "route", "why", "events", "history", "skills", "share")
)
"""Commands that work at a gateway as they do here."""

_SHOWN = frozenset(("", "--help", "--version"))
"""First words that end before any command is run."""


def build(word: str = "") -> typer.Typer:
    """The command line; with the name of a command, that one alone, which is quicker."""
    app = _empty()
    for name in [word] if word in COMMANDS else COMMANDS:
        entry = COMMANDS[name]
        target = getattr(import_module(f"wlm.cli.{entry.module}"), entry.target)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name)
        else:
            app.command(name)(target)
    return app


def overview() -> typer.Typer:
    """The command line as `wlm --help` shows it; no command's module is loaded."""
    app = _empty()
    for name, entry in COMMANDS.items():
        app.command(name, help=entry.summary)(lambda: None)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="wlm", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False
    )
    app.callback()(root)
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
    shown = word in _SHOWN and "_WLM_COMPLETE" not in os.environ
    app = overview() if shown else build(word)
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
