"""``wlm.Client`` for asyncio."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import httpx

from wlm.errors import NotAllowed, NotSignedIn, WlmError
from wlm.sdk import exchange, live
from wlm.sdk.calls import problem
from wlm.sdk.connection import ATTEMPTS, Base, T, arguments, away, pause_before, read
from wlm.sdk.exchange import Exchange
from wlm.sdk.session import TokenProvider
from wlm.sdk.told import PATH, SILENCE_SECONDS, Stream
from wlm.types import Event, Firing, Notice, Route, Schedule, Share, State, Transcript, Turn

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wlm.events.history import Entry
    from wlm.pipeline.partials import Partial
    from wlm.sdk.exchange import Sound
    from wlm.sdk.live import Frames
    from wlm.store.personal import Erased, Forgotten
    from wlm.store.turns import Page


class AsyncClient(Base):
    """``Client`` for asyncio: the same methods, awaited; ``listen`` does what it hears."""

    def __init__(
        self,
        server_url: str | None = None,
        *,
        api_key: str | None = None,
        tokens: TokenProvider | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(server_url, api_key=api_key, tokens=tokens, **settings)
        self._http = httpx.AsyncClient(**self._options(), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        self._cursor.keep()
        await self._http.aclose()

    async def ask(self, text: str, *, conversation: str | None = None, yes: bool = False) -> Turn:
        """Do what ``text`` asks for. ``yes`` confirms what would need a confirmation."""
        return await self._do(exchange.ask(text, conversation, yes))

    async def voice(
        self, audio: Sound, *, conversation: str | None = None, yes: bool = False
    ) -> Turn:
        """Do what a recording asks for."""
        return await self._do(exchange.voice(audio, conversation, yes))

    def listen(
        self,
        frames: Frames,
        *,
        rate: int = 16_000,
        conversation: str | None = None,
        yes: bool = False,
        once: bool = False,
        on_level: Callable[[float], None] | None = None,
    ) -> AsyncIterator[Partial | Transcript | Turn]:
        """Live audio, heard and done by the gateway while it is spoken.

        ``frames``: blocks of mono samples from -1 to 1 at ``rate`` Hz, of any length, from an
        (async) iterable that ends when nothing more is said. Of each utterance come the words so
        far (``Partial``), all of them (``Transcript``), and what came of it (``Turn``; none where
        nothing was said). ``once``: end after the first one. ``on_level`` is called with the
        loudness in dBFS some times a second. Raises ``wlm.WlmError``, and what ``frames`` raises.
        """
        query = {"rate": str(rate), "yes": str(yes).lower(), "once": str(once).lower()}
        if conversation is not None:
            query["conversation"] = conversation
        return live.listen(self._server, self._tokens, frames, query, on_level)

    async def transcribe(self, audio: Sound, *, language: str | None = None) -> Transcript:
        """The words of a recording."""
        return await self._do(exchange.transcribe(audio, language))

    async def route(
        self, text: str, *, now: datetime | None = None, timezone: ZoneInfo | None = None
    ) -> list[Route]:
        """Decide only: the routes of ``text``; [] if no skill serves it. Nothing runs."""
        return await self._do(exchange.route(text, now, timezone))

    async def why(self, reference: str | None = None) -> dict[str, Any]:
        """Why a turn went where it went."""
        return await self._do(exchange.why(reference))

    async def events(
        self,
        *,
        states: Iterable[State] | None = None,
        skill: str | None = None,
        conversation: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Event]:
        """Events, newest first."""
        return await self._do(exchange.events(states, skill, conversation, limit, before))

    async def event(self, event_id: str) -> Event:
        """One event. Raises ``NotFound``."""
        return await self._do(exchange.event(event_id))

    async def event_history(self, event_id: str) -> list[Entry]:
        """What happened to an event, oldest first. Raises ``NotFound``."""
        return await self._do(exchange.event_history(event_id))

    async def watch(self, event_id: str) -> AsyncIterator[Event]:
        """An event now and after each change, until it has ended."""
        path = f"/v1/events/{event_id}/stream"
        try:
            async with self._http.stream("GET", path, timeout=httpx.Timeout(60.0)) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise problem(answer)
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        yield Event.from_dict(json.loads(line.removeprefix("data: ")))
        except httpx.TransportError as error:
            raise away(self._server, error) from None

    async def confirm(self, event_id: str) -> Event:
        """Say yes to an event that waits for it, and run it."""
        return await self._do(exchange.change(event_id, "confirm"))

    async def cancel(self, event_id: str) -> Event:
        """Cancel an event that has not ended."""
        return await self._do(exchange.change(event_id, "cancel"))

    async def retry(self, event_id: str) -> Event:
        """Run a failed or dead event again."""
        return await self._do(exchange.change(event_id, "retry"))

    async def answer(self, event_id: str, slots: Mapping[str, Any]) -> Event:
        """Give the slots that an event waits for, in JSON form, and run it."""
        return await self._do(exchange.change(event_id, "answer", {"slots": dict(slots)}))

    async def undo(self, event_id: str | None = None) -> Event:
        """Take back what an event did; default: what was done last. Raises ``WlmError``."""
        return await self._do(exchange.undo(event_id))

    async def schedules(self) -> list[Schedule]:
        """What is done again and again, the next to come first."""
        found, after = await self._do(exchange.schedules(None))
        while after is not None:
            more, after = await self._do(exchange.schedules(after))
            found += more
        return found

    async def schedule(self, schedule_id: str) -> Schedule:
        """One schedule. Raises ``NotFound``."""
        return await self._do(exchange.schedule(schedule_id))

    async def firings(self, schedule_id: str) -> list[Firing]:
        """What became of a schedule's last occurrences, newest first."""
        return await self._do(exchange.firings(schedule_id))

    async def simulate(self, days: float = 7.0) -> list[tuple[datetime, Schedule]]:
        """What would be done in the next days, and when."""
        known = {one.id: one for one in await self.schedules()}
        due = await self._do(exchange.due(days))
        return [(at, known[id_]) for at, id_ in due if id_ in known]

    async def pause_schedule(self, schedule_id: str) -> Schedule:
        """Let a schedule rest."""
        return await self._do(exchange.change_schedule(schedule_id, "pause"))

    async def resume_schedule(self, schedule_id: str) -> Schedule:
        """Go on with a schedule; what came due in the pause is not made up for."""
        return await self._do(exchange.change_schedule(schedule_id, "resume"))

    async def remove_schedule(self, schedule_id: str) -> Schedule:
        """End a schedule; what it did stays."""
        return await self._do(exchange.remove_schedule(schedule_id))

    async def forget(
        self,
        *,
        turn: str | None = None,
        conversation: str | None = None,
        since: datetime | None = None,
    ) -> Forgotten:
        """Remove what was said, with what was answered: what fits every condition; none: all.

        ``turn`` is an id, or ``last``. Raises ``NotFound``.
        """
        return await self._do(exchange.forget(turn, conversation, since))

    async def export(self) -> Iterator[dict[str, Any]]:
        """Every row that is the user's, as ``{"table", "row"}`` in JSON types."""
        rows = await self._do(exchange.export())
        return iter(rows)

    async def erase(self) -> Erased:
        """Remove everything that is the user's, and the account. It cannot be undone."""
        return await self._do(exchange.erase())

    async def event_family(self, event_id: str) -> list[tuple[int, Event]]:
        """An event with what it came from and what it caused, with depths. Raises ``NotFound``."""
        return await self._do(exchange.event_family(event_id))

    async def history(
        self,
        query: str | None = None,
        *,
        conversation: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> Page:
        """What was said and done, newest first; with all words of ``query``."""
        return await self._do(exchange.history(query, conversation, limit, before))

    async def skills(self) -> dict[str, Any]:
        """The installed skills in a line each, and the plugins that failed."""
        return await self._do(exchange.skills())

    async def skill(self, name: str) -> dict[str, Any]:
        """What a skill can do. Raises ``SkillMissing``."""
        return await self._do(exchange.skill(name))

    async def skill_settings(self, name: str) -> dict[str, Any]:
        """A skill's settings in force; of a secret only whether there is one."""
        return await self._do(exchange.skill_settings(name))

    async def configure_skill(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set some of a skill's settings (``None``: back to the default); those in force then.

        They are the user's own. Raises ``BadSetting``, then nothing was changed.
        """
        return await self._do(exchange.configure_skill(name, values))

    async def shares(self) -> list[Share]:
        """The accounts of skills that the user shares, and is shared, oldest first."""
        found, after = await self._do(exchange.shares(None))
        while after is not None:
            more, after = await self._do(exchange.shares(after))
            found += more
        return found

    async def share(self, skill: str, user: str, *, access: str = "read") -> Share:
        """Let another user, by address, ``read`` or ``write`` the account of a skill.

        Again: with another access. Raises ``SkillMissing``, ``NotFound``, ``UsageError``.
        """
        return await self._do(exchange.share(skill, user, access))

    async def unshare(self, share_id: str) -> None:
        """End a share that the user gave or was given, at once. Raises ``NotFound``."""
        await self._do(exchange.unshare(share_id))

    async def use_account(self, skill: str, share_id: str | None) -> Share | None:
        """Have a skill work with a shared account; ``None``: with one's own again.

        Raises ``SkillMissing`` and ``NotFound``.
        """
        return await self._do(exchange.use_account(skill, share_id))

    async def notices(self) -> list[str]:
        """What the user was not told yet on this machine of what nobody waited for, as sentences.

        Nothing of what was before the first call. What a process got and did not live to show
        comes again; so close the client, or call this again, once they have been shown.
        """
        self._cursor.keep()
        try:
            untold = await self._do(exchange.untold(self._cursor.last()))
        except NotSignedIn:
            raise
        except NotAllowed:  # a key that may ask and see no events
            return []
        return self._shown(untold)

    async def watch_notices(self, after: int | None = None) -> AsyncIterator[Notice]:
        """Notices as they come, after the one with that id (``None``: new ones), without an end.

        A connection that breaks is taken up again where it broke off, as long as it takes. Raises
        what the gateway refuses with.
        """
        stream = Stream(after)
        while True:
            ended: WlmError | None = None
            try:
                async with self._http.stream(
                    "GET", PATH, headers=stream.headers, timeout=httpx.Timeout(SILENCE_SECONDS)
                ) as answer:
                    if answer.status_code >= 400:
                        await answer.aread()
                        raise problem(answer)
                    async for line in answer.aiter_lines():
                        if (notice := stream.read(line)) is not None:
                            yield notice
            except httpx.TransportError as error:
                ended = away(self._server, error)
            except WlmError as error:
                ended = error
            await asyncio.sleep(stream.pause(ended))

    async def _do(self, made: Exchange[T]) -> T:
        begun = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(made)
            except WlmError as error:
                pause = pause_before(error, attempt, time.monotonic() - begun)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt raises")

    async def _once(self, made: Exchange[T]) -> T:
        upload = made.upload() if made.upload else None
        try:
            answer = await self._http.request(made.method, made.path, **arguments(made, upload))
        except httpx.TransportError as error:
            raise away(self._server, error) from None
        return read(made, answer)
