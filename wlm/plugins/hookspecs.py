"""The points that a plugin can extend, as pluggy hooks; the file reads as the contract.

A plugin is what an entry point of the group ``wlm.skills`` names: a ``Skill`` subclass,
or a module or object with functions marked ``@hookimpl``. A hook that raises is named by
`wlm doctor`; the others still run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from wlm.plugins.skill import Skill

hookspec = pluggy.HookspecMarker("wlm")
hookimpl = pluggy.HookimplMarker("wlm")


@hookspec
def wlm_skills() -> list[type[Skill]]:  # type: ignore[empty-body]
    """The skills of this plugin."""


@hookspec
def wlm_transcribers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Factories of transcribers by the name that ``WLM_STT_ENGINE`` takes."""


@hookspec
def wlm_routers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Factories of routers by name."""


@hookspec
def wlm_speakers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Factories of speech synthesisers by name."""


@hookspec
def wlm_connectors() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Factories of account connectors by the name that ``wlm connect`` takes."""


@hookspec
def wlm_before_stage(stage: str, value: Any) -> None:
    """Called before ``transcribe``, ``route`` and ``act`` with what goes in.

    The first two come again where a recording that led to nothing is heard again.
    """


@hookspec
def wlm_after_stage(stage: str, value: Any) -> None:
    """Called after ``transcribe``, ``route`` and ``act`` with what came out."""
