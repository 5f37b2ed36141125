"""Where a skill's secret settings are kept: apart from the rest."""

from __future__ import annotations

from wlm.config import Settings


def store_secret(settings: Settings, skill: str, field: str, value: str) -> None:
    """Keep a secret in the keyring or a 0600 file; an empty value removes it."""
    from wlm.store.secrets import Secrets

    secrets = Secrets(settings.paths.data, owner="local", skill=skill)
    if value:
        secrets.set(field, value)
    else:
        secrets.delete(field)
