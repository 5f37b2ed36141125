"""Which languages the installed skills speak, and what is missing in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wlm.plugins.manager import Registry


class Missing(NamedTuple):
    """What a skill lacks in a language: intents without phrases, and whether it has replies."""

    language: str
    skill: str
    intents: tuple[str, ...]
    replies: bool


def missing_languages(registry: Registry) -> list[Missing]:
    """What each installed skill lacks in a language that another one speaks.

    An intent without English phrases is never routed to, so it lacks none.
    """
    spoken = {language for spec in registry.intents.values() for language in spec.phrases} - {"en"}
    found = []
    for language in sorted(spoken):
        for name, loaded in registry.skills.items():
            intents = tuple(
                spec.name
                for spec in loaded.intents.values()
                if spec.phrases["en"].examples
                and not (language in spec.phrases and spec.phrases[language].examples)
            )
            file = type(loaded.skill).folder() / "replies" / f"{language}.txt"
            if intents or not file.is_file():
                found.append(Missing(language, name, intents, file.is_file()))
    return found
