"""``/v1/skills``: what is installed, what it can do, and each user's own settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from pydantic import Field, JsonValue, RootModel

from wlm.plugins.describe import as_json, summary
from wlm.server.access import owner, scope
from wlm.server.caching import lasting
from wlm.server.contract import Answer, Form, Json, Plain, answer, contract
from wlm.server.service import service

blueprint = Blueprint("skills", __name__, url_prefix="/v1/skills")


class ToModelDetail(Answer):
    """What a skill gives a language model to sum up, and the setting that allows it."""

    what: str
    allowed_by: str
    personal: bool


class SkillSummary(Answer):
    """A skill in one line."""

    name: str
    help: str
    distribution: str
    version: str
    intents: list[str]
    verbs: list[str]
    to_model: ToModelDetail | None


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
    to_model: ToModelDetail | None


class SkillSettings(RootModel[dict[str, JsonValue]]):
    """A skill's settings by name; of a secret only whether there is one."""


class SettingsForm(Form):
    """Values to set; null goes back to what holds without. What is not named stays."""

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
    """A skill's settings in force for the caller: their own, and what the host shares."""
    return service().own_settings.shown(owner(), name)


@blueprint.put("/<name>/settings")
@scope("skills:write")
@contract(body=SettingsForm, gives=SkillSettings)
def change_settings(name: str, body: SettingsForm) -> dict[str, Any]:
    """Change a skill's settings for the caller alone, passwords of accounts included."""
    own = service().own_settings
    own.change(owner(), name, body.values)
    service().accounts.audit.add(
        "settings.change", actor=owner(), target=name, detail={"settings": sorted(body.values)}
    )
    return own.shown(owner(), name)
