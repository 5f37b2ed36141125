"""The values that cross rooms: Turn, Action, Route, Event, Reply.

Frozen, and each goes to JSON and back without loss (``to_json``, ``from_json``). Times
are aware datetimes, ISO 8601 with offset in JSON. Ids are opaque strings that sort by
the time they were made.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pydantic import TypeAdapter

Effect = Literal["read", "write", "send"]
"""What an intent does to the world. ``send`` leaves this machine and needs a yes."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """A 26-character id that sorts by creation time (ULID layout, lower case)."""
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type) -> TypeAdapter[Any]:
    if cls not in _adapters:
        from pydantic import TypeAdapter  # late: `wlm --version` never needs it

        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


_PLAIN = frozenset({str, int, float, bool, type(None)})


def jsonable(value: Any) -> Any:
    """``value`` as plain JSON types: dataclasses and models as objects, times as ISO 8601."""
    kind = type(value)
    if kind in _PLAIN:  # nearly all there is; the look at each kind in turn takes long
        return value
    if kind is dict:
        return {str(key): jsonable(item) for key, item in value.items()}
    match value:
        case None | bool() | int() | float():
            return value
        case StrEnum():
            return value.value
        case str():
            return value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return iso_duration(value)
        case Mapping():
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [jsonable(item) for item in value]
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def iso_duration(value: timedelta) -> str:
    """ISO 8601 duration, such as ``PT1H30M`` or ``P2D``."""
    seconds = int(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    day = f"{days}D" if days else ""
    return f"{sign}P{day}{'T' + clock if clock else ''}" if day or clock else "PT0S"


_fields: dict[type, tuple[str, ...]] = {}


def _names(cls: type) -> tuple[str, ...]:
    """The fields of a dataclass, in order; looked up once."""
    if cls not in _fields:
        _fields[cls] = tuple(field.name for field in dataclasses.fields(cls))
    return _fields[cls]


class Json:
    """JSON round trip for the frozen dataclasses of this module."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, every field, in the order of declaration."""
        return {name: jsonable(getattr(self, name)) for name in _names(type(self))}

    def to_json(self, *, indent: int | None = None) -> str:
        """One JSON document."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The value that ``to_dict`` gave. Raises ``pydantic.ValidationError`` if it is not one."""
        value: Self = _adapter(cls).validate_python(data)
        return value

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The value that ``to_json`` gave. Raises ``pydantic.ValidationError`` if it is not one."""
        value: Self = _adapter(cls).validate_json(text)
        return value


@dataclasses.dataclass(frozen=True)
class Route(Json):
    """Which skill and intent an utterance goes to, with the slots as they were understood.

    ``confidence`` is a calibrated probability, 0 to 1. ``router`` names who decided.
    """

    skill: str
    intent: str
    slots: dict[str, Any] = dataclasses.field(default_factory=dict)
    confidence: float = 1.0
    router: str = "local"


@dataclasses.dataclass(frozen=True)
class Reply(Json):
    """What a skill answers: ``speech`` to be heard, ``display`` to be read, ``data`` for programs.

    ``display`` is plain text (it may have several lines) and defaults to ``speech``.
    """

    speech: str
    display: str = ""
    data: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.display:
            object.__setattr__(self, "display", self.speech)

    def noted(self, note: str) -> Reply:
        """The same with a sentence behind it, such as how old it is; for an empty one, itself."""
        if not note:
            return self
        data = {**self.data, "note": note}
        return Reply(f"{self.speech} {note}", f"{self.display}\n{note}", data)


class State(StrEnum):
    """The states of an event."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING_CONFIRMATION = "waiting_confirmation"
    WAITING_INPUT = "waiting_input"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing more will happen (but ``failed`` and ``dead`` can be retried by hand)."""
        return self in FINAL_STATES

    @property
    def waiting(self) -> bool:
        """The user must say something."""
        return self in WAITING_STATES


FINAL_STATES = frozenset({State.SUCCEEDED, State.FAILED, State.DEAD, State.CANCELLED})
WAITING_STATES = frozenset({State.WAITING_CONFIRMATION, State.WAITING_INPUT})


@dataclasses.dataclass(frozen=True)
class Question(Json):
    """What an event waits for: the slot that is missing, what was asked, what may be chosen.

    ``kind`` is ``input`` or ``confirmation``; ``candidates`` are slot values in JSON form,
    each with a ``label``.
    """

    kind: Literal["input", "confirmation"]
    text: str
    slot: str | None = None
    candidates: list[dict[str, Any]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Failure(Json):
    """Why an event did not succeed. Codes are those of ``wlm.errors``."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False


@dataclasses.dataclass(frozen=True)
class Event(Json):
    """One accepted piece of work: the durable record.

    ``priority`` is 0 (interactive) to 9 (background). ``run_at`` is the earliest start.
    """

    id: str
    owner: str
    state: State
    route: Route
    effect: Effect
    attempts: int = 0
    priority: int = 0
    conversation: str | None = None
    turn: str | None = None
    parent: str | None = None
    idempotency_key: str | None = None
    created_at: datetime | None = None
    run_at: datetime | None = None
    finished_at: datetime | None = None
    reply: Reply | None = None
    question: Question | None = None
    error: Failure | None = None


@dataclasses.dataclass(frozen=True)
class Schedule(Json):
    """What is done again and again, at the times of a rule.

    ``rrule`` is RFC 5545, read in wall time of the zone ``timezone``; ``start`` is the first
    occurrence, ``next_at`` when it next fires, ``last_at`` the occurrence that last did.
    After a time in which nothing ran, what was missed is made up for once if that is at most
    ``catch_up_hours`` late. ``skill`` names the skill that made it, if one did.
    """

    id: str
    owner: str
    title: str
    state: Literal["active", "paused", "ended"]
    rrule: str
    start: datetime
    timezone: str
    routes: list[Route]
    next_at: datetime | None = None
    last_at: datetime | None = None
    catch_up_hours: float = 0.0
    notify: list[str] | None = None
    skill: str | None = None
    created_at: datetime | None = None


@dataclasses.dataclass(frozen=True)
class Firing(Json):
    """What became of one occurrence of a schedule, and which events it made.

    ``late``: it was made up for. ``skipped``: it was too late for that. ``missed`` is how
    many occurrences before it were passed over with it.
    """

    occurrence: datetime
    at: datetime
    outcome: Literal["fired", "late", "skipped"]
    missed: int = 0
    events: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Notice(Json):
    """What the user is told of an event that nobody waited for.

    ``id`` grows: a reader goes on after the last one that it saw. ``schedule`` names the
    schedule that the event came from; ``due_at`` is there where it is told late.
    """

    id: int
    owner: str
    event: str
    intent: str
    state: State
    speech: str
    display: str
    schedule: str | None = None
    due_at: datetime | None = None
    created_at: datetime | None = None

    def sentence(self, zone: ZoneInfo) -> str:
        """What is told at a terminal; with its time where it is told late."""
        if self.due_at is None:
            return self.display
        return f"(due {self.due_at.astimezone(zone):%A %d %B, %H:%M}) {self.display}"


@dataclasses.dataclass(frozen=True)
class Share(Json):
    """An account of a skill that a user lets another work with.

    ``given`` by the user who asks, to the one with that address (``user``) and ``name``; else
    received from them. ``in_use``: the skill works with it now for the one who asks.
    """

    id: str
    skill: str
    access: Literal["read", "write"]
    given: bool
    user: str
    name: str
    in_use: bool
    created_at: datetime


@dataclasses.dataclass(frozen=True)
class EventRef(Json):
    """The part of an event that a Turn shows."""

    id: str
    state: State
    attempts: int = 0


@dataclasses.dataclass(frozen=True)
class Action(Json):
    """One thing that an utterance asked for: where it went, its event, its reply."""

    route: Route
    event: EventRef
    reply: Reply


@dataclasses.dataclass(frozen=True)
class Turn(Json):
    """One utterance and all that came of it.

    ``timings_ms`` has ``transcribe``, ``route``, ``skill`` and ``total`` in milliseconds.
    ``reply`` is what to say for the turn as a whole, also where no action was taken.
    """

    id: str
    conversation: str
    text: str
    actions: list[Action] = dataclasses.field(default_factory=list)
    reply: Reply = Reply("")
    timings_ms: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Segment(Json):
    """A stretch of transcript; ``start`` and ``end`` in seconds from the beginning."""

    start: float
    end: float
    text: str


@dataclasses.dataclass(frozen=True)
class Transcript(Json):
    """What was heard. Empty ``text`` means that there was no speech.

    ``seconds`` is the length of the audio; ``model`` names the weights. ``closer`` names those
    that would hear more in it, if they were asked; empty: there are none.
    """

    text: str
    segments: list[Segment] = dataclasses.field(default_factory=list)
    language: str = "en"
    seconds: float = 0.0
    model: str = ""
    closer: str = ""
