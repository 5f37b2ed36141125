"""Registries with nothing in them but a test's own skills."""

from __future__ import annotations

from wlm.plugins import Skill
from wlm.plugins.manager import Registry


def only(**skills: type[Skill]) -> Registry:
    """A registry of these skills, by name."""
    made = Registry()
    for name, skill in skills.items():
        made.add(name, skill)
    assert not made.faults
    return made
