"""Find, check and load plugins; a faulty one takes down nothing but itself."""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points, version
from types import ModuleType
from typing import Any, NamedTuple

import pluggy

from wlm.errors import BadSetting, SkillMissing
from wlm.plugins import hookspecs
from wlm.plugins.skill import IntentSpec, Skill

log = logging.getLogger(__name__)
GROUP = "wlm.skills"
BUILT_IN = {"schedule": "wlm.plugins.briefings"}
"""Modules of the skills that are part of WLM: no router knows them, the pipeline does."""
_DOTTED = re.compile(r"\d+(\.\d+)*")
_PLAIN_RANGE = re.compile(r"wlm<(?P<high>\d+(\.\d+)*),>=(?P<low>\d+(\.\d+)*)")  # as built


class Fault(NamedTuple):
    """A plugin that does not work: which, at which stage, and why.

    ``stage`` is ``version``, ``import``, ``register``, ``settings`` or a hook's name.
    """

    plugin: str
    distribution: str
    stage: str
    reason: str


class LoadedSkill(NamedTuple):
    """A skill that is ready: the instance, its intents, and where it came from."""

    skill: Skill
    intents: Mapping[str, IntentSpec]
    distribution: str
    version: str


class Registry:
    """The plugins that loaded and the faults of those that did not."""

    def __init__(self) -> None:
        self.skills: dict[str, LoadedSkill] = {}
        self.faults: list[Fault] = []
        self.hooks = pluggy.PluginManager("wlm")
        self.hooks.add_hookspecs(hookspecs)

    @property
    def intents(self) -> dict[str, IntentSpec]:
        """Every intent that a router may be told of, by full name."""
        return {
            name: spec
            for loaded in self.skills.values()
            for name, spec in loaded.intents.items()
            if not spec.internal
        }

    def intent(self, name: str) -> IntentSpec:
        """The intent of that name. Raises ``SkillMissing``."""
        loaded = self.skill(name.partition(".")[0])
        if name not in loaded.intents:
            raise SkillMissing(f"The skill has no intent {name!r}.")
        return loaded.intents[name]

    def skill(self, name: str) -> LoadedSkill:
        """The skill of that name. Raises ``SkillMissing``, with the cause if it failed to load."""
        if name in self.skills:
            return self.skills[name]
        if name in BUILT_IN:
            return _built_in(name)
        fault = next((f for f in self.faults if f.plugin == name), None)
        cause = f" ({fault.stage}: {fault.reason})" if fault else ""
        raise SkillMissing(f"The skill {name!r} is not installed or did not load{cause}.")

    def settings(self, name: str, raw: Mapping[str, Any]) -> Any:
        """The skill's settings from raw values. Raises ``BadSetting`` naming the field."""
        from pydantic import ValidationError

        model = self.skill(name).skill.Settings
        if unknown := set(raw) - set(model.model_fields):
            raise BadSetting(
                f"Unknown setting {min(unknown)!r} of the skill {name!r}.",
                hint=f"`wlm skills configure {name}` lists its settings.",
            )
        try:
            return model.model_validate(dict(raw))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise BadSetting(
                f"Setting {field!r} of the skill {name!r}: {first['msg']}.",
                hint=f"`wlm skills configure {name}` lists its settings.",
            ) from None

    def call(self, hook: str, **arguments: Any) -> Iterator[Any]:
        """Results of a hook from each plugin, one at a time; one that raises becomes a fault."""
        for implementation in getattr(self.hooks.hook, hook).get_hookimpls():
            names = implementation.argnames
            try:
                result = implementation.function(*(arguments[name] for name in names))
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                self.fault(implementation.plugin_name, "", hook, error)
                continue
            if result is not None:
                yield result

    def fault(self, plugin: str, distribution: str, stage: str, reason: object) -> None:
        """Record that a plugin failed. Exception texts may hold anything: only types are logged."""
        text = f"{type(reason).__name__}: {reason}" if isinstance(reason, BaseException) else reason
        self.faults.append(Fault(plugin, distribution, stage, str(text)))
        log.warning("plugin %s failed at %s (%s)", plugin, stage, type(reason).__name__)

    def add(self, plugin: str, target: Any, name: str = "", release: str = "") -> None:
        """Register what an entry point named: a skill class, or an object with hooks.

        ``name`` and ``release`` are those of the distribution that it came with.
        """
        try:
            if not (inspect.isclass(target) and issubclass(target, Skill)):
                self.hooks.register(target, name=plugin)
            for cls in _skill_classes(target):
                self._add_skill(cls, name, release)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            if self.hooks.has_plugin(plugin):
                self.hooks.unregister(name=plugin)
            self.fault(plugin, name, "register", error)

    def _add_skill(self, cls: type[Skill], distribution: str, release: str) -> None:
        if cls.name in BUILT_IN:
            raise ValueError(f"the name {cls.name!r} is taken by WLM itself")
        if cls.name in self.skills:
            other = self.skills[cls.name].distribution or "another plugin"
            raise ValueError(f"a skill named {cls.name!r} is already there, from {other}")
        intents = cls.intents()
        self.skills[cls.name] = LoadedSkill(cls(), intents, distribution, release)


def load(only: str = "", points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load the installed plugins in the order of their names.

    ``only`` is the setting ``plugins``: names with commas, ``-`` for none, empty for all.
    """
    registry = Registry()
    wanted = {name.strip() for name in only.split(",")} if only else None
    found = entry_points(group=GROUP) if points is None else points
    for point in sorted(found, key=lambda p: p.name):
        if wanted is not None and point.name not in wanted:
            continue
        name, release, requires = _about(point.dist)
        if reason := _version_mismatch(requires):
            registry.fault(point.name, name, "version", reason)
            continue
        try:
            target = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            registry.fault(point.name, name, "import", error)
            continue
        registry.add(point.name, target, name, release)
    try:
        registry.hooks.check_pending()
    except pluggy.PluginValidationError as error:
        registry.fault(getattr(error.plugin, "__name__", "?"), "", "register", error)
    return registry


@functools.cache
def _built_in(name: str) -> LoadedSkill:
    (cls,) = _skill_classes(import_module(BUILT_IN[name]))
    return LoadedSkill(cls(), cls.intents(), "wlm", _release())


def _skill_classes(target: Any) -> list[type[Skill]]:
    """The skill classes that an entry point's target stands for."""
    if inspect.isclass(target) and issubclass(target, Skill):
        return [target]
    if callable(hook := getattr(target, "wlm_skills", None)):
        return list(hook())
    if isinstance(target, ModuleType):
        return [
            value
            for value in vars(target).values()
            if inspect.isclass(value)
            and issubclass(value, Skill)
            and value.__module__.startswith(target.__name__)
        ]
    return []


def _about(dist: Distribution | None) -> tuple[str, str, list[str]]:
    """Name, version and requirements: read at once, since each question reads the file again."""
    if dist is None:
        return "", "", []
    about = dist.metadata
    return about["Name"], about["Version"], about.get_all("Requires-Dist") or []


def _version_mismatch(requires: Iterable[str]) -> str:
    """Why the plugin was built for another WLM; empty if it was not."""
    for line in requires:
        if line.startswith("wlm") and (reason := _unmet(line, _release())):
            return reason
    return ""


@functools.cache
def _release() -> str:
    """The version of WLM that is installed; to ask for it reads the whole of its description."""
    return version("wlm")


def _unmet(line: str, release: str) -> str:
    """Why a requirement of the form ``wlm…`` is not met; empty if it is, or is of another name."""
    if (plain := _PLAIN_RANGE.fullmatch(line)) and _DOTTED.fullmatch(release):
        low, high, here = (_numbers(text) for text in (plain["low"], plain["high"], release))
        if low <= here < high:
            return ""
    from packaging.requirements import InvalidRequirement, Requirement  # a tenth of a start

    try:
        need = Requirement(line)
    except InvalidRequirement:
        return f"its requirement {line!r} cannot be read"
    if need.name == "wlm" and not need.specifier.contains(release, prereleases=True):
        return f"it needs wlm{need.specifier}, this is {release}"
    return ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
