"""One utterance, end to end: hear, understand, accept, run, reply.

Everything that an utterance asks for is written in one transaction before anything runs,
so a process that dies leaves either nothing or events that the next run ends.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from wlm import trace
from wlm.errors import WlmError
from wlm.pipeline import again, briefing, say
from wlm.pipeline.again import Look
from wlm.pipeline.dialogue.talk import Talk, alone
from wlm.pipeline.route.interface import Candidate, Choice, Decision, Outcome, Past, Utterance
from wlm.pipeline.stopwatch import Stopwatch
from wlm.pipeline.understand import Understander, Understanding
from wlm.store.corrections import Corrections
from wlm.types import Action, Event, EventRef, Reply, State, Turn, new_id

if TYPE_CHECKING:
    import threading

    import numpy as np
    from numpy.typing import NDArray

    from wlm.config import Settings
    from wlm.events.engine import Engine
    from wlm.pipeline.audio import Audio
    from wlm.pipeline.partials import Heard, Partial
    from wlm.pipeline.transcribe.interface import Request, Transcriber
    from wlm.plugins.manager import Registry
    from wlm.store.turns import StoredTurn, Turns
    from wlm.types import Transcript

_REMEMBERED = 5
"""Turns of the conversation that a router is told of."""

_TAUGHT = "correction"
"""The router of what a user taught."""


class Pipeline:
    """The path of an utterance for one owner."""

    def __init__(
        self,
        engine: Engine,
        turns: Turns,
        registry: Registry,
        settings: Settings,
        *,
        owner: str,
        clock: Callable[[], datetime],
        understander: Understander | None = None,
        transcriber: Callable[[], Transcriber] | None = None,
    ) -> None:
        """``understander`` and ``transcriber`` are shared by many owners where they are given."""
        self._engine = engine
        self._turns = turns
        self._registry = registry
        self._settings = settings
        self._owner = owner
        self._clock = clock
        self._transcriber = transcriber
        self._corrections = Corrections(turns.store)
        self.understander = understander or Understander(registry, settings, turns.store, clock)

    def ask(
        self,
        text: str,
        *,
        conversation: str | None = None,
        confirmed: bool = False,
        transcribe_ms: float = 0.0,
        turn_id: str | None = None,
        hear_again: Callable[[], Transcript] | None = None,
    ) -> Turn:
        """Do what ``text`` asks for, or what it answers if something waits.

        Where it leads to nothing sure, what ``hear_again`` gives is looked at as well (``again``).
        """
        watch = Stopwatch(transcribe_ms)
        last = self._last(conversation)
        conversation = conversation or (last.conversation if last else new_id())
        talk = Talk(
            self._engine, self._registry, self.understander, self._owner, conversation, last
        )
        look = partial(self._look, talk, watch, last, conversation)
        text, understood, said = self._settled(look(text), look, talk, watch, hear_again)
        turn = Turn(turn_id or new_id(), conversation, text)
        if said is not None:
            self._save(turn, said.events, understood)
            return self._finish(turn, said.events, understood, watch, reply=said.reply)
        with watch("skill"):
            if understood.replaces is not None:
                return self._corrected(turn, understood, watch, confirmed=confirmed)
            events = self._accept(turn, understood, confirmed=confirmed)
            events = self._run(events)
        return self._finish(turn, events, understood, watch)

    def _look(
        self,
        talk: Talk,
        watch: Stopwatch,
        last: StoredTurn | None,
        conversation: str,
        text: str,
        *,
        answers: bool = True,
    ) -> Look:
        """What ``text`` leads to: done already if the conversation took it, else not yet.

        Without ``answers`` the conversation is not asked, so nothing is done.
        """
        utterance = self._utterance(text, conversation)
        with watch("route"):
            self._tell("before", "route", utterance)
            understood = self._with_schedules(self._understand(utterance, last), text)
            self._tell("after", "route", understood.decision)
        with watch("skill"):
            said = talk.take(utterance, understood.decision) if last and answers else None
        if said is None:
            with watch("route"):
                if last:
                    understood = talk.read(utterance, understood)
                else:
                    understood = alone(understood, utterance)
        return Look(text, understood, said)

    def _settled(
        self,
        first: Look,
        look: Callable[..., Look],
        talk: Talk,
        watch: Stopwatch,
        hear: Callable[[], Transcript] | None,
    ) -> Look:
        """The look that stands: the first, unless it is doubtful and hearing again helped."""
        if hear is None or not first.doubtful:
            return first
        acts = first.rank == again.DONE
        # Who taught that this is no request is believed, and a yes must be heard the first time:
        # what is sent cannot be taken back.
        if first.understood.decision.router == _TAUGHT or talk.confirming or (acts and talk.waits):
            return first

        def heard() -> Transcript:
            with watch("transcribe"):
                return hear()

        return again.settle(first, heard, partial(look, answers=not acts))

    def listen(
        self, frames: Iterator[NDArray[np.float32]], **options: Any
    ) -> Iterator[Partial | Heard]:
        """The next utterance of a stream, with partial texts on the way; see ``partials.listen``.

        The last value is for ``voice``.
        """
        from wlm.pipeline import partials

        options.setdefault("end_silence_ms", self._settings.config.end_silence_ms)
        return partials.listen(frames, self.transcriber, self._request(), **options)

    def _run(self, events: list[Event]) -> list[Event]:
        self._tell("before", "act", events)
        events = [self._engine.run(event.id) for event in events]
        self._tell("after", "act", events)
        return events

    def _corrected(
        self, turn: Turn, understood: Understanding, watch: Stopwatch, *, confirmed: bool
    ) -> Turn:
        """Take back what was done, then do what was meant."""
        self._save(turn, [], understood)
        try:
            taken = self._engine.undo(
                self._owner, understood.replaces, conversation=turn.conversation, turn=turn.id
            )
        except WlmError as error:
            return self._finish(turn, [], understood, watch, reply=say.refused(error))
        taken = self._engine.run(taken.id)
        if taken.state is not State.SUCCEEDED:
            return self._finish(turn, [taken], understood, watch)
        done = self._run(self._accepted(turn, understood, confirmed=confirmed))
        return self._finish(turn, [taken, *done], understood, watch, reply=say.of_event(done[-1]))

    def voice(
        self,
        audio: Audio | Heard,
        *,
        conversation: str | None = None,
        confirmed: bool = False,
        turn_id: str | None = None,
        cancelled: threading.Event | None = None,
    ) -> Turn:
        """The same for a recording, or for what was heard. Nobody speaking: a turn without text.

        Once ``cancelled`` is set nobody waits any more: unless it was heard by then, nothing is
        done. Raises ``Cancelled``.
        """
        recording, transcript, spent = self._hear(audio, cancelled)
        if not transcript.text.strip():
            timings = {"transcribe": round(spent, 1), "route": 0.0, "skill": 0.0}
            return Turn(
                turn_id or new_id(),
                conversation or new_id(),
                "",
                reply=self._worded(say.NOTHING_HEARD),
                timings_ms={**timings, "total": timings["transcribe"]},
            )
        turn = self.ask(
            transcript.text.strip(),
            conversation=conversation,
            confirmed=confirmed,
            transcribe_ms=spent,
            turn_id=turn_id,
            hear_again=self._again(recording, transcript, cancelled),
        )
        if self._settings.config.keep_recordings:
            from wlm.pipeline.recordings import keep

            keep(self._turns.store, self._settings.paths.data, self._owner, turn.id, recording)
        return turn

    def transcribe(self, audio: Audio, **options: Any) -> Transcript:
        """The words of a recording, with the skills' vocabulary as a hint."""
        return self.transcriber.transcribe(audio.samples, self._request(**options))

    def _hear(
        self, audio: Audio | Heard, cancelled: threading.Event | None
    ) -> tuple[Audio, Transcript, float]:
        """A recording, its transcript, and the milliseconds that the user waited for that."""
        from wlm.pipeline.partials import Heard

        start = time.perf_counter()
        heard = audio if isinstance(audio, Heard) else None
        recording = heard.recording if heard else cast("Audio", audio)
        self._tell("before", "transcribe", recording)
        with trace.span("stage transcribe"):
            transcript = (
                heard.transcript if heard else self.transcribe(recording, cancelled=cancelled)
            )
        self._tell("after", "transcribe", transcript)
        waited = heard.waited_ms if heard else 0.0
        return recording, transcript, waited + (time.perf_counter() - start) * 1000

    def _again(
        self, recording: Audio, first: Transcript, cancelled: threading.Event | None
    ) -> Callable[[], Transcript] | None:
        """How the recording is heard again, if it can be."""
        wanted = self._settings.config.stt_hear_again and recording.seconds <= again.LONGEST
        if not (wanted and first.closer):
            return None

        def hear() -> Transcript:
            self._tell("before", "transcribe", recording)
            transcript = self.transcribe(recording, closely=True, cancelled=cancelled)
            self._tell("after", "transcribe", transcript)
            return transcript

        return hear

    def _request(self, *, closely: bool = False, **options: Any) -> Request:
        from wlm.pipeline.transcribe.interface import Request
        from wlm.pipeline.vocabulary import hotwords, topics

        config = self._settings.config
        words = hotwords(self.vocabulary) if config.stt_vocabulary else []
        if closely and config.stt_vocabulary:
            words = [*topics(self._registry.intents, config.language), *words]
        return Request(config.spoken, words, closely=closely, **options)

    def understand(self, text: str, *, now: datetime | None = None) -> Understanding:
        """Decide only; nothing is stored and nothing runs."""
        utterance = self._utterance(text, None, now)
        return self._taught(utterance) or self.understander.understand(utterance)

    @cached_property
    def transcriber(self) -> Transcriber:
        """The engine that ``WLM_STT_ENGINE`` names; loaded when first used."""
        if self._transcriber is not None:
            return self._transcriber()
        from wlm.pipeline.transcribe.engines import make

        return make(self._registry, self._settings)

    @cached_property
    def vocabulary(self) -> Mapping[str, list[str]]:
        """The names that the installed skills know, by slot kind or slot name."""
        from wlm.pipeline.vocabulary import Vocabulary

        return Vocabulary(self._registry, lambda skill: self._engine.context(self._owner, skill))

    def _utterance(
        self, text: str, conversation: str | None, now: datetime | None = None
    ) -> Utterance:
        memory = self._engine.memory(self._owner, conversation) if conversation else {}
        return Utterance(
            text=text,
            now=now or self._clock(),
            language=self._settings.config.language,
            vocabulary=self.vocabulary,
            memory=memory,
            owner=self._owner,
            history=self._history(conversation),
        )

    def _history(self, conversation: str | None) -> tuple[Past, ...]:
        """The conversation's last turns, for a router that looks at them."""
        if conversation is None or self._settings.config.router == "local":
            return ()
        turns = self._turns.list(self._owner, conversation=conversation, limit=_REMEMBERED)
        return tuple(
            Past(
                turn.text, tuple((a.route.intent, tuple(a.route.slots)) for a in turn.turn.actions)
            )
            for turn in reversed(turns)
        )

    def _last(self, conversation: str | None) -> StoredTurn | None:
        """The last turn of a conversation; if none is named, of one recent enough to go on."""
        last = self._turns.last(self._owner, conversation)
        age = timedelta(minutes=self._settings.config.conversation_minutes)
        if conversation is None and last is not None and self._clock() - last.created_at > age:
            return None
        return last

    def _understand(self, utterance: Utterance, last: StoredTurn | None) -> Understanding:
        """The understanding of an utterance, or of the one that "yes" refers back to."""
        if last is not None and not last.turn.actions and last.decision.get("outcome") == "ask":
            told = last.decision.get("candidates") or []
            candidates = [c for c in told if c["intent"] in self._registry.intents]
            if candidates and self.understander.filler.yes_no(utterance.text):
                return self._as_meant(last.text, candidates[0], utterance)
        return self._taught(utterance) or self.understander.understand(utterance)

    def _taught(self, utterance: Utterance) -> Understanding | None:
        """What this user once said was meant by just this (`wlm wrong`)."""
        from wlm.pipeline.route.features import phrase_key
        from wlm.pipeline.route.interface import NONE

        key = phrase_key(utterance.text, utterance.language)
        intent = self._corrections.intent(self._owner, key)
        if intent is None or intent not in {NONE, *self._registry.intents}:
            return None
        choices = () if intent == NONE else (Choice(intent, 1.0, utterance.text),)
        outcome: Outcome = "act" if choices else "none"
        found = (Candidate(intent, 1.0),)
        decision = Decision(outcome, choices, found, utterance.text, _TAUGHT)
        return Understanding(decision, self.understander.routes(decision, choices, utterance))

    def _with_schedules(self, understood: Understanding, text: str) -> Understanding:
        """Who asks what is scheduled is told of briefings too, if there are any."""
        if not briefing.asks_what_is_scheduled(text):
            return understood
        if not self._engine.schedules.all(self._owner, skill=briefing.LIST.skill):
            return understood
        return understood._replace(routes=(*understood.routes, briefing.LIST))

    def _as_meant(
        self, text: str, candidate: dict[str, Any], utterance: Utterance
    ) -> Understanding:
        choice = Choice(candidate["intent"], 1.0, text)
        decision = Decision("act", (choice,), (), text, "user")
        meant = utterance._replace(text=text)
        return Understanding(decision, self.understander.routes(decision, (choice,), meant))

    def _accept(self, turn: Turn, understood: Understanding, *, confirmed: bool) -> list[Event]:
        with self._turns.transaction():
            self._save(turn, [], understood)
            return self._accepted(turn, understood, confirmed=confirmed)

    def _accepted(self, turn: Turn, understood: Understanding, *, confirmed: bool) -> list[Event]:
        refers = understood.refers or ({},) * len(understood.routes)
        with self._turns.transaction():
            return [
                self._engine.accept(
                    self._owner,
                    route,
                    conversation=turn.conversation,
                    turn=turn.id,
                    confirmed=confirmed,
                    refers=points,
                )
                for route, points in zip(understood.routes, refers, strict=True)
            ]

    def _save(self, turn: Turn, events: list[Event], understood: Understanding) -> Turn:
        turn = dataclasses.replace(turn, actions=[_action(event) for event in events])
        self._turns.save(self._owner, turn, understood.explanation())
        return turn

    def _finish(
        self,
        turn: Turn,
        events: list[Event],
        understood: Understanding,
        watch: Stopwatch,
        *,
        reply: Reply | None = None,
    ) -> Turn:
        actions = [
            dataclasses.replace(action, reply=self._worded(action.reply, action.route.skill))
            for action in map(_action, events)
        ]
        if reply is None and actions:
            reply = _join(actions)
        else:
            reply = self._worded(reply or self._no_action(understood.decision))
        turn = dataclasses.replace(turn, actions=actions, reply=reply, timings_ms=watch.timings())
        self._turns.update(self._owner, turn)
        return turn

    def _worded(self, reply: Reply, skill: str = "") -> Reply:
        """The reply in the user's language."""
        wordings = self.understander.wordings
        return wordings.reply(reply, skill) if wordings else reply

    def _no_action(self, decision: Decision) -> Reply:
        if decision.outcome == "ask":
            intents = self._registry.intents
            named = [c.intent for c in decision.candidates if c.intent in intents]
            return say.did_you_mean([intents[n].help.partition("\n")[0] for n in named[:2]])
        return say.not_understood(any_skill=bool(self._registry.skills))

    def _tell(self, moment: str, stage: str, value: Any) -> None:
        for _ in self._registry.call(f"wlm_{moment}_stage", stage=stage, value=value):
            pass


def _action(event: Event) -> Action:
    reference = EventRef(event.id, event.state, event.attempts)
    return Action(event.route, reference, say.of_event(event))


def _join(actions: list[Action]) -> Reply:
    """One reply for the turn: each action's, in the order they were said.

    Of several questions only the first is put: the others follow when it is answered.
    """
    if len(actions) == 1:
        return actions[0].reply
    waiting = [action for action in actions if action.event.state.waiting]
    told = [action for action in actions if action not in waiting[1:]]
    told.sort(key=lambda action: action.event.state.waiting)
    return Reply(
        " ".join(action.reply.speech for action in told),
        "\n\n".join(action.reply.display for action in told),
    )
