"""A skill's page, from its declaration: for `wlm skills show` and the docs."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from wlm.plugins.manager import LoadedSkill
from wlm.plugins.skill import IntentSpec
from wlm.types import jsonable

_MOST_EXAMPLES = 8


def as_json(loaded: LoadedSkill) -> dict[str, Any]:
    """The declaration as JSON: intents with slots, schemas and examples, and settings."""
    return {
        "name": loaded.skill.name,
        "help": type(loaded.skill).__doc__ or "",
        "distribution": loaded.distribution,
        "version": loaded.version,
        "intents": [_intent(spec) for spec in loaded.intents.values()],
        "settings": type(loaded.skill).Settings.model_json_schema(),
        "to_model": _to_model(loaded),
    }


def summary(loaded: LoadedSkill) -> dict[str, Any]:
    """The skill in one line, as JSON."""
    return {
        "name": loaded.skill.name,
        "help": (type(loaded.skill).__doc__ or "").strip().partition("\n")[0],
        "distribution": loaded.distribution,
        "version": loaded.version,
        "intents": list(loaded.intents),
        "to_model": _to_model(loaded),
        "verbs": [spec.method for spec in loaded.intents.values() if _sayable(spec)],
    }


def told_model(loaded: LoadedSkill) -> str:
    """What the skill would give a language model, and what allows it; empty: nothing."""
    declared = type(loaded.skill).to_model
    if declared is None:
        return ""
    whose = "personal; off unless you turn it on" if declared.personal else "nobody's own"
    return f"{declared.what} ({whose}: setting `{declared.allowed_by}`)"


def _to_model(loaded: LoadedSkill) -> dict[str, Any] | None:
    declared = type(loaded.skill).to_model
    return declared._asdict() if declared else None


def _sayable(spec: IntentSpec) -> bool:
    return any(phrases.examples for phrases in spec.phrases.values())


def is_secret(model: type[BaseModel], field: str) -> bool:
    """Whether a settings field holds a secret, by its type."""
    info = model.model_fields.get(field)
    kinds = {info.annotation, *typing.get_args(info.annotation)} if info else set()
    return bool(kinds & {SecretStr, SecretBytes})


def is_host_only(model: type[BaseModel], field: str) -> bool:
    """Whether only the host may set a field: it was declared with ``HOST_ONLY``."""
    info = model.model_fields.get(field)
    extra = info.json_schema_extra if info else None
    return isinstance(extra, dict) and extra.get("host_only") is True


def as_markdown(loaded: LoadedSkill) -> str:
    """The declaration as a page to read."""
    return "\n".join(_lines(loaded))


def _lines(loaded: LoadedSkill) -> Iterator[str]:
    yield f"# {loaded.skill.name}"
    yield ""
    yield (type(loaded.skill).__doc__ or "").strip()
    if told := told_model(loaded):
        yield ""
        yield f"A language model, if one is set, is given to sum up: {told}."
    for spec in loaded.intents.values():
        yield ""
        yield f"## {spec.name} ({spec.effect})"
        yield ""
        yield spec.help
        for slot in spec.slots:
            need = "required" if slot.required else "optional"
            kind = " or ".join(slot.choices) or slot.kind.replace("_", " ")
            many = "several of " if slot.many else ""
            yield f"- `{slot.name}` ({need}; {many}{kind}) {slot.extra.help}".rstrip()
        examples = spec.phrases["en"].examples[:_MOST_EXAMPLES]
        if examples:
            yield ""
            yield "Say: " + "; ".join(f'"{example}"' for example in examples)
    fields = type(loaded.skill).Settings.model_fields
    if fields:
        yield ""
        yield "## Settings"
        yield ""
        for name, info in fields.items():
            yield f"- `{name}` (default {info.default!r}) {info.description or ''}".rstrip()


def _intent(spec: IntentSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "help": spec.help,
        "effect": spec.effect,
        "slots": {
            slot.name: {
                "kind": slot.kind,
                "many": slot.many,
                "required": slot.required,
                "default": jsonable(slot.default),
                "schema": slot.schema(),
            }
            for slot in spec.slots
        },
        "examples": {language: list(p.examples) for language, p in spec.phrases.items()},
    }
