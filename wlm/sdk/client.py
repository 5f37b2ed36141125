"""WLM at a gateway: the same methods and the same values as ``wlm.Assistant``."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from wlm import config, log
from wlm.errors import Busy, InProgress, Unreachable, WlmError
from wlm.sdk import exchange
from wlm.sdk.calls import checked, problem
from wlm.sdk.exchange import Exchange
from wlm.sdk.session import BearerAuth, KeyToken, TokenProvider, provider
from wlm.types import Event, Firing, Route, Schedule, State, Transcript, Turn

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import numpy as np
    from numpy.typing import NDArray

    from wlm.events.history import Entry
    from wlm.pipeline.partials import Heard
    from wlm.plugins.manager import Registry
    from wlm.sdk.exchange import Sound
    from wlm.store.personal import Erased, Forgotten
    from wlm.store.turns import Page

T = TypeVar("T")
ATTEMPTS = 4
PATIENCE = 20.0
"""Seconds that are waited for a gateway that is busy, over all attempts."""

_TIMEOUT = httpx.Timeout(120.0, connect=10.0)


class _Base:
    """Settings, credential, and when to try again."""

    def __init__(
        self,
        server_url: str | None = None,
        *,
        api_key: str | None = None,
        tokens: TokenProvider | None = None,
        **settings: Any,
    ) -> None:
        self.settings = config.load({"server_url": server_url, "api_key": api_key, **settings})
        log.set_level(self.settings.config.log_level)
        self._server = checked(self.settings.config.server_url)
        key = self.settings.config.api_key
        self._auth = BearerAuth(tokens or (KeyToken(key) if key else provider(self.settings)))

    def _options(self) -> dict[str, Any]:
        return {
            "base_url": self._server,
            "auth": self._auth,
            "timeout": _TIMEOUT,
            "headers": {"User-Agent": "wlm"},
        }


def _read(made: Exchange[T], answer: httpx.Response) -> T:
    if answer.status_code >= 400:
        raise problem(answer)
    try:
        return made.read(answer.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unreachable(
            "What answered is no gateway of this version of WLM.", hint="Check WLM_SERVER_URL."
        ) from None


def _arguments(made: Exchange[Any], upload: Any) -> dict[str, Any]:
    files = {"file": ("recording", upload, "application/octet-stream")} if upload else None
    return {
        "params": made.params,
        "json": made.json,
        "data": made.form,
        "files": files,
        "headers": dict(made.headers),
    }


def _pause(error: WlmError, attempt: int, spent: float) -> float | None:
    """Seconds until the next attempt; ``None`` if there is none. Only what is safe is repeated:
    reads, and requests that carry an idempotency key."""
    if attempt >= ATTEMPTS or not isinstance(error, Unreachable) or not error.retryable:
        return None
    waits = isinstance(error, Busy | InProgress)
    pause = error.retry_after if error.retry_after is not None else 0.2 * 2**attempt
    pause *= 1 + random.random() / 4  # noqa: S311 - so that many do not come back at once
    return pause if spent + pause < (PATIENCE if waits else PATIENCE / 2) else None


def _away(server: str, error: httpx.TransportError) -> Unreachable:
    return Unreachable(f"{server} cannot be reached ({type(error).__name__}).")


class Client(_Base):
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
        self._http.close()

    @cached_property
    def registry(self) -> Registry:
        """The plugins on this machine: for what is done here, such as speaking."""
        from wlm.plugins.manager import load

        return load(self.settings.config.plugins)

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
            raise _away(self._server, error) from None

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

    def notices(self) -> list[str]:
        """Nothing: a gateway tells what is done on its own where its users want it told."""
        return []

    def _do(self, made: Exchange[T]) -> T:
        begun = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(made)
            except WlmError as error:
                pause = _pause(error, attempt, time.monotonic() - begun)
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt raises")

    def _once(self, made: Exchange[T]) -> T:
        upload = made.upload() if made.upload else None
        try:
            answer = self._http.request(made.method, made.path, **_arguments(made, upload))
        except httpx.TransportError as error:
            raise _away(self._server, error) from None
        return _read(made, answer)


class AsyncClient(_Base):
    """``Client`` for asyncio: the same methods, awaited."""

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
        await self._http.aclose()

    async def ask(self, text: str, *, conversation: str | None = None, yes: bool = False) -> Turn:
        """Do what ``text`` asks for. ``yes`` confirms what would need a confirmation."""
        return await self._do(exchange.ask(text, conversation, yes))

    async def voice(
        self, audio: Sound, *, conversation: str | None = None, yes: bool = False
    ) -> Turn:
        """Do what a recording asks for."""
        return await self._do(exchange.voice(audio, conversation, yes))

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
            raise _away(self._server, error) from None

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

    async def _do(self, made: Exchange[T]) -> T:
        begun = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(made)
            except WlmError as error:
                pause = _pause(error, attempt, time.monotonic() - begun)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt raises")

    async def _once(self, made: Exchange[T]) -> T:
        upload = made.upload() if made.upload else None
        try:
            answer = await self._http.request(made.method, made.path, **_arguments(made, upload))
        except httpx.TransportError as error:
            raise _away(self._server, error) from None
        return _read(made, answer)
