"""`wlm admin`: the users of the gateway on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wlm.cli.render import print_json

app = typer.Typer(help="Users of the gateway on this machine.", no_args_is_help=True)
users = typer.Typer(help="Who may use the gateway.", no_args_is_help=True)
app.add_typer(users, name="users")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Who = Annotated[str, typer.Argument(metavar="USER", help="E-mail address or id.")]
Role = Annotated[str, typer.Option(help="admin, user or guest.")]


@users.command()
def add(
    email: Annotated[str, typer.Argument(help="Who signs in with it becomes this user.")],
    role: Role = "user",
    name: Annotated[str, typer.Option(help="What to call them.")] = "",
    json: AsJson = False,
) -> None:
    """Invite somebody; the first administrator, too."""
    from wlm.cli import host

    with host.accounts() as accounts:
        _show(accounts.invite(email, role=_role(role), actor=host.HOST, name=name), json)


@users.command("list")
def list_(json: AsJson = False) -> None:
    """Everybody, newest first."""
    from wlm.cli import host

    with host.accounts() as accounts:
        found, before = [], None
        while page := accounts.users.page(before=before, limit=200):
            found += page
            before = page[-1].owner
    if json:
        print_json({"users": [_form(user) for user in found]})
        return
    for user in found:
        typer.echo(f"{user.owner}  {user.role:<6} {user.state:<9} {user.email or '-'}  {user.name}")


@users.command()
def role(who: Who, role: Annotated[str, typer.Argument(help="admin, user or guest.")]) -> None:
    """Give somebody another role."""
    from wlm.cli import host

    with host.accounts() as accounts:
        found = host.user(accounts, who)
        _show(accounts.set_role(found.owner, _role(role), actor=host.HOST), json=False)


@users.command()
def disable(who: Who) -> None:
    """Shut somebody out: their sign-ins end and their keys do not work. Their data stays."""
    _set_disabled(who, disabled=True)


@users.command()
def enable(who: Who) -> None:
    """Let somebody in again."""
    _set_disabled(who, disabled=False)


@app.command()
def audit(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    json: AsJson = False,
) -> None:
    """Who did what to accounts and data, newest first."""
    from wlm.cli import host
    from wlm.types import jsonable

    with host.accounts() as accounts:
        records = accounts.audit.page(limit=limit)
    if json:
        print_json({"records": [jsonable(record._asdict()) for record in records]})
        return
    for record in records:
        typer.echo(
            f"{record.at:%Y-%m-%d %H:%M:%S}  {record.actor or '-':<26}  {record.action:<14} "
            f"{record.outcome:<12} {record.target or ''}  {record.address or ''}"
        )


def _set_disabled(who: str, *, disabled: bool) -> None:
    from wlm.cli import host

    with host.accounts() as accounts:
        found = host.user(accounts, who)
        _show(accounts.disable(found.owner, disabled=disabled, actor=host.HOST), json=False)


def _role(name: str) -> str:
    from wlm.errors import UsageError
    from wlm.server.policy import POLICY, is_role

    if not is_role(name):
        raise UsageError(f"There is no role {name!r}.", hint=f"Roles: {', '.join(POLICY)}.")
    return name


def _form(user: Any) -> dict[str, Any]:
    from wlm.types import jsonable

    data = user._asdict()
    return {"id": data.pop("owner"), **jsonable(data)}


def _show(user: Any, json: bool) -> None:
    if json:
        print_json(_form(user))
    else:
        typer.echo(f"{user.owner}  {user.role}  {user.state}  {user.email or '-'}")
