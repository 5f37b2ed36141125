"""Findings about this installation: what `wlm doctor` prints."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from wlm.config import Settings, load
from wlm.errors import SkillError, WlmError
from wlm.plugins import manager
from wlm.sdk.assistant import Assistant
from wlm.types import State

_LOW_DISK = 200_000_000
_LAST_EVENTS = 100


class Finding(NamedTuple):
    """One thing that was looked at. ``fault``: it does not work; ``note``: good to know."""

    name: str
    status: Literal["ok", "note", "fault"]
    text: str
    hint: str = ""


def check_all() -> Iterator[Finding]:
    """Everything, in the order in which a request needs it."""
    yield Finding("python", "ok", sys.version.split()[0])
    try:
        settings = load()
        zone = settings.zone
    except WlmError as error:
        yield _fault("settings", error)
        return
    changed = sum(source != "default" for source in settings.sources.values())
    yield Finding("settings", "ok", f"{changed} changed, time zone {zone.key}")
    yield from _folders(settings)
    with Assistant() as assistant:
        database, failures = _database(assistant)
        yield from _plugins(assistant.registry, settings, failures)
        yield database
        if database.status == "ok":
            yield from _providers(assistant)
    yield from _models(settings)
    yield from _language_model(settings)
    yield from check_audio()


def check_audio() -> Iterator[Finding]:
    """The microphone and the loudspeaker."""
    from wlm.pipeline.microphone import list_devices

    try:
        devices = list_devices()
    except WlmError as error:
        # Typed requests and files work without a microphone, so this is no fault.
        yield Finding("microphone", "note", error.message, error.hint)
        return
    for device in devices:
        yield Finding("sound device", "ok", str(device))


def _fault(name: str, error: WlmError) -> Finding:
    return Finding(name, "fault", error.message, error.hint)


def _folders(settings: Settings) -> Iterator[Finding]:
    for name, folder in settings.paths._asdict().items():
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        if not os.access(existing, os.W_OK):
            yield Finding(
                f"{name} folder", "fault", f"{folder} cannot be written.", "Set WLM_HOME elsewhere."
            )
            continue
        free = shutil.disk_usage(existing).free
        status: Literal["ok", "fault"] = "fault" if free < _LOW_DISK else "ok"
        hint = "Free some disk." if status == "fault" else ""
        yield Finding(f"{name} folder", status, f"{folder} ({free // 1_000_000:,} MB free)", hint)


def _plugins(
    registry: manager.Registry, settings: Settings, failures: Counter[str]
) -> Iterator[Finding]:
    for name, loaded in registry.skills.items():
        source = f"{loaded.distribution} {loaded.version}".strip()
        try:
            registry.settings(name, settings.skills.get(name, {}))
        except WlmError as error:
            yield _fault(f"skill {name}", error)
            continue
        if failures[name]:
            text = f"raised in {failures[name]} of its last events ({source})"
            yield Finding(f"skill {name}", "note", text, "`wlm events list` shows which.")
        else:
            yield Finding(f"skill {name}", "ok", f"{len(loaded.intents)} intents ({source})")
    for fault in registry.faults:
        text = f"failed at {fault.stage}: {fault.reason}"
        hint = f"Upgrade or remove {fault.distribution or fault.plugin}; the rest works without it."
        yield Finding(f"plugin {fault.plugin}", "fault", text, hint)
    if not registry.skills:
        yield Finding(
            "skills", "fault", "No skill is installed.", "`pip install wlm-meeting` adds one."
        )


def _database(assistant: Assistant) -> tuple[Finding, Counter[str]]:
    """The state of the database, and how often each skill raised of late."""
    try:
        url = assistant.store.url.render_as_string(hide_password=True)
        events = assistant.events(states=[State.FAILED, State.DEAD], limit=_LAST_EVENTS)
    except WlmError as error:
        return _fault("database", error), Counter()
    raised = (e.route.skill for e in events if e.error and e.error.code == SkillError.code)
    return Finding("database", "ok", url), Counter(raised)


def _providers(assistant: Assistant) -> Iterator[Finding]:
    """The providers that are left alone now, since they failed again and again."""
    from sqlalchemy import select

    from wlm.events.breaker import EVERYBODY, SKILL
    from wlm.store.scope import LOCAL_OWNER
    from wlm.store.tables import breakers

    now = datetime.now(UTC)
    query = select(breakers).where(
        breakers.c.open_until > now, breakers.c.owner.in_([LOCAL_OWNER, EVERYBODY])
    )
    with assistant.store.read() as connection:
        rows = connection.execute(query.order_by(breakers.c.skill, breakers.c.provider)).all()
    for row in rows:
        what = "as a whole" if row.provider == SKILL else row.provider
        seconds = (row.open_until - now).total_seconds()
        text = f"{what} failed {row.failures} times in a row; not asked for {seconds:.0f} s"
        yield Finding(f"skill {row.skill}", "note", text, "It is asked again by itself.")


def _models(settings: Settings) -> Iterator[Finding]:
    from wlm.pipeline.transcribe.models import find_model

    try:
        model = find_model(settings)
    except WlmError as error:
        yield _fault("speech model", error)
    else:
        yield Finding("speech model", "ok", str(model.name if hasattr(model, "name") else model))


def _language_model(settings: Settings) -> Iterator[Finding]:
    """Whether the endpoint answers, where a router asks one."""
    config = settings.config
    if config.router == "local" or (config.offline and config.router == "cascade"):
        return
    from wlm.pipeline.route.llm.make import check

    try:
        yield Finding("language model", "ok", check(settings))
    except WlmError as error:
        yield _fault("language model", error)
