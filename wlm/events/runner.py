"""Running events: prepare, call the handler, end the event, whatever happens."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from wlm import trace
from wlm.errors import ProviderAway, ShareReadOnly, SkillError, StorageFault, WlmError
from wlm.events import breaker, wording
from wlm.events.answers import Answers
from wlm.events.claims import Claim
from wlm.events.contexts import Contexts
from wlm.events.hands import Hands
from wlm.events.ledger import Ledger
from wlm.events.ports import Emit, RunOver, RunPorts
from wlm.events.prepare import Prepared, confirmation, prepare
from wlm.events.retry import delay, may_wait, pause
from wlm.events.rows import Row, held
from wlm.events.run import Outcome, Run, checked
from wlm.events.shift import Over, Shift, Source
from wlm.events.stopwatch import elapsed
from wlm.events.successes import Success, succeed
from wlm.plugins import Reply
from wlm.plugins.context import AskUser, InDoubt
from wlm.types import Failure, Question, State, jsonable

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins import Context, IntentSpec
    from wlm.plugins.manager import Registry

log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 30.0
"""How long the end of a run is tried to be written while the database is away."""


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
        self.registry = registry
        self._settings = settings
        self._emit = emit
        self._beat = beat
        self._current: dict[str, Row] = {}
        self.answers = Answers(ledger, settings)
        self.hands = Hands()
        self.exhausted = False
        """Whether a handler has run out of memory here; then this process is best replaced."""

    def running(self) -> list[Row]:
        """What runs in this process now, as it was claimed."""
        return list(self._current.values())

    def run(self, claim: Claim) -> Row | None:
        """Run a claimed event to its next state; ``None`` if it was taken away meanwhile."""
        ended: list[Row | None] = []
        todo = [claim]
        shift = Shift(
            self,
            self._beat,
            lambda: todo.pop() if todo else None,
            lambda _, outcome: ended.append(self.end(claim, outcome)),
        )
        try:
            shift.work()
        except KeyboardInterrupt:
            self._ledger.move(State.CANCELLED, held(claim.row), detail="interrupted by the user")
            self._current.pop(claim.row["id"], None)
            raise
        return ended[0]

    def work(self, source: Source, over: Over) -> None:
        """Run the events of ``source``; ``over`` is told how each ended, and must ``end`` it."""
        Shift(self, self._beat, source, over).work()

    def begin(self, claim: Claim, beat: float) -> Run:
        """A run that has not begun yet."""
        self._current[claim.row["id"]] = claim.row
        return Run(self, claim, beat)

    def cut(self, thread: int) -> bool:
        """Undo what the handler in this thread is writing; whether it was."""
        return self._ledger.store.cut(thread)

    def still_ours(self, row: Row) -> bool:
        """Make the lease of a running event last on; whether it is still ours."""
        try:
            return self._ledger.extend(row)
        except StorageFault as fault:
            # A lock that the handler itself may hold. The lease has two more beats to go.
            log.warning("event %s: lease not extended (%s)", row["id"], fault.code)
            return True

    def was_taken(self, claim: Claim) -> bool:
        """Whether an event must not be begun, since others may have taken it for lost.

        That is asked where its claim is as old as a beat: this process got no processor, or
        its machine slept.
        """
        if elapsed() - claim.at < self._beat:
            return False
        try:
            return not self._ledger.extend(claim.row)
        except StorageFault:
            return True  # not known; a lease that nobody moves is recovered

    def attempt(self, run: Run) -> Outcome:
        """The handler's part, in its own thread. Raises what the handler raises."""
        row, spec = run.row, run.spec
        if spec.effect != row["effect"] and not self._ledger.mark(row, effect=spec.effect):
            raise RunOver
        ctx = self._contexts.for_run(row, self._emit)
        run.ports = cast("RunPorts", ctx.ports)
        if spec.effect != "read" and not ctx.may_write:
            raise ShareReadOnly
        ready = prepare(spec, row["slots"], ctx.resolve)
        run.slots = ready.slots
        if ready.question is not None:
            return Outcome(question=ready.question)
        if row["begun"] and (done := self._done_before(run, ctx)) is not None:
            return Outcome(reply=done)
        if self._needs_yes(spec) and (run.unsure or not row["confirmed"]):
            return self._asked(run, ctx, ready.values)
        if spec.effect == "send":
            if not self._ledger.mark(row, begun=True, slots=ready.slots):
                raise RunOver
            run.begun = True
        try:
            return Outcome(reply=self._answer(run, ctx, ready))
        except InDoubt as doubt:
            return self._in_doubt(run, ctx, ready.values, doubt.reason)

    def _answer(self, run: Run, ctx: Context, ready: Prepared) -> dict[str, Any]:
        """What the handler says, or said before as long as that holds."""
        spec, skill = run.spec, run.loaded.skill
        asked = self.answers.asked(run.loaded, spec, ctx, ready.slots)
        if asked is not None and (known := asked.found()) is not None:
            return known
        with trace.span(f"skill {spec.name}", answers=(AskUser, InDoubt)):
            reply = checked(getattr(skill, spec.method)(ctx, **ready.values))
        return asked.answered(reply, cast("RunPorts", ctx.ports).until) if asked else reply

    def _asked(
        self, run: Run, ctx: Context, values: Mapping[str, Any], reason: str = ""
    ) -> Outcome:
        """The question that needs a yes; a skill may say what exactly it is to."""
        spec = run.spec
        told = None
        if spec.effect == "send":
            told = run.loaded.skill.proposal(ctx, spec.method, values)
        if told is None:
            question = confirmation(spec, values, ctx.timezone, again=False)
        else:
            question = Question("confirmation", told.text)
            run.slots = {**(run.slots or {}), **jsonable(dict(told.slots))}
        if ctx.account is not None:
            text = wording.in_anothers(question.text, ctx.account.of)
            question = dataclasses.replace(question, text=text)
        if run.unsure:
            text = wording.once_more(question.text, reason)
            question = dataclasses.replace(question, text=text)
        return Outcome(question=question, known=not run.unsure)

    def _in_doubt(self, run: Run, ctx: Context, values: Mapping[str, Any], reason: str) -> Outcome:
        """The handler cannot tell whether it was done: its skill looks, else the user is asked."""
        try:
            done = self._done_before(run, ctx)
        except WlmError:
            done, run.unsure = None, True  # it could not look either
        if done is not None:
            return Outcome(reply=done)
        if run.unsure:
            return self._asked(run, ctx, values, reason)
        raise ProviderAway("The connection was lost before it was done.")

    def _done_before(self, run: Run, ctx: Context) -> dict[str, Any] | None:
        """The reply if a try that was broken off had done it; ``None`` if it is to be done.

        Where the skill cannot tell, the user must say yes again.
        """
        found = run.loaded.skill.outcome(ctx, run.spec.method, run.slots or {})
        if isinstance(found, Reply):
            return checked(found)
        if found is not False:
            run.unsure = True
        return None

    def _needs_yes(self, spec: IntentSpec) -> bool:
        policy = self._settings.config.confirm
        return spec.effect == "send" or (policy == "write" and spec.effect == "write")

    def end(self, claim: Claim, outcome: Outcome | None) -> Row | None:
        """Write how it went; again and again while the database is away, as long as it is ours."""
        until = time.monotonic() + _PATIENCE_SECONDS
        row = claim.row
        try:
            while outcome is not None:
                try:
                    return self._write_end(claim, outcome)
                except StorageFault as fault:
                    if not fault.retryable or time.monotonic() > until:
                        raise
                    log.warning("event %s: its end is not written yet (%s)", row["id"], fault.code)
                    time.sleep(0.2)
        finally:
            self.forget(row)
        return None

    def forget(self, row: Row) -> None:
        """It does not run here any more."""
        self._current.pop(row["id"], None)

    def _write_end(self, claim: Claim, outcome: Outcome) -> Row | None:
        row = claim.row
        if outcome.reply is not None:
            ended = Success(row, outcome.reply, outcome.slots, claim.troubled)
            done = succeed(self._ledger, [ended])
            return done[0] if done else None
        values: dict[str, Any] = {"begun": not outcome.known}
        if outcome.slots is not None:
            values["slots"] = outcome.slots
        if (question := outcome.question) is not None:
            asked = question.kind == "input"
            return self._ledger.move(
                State.WAITING_INPUT if asked else State.WAITING_CONFIRMATION,
                held(row),
                question=question.to_dict(),
                error=None,
                confirmed=row["confirmed"] and outcome.known,
                attempts=row["attempts"] - 1,  # it was not tried yet
                detail=f"slot {question.slot}" if asked else None,
                **values,
            )
        assert outcome.failure is not None
        return self._fail(claim, outcome, outcome.failure, values)

    def _fail(
        self, claim: Claim, outcome: Outcome, failure: Failure, values: dict[str, Any]
    ) -> Row | None:
        row = claim.row
        # Away or refused is everyday life; a skill that raised is for its author to mend.
        level = logging.WARNING if failure.code == SkillError.code else logging.INFO
        log.log(level, "event %s failed: %s", row["id"], failure.code)
        target, detail = State.FAILED, failure.message
        if failure.retryable:
            target = State.DEAD
            put_off = outcome.put_off and may_wait(row)
            if put_off or row["attempts"] < row["max_attempts"]:
                target = State.RETRYING
                wait = delay(row["attempts"], outcome.retry_after)
                if put_off:
                    wait = pause(outcome.retry_after)
                    values["attempts"] = row["attempts"] - 1  # it was not tried yet
                # By the clock as it was when the try began, which may have been stepped since:
                # that moment tells later whether it was set back (``due``).
                tried = timedelta(seconds=elapsed() - claim.at)
                values["run_at"] = row["started_at"] + tried + wait
                detail = f"{detail} Again in {wait.total_seconds():.1f} s."
        with self._ledger.store.write() as connection:
            for provider in outcome.failed:
                breaker.failed(connection, provider, row["owner"], self._ledger.clock())
            return self._ledger.move(
                target,
                held(row),
                code=failure.code,
                detail=detail,
                error=failure.to_dict(),
                question=None,
                **values,
            )
