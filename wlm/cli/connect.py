"""`wlm connect`: accounts elsewhere that skills use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins.grants import Grants

app = typer.Typer(help="Accounts elsewhere that skills use.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Open = Annotated[
    bool, typer.Option("--browser/--no-browser", help="Open the page in a browser here.")
]
Seconds = Annotated[int, typer.Option(min=10, max=3600, help="How long to wait.")]
_NEXT = {
    ("google", "mail"): "wlm skills configure email sign_in=google user={address} "
    "imap_host=imap.gmail.com smtp_host=smtp.gmail.com keep_sent=false",
    ("google", "calendar"): "wlm skills configure meeting caldav_sign_in=google "
    "caldav_url=https://apidata.googleusercontent.com/caldav/v2/{address}/events/",
    ("google", "contacts"): "wlm skills configure people carddav_sign_in=google "
    "carddav_url=https://www.googleapis.com/carddav/v1/principals/{address}/",
    ("microsoft", "mail"): "wlm skills configure email sign_in=microsoft user={address} "
    "imap_host=outlook.office365.com smtp_host=smtp.office365.com smtp_port=587 "
    "smtp_security=starttls keep_sent=false",
}


@app.command()
def google(browser: Open = True, seconds: Seconds = 300, json: AsJson = False) -> None:
    """Let WLM in to your Google mail, calendar and contacts: your browser opens, you agree there.

    It needs an OAuth client of the type Desktop app: settings google_client_id and
    google_client_secret.
    """
    _connect("google", browser=browser, seconds=seconds, json=json)


@app.command()
def microsoft(browser: Open = True, seconds: Seconds = 300, json: AsJson = False) -> None:
    """Let WLM in to your mail at Outlook or Microsoft 365: your browser opens, you agree there.

    It needs an OAuth client (an app registration for desktop apps): setting microsoft_client_id.
    """
    _connect("microsoft", browser=browser, seconds=seconds, json=json)


def _connect(provider: str, *, browser: bool, seconds: int, json: bool) -> None:
    from wlm.config import load
    from wlm.plugins.connecting import Client, connect
    from wlm.plugins.grants import SCOPES
    from wlm.plugins.http import Http

    settings = load()
    _check_here(settings)
    config = settings.config
    clients = {
        "google": (config.google_issuer, config.google_client_id, config.google_client_secret),
        "microsoft": (config.microsoft_issuer, config.microsoft_client_id, ""),
    }
    client = Client(provider, *clients[provider], tuple(SCOPES[provider]))
    http = Http(offline=config.offline)
    grant = connect(http, client, lambda page: _show(page, browser), seconds)
    kept = _grants().keep(grant)
    left_out = [name for name in client.services if name not in grant.services]
    if json:
        print_json({**_form(grant), "left_out": left_out, "kept": kept})
        return
    typer.echo(f"Connected as {grant.address or 'you'}: {', '.join(grant.services) or 'nothing'}.")
    if left_out:
        typer.echo(f"{provider.title()} did not grant: {', '.join(left_out)}.", err=True)
    if kept == "file":
        typer.echo("There is no keyring here: the tokens are kept in a 0600 file.", err=True)
    for name in grant.services:
        typer.echo(_NEXT[provider, name].format(address=grant.address or "ADDRESS"))


@app.command("list")
def list_(json: AsJson = False) -> None:
    """The accounts that are connected."""
    from wlm.plugins.grants import SCOPES

    grants = _grants()
    found = [grant for name in SCOPES if (grant := grants.get(name)) is not None]
    if json:
        print_json({"accounts": [_form(grant) for grant in found]})
        return
    if not found:
        typer.echo("No account is connected.", err=True)
    for grant in found:
        typer.echo(f"{grant.provider}  {grant.address}  {', '.join(grant.services)}")


@app.command()
def remove(
    provider: Annotated[str, typer.Argument(help="google or microsoft.")], json: AsJson = False
) -> None:
    """Forget an account's tokens, and tell the provider so."""
    from wlm.errors import NotFound

    agreed = _grants().forget(provider)
    if agreed is None:
        raise NotFound("That account is not connected.", hint="`wlm connect list`.")
    if json:
        print_json({"removed": provider, "revoked": agreed})
        return
    typer.echo("Removed.")
    if not agreed:
        typer.echo(
            "The provider did not confirm it: end WLM's access in your account there.", err=True
        )


def _grants() -> Grants:
    from wlm.config import load
    from wlm.plugins.grants import Grants
    from wlm.plugins.http import Http
    from wlm.store.scope import LOCAL_OWNER

    settings = load()
    _check_here(settings)
    data_dir = settings.paths.data
    data_dir.mkdir(parents=True, exist_ok=True)
    return Grants(data_dir, LOCAL_OWNER, Http(offline=settings.config.offline))


def _check_here(settings: Settings) -> None:
    """Refuse to connect an account that nobody would use: what a gateway does, it does itself."""
    from wlm.errors import BadRequest

    if settings.config.server_url:
        raise BadRequest(
            "Accounts cannot be connected through a gateway; nothing was changed.",
            hint="`wlm logout`, or unset server_url, for an account that skills use on this "
            "machine. At the gateway, use app passwords: `wlm skills configure`.",
        )


def _form(grant: Any) -> dict[str, Any]:
    return {"provider": grant.provider, "address": grant.address, "services": grant.services}


def _show(page: str, browser: bool) -> None:
    typer.echo(f"Agree at this page:\n\n{page}\n", err=True)
    if browser:
        import webbrowser

        webbrowser.open(page)
