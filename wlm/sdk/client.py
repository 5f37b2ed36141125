"""WLM at a gateway: the same methods and the same values as ``wlm.Assistant``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import httpx

from wlm.errors import NotAllowed, NotSignedIn, WlmError
from wlm.sdk import exchange
from wlm.sdk.calls import problem
from wlm.sdk.connection import ATTEMPTS, Base, T, arguments, away, pause_before, read
from wlm.sdk.exchange import Exchange
from wlm.sdk.session import TokenProvider
from wlm.sdk.told import PATH, SILENCE_SECONDS, Stream
from wlm.types import Event, Firing, Notice, Route, Schedule, Share, State, Transcript, Turn

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import numpy as np
    from numpy.typing import NDArray

    from wlm.events.history import Entry
    from wlm.pipeline.partials import Heard
    from wlm.sdk.exchange import Sound
    from wlm.store.personal import Erased, Forgotten
    from wlm.store.turns import Page


class Client(Base):
    """Ask, and it is done; by a gateway.

    ``server_url`` and ``api_key`` default to the settings; without a key the sign-in of
    `wlm login` is used. ``tokens`` brings another credential; other ``settings`` go over
    environment and file. ``transport`` stands in for the network. Raises ``wlm.WlmError``.
    """

    def __init__(
        self,
        server_url: str | None = None,
        *,
        api_key: str | None = None,
        tokens: TokenProvider | None = None,
        transport: httpx.BaseTransport | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(server_url, api_key=api_key, tokens=tokens, **settings)
        self._http = httpx.Client(**self._options(), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._cursor.keep()
        self._http.close()

    def ask(self, text: str, *, conversation: str | None = None, yes: bool = False) -> Turn:
        """Do what ``text`` asks for. ``yes`` confirms what would need a confirmation."""
        return self._do(exchange.ask(text, conversation, yes))

    def voice(self, audio: Sound, *, conversation: str | None = None, yes: bool = False) -> Turn:
        """Do what a recording asks for; a file is sent as it is, piece by piece."""
        return self._do(exchange.voice(audio, conversation, yes))

    def listen(
        self,
        frames: Iterator[NDArray[np.float32]],
        *,
        wait_seconds: float | None = None,
        on_level: Any = None,
        **_: Any,
    ) -> Iterator[Heard]:
        """The next utterance in frames, for ``voice``; its words are told by the gateway."""
        from wlm.pipeline.partials import Heard
        from wlm.pipeline.recorder import record

        silence = self.settings.config.end_silence_ms
        recording = record(
            frames, end_silence_ms=silence, wait_seconds=wait_seconds, on_level=on_level
        )
        yield Heard(Transcript("", seconds=recording.seconds), recording, 0.0)

    def transcribe(self, audio: Sound, *, language: str | None = None) -> Transcript:
        """The words of a recording."""
        return self._do(exchange.transcribe(audio, language))

    def route(
        self, text: str, *, now: datetime | None = None, timezone: ZoneInfo | None = None
    ) -> list[Route]:
        """Decide only: the routes of ``text``; [] if no skill serves it. Nothing runs."""
        return self._do(exchange.route(text, now, timezone))

    def why(self, reference: str | None = None) -> dict[str, Any]:
        """Why a turn (by its id or an event's; default: the last) went where it went."""
        return self._do(exchange.why(reference))

    def events(
        self,
        *,
        states: Iterable[State] | None = None,
        skill: str | None = None,
        conversation: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Event]:
        """Events, newest first."""
        return self._do(exchange.events(states, skill, conversation, limit, before))

    def event(self, event_id: str) -> Event:
        """One event. Raises ``NotFound``."""
        return self._do(exchange.event(event_id))

    def event_history(self, event_id: str) -> list[Entry]:
        """What happened to an event, oldest first. Raises ``NotFound``."""
        return self._do(exchange.event_history(event_id))

    def watch(self, event_id: str) -> Iterator[Event]:
        """An event now and after each change, until it has ended."""
        path = f"/v1/events/{event_id}/stream"
        try:
            with self._http.stream("GET", path, timeout=httpx.Timeout(60.0)) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise problem(answer)
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield Event.from_dict(json.loads(line.removeprefix("data: ")))
        except httpx.TransportError as error:
            raise away(self._server, error) from None

    def confirm(self, event_id: str) -> Event:
        """Say yes to an event that waits for it, and run it."""
        return self._do(exchange.change(event_id, "confirm"))

    def cancel(self, event_id: str) -> Event:
        """Cancel an event that has not ended."""
        return self._do(exchange.change(event_id, "cancel"))

    def retry(self, event_id: str) -> Event:
        """Run a failed or dead event again."""
        return self._do(exchange.change(event_id, "retry"))

    def answer(self, event_id: str, slots: Mapping[str, Any]) -> Event:
        """Give the slots that an event waits for, in JSON form, and run it."""
        return self._do(exchange.change(event_id, "answer", {"slots": dict(slots)}))

    def undo(self, event_id: str | None = None) -> Event:
        """Take back what an event did; default: what was done last. Raises ``WlmError``."""
        return self._do(exchange.undo(event_id))

    def schedules(self) -> list[Schedule]:
        """What is done again and again, the next to come first."""
        found, after = self._do(exchange.schedules(None))
        while after is not None:
            more, after = self._do(exchange.schedules(after))
            found += more
        return found

    def schedule(self, schedule_id: str) -> Schedule:
        """One schedule. Raises ``NotFound``."""
        return self._do(exchange.schedule(schedule_id))

    def firings(self, schedule_id: str) -> list[Firing]:
        """What became of a schedule's last occurrences, newest first."""
        return self._do(exchange.firings(schedule_id))

    def simulate(self, days: float = 7.0) -> list[tuple[datetime, Schedule]]:
        """What would be done in the next days, and when."""
        known = {one.id: one for one in self.schedules()}
        due = self._do(exchange.due(days))
        return [(at, known[id_]) for at, id_ in due if id_ in known]

    def pause_schedule(self, schedule_id: str) -> Schedule:
        """Let a schedule rest."""
        return self._do(exchange.change_schedule(schedule_id, "pause"))

    def resume_schedule(self, schedule_id: str) -> Schedule:
        """Go on with a schedule; what came due in the pause is not made up for."""
        return self._do(exchange.change_schedule(schedule_id, "resume"))

    def remove_schedule(self, schedule_id: str) -> Schedule:
        """End a schedule; what it did stays."""
        return self._do(exchange.remove_schedule(schedule_id))

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
        return self._do(exchange.forget(turn, conversation, since))

    def export(self) -> Iterator[dict[str, Any]]:
        """Every row that is the user's, as ``{"table", "row"}`` in JSON types."""
        rows = self._do(exchange.export())
        return iter(rows)

    def erase(self) -> Erased:
        """Remove everything that is the user's, and the account. It cannot be undone."""
        return self._do(exchange.erase())

    def event_family(self, event_id: str) -> list[tuple[int, Event]]:
        """An event with what it came from and what it caused, with depths. Raises ``NotFound``."""
        return self._do(exchange.event_family(event_id))

    def history(
        self,
        query: str | None = None,
        *,
        conversation: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> Page:
        """What was said and done, newest first; with all words of ``query``."""
        return self._do(exchange.history(query, conversation, limit, before))

    def skills(self) -> dict[str, Any]:
        """The installed skills in a line each, and the plugins that failed."""
        return self._do(exchange.skills())

    def skill(self, name: str) -> dict[str, Any]:
        """What a skill can do. Raises ``SkillMissing``."""
        return self._do(exchange.skill(name))

    def skill_settings(self, name: str) -> dict[str, Any]:
        """A skill's settings in force; of a secret only whether there is one."""
        return self._do(exchange.skill_settings(name))

    def configure_skill(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set some of a skill's settings (``None``: back to the default); those in force then.

        They are the user's own. Raises ``BadSetting``, then nothing was changed.
        """
        return self._do(exchange.configure_skill(name, values))

    def shares(self) -> list[Share]:
        """The accounts of skills that the user shares, and is shared, oldest first."""
        found, after = self._do(exchange.shares(None))
        while after is not None:
            more, after = self._do(exchange.shares(after))
            found += more
        return found

    def share(self, skill: str, user: str, *, access: str = "read") -> Share:
        """Let another user, by address, ``read`` or ``write`` the account of a skill.

        Again: with another access. Raises ``SkillMissing``, ``NotFound``, ``UsageError``.
        """
        return self._do(exchange.share(skill, user, access))

    def unshare(self, share_id: str) -> None:
        """End a share that the user gave or was given, at once. Raises ``NotFound``."""
        self._do(exchange.unshare(share_id))

    def use_account(self, skill: str, share_id: str | None) -> Share | None:
        """Have a skill work with a shared account; ``None``: with one's own again.

        Raises ``SkillMissing`` and ``NotFound``.
        """
        return self._do(exchange.use_account(skill, share_id))

    def notices(self) -> list[str]:
        """What the user was not told yet on this machine of what nobody waited for, as sentences.

        Nothing of what was before the first call. What a process got and did not live to show
        comes again; so close the client, or call this again, once they have been shown.
        """
        self._cursor.keep()
        try:
            untold = self._do(exchange.untold(self._cursor.last()))
        except NotSignedIn:
            raise
        except NotAllowed:  # a key that may ask and see no events
            return []
        return self._shown(untold)

    def watch_notices(self, after: int | None = None) -> Iterator[Notice]:
        """Notices as they come, after the one with that id (``None``: new ones), without an end.

        A connection that breaks is taken up again where it broke off, as long as it takes. Raises
        what the gateway refuses with.
        """
        stream = Stream(after)
        while True:
            ended: WlmError | None = None
            try:
                with self._http.stream(
                    "GET", PATH, headers=stream.headers, timeout=httpx.Timeout(SILENCE_SECONDS)
                ) as answer:
                    if answer.status_code >= 400:
                        answer.read()
                        raise problem(answer)
                    for line in answer.iter_lines():
                        if (notice := stream.read(line)) is not None:
                            yield notice
            except httpx.TransportError as error:
                ended = away(self._server, error)
            except WlmError as error:
                ended = error
            time.sleep(stream.pause(ended))

    def _do(self, made: Exchange[T]) -> T:
        begun = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(made)
            except WlmError as error:
                pause = pause_before(error, attempt, time.monotonic() - begun)
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt raises")

    def _once(self, made: Exchange[T]) -> T:
        upload = made.upload() if made.upload else None
        try:
            answer = self._http.request(made.method, made.path, **arguments(made, upload))
        except httpx.TransportError as error:
            raise away(self._server, error) from None
        return read(made, answer)
