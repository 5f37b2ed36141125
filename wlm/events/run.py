"""One run of one event: how long it may take, how it goes, and how it went."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wlm import trace
from wlm.errors import ProviderError, ProviderPaused, SkillError, WlmError
from wlm.events.breaker import Provider
from wlm.events.claims import Claim
from wlm.events.ports import RunOver, RunPorts
from wlm.plugins import Reply
from wlm.plugins.context import AskUser
from wlm.types import Failure, Question, jsonable

if TYPE_CHECKING:
    from wlm.events.runner import Runner
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import LoadedSkill

log = logging.getLogger(__name__)
_WITHOUT_SKILL_SECONDS = 10.0


@dataclasses.dataclass
class Outcome:
    """How a run went. Exactly one of ``reply``, ``question`` and ``failure`` is there.

    ``slots`` is what the event's slots became; ``known`` is whether it is certain what
    the handler did to the world. ``failed`` are the providers that it counts against.
    ``put_off``: a provider was to be left alone, so nothing was tried.
    """

    reply: dict[str, Any] | None = None
    question: Question | None = None
    failure: Failure | None = None
    retry_after: float | None = None
    slots: dict[str, Any] | None = None
    known: bool = True
    failed: Sequence[Provider] = ()
    put_off: bool = False


class Run:
    """What the handler's thread and its watcher share. Times are of ``time.monotonic``."""

    def __init__(self, runner: Runner, claim: Claim, beat: float) -> None:
        self.claim, self.row = claim, claim.row
        self.outcome: Outcome | None = None
        self.slots: dict[str, Any] | None = None
        self.begun = self.unsure = False
        self.ports: RunPorts | None = None
        self.done = self.given_up = False
        self._runner = runner
        self._lock = threading.Lock()
        self._thread: int | None = None
        self.started = time.monotonic()
        self.next_beat = self.started + beat
        try:
            self.timeout = self.spec.timeout
        except WlmError:
            self.timeout = _WITHOUT_SKILL_SECONDS  # it fails at once, with the cause
        self.deadline = self.started + self.timeout

    @property
    def spec(self) -> IntentSpec:
        """What is to be run. Raises ``SkillMissing``."""
        return self._runner.registry.intent(self.row["intent"])

    @property
    def loaded(self) -> LoadedSkill:
        """Whose it is. Raises ``SkillMissing``."""
        return self._runner.registry.skill(self.row["skill"])

    def work(self) -> None:
        """Run the handler; leaves ``outcome``, or ``None`` if the event was taken away."""
        self._thread = threading.get_ident()
        try:
            self.outcome = None if self._runner.was_taken(self.claim) else self._traced()
        except RunOver:
            self.outcome = None
        finally:
            with self._lock:
                self.done = True
                if self.given_up:
                    self._runner.hands.came_back()

    def give_up(self) -> bool:
        """Stop waiting; ``False`` if the handler has ended just now.

        What it was writing is undone: else it would keep it locked until it comes back.
        """
        with self._lock:
            if self.done:
                return False
            self.given_up = True
            self._runner.hands.gave_up()
            if self._thread is not None and self._runner.cut(self._thread):
                log.warning("event %s: its handler hung in a transaction", self.row["id"])
        return True

    def _traced(self) -> Outcome:
        row = self.row
        with trace.span(
            f"run {row['intent']}",
            parent=row["traceparent"],
            kind="CONSUMER",
            wlm__event=row["id"],
            wlm__attempt=row["attempts"],
        ) as span:
            outcome = self._attempt()
            if outcome.failure is not None:
                span.fail(outcome.failure.code)
            return outcome

    def _attempt(self) -> Outcome:
        try:
            outcome = self._runner.attempt(self)
        except RunOver:
            raise
        except AskUser as asked:
            outcome = Outcome(question=asked.question)
        except WlmError as error:
            outcome = Outcome(
                failure=_failure(error),
                retry_after=error.retry_after,
                failed=[Provider(self.row["skill"])] if _uncounted(error) else (),
                put_off=isinstance(error, ProviderPaused),
            )
        except BaseException as error:
            self._runner.exhausted |= isinstance(error, MemoryError)
            log.debug("event %s", self.row["id"], exc_info=True)
            failure = _crashed(self.row["skill"], error)
            outcome = Outcome(failure=failure, known=not self.begun)
        if self.row["begun"] and not self.begun and outcome.reply is None:
            outcome.known = False  # nothing was tried now, so the doubt is what it was
        outcome.slots = self.slots
        return outcome

    def late(self) -> Outcome:
        """The outcome for a handler that has had its time."""
        failure = Failure(
            SkillError.code,
            f"The skill {self.row['skill']!r} did not finish within {self.timeout:g} s; "
            + (
                "whether it was done is not known."
                if self.begun
                else "what it still does is thrown away."
            ),
            "`wlm events retry` tries it again.",
        )
        asking = list(self.ports.asking) if self.ports is not None else []
        return Outcome(
            failure=failure,
            slots=self.slots,
            known=not self.begun,
            failed=asking or [Provider(self.row["skill"])],
        )


def checked(reply: Any) -> dict[str, Any]:
    """A handler's reply as JSON. Raises ``SkillError`` for anything else."""
    try:
        if isinstance(reply, Reply) and isinstance(reply.speech, str):
            shown: dict[str, Any] = json.loads(json.dumps(jsonable(reply), allow_nan=False))
            return shown
    except (TypeError, ValueError):
        pass
    raise SkillError(
        f"The skill returned {type(reply).__name__} that is no reply of JSON values.",
        hint="The plugin is at fault; upgrade it or tell its author.",
    )


def _uncounted(error: WlmError) -> bool:
    """Whether an error counts against the skill: it did not come from a provider that was asked
    under its name, where it was counted."""
    named = isinstance(error, ProviderError) and error.provider
    return error.retryable and isinstance(error, SkillError) and not named


def _failure(error: WlmError) -> Failure:
    return Failure(error.code, error.message, error.hint, error.retryable)


def _crashed(skill: str, error: BaseException) -> Failure:
    # Only the type's name: the text of a foreign exception may hold personal data.
    return Failure(
        SkillError.code,
        f"The skill {skill!r} failed ({type(error).__name__}).",
        "The plugin is at fault; upgrade it or tell its author.",
    )
