"""What a client asks a gateway and how it reads the answer; no I/O: both clients share it."""

from __future__ import annotations

import dataclasses
import io
import uuid
import wave
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, NamedTuple, TypeVar

from wlm.errors import NotFound, StorageFault
from wlm.sdk.told import PATH
from wlm.types import (
    Event,
    Firing,
    Notice,
    Route,
    Schedule,
    Segment,
    Share,
    State,
    Transcript,
    Turn,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wlm.events.history import Entry
    from wlm.pipeline.audio import Audio
    from wlm.pipeline.partials import Heard
    from wlm.store.personal import Erased, Forgotten
    from wlm.store.turns import Page

    Sound = Audio | Heard | Path | str | BinaryIO

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Exchange(Generic[T]):
    """One request and how its JSON answer becomes a value.

    A POST carries an idempotency key, so that it can be sent again when its answer was lost.
    ``upload`` opens the recording anew for each attempt.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    upload: Callable[[], BinaryIO] | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _post(path: str, read: Callable[[Any], T], **more: Any) -> Exchange[T]:
    return Exchange("POST", path, read, headers={"Idempotency-Key": str(uuid.uuid4())}, **more)


def _get(path: str, read: Callable[[Any], T], **params: Any) -> Exchange[T]:
    given = {name: value for name, value in params.items() if value is not None}
    return Exchange("GET", path, read, params=given)


def ask(text: str, conversation: str | None, yes: bool) -> Exchange[Turn]:
    """A typed request."""
    body: dict[str, Any] = {"text": text, "yes": yes}
    if conversation is not None:
        body["conversation"] = conversation
    return _post("/v1/ask", Turn.from_dict, json=body)


def voice(audio: Sound, conversation: str | None, yes: bool) -> Exchange[Turn]:
    """A spoken request."""
    form = {"yes": "true" if yes else "false"}
    if conversation is not None:
        form["conversation"] = conversation
    return _post("/v1/voice", Turn.from_dict, form=form, upload=opener(audio))


def transcribe(audio: Sound, language: str | None) -> Exchange[Transcript]:
    """A recording to be written down."""
    form = {"response_format": "verbose_json", **({"language": language} if language else {})}
    return _post("/v1/audio/transcriptions", _transcript, form=form, upload=opener(audio))


def route(text: str, now: datetime | None, timezone: ZoneInfo | None) -> Exchange[list[Route]]:
    """A request to be decided about."""
    body: dict[str, Any] = {"text": text}
    if now is not None:
        body["now"] = now.isoformat()
    if timezone is not None:
        body["timezone"] = timezone.key
    return _post("/v1/route", lambda told: [Route.from_dict(r) for r in told["actions"]], json=body)


def why(reference: str | None) -> Exchange[dict[str, Any]]:
    """Why a turn went where it went."""
    return _get(f"/v1/history/{_part(reference or 'last')}/why", dict)


def events(
    states: Iterable[State] | None,
    skill: str | None,
    conversation: str | None,
    limit: int,
    before: str | None,
) -> Exchange[list[Event]]:
    """A page of events."""
    chosen = [state.value for state in states] if states is not None else None
    return _get(
        "/v1/events",
        lambda told: [Event.from_dict(event) for event in told["events"]],
        state=chosen,
        skill=skill,
        conversation=conversation,
        limit=limit,
        cursor=before,
    )


class Untold(NamedTuple):
    """Notices, oldest first, and up to which all is told once they are; ``None``: as before."""

    notices: list[Notice]
    upto: int | None


def untold(after: int | None) -> Exchange[Untold]:
    """The next notices after the one with that id; ``None``: none, but where to begin."""

    def read(told: dict[str, Any]) -> Untold:
        if after is None:
            return Untold([], int(told["last"]))
        found = [Notice.from_dict(notice) for notice in told["notices"]]
        return Untold(found, found[-1].id if found else None)

    return _get(PATH, read, after=after, limit=1 if after is None else 20)


def event(event_id: str) -> Exchange[Event]:
    """One event."""
    return _get(f"/v1/events/{_part(event_id)}", lambda told: Event.from_dict(told["event"]))


def event_history(event_id: str) -> Exchange[list[Entry]]:
    """What happened to an event."""
    return _get(f"/v1/events/{_part(event_id)}", _entries)


def event_family(event_id: str) -> Exchange[list[tuple[int, Event]]]:
    """What an event came from and what it caused."""
    return _get(
        f"/v1/events/{_part(event_id)}",
        lambda told: [(one["depth"], Event.from_dict(one["event"])) for one in told["family"]],
    )


def change(event_id: str, verb: str, body: Mapping[str, Any] | None = None) -> Exchange[Event]:
    """``confirm``, ``cancel``, ``retry`` or ``answer`` an event."""
    return _post(f"/v1/events/{_part(event_id)}/{verb}", Event.from_dict, json=body)


def undo(event_id: str | None) -> Exchange[Event]:
    """Take back what an event did; ``None``: what was changed last."""
    return _post(f"/v1/events/{_part(event_id or 'last')}/undo", Event.from_dict)


def schedules(after: str | None) -> Exchange[tuple[list[Schedule], str | None]]:
    """A page of schedules."""

    def read(told: Any) -> tuple[list[Schedule], str | None]:
        return [Schedule.from_dict(one) for one in told["schedules"]], told["next"]

    return _get("/v1/schedules", read, cursor=after)


def schedule(schedule_id: str) -> Exchange[Schedule]:
    """One schedule."""
    path = f"/v1/schedules/{_part(schedule_id)}"
    return _get(path, lambda told: Schedule.from_dict(told["schedule"]))


def firings(schedule_id: str) -> Exchange[list[Firing]]:
    """What became of a schedule's last occurrences."""
    path = f"/v1/schedules/{_part(schedule_id)}"
    return _get(path, lambda told: [Firing.from_dict(one) for one in told["firings"]])


def due(days: float) -> Exchange[list[tuple[datetime, str]]]:
    """What would be done in the next days: when, and the schedule's id."""

    def read(told: Any) -> list[tuple[datetime, str]]:
        return [(datetime.fromisoformat(f["at"]), f["schedule"]) for f in told["firings"]]

    return _get("/v1/firings", read, days=days)


def change_schedule(schedule_id: str, verb: str) -> Exchange[Schedule]:
    """``pause`` or ``resume`` a schedule."""
    return _post(f"/v1/schedules/{_part(schedule_id)}/{verb}", Schedule.from_dict)


def remove_schedule(schedule_id: str) -> Exchange[Schedule]:
    """End a schedule."""
    return Exchange("DELETE", f"/v1/schedules/{_part(schedule_id)}", Schedule.from_dict)


def forget(
    turn: str | None, conversation: str | None, since: datetime | None
) -> Exchange[Forgotten]:
    """Forget a turn, or what fits every condition; without any, everything."""
    if turn is not None:
        return Exchange("DELETE", f"/v1/history/{_part(turn)}", _forgotten)
    given = {"conversation": conversation, "since": since and since.isoformat()}
    params = {name: value for name, value in given.items() if value}
    return Exchange("DELETE", "/v1/history", _forgotten, params=params)


def export() -> Exchange[list[dict[str, Any]]]:
    """Everything that is one's own."""
    return _get("/v1/me/data", lambda told: list(told["rows"]))


def erase() -> Exchange[Erased]:
    """Erase the account and all that is its own."""

    def read(told: Any) -> Erased:
        from wlm.store.personal import Erased

        return Erased(told["rows"], told["recordings"])

    return Exchange("DELETE", "/v1/me/data", read)


def history(
    query: str | None, conversation: str | None, limit: int, before: str | None
) -> Exchange[Page]:
    """A page of what was said."""
    return _get(
        "/v1/history", _turns, q=query, conversation=conversation, limit=limit, cursor=before
    )


def skills() -> Exchange[dict[str, Any]]:
    """The installed skills."""
    return _get("/v1/skills", dict)


def skill(name: str) -> Exchange[dict[str, Any]]:
    """One of them."""
    return _get(f"/v1/skills/{_part(name)}", dict)


def skill_settings(name: str) -> Exchange[dict[str, Any]]:
    """A skill's settings in force."""
    return _get(f"/v1/skills/{_part(name)}/settings", dict)


def configure_skill(name: str, values: Mapping[str, Any]) -> Exchange[dict[str, Any]]:
    """Set some of a skill's settings."""
    path = f"/v1/skills/{_part(name)}/settings"
    return Exchange("PUT", path, dict, json={"values": dict(values)})


def shares(after: str | None) -> Exchange[tuple[list[Share], str | None]]:
    """A page of the accounts that are shared."""

    def read(told: Any) -> tuple[list[Share], str | None]:
        return [Share.from_dict(one) for one in told["shares"]], told["next"]

    return _get("/v1/shares", read, cursor=after)


def share(skill: str, user: str, access: str) -> Exchange[Share]:
    """Share an account with a user."""
    body = {"skill": skill, "user": user, "access": access}
    return _post("/v1/shares", Share.from_dict, json=body)


def unshare(share_id: str) -> Exchange[None]:
    """End a share."""
    return Exchange("DELETE", f"/v1/shares/{_part(share_id)}", lambda _: None)


def use_account(skill: str, share_id: str | None) -> Exchange[Share | None]:
    """Choose the account that a skill works with."""

    def read(told: Any) -> Share | None:
        return None if told["share"] is None else Share.from_dict(told["share"])

    return Exchange("PUT", f"/v1/skills/{_part(skill)}/account", read, json={"share": share_id})


def opener(audio: Sound) -> Callable[[], BinaryIO]:
    """Opens a recording for one attempt; a stream is read from where it stands now."""
    if isinstance(audio, str | Path):
        path = Path(audio)
        return lambda: _opened(path)
    sound: Any = getattr(audio, "recording", audio)
    if hasattr(sound, "samples"):
        data = _as_wav(sound)
        return lambda: io.BytesIO(data)
    stream: BinaryIO = sound
    start = stream.tell() if stream.seekable() else None

    def again() -> BinaryIO:
        if start is not None:
            stream.seek(start)
        return stream

    return again


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise StorageFault(f"{path} cannot be read: {error.strerror}.") from None


def _as_wav(audio: Any) -> bytes:
    import numpy as np

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.clip(audio.samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _part(text: str) -> str:
    """An id as one part of a path."""
    from urllib.parse import quote

    return quote(text, safe="")


def _transcript(told: Mapping[str, Any]) -> Transcript:
    segments = [Segment(s["start"], s["end"], s["text"]) for s in told["segments"]]
    model = told.get("model") or ""  # others' servers do not name it
    closer = told.get("closer") or ""
    return Transcript(told["text"], segments, told["language"], told["duration"], model, closer)


def _forgotten(told: Mapping[str, Any]) -> Forgotten:
    from wlm.store.personal import Forgotten

    return Forgotten(told["turns"], told["events"], told["kept"])


def _entries(told: Mapping[str, Any]) -> list[Entry]:
    from wlm.events.history import Entry

    return [
        Entry(**{**e, "at": datetime.fromisoformat(e["at"]), "state": State(e["state"])})
        for e in told["history"]
    ]


def _turns(told: Mapping[str, Any]) -> Page:
    from wlm.store.turns import Page, StoredTurn

    found = []
    for data in told["turns"]:
        plain = {name: value for name, value in data.items() if name != "created_at"}
        created = datetime.fromisoformat(data["created_at"])
        found.append(StoredTurn(Turn.from_dict(plain), {}, created))
    return Page(found, told["next"])
