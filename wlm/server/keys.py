"""``/v1/keys``: one's API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from flask import Blueprint
from pydantic import BeforeValidator, Field, WithJsonSchema

from wlm.errors import UsageError
from wlm.server import idempotency
from wlm.server.access import owner, principal, scope
from wlm.server.contract import TELLING, Answer, Form, contract, whole
from wlm.server.paging import ShortPageQuery, page
from wlm.server.policy import SCOPES, key_scopes
from wlm.server.service import service
from wlm.store.accounts.keys import ApiKey, new_key_id

blueprint = Blueprint("keys", __name__, url_prefix="/v1/keys")


Scope = Annotated[str, WithJsonSchema({"type": "string", "enum": list(SCOPES)})]


Days = Annotated[int, Field(ge=1, le=3660), BeforeValidator(whole)]


class KeyForm(Form):
    """A new key."""

    name: str = Field(max_length=100, pattern=TELLING, description="What it is for.")
    scopes: list[Scope] | None = Field(
        None, max_length=50, description="What it may do; default: everyday use."
    )
    days: Days | None = Field(None, description="How long it lasts; default: ever.")


class KeyAnswer(Answer):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class NewKeyAnswer(KeyAnswer):
    """A new key. ``key`` is the secret: it is shown this once, and not when a request is
    repeated."""

    key: str | None


class KeysAnswer(Answer):
    """Keys, newest first. ``next`` is the cursor of the next page; null at the end."""

    keys: list[KeyAnswer]
    next: str | None


@blueprint.get("")
@scope("keys:read")
@contract(query=ShortPageQuery, gives=KeysAnswer)
def list_keys(query: ShortPageQuery) -> dict[str, Any]:
    """One's keys that are not revoked."""
    found, following = page(service().accounts.keys.list(owner()), lambda key: key.id, query)
    return {"keys": [form(key) for key in found], "next": following}


@blueprint.post("")
@scope("keys:write")
@contract(body=KeyForm, gives=NewKeyAnswer, status=201)
def create(body: KeyForm) -> dict[str, Any]:
    """Make a key that may do no more than the caller."""
    accounts = service().accounts
    scopes = key_scopes(body.scopes, principal().scopes)
    until = accounts.clock() + timedelta(days=body.days) if body.days else None
    with idempotency.reserve(body.model_dump_json(), subject=new_key_id()) as held:
        if not held.fresh:
            found = [key for key in accounts.keys.list(owner()) if key.id == held.subject]
            if not found:
                raise UsageError("The key of that request was revoked.", hint="Make a new one.")
            return {**form(found[0]), "key": None}
        key, text = accounts.keys.create(
            owner(), body.name, scopes, expires_at=until, key_id=held.subject
        )
    return {**form(key), "key": text}


@blueprint.delete("/<key_id>")
@scope("keys:write")
@contract()
def revoke(key_id: str) -> None:
    """Make a key worthless."""
    service().accounts.revoke(owner(), key_id)


def form(key: ApiKey) -> dict[str, Any]:
    """A key as clients see it."""
    data = key._asdict()
    return {name: data[name] for name in KeyAnswer.model_fields}
