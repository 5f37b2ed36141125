"""What a skill may have of a language model: texts of its own, summed up. Nothing else.

The skill gives passages and gets a few sentences. The words of the question are the host's, no
tools are offered, and what comes back is text to show: a passage that gives orders can spoil a
summary, and can cause nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from wlm.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from wlm.plugins.skill import Skill

Why = Literal[
    "", "unset", "off", "not_allowed", "offline", "no_client", "away", "refused", "budget", "empty"
]
"""Why there is no summary.

``unset``: no model is; ``off``: `llm_summaries` is; ``not_allowed``: the user's setting does not;
``no_client``: `wlm[llm]` is not installed; ``away``: no connection, too late, or left alone for
a while; ``refused``: an answer that is none; ``budget``: the day's is used up; ``empty``: nothing
was given, or said.
"""

_FAILED = {
    "away": "The language model did not answer in time",
    "refused": "The language model gave no usable answer",
    "budget": "Today's budget for the language model is used up",
    "empty": "The language model said nothing",
}


class ToModel(NamedTuple):
    """What a skill would give a language model, as its users are told before.

    ``what`` completes "the language model is given …". ``allowed_by`` names a setting of the
    skill, a ``bool``, with which the user allows that. Where the texts are ``personal``, its
    default must be ``False``.
    """

    what: str
    allowed_by: str
    personal: bool = True

    def check(self, model: type[BaseModel]) -> None:
        """Raise ``ValueError`` where ``allowed_by`` is no such setting of ``model``."""
        info = model.model_fields.get(self.allowed_by)
        if info is None or info.annotation is not bool:
            raise ValueError(f"to_model: {self.allowed_by!r} is no setting that is a bool")
        if self.personal and info.default is not False:
            raise ValueError(f"to_model: the default of {self.allowed_by!r} must be False")


class Passage(NamedTuple):
    """A text to be summed up; ``head`` says what it is: who wrote it, when, about what."""

    text: str
    head: str = ""


class Summary(NamedTuple):
    """A summary, or why there is none (``why``): then the skill says what it can without."""

    text: str = ""
    why: Why = ""
    model: str = ""

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def note(self) -> str:
        """A sentence for the display where the model was asked and failed; else empty."""
        said = _FAILED.get(self.why)
        return f"{said}: this is an extract." if said else ""

    @property
    def transient(self) -> bool:
        """Whether asking again in a while may give one."""
        return self.why in ("away", "refused")

    def to_dict(self) -> dict[str, Any]:
        """For ``Reply.data``: ``by`` is ``model``, or ``extract`` and why."""
        if self:
            return {"by": "model", "model": self.model, "text": self.text}
        return {"by": "extract", "why": self.why}


def allowed(skill: Skill, settings: BaseModel) -> bool:
    """Whether the user lets the skill's texts go to the model.

    Raises ``UsageError`` where the skill did not declare that it gives any.
    """
    declared = type(skill).to_model
    if declared is None:
        raise UsageError(
            f"The skill {skill.name!r} gives a language model texts and does not say so.",
            hint="Its author declares it with `to_model`.",
        )
    return getattr(settings, declared.allowed_by) is True


Passages = Sequence[Passage]
