"""Where a skill's settings are kept: secrets apart from the rest."""

from __future__ import annotations

import typing

from pydantic import BaseModel, SecretBytes, SecretStr

from wlm.config import Settings


def is_secret(model: type[BaseModel], field: str) -> bool:
    """Whether the field holds a secret, by its type."""
    info = model.model_fields.get(field)
    kinds = {info.annotation, *typing.get_args(info.annotation)} if info else set()
    return bool(kinds & {SecretStr, SecretBytes})


def store_secret(settings: Settings, skill: str, field: str, value: str) -> None:
    """Keep a secret in the keyring or a 0600 file; an empty value removes it."""
    from wlm.store.secrets import Secrets

    secrets = Secrets(settings.paths.data, owner="local", skill=skill)
    if value:
        secrets.set(field, value)
    else:
        secrets.delete(field)
