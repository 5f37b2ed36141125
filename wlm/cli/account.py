"""`wlm login`, `logout`, `whoami`: being signed in to a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from wlm.sdk.login import Prompt

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Server = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="The gateway; default: the setting.")
]
Profile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Which of several sign-ins.")
]


def login(
    server: Server = None,
    profile: Profile = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser here.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Sign in to a gateway; from then on the other commands talk to it."""
    from wlm.config import load
    from wlm.errors import UsageError
    from wlm.sdk.login import sign_in

    settings = load({"server_url": server, "profile": profile})
    if not settings.config.server_url:
        raise UsageError("Which gateway?", hint="`wlm login --server https://wlm.example.org`.")
    done = sign_in(settings, settings.config.server_url, lambda prompt: _show(prompt, browser))
    if json:
        print_json({"server": done.server, "user": done.user, "kept": done.kept})
        return
    typer.echo(f"Signed in at {done.server} as {_called(done.user)}.")
    if done.kept == "file":
        typer.echo("There is no keyring here: the sign-in is kept in a 0600 file.", err=True)


def logout(profile: Profile = None, json: AsJson = False) -> None:
    """End the sign-in, there and here; the other commands work in this process again."""
    from wlm.config import load
    from wlm.sdk.login import sign_out

    was = sign_out(load({"profile": profile}))
    if json:
        print_json({"signed_out": was})
    else:
        typer.echo("Signed out." if was else "You were not signed in.")


def whoami(server: Server = None, profile: Profile = None, json: AsJson = False) -> None:
    """Who one is, and where."""
    from wlm.config import load
    from wlm.sdk.calls import call
    from wlm.sdk.session import provider

    settings = load({"server_url": server, "profile": profile})
    address = settings.config.server_url
    if not address:
        if json:
            print_json({"server": None, "user": None})
        else:
            typer.echo("You work on this machine, without a gateway.")
        return
    told = call(address, "GET", "/v1/auth/sessions", token=provider(settings).token())
    if json:
        print_json({"server": address, "user": told["user"], "sessions": told["sessions"]})
        return
    typer.echo(f"{_called(told['user'])} ({told['user']['role']}) at {address}")
    for session in told["sessions"]:
        here = "  (this one)" if session["current"] else ""
        typer.echo(f"  {session['used_at'][:16]}  {session['device']}{here}")


def _show(prompt: Prompt, browser: bool) -> None:
    from wlm.cli.render import interactive

    typer.echo(f"Open {prompt.url} and enter the code: {prompt.code}", err=True)
    typer.echo("Do so only if it was you who asked for it.", err=True)
    if browser and interactive() and prompt.url.startswith(("https://", "http://")):
        import webbrowser

        webbrowser.open(prompt.complete_url or prompt.url)


def _called(user: dict[str, Any]) -> str:
    return str(user["email"] or user["name"] or user["id"])
