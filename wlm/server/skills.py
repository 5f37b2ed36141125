"""``/v1/skills``: what is installed, what it can do, and its settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from pydantic import Field, JsonValue, RootModel

from wlm.config import write_setting
from wlm.errors import BadSetting
from wlm.plugins.describe import as_json, is_secret, summary
from wlm.server.access import owner, scope
from wlm.server.caching import lasting
from wlm.server.contract import Answer, Form, Json, Plain, answer, contract
from wlm.server.service import service

blueprint = Blueprint("skills", __name__, url_prefix="/v1/skills")


class SkillSummary(Answer):
    """A skill in one line."""

    name: str
    help: str
    distribution: str
    version: str
    intents: list[str]
    verbs: list[str]


class PluginFault(Answer):
    """A plugin that does not work, and at which stage it failed."""

    plugin: str
    distribution: str
    stage: str


class SkillList(Answer):
    """The installed skills."""

    skills: list[SkillSummary]
    faults: list[PluginFault]


class SlotDetail(Answer):
    """A parameter of an intent."""

    kind: str
    many: bool
    required: bool
    default: JsonValue
    json_schema: dict[str, JsonValue] = Field(alias="schema")


class IntentDetail(Answer):
    """What can be asked of a skill."""

    name: str
    help: str
    effect: str
    slots: dict[str, SlotDetail]
    examples: dict[str, list[str]]


class SkillDetail(Answer):
    """A skill with its intents, slots, examples and the schema of its settings."""

    name: str
    help: str
    distribution: str
    version: str
    intents: list[IntentDetail]
    settings: dict[str, JsonValue]


class SkillSettings(RootModel[dict[str, JsonValue]]):
    """A skill's settings by name; secrets are never among them."""


class SettingsForm(Form):
    """Values to set; null goes back to the default. What is not named stays."""

    values: dict[Plain, Json] = Field(max_length=100)


@blueprint.get("")
@scope("skills:read")
@contract(gives=SkillList)
def list_skills() -> Response:
    """The installed skills, and the plugins that failed to load."""
    return lasting(lambda: answer(_all_skills()))


def _all_skills() -> dict[str, Any]:
    registry = service().registry
    # Why one failed is for the administrator of the host (`wlm doctor`): it may name paths.
    faults = [{"plugin": f.plugin, "distribution": f.distribution, "stage": f.stage}
              for f in registry.faults]  # fmt: skip
    return {"skills": [summary(loaded) for loaded in registry.skills.values()], "faults": faults}


@blueprint.get("/<name>")
@scope("skills:read")
@contract(gives=SkillDetail)
def show_skill(name: str) -> Response:
    """What a skill can do."""
    skill = service().registry.skill(name)
    return lasting(lambda: answer(as_json(skill)))


@blueprint.get("/<name>/settings")
@scope("skills:read")
@contract(gives=SkillSettings)
def show_settings(name: str) -> dict[str, Any]:
    """A skill's settings in force."""
    return _shown(name)


@blueprint.put("/<name>/settings")
@scope("skills:write")
@contract(body=SettingsForm, gives=SkillSettings)
def change_settings(name: str, body: SettingsForm) -> dict[str, Any]:
    """Change a skill's settings, for everyone on this gateway."""
    registry, settings = service().registry, service().settings
    model = registry.skill(name).skill.Settings
    if secrets := [field for field in body.values if is_secret(model, field)]:
        raise BadSetting(
            f"Setting {secrets[0]!r} is a secret.",
            hint=f"Set it on the host: `wlm skills configure {name} {secrets[0]}=…`.",
        )
    merged = {**settings.skills.get(name, {}), **body.values}
    raw = {field: value for field, value in merged.items() if value is not None}
    checked = registry.settings(name, raw).model_dump(mode="json")
    for field, value in body.values.items():
        new = None if value is None else checked.get(field)
        write_setting(settings.paths.config_file, field, new, skill=name)
    service().reload_skill_settings()
    service().accounts.audit.add(
        "settings.change", actor=owner(), target=name, detail={"settings": sorted(body.values)}
    )
    return _shown(name)


def _shown(name: str) -> dict[str, Any]:
    registry = service().registry
    model = registry.settings(name, service().settings.skills.get(name, {}))
    shown: dict[str, Any] = model.model_dump(mode="json")
    return shown
