"""``/v1/me/data``: take along everything that is one's own, or have it erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response
from pydantic import JsonValue

from wlm.plugins import grants
from wlm.plugins.describe import is_secret
from wlm.server.access import owner, principal, scope
from wlm.server.contract import Answer, contract
from wlm.server.service import service
from wlm.store.personal import erase_whole, export
from wlm.store.secrets import forget_owner

blueprint = Blueprint("me", __name__, url_prefix="/v1/me")


class Row(Answer):
    """A row of a table that is one's own."""

    table: str
    row: dict[str, JsonValue]


class Export(Answer):
    """Everything that is one's own, parents before children."""

    rows: list[Row]


class ErasedAnswer(Answer):
    """What was removed: rows by table, recordings, and the skills' secrets."""

    rows: dict[str, int]
    recordings: int
    secrets: int


@blueprint.get("/data")
@scope("me:read")
@contract(gives=Export)
def export_data() -> Response:
    """Everything that one said, did and stored, with the account; keys are not in it."""
    parts, who = service(), owner()
    parts.accounts.audit.add("data.export", actor=who, credential=principal().credential)
    rows = export(parts.store, who)
    first = next(rows, None)  # what can fail fails before the answer begins
    answer = Response(_document(first, rows), mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="wlm-data.json"'
    return answer


def _document(first: dict[str, Any] | None, rest: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield '{"rows": ['
    if first is not None:
        yield json.dumps(first, ensure_ascii=False)
        for row in rest:
            yield ",\n" + json.dumps(row, ensure_ascii=False)
    yield "]}"


@blueprint.delete("/data")
@scope("me:write")
@contract(gives=ErasedAnswer)
def erase_data() -> dict[str, Any]:
    """Erase the account and everything that is its own, at once and for good: rows, the keys
    that sealed them, recordings, sign-ins, API keys."""
    parts, who = service(), owner()
    gone = erase_whole(parts.store, parts.settings.paths.data, who)
    secrets = forget_owner(parts.settings.paths.data, who, _secret_settings())
    detail = {"rows": sum(gone.rows.values()), "recordings": gone.recordings}
    parts.accounts.audit.add("data.erase", actor=who, target=who, detail=detail)
    parts.accounts.tell()
    return {**gone._asdict(), "secrets": secrets}


def _secret_settings() -> list[tuple[str, str]]:
    """What skills may keep secret for a user, by skill and name."""
    models = {name: found.skill.Settings for name, found in service().registry.skills.items()}
    fields = [
        (name, field)
        for name, model in models.items()
        for field in model.model_fields
        if is_secret(model, field)
    ]
    return [*fields, *((grants.SKILL, provider) for provider in grants.SCOPES)]
