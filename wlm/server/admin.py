"""``/v1/admin``: the users of this gateway, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import Field, JsonValue

from wlm.server import idempotency
from wlm.server.access import owner, scope
from wlm.server.auth.routes import UserAnswer, user_form
from wlm.server.contract import CURSOR, PLAIN, Answer, Form, contract
from wlm.server.policy import Role
from wlm.server.service import service
from wlm.types import new_id

blueprint = Blueprint("admin", __name__, url_prefix="/v1/admin")


class PageQuery(Form):
    """Which page."""

    limit: int = Field(50, ge=1, le=200, description="At most so many.")
    cursor: str | None = Field(None, pattern=CURSOR, description="`next` of the page before.")


class UsersAnswer(Answer):
    """Users, newest first. ``next`` is the cursor of the next page; null at the end."""

    users: list[UserAnswer]
    next: str | None


class InviteForm(Form):
    """An invitation: who signs in with this address, verified, becomes this user."""

    email: str = Field(max_length=320, pattern=r"^[!-?A-~]+@[!-?A-~]+$")
    role: Role = "user"
    name: str = Field("", max_length=200, pattern=PLAIN)


class ChangeForm(Form):
    """What to change about a user."""

    role: Role | None = None
    disabled: bool | None = None


class AuditQuery(PageQuery):
    """Which lines."""

    actor: str | None = Field(None, max_length=64, pattern=PLAIN, description="Of this user alone.")


class AuditLine(Answer):
    """Who did what, when, from where."""

    id: str
    at: datetime
    actor: str | None
    action: str
    target: str | None
    outcome: str
    credential: str | None
    address: str | None
    detail: dict[str, JsonValue]


class AuditAnswer(Answer):
    """The audit log, newest first. ``next`` is the cursor of the next page; null at the end."""

    records: list[AuditLine]
    next: str | None


@blueprint.get("/users")
@scope("admin:users")
@contract(query=PageQuery, gives=UsersAnswer)
def list_users(query: PageQuery) -> dict[str, Any]:
    """The users of this gateway."""
    found = service().accounts.users.page(before=query.cursor, limit=query.limit)
    following = found[-1].owner if len(found) == query.limit else None
    return {"users": [user_form(user) for user in found], "next": following}


@blueprint.post("/users")
@scope("admin:users")
@contract(body=InviteForm, gives=UserAnswer, status=201)
def invite(body: InviteForm) -> dict[str, Any]:
    """Invite somebody."""
    accounts = service().accounts
    with idempotency.reserve(body.model_dump_json(), subject=new_id()) as held:
        if held.fresh:
            user = accounts.invite(
                body.email, role=body.role, actor=owner(), name=body.name, owner=held.subject
            )
        else:
            user = accounts.users.get(held.subject)
    return user_form(user)


@blueprint.get("/users/<user_id>")
@scope("admin:users")
@contract(gives=UserAnswer)
def show_user(user_id: str) -> dict[str, Any]:
    """One user."""
    return user_form(service().accounts.users.get(user_id))


@blueprint.patch("/users/<user_id>")
@scope("admin:users")
@contract(body=ChangeForm, gives=UserAnswer)
def change_user(user_id: str, body: ChangeForm) -> dict[str, Any]:
    """Give a role, shut out, or let in again. What a user may do changes within seconds."""
    accounts = service().accounts
    with accounts.store.write():
        if body.role is not None:
            accounts.set_role(user_id, body.role, actor=owner())
        if body.disabled is not None:
            accounts.disable(user_id, disabled=body.disabled, actor=owner())
    return user_form(accounts.users.get(user_id))


@blueprint.get("/audit")
@scope("admin:audit")
@contract(query=AuditQuery, gives=AuditAnswer)
def audit(query: AuditQuery) -> dict[str, Any]:
    """The audit log."""
    found = service().accounts.audit.page(actor=query.actor, before=query.cursor, limit=query.limit)
    following = found[-1].id if len(found) == query.limit else None
    return {"records": [record._asdict() for record in found], "next": following}
