"""A skill's settings for the users of a gateway: each has their own.

What is set on the host is the host's: it holds for who works there without a gateway
(``LOCAL_OWNER``), and for the others where the setting ``shared_skills`` names it. What a user
sets leads to public addresses only: the gateway must not be made to knock at its neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from wlm.errors import BadSetting
from wlm.plugins.addresses import Guard, networks
from wlm.plugins.describe import is_host_only, is_secret
from wlm.store.accounts.shares import Shares
from wlm.store.scope import LOCAL_OWNER
from wlm.store.secrets import Secrets
from wlm.store.skill_values import SkillValues

if TYPE_CHECKING:
    from pydantic import BaseModel

    from wlm.config import Settings
    from wlm.plugins.manager import Registry
    from wlm.store.engine import Store


class InForce(NamedTuple):
    """Raw settings of one user for one skill, and the guard of what they may lead to."""

    values: Mapping[str, Any]
    guard: Guard | None


class OwnSettings:
    """The settings of a gateway's users, always of one at a time."""

    def __init__(self, store: Store, registry: Registry, settings: Settings) -> None:
        self._store = store
        self._kept = SkillValues(store)
        self._registry = registry
        self._settings = settings

    def in_force(self, owner: str, skill: str) -> InForce:
        """What holds for ``owner``. Raises ``SkillMissing``, and ``BadSetting`` for settings of
        the host that cannot be read."""
        model = self._model(skill)
        if not model.model_fields:
            return InForce({}, None)
        kept = self._kept.all(owner, skill)
        own = {name: value for name, value in kept.items() if _free(model, name)}
        shared = self._shared(skill, model, alone=not own)
        if not own:  # nothing of it is the user's choice
            return InForce(shared, None)
        allowed = networks(self._settings.config.skill_networks)
        return InForce({**shared, **own}, Guard(allowed, known=_places(shared.values())))

    def shown(self, owner: str, skill: str) -> dict[str, Any]:
        """The settings in force in JSON form; of a secret only whether there is one."""
        model = self._registry.settings(skill, self.in_force(owner, skill).values)
        shown: dict[str, Any] = model.model_dump(mode="json")
        return shown

    def change(self, owner: str, skill: str, values: Mapping[str, Any]) -> None:
        """Set some for ``owner``; ``None`` goes back to what holds without.

        Raises ``BadSetting`` for what the skill does not have, what does not fit, and what only
        the host may set; then nothing was changed.
        """
        model = self._model(skill)
        for name in values:
            if name not in model.model_fields:
                self._registry.settings(skill, {name: None})  # says which there are
            if not _free(model, name):
                raise BadSetting(
                    f"Setting {name!r} of the skill {skill!r} is one of the host.",
                    hint="Its administrator sets it there, and shares it with `shared_skills`.",
                )
        kept = self._kept.all(owner, skill)
        own = {**kept, **values}
        own = {name: v for name, v in own.items() if v is not None and _free(model, name)}
        raw = {**self._shared(skill, model, alone=not own), **own}
        checked = self._registry.settings(skill, raw).model_dump(mode="json")
        secret = {name for name in values if is_secret(model, name)}
        new = {
            name: value if value is None or name in secret else checked[name]
            for name, value in values.items()
        }
        with self._store.write():
            self._kept.change(owner, skill, new, secret)
            if kept and not own:  # the account is gone, and so is what was shared of it
                Shares(self._store).end_account(owner, skill)

    def _model(self, skill: str) -> type[BaseModel]:
        return self._registry.skill(skill).skill.Settings

    def _shared(self, skill: str, model: type[BaseModel], *, alone: bool) -> dict[str, Any]:
        """What the host shares. Its secrets are not put beside what a user chose, where they
        could be sent to an address of the user's."""
        shares = shared_fields(self._settings, skill, model.model_fields)
        host = self._settings.skills.get(skill, {})
        values = {name: value for name, value in host.items() if name in shares}
        secret = {name for name in shares if is_secret(model, name)}
        for name in secret - set(values):
            folder = self._settings.paths.data
            if kept := Secrets(folder, owner=LOCAL_OWNER, skill=skill).get(name):
                values[name] = kept
        if alone:
            return values
        left = {name for name in secret if not is_host_only(model, name)}
        return {name: value for name, value in values.items() if name not in left}


def shared_fields(settings: Settings, skill: str, fields: Collection[str]) -> set[str]:
    """Which of the skill's fields the host shares with all users."""
    named = {part.strip().lower() for part in settings.config.shared_skills.split(",")}
    return {name for name in fields if skill in named or f"{skill}.{name}" in named}


def kept_to_the_host(settings: Settings) -> list[str]:
    """What is set on this host and not shared, as SKILL.FIELD."""
    return sorted(
        f"{skill}.{name}"
        for skill, values in settings.skills.items()
        for name in set(values) - shared_fields(settings, skill, values)
    )


def _free(model: type[BaseModel], name: str) -> bool:
    """Whether a user may set it."""
    return name in model.model_fields and not is_host_only(model, name)


def _places(values: Collection[Any]) -> Iterator[tuple[str, int]]:
    """Hosts and ports of the URLs among the host's own values, which may well be internal."""
    for value in values:
        if isinstance(value, Mapping):
            yield from _places(value.values())
        elif isinstance(value, str) and "://" in value:
            try:
                parts = urlsplit(value)
                default = 443 if parts.scheme == "https" else 80
                yield (parts.hostname or "").lower(), parts.port or default
            except ValueError:
                continue
