"""`wlm keys`: API keys of a gateway; one's own, or with --user on the host, anybody's."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wlm.cli.render import print_json

app = typer.Typer(help="API keys for a gateway.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
User = Annotated[
    str | None,
    typer.Option("--user", metavar="EMAIL", help="Of this user; on the gateway's machine alone."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")] = "key",
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; several times. Default: everyday use.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3660, help="How long it lasts; default: ever.")
    ] = None,
    user: User = None,
    json: AsJson = False,
) -> None:
    """Make a key. It is shown this once."""
    if user is None:
        made = _call("POST", "/v1/keys", {"name": name, "scopes": scope or None, "days": days})
    else:
        made = _create_here(user, name, scope, days)
    if json:
        print_json(made)
        return
    typer.echo(made["key"])
    typer.echo(f"It may: {', '.join(made['scopes'])}. It is not shown again.", err=True)


@app.command("list")
def list_(user: User = None, json: AsJson = False) -> None:
    """The keys that are not revoked, newest first."""
    from wlm.cli import host

    if user is None:
        keys = _call("GET", "/v1/keys")["keys"]
    else:
        with host.accounts() as accounts:
            owner = host.user(accounts, user).owner
            keys = [_form(key) for key in accounts.keys.list(owner)]
    if json:
        print_json({"keys": keys})
        return
    for key in keys:
        used = (key["used_at"] or "never")[:16]
        until = (key["expires_at"] or "ever")[:16]
        typer.echo(f"{key['id']}  {key['name']:<20}  used {used:<16}  lasts {until}")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id (`wlm keys list`).")], user: User = None
) -> None:
    """Make a key worthless."""
    from urllib.parse import quote

    from wlm.cli import host

    if user is None:
        _call("DELETE", f"/v1/keys/{quote(key, safe='')}")
    else:
        with host.accounts() as accounts:
            accounts.revoke(host.user(accounts, user).owner, key, actor=host.HOST)
    typer.echo("Revoked.", err=True)


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    from wlm.config import load
    from wlm.errors import NotSignedIn
    from wlm.sdk.calls import call
    from wlm.sdk.session import provider

    settings = load()
    if not settings.config.server_url:
        raise NotSignedIn(
            "Keys belong to a gateway, and you are not signed in to one.",
            hint="`wlm login --server URL`, or on its machine: `wlm keys … --user EMAIL`.",
        )
    token = provider(settings).token()
    return call(settings.config.server_url, method, path, body, token=token)


def _create_here(
    email: str, name: str, scopes: list[str] | None, days: int | None
) -> dict[str, Any]:
    from datetime import timedelta

    from wlm.cli import host
    from wlm.server.policy import allowed, is_role, key_scopes

    with host.accounts() as accounts:
        user = host.user(accounts, email)
        most = allowed(user.role) if is_role(user.role) else frozenset()  # type: ignore[arg-type]
        key, text = accounts.keys.create(
            user.owner,
            name,
            key_scopes(scopes or None, most),
            expires_at=accounts.clock() + timedelta(days=days) if days else None,
            actor=host.HOST,
        )
    return {**_form(key), "key": text}


def _form(key: Any) -> dict[str, Any]:
    from wlm.types import jsonable

    data = key._asdict()
    shown = ("id", "name", "scopes", "created_at", "expires_at", "used_at")
    return {name: jsonable(data[name]) for name in shown}
