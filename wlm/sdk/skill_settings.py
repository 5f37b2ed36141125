"""A skill's settings where WLM works without a gateway: in the file, secrets apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wlm.store.scope import LOCAL_OWNER

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins.manager import Registry
    from wlm.plugins.own_settings import OwnSettings
    from wlm.sdk.assistant import Assistant


def shown(assistant: Assistant, skill: str) -> dict[str, Any]:
    """The settings in force in JSON form."""
    if assistant.owner != LOCAL_OWNER:
        return _own(assistant).shown(assistant.owner, skill)
    raw = assistant.settings.skills.get(skill, {})
    shown: dict[str, Any] = assistant.registry.settings(skill, raw).model_dump(mode="json")
    return shown


def configure(assistant: Assistant, skill: str, values: Mapping[str, Any]) -> None:
    """Set some, all or none of them; ``None`` goes back to the default. Raises ``BadSetting``."""
    from wlm.config import load

    if assistant.owner != LOCAL_OWNER:
        _own(assistant).change(assistant.owner, skill, values)
        return
    _set_here(assistant.registry, assistant.settings, skill, values)
    fresh = load(assistant.flags).skills
    assistant.settings.skills.clear()
    assistant.settings.skills.update(fresh)


def _own(assistant: Assistant) -> OwnSettings:
    from wlm.plugins.own_settings import OwnSettings

    return OwnSettings(assistant.store, assistant.registry, assistant.settings)


def _set_here(
    registry: Registry, settings: Settings, skill: str, values: Mapping[str, Any]
) -> None:
    from wlm.config import write_setting
    from wlm.plugins.describe import is_secret
    from wlm.store.secrets import Secrets

    model = registry.skill(skill).skill.Settings
    if unknown := set(values) - set(model.model_fields):
        registry.settings(skill, dict.fromkeys(unknown))  # says which there are
    raw = {**settings.skills.get(skill, {}), **values}
    raw = {name: value for name, value in raw.items() if value is not None}
    checked = registry.settings(skill, raw).model_dump(mode="json")
    secrets = Secrets(settings.paths.data, owner=LOCAL_OWNER, skill=skill)
    for name, value in values.items():
        if not is_secret(model, name):
            new = None if value is None else checked[name]
            write_setting(settings.paths.config_file, name, new, skill=skill)
        elif value is None:
            secrets.delete(name)
        else:
            secrets.set(name, value)
