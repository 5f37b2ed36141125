"""`wlm share`: accounts of skills that users of a gateway let one another work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from wlm.types import Share

app = typer.Typer(
    help="Accounts of skills that users let one another work with.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Skill = Annotated[str, typer.Argument(metavar="SKILL", help="Such as meeting, people or email.")]
ShareId = Annotated[str, typer.Argument(metavar="SHARE", help="Its id (`wlm share list`).")]


@app.command("list")
def list_(json: AsJson = False) -> None:
    """What you share, and what is shared with you."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        found = assistant.shares()
    if json:
        print_json({"shares": [share.to_dict() for share in found]})
        return
    for share in found:
        typer.echo(_line(share))
    if not found:
        typer.echo("Nothing is shared. `wlm share add SKILL EMAIL` does it.", err=True)


@app.command()
def add(
    skill: Skill,
    user: Annotated[str, typer.Argument(metavar="EMAIL", help="Another user of the gateway.")],
    write: Annotated[
        bool, typer.Option("--write", help="They may change it; else only look at it.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Let another user work with your account of a skill; again: with another access."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        made = assistant.share(skill, user, access="write" if write else "read")
    print_json(made.to_dict()) if json else typer.echo(_line(made))


@app.command()
def remove(share_id: ShareId) -> None:
    """End a share that you gave or were given, at once."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        assistant.unshare(share_id)
    typer.echo("It is shared no more.", err=True)


@app.command()
def use(share_id: ShareId) -> None:
    """Have a skill work with an account that is shared with you, from now on."""
    from wlm.errors import NotFound
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        share = next((one for one in assistant.shares() if one.id == share_id), None)
        if share is None or share.given:
            raise NotFound("That account is not shared with you.", hint="`wlm share list`.")
        assistant.use_account(share.skill, share_id)
    typer.echo(f"{share.skill} works with the account of {_who(share)} now.", err=True)


@app.command()
def own(skill: Skill) -> None:
    """Have a skill work with your own account again."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        assistant.use_account(skill, None)
    typer.echo(f"{skill} works with your own account.", err=True)


def _line(share: Share) -> str:
    way = "to" if share.given else "from"
    used = "  in use" if share.in_use else ""
    return f"{share.id}  {share.skill:<10}  {share.access:<5}  {way} {_who(share)}{used}"


def _who(share: Share) -> str:
    return f"{share.name} ({share.user})" if share.name and share.user else share.user or share.name
