"""``/v1/shares``: accounts of skills that users let one another work with."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint
from pydantic import Field

from wlm.errors import UsageError
from wlm.server import idempotency
from wlm.server.access import owner, scope
from wlm.server.contract import TELLING, Answer, Form, contract
from wlm.server.paging import ShortPageQuery, page
from wlm.server.service import service
from wlm.store.accounts.shares import Shares
from wlm.types import Share

blueprint = Blueprint("shares", __name__, url_prefix="/v1")


class ShareForm(Form):
    """Whom to let work with one's account of a skill, and how far."""

    skill: str = Field(max_length=128, pattern=TELLING, description="Such as meeting.")
    user: str = Field(max_length=320, pattern=TELLING, description="Their address.")
    access: Literal["read", "write"] = Field("read", description="To look, or to change it, too.")


class SharePage(Answer):
    """Shares, oldest first. ``next`` is the cursor of the next page; null at the end."""

    shares: list[Share]
    next: str | None


class AccountForm(Form):
    """Which account the skill is to work with for the caller."""

    share: str | None = Field(max_length=26, description="A share's id; null: one's own account.")


class AccountAnswer(Answer):
    """The share by which the skill works for the caller; null: with their own account."""

    share: Share | None


@blueprint.get("/shares")
@scope("shares:read")
@contract(query=ShortPageQuery, gives=SharePage)
def list_shares(query: ShortPageQuery) -> dict[str, Any]:
    """The accounts that the caller shares, and is shared."""
    found, following = page(_shares().all(owner()), lambda share: share.id, query)
    return {"shares": found, "next": following}


@blueprint.post("/shares")
@scope("shares:write")
@contract(body=ShareForm, gives=Share, status=201)
def give(body: ShareForm) -> Share:
    """Let another user work with the caller's account of a skill; again: with another access.

    They never see its settings or passwords.
    """
    service().registry.skill(body.skill)
    with idempotency.reserve(body.model_dump_json(), subject="share") as held:
        if not held.fresh:
            return _shares().get(owner(), held.subject)
        user = service().accounts.users.by_email(body.user)
        if user.role == "guest":
            raise UsageError("A guest works with no account of others.", hint="Name a user.")
        made = _shares().give(owner(), body.skill, user.owner, body.access)
        held.subject = made.id
    return made


@blueprint.delete("/shares/<share_id>")
@scope("shares:write")
@contract()
def end(share_id: str) -> None:
    """End a share that the caller gave or was given, at once."""
    _shares().end(owner(), share_id)


@blueprint.put("/skills/<name>/account")
@scope("shares:write")
@contract(body=AccountForm, gives=AccountAnswer)
def use(name: str, body: AccountForm) -> dict[str, Any]:
    """Have a skill work with an account that is shared with the caller, or with their own."""
    service().registry.skill(name)
    return {"share": _shares().choose(owner(), name, body.share)}


def _shares() -> Shares:
    return Shares(service().store, service().clock)
