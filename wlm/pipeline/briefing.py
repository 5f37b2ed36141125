"""Requests that are to be done again and again, and what is said about them.

"Every weekday at eight tell me the weather and the headlines" is a schedule of two requests,
not two requests. It is one if the sentence has one repetition, and all that is left of it is
understood as requests that only read. What changes something keeps its own repetition (a
meeting every Tuesday, a reminder), which its skill understands.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from wlm.errors import WlmError
from wlm.pipeline.patterns import pattern
from wlm.plugins.slots import Recurrence
from wlm.types import Route

if TYPE_CHECKING:
    from wlm.pipeline.route.interface import Decision, Utterance
    from wlm.plugins.skill import IntentSpec

ROUTER = "briefing"
_REPEATS = pattern(
    r"\b(every|each|everyday|daily|weekly|nightly|hourly|monthly|weekdays|workdays|weekends"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days|once an?)\b",
    re.IGNORECASE,
)
_THING = r"(?:the |my |that )?(?P<which>(?:[\w'-]+ ){0,5}?)(?:briefings?|recurring requests?)[.!]?"
_ABOUT = {
    "stop": pattern(
        rf"(?:please )?(?:(?:stop|cancel|end|delete|remove|drop|turn off) {_THING}"
        r"|stop (?:telling|reading|giving|showing|sending) me (?P<what>.+?)[.!]?)",
        re.IGNORECASE,
    ),
    "pause": pattern(rf"(?:please )?(?:pause|suspend) {_THING}", re.IGNORECASE),
    "resume": pattern(rf"(?:please )?(?:resume|restart|continue|turn on) {_THING}", re.IGNORECASE),
    "list": pattern(
        r"(?:(?:show|list|read|tell)(?: me)?(?: all)?(?: of)? (?:my|the) "
        r"(?:schedules|briefings|recurring requests)"
        r"|(?:what|which) (?:schedules|briefings|recurring requests) do i have"
        r"|what are my (?:schedules|briefings|recurring requests)"
        r"|what do you do (?:every day|regularly|again and again))[.?!]?",
        re.IGNORECASE,
    ),
}
_SCHEDULED = pattern(
    r"(?:so )?what(?:'s| is| do i have| have i got) scheduled(?: for me)?[.?!]?", re.IGNORECASE
)
_QUESTION = pattern(
    r"(?:what|which|when|who|where|how|why|do|does|did|is|are|am|was|will|can|have|has|any)\b", re.I
)
_DEFAULT_HOURS = {"morning": 8, "noon": 12, "afternoon": 14, "evening": 19, "night": 21}
_JOINTS = frozenset({"at", "on", "in", "around", "about", "from", ",", "by", "the", "of"})
_OWNERS = frozenset({"the", "my", "our", "a", "this"})
_LOOK_AHEAD = timedelta(days=8)

Understand = Callable[["Utterance"], tuple["Decision", tuple[Route, ...]]]


class Read(NamedTuple):
    """What a sentence says about a schedule: the route, and the decision behind its parts."""

    route: Route
    decision: Decision


def command(utterance: Utterance) -> Route | None:
    """The route of a sentence about schedules ("stop the daily briefing")."""
    text = utterance.text if utterance.language == "en" else ""
    for verb, asks in _ABOUT.items():
        if match := asks.fullmatch(text.strip()):
            parts = match.groupdict()
            which = (parts.get("which") or parts.get("what") or "").strip()
            slots = {"which": which} if which else {}
            return Route("schedule", f"schedule.{verb}", slots, 1.0, ROUTER)
    return None


def asks_what_is_scheduled(text: str) -> bool:
    """Whether it asks for all that is to come; then what comes again and again is a part of it."""
    return _SCHEDULED.fullmatch(text.strip()) is not None


LIST = Route("schedule", "schedule.list", {}, 1.0, ROUTER)


def read(
    utterance: Utterance, understand: Understand, intent: Callable[[str], IntentSpec]
) -> Read | None:
    """The schedule that a sentence asks for; ``None`` if it asks for none."""
    if utterance.language != "en" or not _REPEATS.search(utterance.text):
        return None
    if (found := _split(utterance)) is None:
        return None
    repeat, rest = found
    anchors = list(_moments(repeat, utterance.now))
    if not anchors:
        return None
    understood = [understand(utterance._replace(text=rest, now=moment)) for moment in anchors]
    decision, routes = understood[0]
    if decision.outcome != "act" or not routes or len({_shape(r) for _, r in understood}) > 1:
        return None
    specs = [intent(route.intent) for route in routes]
    if any(spec.effect != "read" for spec in specs):
        return None
    steps = []
    for number, spec in enumerate(specs):
        variants = [routes[number].slots for _, routes in understood]
        moves = _moves(spec, variants, anchors)
        if moves is None:
            return None
        steps.append({"intent": spec.name, "slots": variants[0], "moves": moves})
    slots = {
        "title": _title(rest),
        "repeat": repeat.to_dict(),
        "actions": json.dumps(steps, ensure_ascii=False),
    }
    sure = min(route.confidence for route in routes)
    return Read(Route("schedule", "schedule.create", slots, sure, ROUTER), decision)


def _split(utterance: Utterance) -> tuple[Recurrence, str] | None:
    """The repetition with its time of day, and the rest of the sentence."""
    from wlm.pipeline.slots.atoms import Clock, Part, Repeat
    from wlm.pipeline.slots.calendar import Calendar
    from wlm.pipeline.slots.times import find, scan
    from wlm.pipeline.slots.tokens import tokenise

    tokens = tokenise(utterance.text)
    atoms = scan(tokens, Calendar(utterance.now))
    repeats = [n for n, atom in enumerate(atoms) if isinstance(atom.value, Repeat)]
    if len(repeats) != 1:
        return None
    here = repeats[0]
    at = atoms[here].first
    if tokens[at].low.endswith("ly") and at and tokens[at - 1].low in _OWNERS:
        return None  # "the daily news" is a name
    taken = [atoms[here]]
    for before, after in itertools.pairwise(atoms[here:]):
        if not isinstance(after.value, Clock | Part) or not _joined(tokens, before.last, after):
            break
        taken.append(after)
    if len(taken) == 1 and here and isinstance(atoms[here - 1].value, Clock):
        before = atoms[here - 1]  # "at eight every morning"
        if _joined(tokens, before.last, atoms[here]):
            taken.insert(0, before)
    if sum(isinstance(atom.value, Clock) for atom in atoms) > 1:
        return None  # two times of day are two schedules, or a range
    first, last = taken[0].first, taken[-1].last
    while first and tokens[first - 1].low in _JOINTS:
        first -= 1
    begin, end = tokens[first].start, tokens[last - 1].end
    whens = find(utterance.text[begin:end], utterance.now)
    if len(whens) != 1 or not whens[0].rrule:
        return None
    when = whens[0]
    start = when.start if when.clock else None
    repeat = taken[0].value if isinstance(taken[0].value, Repeat) else atoms[here].value
    parts = [atom.value for atom in taken if isinstance(atom.value, Part)]
    part = parts[0] if parts else getattr(repeat, "part", None)
    if start is None and when.start is not None and part is not None:
        hour = _DEFAULT_HOURS.get(part.name, part.start)
        start = when.start.replace(hour=hour, minute=0)
    rest = f"{utterance.text[:begin]} {utterance.text[end:]}"
    rest = re.sub(r"^[\s,.;:]*(?:and |then )?|[\s,.;:!?]+$", "", " ".join(rest.split()))
    if not rest or (not when.clock and _QUESTION.match(rest)):
        return None  # "what meetings do I have every Monday" asks about them, now
    return Recurrence(when.rrule, start), rest


def _joined(tokens: Any, last: int, after: Any) -> bool:
    return all(token.low in _JOINTS for token in tokens[last : after.first])


def _moments(repeat: Recurrence, now: datetime) -> Iterator[datetime]:
    """Its first two occurrences, and one a week and more later."""
    from wlm.events.timetable import Timetable

    try:
        table = Timetable.of(repeat, repeat.start or now, now.tzinfo)  # type: ignore[arg-type]
    except WlmError:
        return
    moment: datetime | None = now
    for after in (timedelta(), timedelta(), _LOOK_AHEAD):
        if moment is not None and (moment := table.next(moment + after)) is not None:
            yield moment.astimezone(now.tzinfo)


def _shape(routes: tuple[Route, ...]) -> tuple[str, ...]:
    return tuple(route.intent for route in routes)


def _moves(
    spec: IntentSpec, variants: Sequence[Mapping[str, Any]], anchors: list[datetime]
) -> list[str] | None:
    """The slots whose times move with the day; ``None`` if some times do neither that nor stay.

    "Tomorrow" moves. "On Saturday" is at another distance each day, and cannot be kept.
    """
    from wlm.plugins.scheduling import moved

    zone: Any = anchors[0].tzinfo
    first, moves = variants[0], []
    for name in sorted(set().union(*variants)):
        slot = spec.slot(name)
        values = [variant.get(name) for variant in variants]
        if all(value == values[0] for value in values):
            continue
        if slot is None or slot.kind not in ("time", "time_range") or name not in first:
            return None
        for value, anchor in zip(values, anchors, strict=True):
            days = (anchor.date() - anchors[0].date()).days
            if value is None or _instants(value) != _instants(moved(first[name], days, zone)):
                return None
        moves.append(name)
    return moves


def _instants(value: Any) -> list[datetime]:
    values = value.values() if isinstance(value, Mapping) else [value]
    return [datetime.fromisoformat(item) for item in values]


def _title(rest: str) -> str:
    text = re.sub(
        r"^(?:please )?(?:can you |could you |i want you to |i'd like you to )?"
        r"(?:tell|give|read|show|bring|send) me (?:about )?",
        "",
        rest,
        flags=re.IGNORECASE,
    )
    return text.strip() or rest
