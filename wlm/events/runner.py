"""One run of one event: prepare, call the handler, end the event, whatever happens.

The handler works in a thread of its own. This side watches: it keeps the lease alive,
stops waiting at the intent's timeout, and notices when the event was cancelled. What the
handler does after that is refused (``RunOver``), and its result is dropped.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from wlm.errors import SkillError, StorageFault, WlmError
from wlm.events.contexts import Contexts, Emit, RunOver
from wlm.events.ledger import Ledger, Row, held
from wlm.events.prepare import confirmation, prepare
from wlm.events.retry import delay
from wlm.plugins import Reply
from wlm.plugins.context import AskUser
from wlm.types import Failure, Question, State, jsonable

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import LoadedSkill, Registry

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Outcome:
    """How a run went. Exactly one of ``reply``, ``question`` and ``failure`` is there.

    ``slots`` is what the event's slots became; ``known`` is whether it is certain what
    the handler did to the world.
    """

    reply: dict[str, Any] | None = None
    question: Question | None = None
    failure: Failure | None = None
    retry_after: float | None = None
    slots: dict[str, Any] | None = None
    known: bool = True


class Runner:
    """Runs claimed events."""

    def __init__(
        self,
        ledger: Ledger,
        contexts: Contexts,
        registry: Registry,
        settings: Settings,
        emit: Emit,
        *,
        beat: float,
    ) -> None:
        self._ledger = ledger
        self._contexts = contexts
        self._registry = registry
        self._settings = settings
        self._emit = emit
        self._beat = beat

    def run(self, row: Row) -> Row | None:
        """Run a claimed event to its next state; ``None`` if it was taken away meanwhile."""
        try:
            spec = self._registry.intent(row["intent"])
            loaded = self._registry.skill(row["skill"])
        except WlmError as error:
            return self._end(row, Outcome(failure=_failure(error)))
        if spec.effect != row["effect"] and not self._ledger.mark(row, effect=spec.effect):
            return None
        try:
            outcome = self._watch(row, spec, loaded)
        except KeyboardInterrupt:
            self._ledger.move(State.CANCELLED, held(row), detail="interrupted by the user")
            raise
        return None if outcome is None else self._end(row, outcome)

    def _watch(self, row: Row, spec: IntentSpec, loaded: LoadedSkill) -> Outcome | None:
        """Wait for the handler; ``None`` if the event is not ours any more."""
        run = _Run(self, row, spec, loaded)
        thread = threading.Thread(target=run.work, name=f"event-{row['id']}", daemon=True)
        thread.start()
        deadline = time.monotonic() + spec.timeout
        while not run.done.wait(max(0.0, min(self._beat, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                return run.late()
            if not self._still_ours(row):
                return None
        return run.outcome

    def _still_ours(self, row: Row) -> bool:
        try:
            return self._ledger.extend(row)
        except StorageFault as fault:
            # A lock that the handler itself may hold. The lease has two more beats to go.
            log.warning("event %s: lease not extended (%s)", row["id"], fault.code)
            return True

    def attempt(self, run: _Run) -> Outcome:
        """The handler's part, in its own thread. Raises what the handler raises."""
        row, spec = run.row, run.spec
        ctx = self._contexts.for_run(row, self._emit)
        ready = prepare(spec, row["slots"], ctx.resolve)
        run.slots = ready.slots
        if ready.question is not None:
            return Outcome(question=ready.question)
        if self._needs_yes(spec) and not row["confirmed"]:
            again = bool(row["begun"])
            asked = confirmation(spec, ready.values, ctx.timezone, again=again)
            return Outcome(question=asked, known=not again)
        if spec.effect == "send":
            if not self._ledger.mark(row, begun=True, slots=ready.slots):
                raise RunOver
            run.begun = True
        handler = getattr(run.loaded.skill, spec.method)
        return Outcome(reply=_checked(handler(ctx, **ready.values)))

    def _needs_yes(self, spec: IntentSpec) -> bool:
        policy = self._settings.config.confirm
        return spec.effect == "send" or (policy == "write" and spec.effect == "write")

    def _end(self, row: Row, outcome: Outcome) -> Row | None:
        values: dict[str, Any] = {"begun": not outcome.known}
        if outcome.slots is not None:
            values["slots"] = outcome.slots
        if outcome.reply is not None:
            return self._ledger.move(
                State.SUCCEEDED,
                held(row),
                reply=outcome.reply,
                question=None,
                error=None,
                **values,
            )
        if (question := outcome.question) is not None:
            asked = question.kind == "input"
            return self._ledger.move(
                State.WAITING_INPUT if asked else State.WAITING_CONFIRMATION,
                held(row),
                question=question.to_dict(),
                error=None,
                attempts=row["attempts"] - 1,  # it was not tried yet
                detail=f"slot {question.slot}" if asked else None,
                **values,
            )
        assert outcome.failure is not None
        return self._fail(row, outcome, outcome.failure, values)

    def _fail(
        self, row: Row, outcome: Outcome, failure: Failure, values: dict[str, Any]
    ) -> Row | None:
        # Away or refused is everyday life; a skill that raised is for its author to mend.
        level = logging.WARNING if failure.code == SkillError.code else logging.INFO
        log.log(level, "event %s failed: %s", row["id"], failure.code)
        target, detail = State.FAILED, failure.message
        if failure.retryable:
            target = State.DEAD
            if row["attempts"] < row["max_attempts"]:
                target = State.RETRYING
                wait = delay(row["attempts"], outcome.retry_after)
                values["run_at"] = self._ledger.clock() + wait
                detail = f"{detail} Again in {wait.total_seconds():.1f} s."
        return self._ledger.move(
            target,
            held(row),
            code=failure.code,
            detail=detail,
            error=failure.to_dict(),
            question=None,
            **values,
        )


class _Run:
    """What the handler's thread and its watcher share."""

    def __init__(self, runner: Runner, row: Row, spec: IntentSpec, loaded: LoadedSkill) -> None:
        self.row, self.spec, self.loaded = row, spec, loaded
        self.done = threading.Event()
        self.outcome: Outcome | None = None
        self.slots: dict[str, Any] | None = None
        self.begun = False
        self._runner = runner

    def work(self) -> None:
        """Run the handler; leaves ``outcome``, or ``None`` if the event was taken away."""
        try:
            self.outcome = self._attempt()
        except RunOver:
            self.outcome = None
        finally:
            self.done.set()

    def _attempt(self) -> Outcome:
        try:
            outcome = self._runner.attempt(self)
        except RunOver:
            raise
        except AskUser as asked:
            outcome = Outcome(question=asked.question)
        except WlmError as error:
            outcome = Outcome(failure=_failure(error), retry_after=error.retry_after)
        except BaseException as error:
            log.debug("event %s", self.row["id"], exc_info=True)
            failure = _crashed(self.row["skill"], error)
            outcome = Outcome(failure=failure, known=not self.begun)
        outcome.slots = self.slots
        return outcome

    def late(self) -> Outcome:
        """The outcome for a handler that has had its time."""
        failure = Failure(
            SkillError.code,
            f"The skill {self.row['skill']!r} did not finish within {self.spec.timeout:g} s; "
            + (
                "whether it was done is not known."
                if self.begun
                else "what it still does is thrown away."
            ),
            "`wlm events retry` tries it again.",
        )
        return Outcome(failure=failure, slots=self.slots, known=not self.begun)


def _checked(reply: Any) -> dict[str, Any]:
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


def _failure(error: WlmError) -> Failure:
    return Failure(error.code, error.message, error.hint, error.retryable)


def _crashed(skill: str, error: BaseException) -> Failure:
    # Only the type's name: the text of a foreign exception may hold personal data.
    return Failure(
        SkillError.code,
        f"The skill {skill!r} failed ({type(error).__name__}).",
        "The plugin is at fault; upgrade it or tell its author.",
    )
