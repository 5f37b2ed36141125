"""WLM in this process: what the command line uses and what programs import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self
from zoneinfo import ZoneInfo

from wlm import config, log
from wlm.errors import BadSetting, NotFound
from wlm.store.scope import LOCAL_OWNER
from wlm.types import Event, Firing, Notice, Route, Schedule, Share, Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wlm.events.engine import Engine
    from wlm.events.history import Entry
    from wlm.pipeline.audio import Audio
    from wlm.pipeline.partials import Heard, Partial
    from wlm.pipeline.pipeline import Pipeline
    from wlm.plugins.manager import Registry
    from wlm.sdk.teaching import Drift, Teaching
    from wlm.store.engine import Store
    from wlm.store.personal import Erased, Forgotten
    from wlm.store.turns import Page, StoredTurn, Turns
    from wlm.types import Transcript


class Assistant:
    """Ask, and it is done; embedded, for one user.

    ``settings`` are flags that go over environment and file, such as
    ``language="de"``. ``clock`` gives the aware current time (for tests and simulations).
    Use it as a context manager, or call ``close``. Raises ``wlm.WlmError``.
    """

    def __init__(
        self,
        *,
        owner: str = LOCAL_OWNER,
        clock: Callable[[], datetime] | None = None,
        registry: Registry | None = None,
        **settings: Any,
    ) -> None:
        self.flags = settings
        self.settings = config.load(settings)
        _refuse_what_is_not_there(self.settings)
        log.set_level(self.settings.config.log_level)
        self.owner = owner
        zone = self.settings.zone
        self.clock = clock or (lambda: datetime.now(zone))
        self._to_tell: list[int] = []
        if registry is not None:
            self.__dict__["registry"] = registry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        if "store" in self.__dict__:
            self._told()
            if "engine" in self.__dict__:
                self.engine.close()
            self.store.close()

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins."""
        from wlm.plugins.manager import load

        return load(self.settings.config.plugins)

    @cached_property
    def store(self) -> Store:
        """The database, made or upgraded when first opened."""
        from wlm.store.migrate import open_store

        return open_store(self.settings, self.registry)

    @cached_property
    def engine(self) -> Engine:
        """The event engine."""
        from wlm.events.engine import Engine

        return Engine(self.store, self.registry, self.settings, clock=self.clock)

    @cached_property
    def turns(self) -> Turns:
        """What was said and done."""
        from wlm.store.turns import Turns

        return Turns(self.store, clock=self.clock)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The path that every utterance takes."""
        from wlm.pipeline.pipeline import Pipeline

        return Pipeline(
            self.engine,
            self.turns,
            self.registry,
            self.settings,
            owner=self.owner,
            clock=self.clock,
        )

    def ask(self, text: str, *, conversation: str | None = None, yes: bool = False) -> Turn:
        """Do what ``text`` asks for. ``yes`` confirms what would need a confirmation."""
        return self.pipeline.ask(text, conversation=conversation, confirmed=yes)

    def listen(
        self, frames: Iterator[NDArray[np.float32]], **options: Any
    ) -> Iterator[Partial | Heard]:
        """The next utterance in mono frames at 16 kHz, with partial texts on the way.

        The last value, a ``Heard``, is for ``voice``. Options as ``wlm.pipeline.partials.listen``.
        """
        return self.pipeline.listen(frames, **options)

    def voice(
        self,
        audio: Audio | Heard | Path | str | BinaryIO,
        *,
        conversation: str | None = None,
        yes: bool = False,
    ) -> Turn:
        """Do what a recording asks for, or what ``listen`` heard."""
        from wlm.pipeline.partials import Heard

        said = audio if isinstance(audio, Heard) else self._decoded(audio)
        return self.pipeline.voice(said, conversation=conversation, confirmed=yes)

    def transcribe(self, audio: Audio | Path | str | BinaryIO, **options: Any) -> Transcript:
        """The words of a recording."""
        return self.pipeline.transcribe(self._decoded(audio), **options)

    def route(
        self, text: str, *, now: datetime | None = None, timezone: ZoneInfo | None = None
    ) -> list[Route]:
        """Decide only: the routes of ``text``; [] if no skill serves it. Nothing runs."""
        moment = now or self.clock()
        zone = timezone or self.settings.zone
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
        return list(self.pipeline.understand(text, now=moment).routes)

    def why(self, reference: str | None = None) -> dict[str, Any]:
        """Why a turn (by its id or an event's; default: the last) went where it went."""
        turn = self._turn(reference)
        return {
            "turn": turn.id,
            "text": turn.text,
            "decision": turn.decision,
            "timings_ms": turn.timings_ms,
        }

    def wrong(self, reference: str | None, *, should: str) -> Teaching:
        """Learn what a turn (its id or an event's; default: the last) was meant to be.

        ``should`` is an intent, or ``none``. From now on the same said by the same user goes
        there. Raises ``NotFound`` and ``UsageError``.
        """
        from wlm.sdk.teaching import teach

        return teach(self, self._turn(reference), should)

    def replay(self, *, since: datetime, router: str | None = None) -> Drift:
        """What was said since then that would go elsewhere now, with this router."""
        from wlm.sdk.teaching import replay

        return replay(self, since, router)

    def _turn(self, reference: str | None) -> StoredTurn:
        if reference is None:
            turn = self.turns.last(self.owner)
        else:
            turn = self.turns.find(self.owner, reference)
            if turn is None:
                event = self.engine.get(self.owner, reference)
                turn = self.turns.find(self.owner, event.turn or "")
        if turn is None:
            raise NotFound("There is no such turn yet.", hint="`wlm ask TEXT` makes one.")
        return turn

    def notices(self) -> list[str]:
        """Bring leftover and due work to an end; what the user was not told yet, as sentences.

        Each is given once: what a process took and did not live to show comes again.
        """
        self._told()
        self.engine.run_due()
        taken = self.engine.notices.take("terminal", self.owner)
        self._to_tell = [notice.id for notice in taken]
        return [notice.sentence(self.settings.zone) for notice in taken if notice.speech]

    def wait_for_notices(self, after: int | None = None, *, timeout: float = 30.0) -> list[Notice]:
        """The notices after the one with that id (``None``: new ones), oldest first.

        Waits up to ``timeout`` seconds for the first. What a reader gets here is still told on
        the channels of the setting ``notify``.
        """
        notices = self.engine.notices
        last = notices.last(self.owner) if after is None else after
        return notices.wait(self.owner, last, timeout)

    def schedules(self) -> list[Schedule]:
        """What is done again and again, the next to come first."""
        return self.engine.schedules.all(self.owner)

    def schedule(self, schedule_id: str) -> Schedule:
        """One schedule. Raises ``NotFound``."""
        return self.engine.schedules.get(self.owner, schedule_id)

    def firings(self, schedule_id: str, *, limit: int = 20) -> list[Firing]:
        """What became of a schedule's last occurrences, newest first."""
        return self.engine.schedules.firings(self.owner, schedule_id, limit=limit)

    def simulate(self, days: float = 7.0) -> list[tuple[datetime, Schedule]]:
        """What would be done in the next days, and when."""
        now = self.clock()
        until = now + timedelta(days=days)
        return self.engine.schedules.simulate(self.owner, now, until)

    def pause_schedule(self, schedule_id: str) -> Schedule:
        """Let a schedule rest."""
        return self.engine.schedules.pause(self.owner, schedule_id)

    def resume_schedule(self, schedule_id: str) -> Schedule:
        """Go on with a schedule; what came due in the pause is not made up for."""
        return self.engine.schedules.resume(self.owner, schedule_id)

    def remove_schedule(self, schedule_id: str) -> Schedule:
        """End a schedule; what it did stays."""
        return self.engine.schedules.remove(self.owner, schedule_id)

    def events(self, **filters: Any) -> list[Event]:
        """Events, newest first; filters as ``Engine.list``."""
        return self.engine.list(self.owner, **filters)

    def event(self, event_id: str) -> Event:
        """One event. Raises ``NotFound``."""
        return self.engine.get(self.owner, event_id)

    def event_history(self, event_id: str) -> list[Entry]:
        """What happened to an event, oldest first. Raises ``NotFound``."""
        return self.engine.history(self.owner, event_id)

    def event_family(self, event_id: str) -> list[tuple[int, Event]]:
        """An event with what it came from and what it caused, with depths. Raises ``NotFound``."""
        return self.engine.family(self.owner, event_id)

    def history(
        self,
        query: str | None = None,
        *,
        conversation: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> Page:
        """What was said and done, newest first; with all words of ``query``."""
        page: dict[str, Any] = {"conversation": conversation, "before": before, "limit": limit}
        if query:
            return self.turns.search(self.owner, query, **page)
        return self.turns.list(self.owner, **page)

    def forget(
        self,
        *,
        turn: str | None = None,
        conversation: str | None = None,
        since: datetime | None = None,
    ) -> Forgotten:
        """Remove what was said, with what was answered: what fits every condition; none: all.

        ``turn`` is an id, or ``last``. Raises ``NotFound``.
        """
        from wlm.store.personal import forget_whole

        which = {"turn": turn and self._said(turn), "conversation": conversation, "since": since}
        return forget_whole(self.store, self.settings.paths.data, self.owner, **which)

    def export(self) -> Iterator[dict[str, Any]]:
        """Every row that is the user's, as ``{"table", "row"}`` in JSON types."""
        from wlm.store.personal import export

        return export(self.store, self.owner)

    def erase(self) -> Erased:
        """Remove everything that is the user's, keys included. It cannot be undone."""
        from wlm.store.personal import erase_whole

        return erase_whole(self.store, self.settings.paths.data, self.owner)

    def skills(self) -> dict[str, Any]:
        """The installed skills in a line each, and the plugins that failed."""
        from wlm.plugins.describe import summary

        faults = [fault._asdict() for fault in self.registry.faults]
        return {"skills": [summary(s) for s in self.registry.skills.values()], "faults": faults}

    def skill(self, name: str) -> dict[str, Any]:
        """What a skill can do. Raises ``SkillMissing``."""
        from wlm.plugins.describe import as_json

        return as_json(self.registry.skill(name))

    def skill_settings(self, name: str) -> dict[str, Any]:
        """A skill's settings in force; of a secret only whether there is one."""
        from wlm.sdk.skill_settings import shown

        return shown(self, name)

    def configure_skill(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set some of a skill's settings (``None``: back to the default); those in force then.

        Raises ``BadSetting``, then nothing was changed.
        """
        from wlm.sdk.skill_settings import configure, shown

        configure(self, name, values)
        return shown(self, name)

    def shares(self) -> list[Share]:
        """The accounts of skills that the user shares, and is shared, oldest first."""
        from wlm.sdk import sharing

        return sharing.shares(self).all(self.owner)

    def share(self, skill: str, user: str, *, access: str = "read") -> Share:
        """Let another user, by address, ``read`` or ``write`` the account of a skill.

        Again: with another access. Raises ``SkillMissing``, ``NotFound``, ``UsageError``.
        """
        from wlm.sdk import sharing

        return sharing.give(self, skill, user, access)

    def unshare(self, share_id: str) -> None:
        """End a share that the user gave or was given, at once. Raises ``NotFound``."""
        from wlm.sdk import sharing

        sharing.shares(self).end(self.owner, share_id)

    def use_account(self, skill: str, share_id: str | None) -> Share | None:
        """Have a skill work with a shared account; ``None``: with one's own again.

        Raises ``SkillMissing`` and ``NotFound``.
        """
        from wlm.sdk import sharing

        return sharing.use(self, skill, share_id)

    def confirm(self, event_id: str) -> Event:
        """Say yes to an event that waits for it, and run it."""
        return self.engine.run(self.engine.confirm(self.owner, event_id).id)

    def cancel(self, event_id: str) -> Event:
        """Cancel an event that has not ended."""
        return self.engine.cancel(self.owner, event_id)

    def undo(self, event_id: str | None = None) -> Event:
        """Take back what an event did; default: what was done last. Raises ``WlmError``."""
        return self.engine.run(self.engine.undo(self.owner, event_id).id)

    def retry(self, event_id: str) -> Event:
        """Run a failed or dead event again."""
        return self.engine.run(self.engine.retry(self.owner, event_id).id)

    def answer(self, event_id: str, slots: Mapping[str, Any]) -> Event:
        """Give the slots that an event waits for, in JSON form, and run it."""
        return self.engine.run(self.engine.answer(self.owner, event_id, slots).id)

    def _said(self, reference: str) -> str:
        """The id of the turn that is meant. Raises ``NotFound``."""
        last = reference == "last"
        found = self.turns.last(self.owner) if last else self.turns.find(self.owner, reference)
        if found is None:
            raise NotFound("There is no such turn.", hint="`wlm history --json` shows their ids.")
        return found.id

    def _told(self) -> None:
        """What ``notices`` gave has been shown by now."""
        if self._to_tell:
            self.engine.notices.done("terminal", self._to_tell)
            self._to_tell = []

    def _decoded(self, audio: Audio | Path | str | BinaryIO) -> Audio:
        from wlm.pipeline.audio import Audio, decode

        if isinstance(audio, Audio):
            return audio
        source = Path(audio) if isinstance(audio, str) else audio
        limits = self.settings.config
        return decode(
            source, max_bytes=limits.max_audio_bytes, max_seconds=limits.max_audio_seconds
        )


def _refuse_what_is_not_there(settings: config.Settings) -> None:
    """Say so where a setting asks for a part that this version lacks, instead of ignoring it."""
    if settings.config.server_url:
        raise BadSetting(
            "Setting 'server_url' names a gateway, and this works on this machine alone; "
            "nothing was done.",
            hint="`wlm.Client` talks to a gateway. Or unset WLM_SERVER_URL, or `wlm logout`.",
        )
