"""Slot types: what a parameter of an intent can be, and its form in JSON.

A skill annotates its handler with these types; everything else follows from them.

| annotation                  | kind         | in JSON                                     |
|-----------------------------|--------------|---------------------------------------------|
| ``str`` (``Text``)          | text         | string                                      |
| ``datetime`` (``Time``)     | time         | ISO 8601 with offset                        |
| ``TimeRange``               | time_range   | {"start", "end"}: ISO 8601, end exclusive   |
| ``timedelta`` (``Duration``)| duration     | ISO 8601 duration                           |
| ``Recurrence``              | recurrence   | {"rrule", "start", "until", "excluded"}     |
| ``Place``                   | place        | name, or {"name", "latitude", …} resolved   |
| ``Person``                  | person       | name, or {"name", "id", …} resolved         |
| ``int``, ``float``          | number       | number                                      |
| ``Literal["a", "b"]``       | choice       | one of the strings                          |
| ``Email``                   | email        | address                                     |
| ``Phone``                   | phone        | number, + and digits                        |

``list[T]`` takes several, ``T | None`` or a default makes a slot optional, and
``Annotated[T, Slot(…)]`` adds what a type cannot say.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self

from wlm.errors import UsageError
from wlm.types import Json, jsonable

Kind = Literal[
    "text",
    "time",
    "time_range",
    "duration",
    "recurrence",
    "place",
    "person",
    "number",
    "choice",
    "email",
    "phone",
]

Text = str
Time = datetime
Duration = timedelta


@dataclasses.dataclass(frozen=True)
class TimeRange(Json):
    """From ``start`` to ``end`` (exclusive), both aware."""

    start: datetime
    end: datetime


@dataclasses.dataclass(frozen=True)
class Recurrence(Json):
    """A repeating time: an RFC 5545 RRULE value and what is left out.

    ``rrule`` has no ``RRULE:`` in front. ``start`` is the first occurrence where it was
    said. ``excluded`` are ranges in which nothing happens ("except in August").
    """

    rrule: str
    start: datetime | None = None
    excluded: list[TimeRange] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Place(Json):
    """A place by name; degrees (WGS 84) and zone once resolved."""

    name: str
    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None
    timezone: str | None = None


@dataclasses.dataclass(frozen=True)
class Person(Json):
    """A person by name; ``id`` is the contact's once resolved against an address book."""

    name: str
    id: str | None = None
    email: str | None = None
    phone: str | None = None


class Email(str):
    """An e-mail address."""

    __slots__ = ()


class Phone(str):
    """A telephone number: digits, with + in front where it is international."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, eq=False)  # hashed by identity, as Annotated needs
class Slot:
    """What a type cannot say of a slot.

    ``help``: one line for people and tool schemas. ``ask``: the question when it is
    missing. ``cues``: words that come right before a text value ("called", "about").
    ``values``: spoken values to expand examples with. ``aliases``: other words for a
    choice, as ``{"celsius": ["centigrade"]}``; ``"from … on"`` is "on" right behind a time that
    begins with "from". ``resolve``: look people and places up
    through the installed skills before the handler runs. ``whole``: a text that takes all
    the words after its cue just as they were said; what is sent has one such text anyway.
    """

    help: str = ""
    ask: str = ""
    cues: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    aliases: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    resolve: bool = True
    whole: bool = False


class SlotSpec(NamedTuple):
    """One slot of an intent, as derived from the handler's signature."""

    name: str
    kind: Kind
    many: bool
    required: bool
    choices: tuple[str, ...]
    default: Any
    extra: Slot

    @property
    def question(self) -> str:
        """What to ask when the value is missing."""
        return self.extra.ask or _QUESTIONS.get(self.kind, "What is the {0}?").format(
            self.name.replace("_", " ")
        )

    def schema(self) -> dict[str, Any]:
        """JSON schema of the value, for tool calls and docs."""
        base = dict(_SCHEMAS[self.kind])
        if self.kind == "choice":
            base["enum"] = list(self.choices)
        schema: dict[str, Any] = {"type": "array", "items": base} if self.many else base
        if self.extra.help:
            schema["description"] = self.extra.help
        return schema

    def decode(self, value: Any) -> Any:
        """The handler's value from its JSON form. Raises ``UsageError`` if it does not fit."""
        if value is None:
            return None
        try:
            if self.many:
                items = value if isinstance(value, list) else [value]
                return [_decode(self, item) for item in items]
            return _decode(self, value)
        except (ValueError, TypeError, KeyError):
            raise UsageError(
                f"Slot {self.name!r} is not a {self.kind.replace('_', ' ')}."
            ) from None

    def encode(self, value: Any) -> Any:
        """The JSON form of a handler's value: names alone for what is not resolved yet."""
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if isinstance(value, Person) and value.id is None and not (value.email or value.phone):
            return value.name
        if isinstance(value, Place) and value.latitude is None:
            return value.name
        return jsonable(value)


_QUESTIONS = {
    "time": "When?",
    "time_range": "When?",
    "duration": "For how long?",
    "place": "Where?",
    "person": "Who?",
    "email": "What is the e-mail address?",
    "phone": "What is the phone number?",
}

_SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "time_range": {
        "type": "object",
        "properties": {
            "start": {"type": "string", "format": "date-time"},
            "end": {"type": "string", "format": "date-time"},
        },
        "required": ["start", "end"],
    },
    "duration": {"type": "string", "format": "duration"},
    "recurrence": {
        "type": "object",
        "properties": {"rrule": {"type": "string"}},
        "required": ["rrule"],
    },
    "place": {"type": "string"},
    "person": {"type": "string"},
    "number": {"type": "number"},
    "choice": {"type": "string"},
    "email": {"type": "string", "format": "email"},
    "phone": {"type": "string"},
}

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


def parse_duration(text: str) -> timedelta:
    """A timedelta from an ISO 8601 duration without months or years."""
    match = _DURATION.fullmatch(text)
    if not match or text.endswith(("P", "T")):
        raise ValueError("not an ISO 8601 duration")
    parts = {k: int(v) for k, v in match.groupdict().items() if v and k != "sign"}
    return timedelta(**parts) * (-1 if match["sign"] else 1)


def _aware(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset")
    return moment


def _decode(spec: SlotSpec, value: Any) -> Any:
    match spec.kind:
        case "text":
            return str(value)
        case "time":
            return _aware(value)
        case "time_range":
            if isinstance(value, TimeRange):
                return value
            return TimeRange(_aware(value["start"]), _aware(value["end"]))
        case "duration":
            return value if isinstance(value, timedelta) else parse_duration(value)
        case "recurrence":
            return value if isinstance(value, Recurrence) else Recurrence.from_dict(value)
        case "place" | "person":
            cls: type[Place] | type[Person] = Place if spec.kind == "place" else Person
            if isinstance(value, cls):
                return value
            return cls(value) if isinstance(value, str) else cls.from_dict(value)
        case "number":
            number = float(value)
            return int(number) if number.is_integer() else number
        case "choice":
            if value not in spec.choices:
                raise ValueError("not one of the choices")
            return value
        case "email":
            return Email(value)
        case "phone":
            return Phone(value)


_KINDS: dict[Any, Kind] = {
    str: "text",
    datetime: "time",
    TimeRange: "time_range",
    timedelta: "duration",
    Recurrence: "recurrence",
    Place: "place",
    Person: "person",
    int: "number",
    float: "number",
    Email: "email",
    Phone: "phone",
}


class _Shape(NamedTuple):
    """What an annotation says once Annotated, Optional and list are taken off."""

    base: Any
    extra: Slot
    optional: bool
    many: bool

    @classmethod
    def of(cls, annotation: Any) -> Self:
        extra, optional, many = Slot(), False, False
        while True:
            origin, args = typing.get_origin(annotation), typing.get_args(annotation)
            if origin is Annotated:
                extra = next((a for a in args[1:] if isinstance(a, Slot)), extra)
                annotation = args[0]
            elif origin in (typing.Union, types.UnionType) and type(None) in args:
                optional = True
                rest = [a for a in args if a is not type(None)]
                if len(rest) != 1:
                    return cls(annotation, extra, optional, many)
                annotation = rest[0]
            elif origin is list:
                many, annotation = True, args[0]
            else:
                return cls(annotation, extra, optional, many)


def slot_spec(owner: str, parameter: inspect.Parameter, annotation: Any) -> SlotSpec:
    """The slot that a handler's parameter declares. Raises ``TypeError`` naming what is wrong."""
    shape = _Shape.of(annotation)
    choices: tuple[str, ...] = ()
    if typing.get_origin(shape.base) is Literal:
        kind: Kind | None = "choice"
        choices = tuple(str(value) for value in typing.get_args(shape.base))
    else:
        kind = _KINDS.get(shape.base)
    if kind is None:
        raise TypeError(
            f"{owner}: parameter {parameter.name!r} has type {annotation!r}, which is no slot type"
        )
    has_default = parameter.default is not inspect.Parameter.empty
    return SlotSpec(
        name=parameter.name,
        kind=kind,
        many=shape.many,
        required=not (has_default or shape.optional),
        choices=choices,
        default=parameter.default if has_default else None,
        extra=shape.extra,
    )
