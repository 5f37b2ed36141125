"""Entries from an iCalendar file, however odd: what cannot be kept is named with its reason."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from wlm.errors import BadRequest
from wlm.plugins import rules
from wlm.types import new_id
from wlm_meeting.entry import ANSWERS, Entry, utc
from wlm_meeting.ics_zones import Zones
from wlm_meeting.links import link_of

Component = Any
"""A component of icalendar, whose values are one of thirty property types."""

_DAY = timedelta(days=1)
_MOST_SECONDS = 366 * 86_400 * 10
_TELLING = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
_OTHER = {"VTODO": "it is a task", "VJOURNAL": "it is a journal entry"}


class Skipped(NamedTuple):
    """What was left out, and why."""

    title: str
    reason: str


class Found(NamedTuple):
    """What a file holds: a family is a meeting or series, and its changed occurrences."""

    families: list[list[Entry]]
    cancelled: list[str]
    skipped: list[Skipped]


class _CannotKeep(Exception):
    """An event cannot be kept; the text is the reason that the user reads."""


def read(data: bytes, zone: ZoneInfo, now: datetime) -> Found:
    """The entries in a file. ``zone`` is taken for times without one.

    Raises ``BadRequest`` if it is no iCalendar file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # icalendar warns of what is odd; we name what we skip
        calendars = parse(data)
        return _Reader(zone, now).read(calendars)


def parse(data: bytes) -> list[Component]:
    """The calendars in a file. Raises ``BadRequest`` if there is none."""
    from icalendar import Calendar

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    try:
        found = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        found = []
    calendars = [c for c in found if c.name == "VCALENDAR"]
    if not calendars:
        raise BadRequest(
            "That is no iCalendar file, or a broken one; nothing was changed.",
            hint="Export the calendar again as .ics (it begins with BEGIN:VCALENDAR).",
        )
    return calendars


class _Reader:
    """One import: its zones, its families, what it left out."""

    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self._now = utc(now)
        self._zones = Zones(zone)
        self._masters: dict[str, Entry] = {}
        self._changed: dict[str, dict[str, Entry]] = {}
        self._gone: dict[str, set[str]] = {}
        self._cancelled: list[str] = []
        self._skipped: list[Skipped] = []

    def read(self, calendars: Iterable[Component]) -> Found:
        later: list[Component] = []
        for calendar in calendars:
            self._zones.learn(calendar.walk("VTIMEZONE"))
            for component in calendar.walk():
                if component.name == "VEVENT":
                    self._event(component, later)
                elif component.name in _OTHER:
                    self._skip(component, _OTHER[component.name])
        for component in later:
            self._guarded(component, self._occurrence)
        return Found(list(self._families()), self._cancelled, self._skipped)

    def _skip(self, component: Component, reason: str) -> None:
        self._skipped.append(Skipped(_text(component, "SUMMARY"), reason))

    def _event(self, component: Component, later: list[Component]) -> None:
        if "RECURRENCE-ID" in component:
            later.append(component)
        else:
            self._guarded(component, self._master)

    def _guarded(self, component: Component, work: Any) -> None:
        broken = {str(name).upper() for name, _ in component.errors if name} & _TELLING
        if broken:
            self._skip(component, f"its {min(broken)} cannot be read")
            return
        try:
            work(component)
        except _CannotKeep as reason:
            self._skip(component, str(reason))
        except BadRequest:  # from rules.parse
            self._skip(component, "its repetition cannot be kept")
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            self._skip(component, "it cannot be read")

    # --- entries ------------------------------------------------------------------------

    def _master(self, component: Component) -> None:
        entry = self._repeating(component, self._single(component))
        if entry.uid in self._masters:
            raise _CannotKeep("its UID comes twice in the file")
        if _text(component, "STATUS").upper() == "CANCELLED":
            self._cancelled.append(entry.uid)
            return
        self._masters[entry.uid] = entry

    def _occurrence(self, component: Component) -> None:
        if "RANGE" in component["RECURRENCE-ID"].params:
            raise _CannotKeep("it changes a series from a day on, which is not supported")
        entry = self._single(component)
        master = self._masters.get(entry.uid)
        said = component["RECURRENCE-ID"]
        name = self._walls(said, master or entry)[0].isoformat()
        if _text(component, "STATUS").upper() == "CANCELLED":
            self._gone.setdefault(entry.uid, set()).add(name)
            return
        entry = dataclasses.replace(entry, recurrence=name, series=master.id if master else None)
        self._changed.setdefault(entry.uid, {})[name] = entry

    def _families(self) -> Iterator[list[Entry]]:
        for uid, master in self._masters.items():
            gone = self._gone.get(uid, set())
            changed = self._changed.pop(uid, {})
            exdates = sorted({*master.exdates, *gone})
            yield [dataclasses.replace(master, exdates=exdates), *changed.values()]
        for orphans in self._changed.values():
            yield list(orphans.values())

    def _single(self, component: Component) -> Entry:
        if "DTSTART" not in component:
            raise _CannotKeep("it has no start")
        start = component["DTSTART"]
        all_day = not isinstance(start.dt, datetime)
        zone = None if all_day else self._zone(start)
        wall = _wall(start.dt)
        return Entry(
            id=new_id(),
            uid=_uid(component),
            kind="reminder" if _text(component, "X-WLM-KIND") == "reminder" else "meeting",
            title=" ".join(_text(component, "SUMMARY").split()) or "untitled",
            people=_people(component),
            location=_text(component, "LOCATION"),
            notes=_text(component, "DESCRIPTION"),
            link=link_of(component),
            organizer=address_of(component.get("ORGANIZER")),
            all_day=all_day,
            busy=_busy(component, all_day),
            zone=zone.key if zone else "",
            local_start=wall,
            seconds=self._seconds(component, start.dt, all_day=all_day),
            sequence=_sequence(component),
            starts_at=self._now,
            ends_at=self._now,
            created_at=self._now,
            changed_at=self._now,
        ).timed()

    def _seconds(self, component: Component, start: date, *, all_day: bool) -> int:
        if "DTEND" in component:
            end = component["DTEND"]
            if all_day != (not isinstance(end.dt, datetime)):
                raise _CannotKeep("its start and its end are not of the same kind")
            length = self._instant(end) - self._instant(component["DTSTART"])
        elif "DURATION" in component:
            length = component["DURATION"].dt
        else:
            length = _DAY if all_day else timedelta()
        if length < timedelta():
            raise _CannotKeep("it ends before it starts")
        if all_day:
            length = max(_DAY, length // _DAY * _DAY)
        if length.total_seconds() > _MOST_SECONDS:
            raise _CannotKeep("it lasts for more than ten years")
        return int(length.total_seconds())

    def _repeating(self, component: Component, entry: Entry) -> Entry:
        rrules = component.get("RRULE", [])
        if isinstance(rrules, list):
            if len(rrules) > 1:
                raise _CannotKeep("it has more than one rule of repetition")
            rrule = rrules[0] if rrules else None
        else:
            rrule = rrules
        text = rrule.to_ical().decode() if rrule else ""
        extra = set(self._listed(component, "RDATE", entry))
        if text:
            rule = rules.parse(text, entry.tz)
            first = rules.first(rule, entry.local_start)
            if first is None:
                raise _CannotKeep("its repetition never takes place")
            if first != entry.local_start:  # a start beside the rule counts as well
                extra.add(entry.local_start)
        if not (text or extra):
            return entry
        return dataclasses.replace(
            entry,
            rrule=text,
            rdates=sorted(wall.isoformat() for wall in extra),
            exdates=sorted(wall.isoformat() for wall in self._listed(component, "EXDATE", entry)),
        ).timed()

    # --- times --------------------------------------------------------------------------

    def _zone(self, said: Any) -> ZoneInfo:
        zone = self._zones.of(said.dt, str(said.params.get("TZID", "")))
        if zone is None:
            raise _CannotKeep("its time zone is unknown")
        return zone

    def _instant(self, said: Any) -> datetime:
        """A time to subtract from: UTC, or the midnight of a date."""
        wall = _wall(said.dt)
        if not isinstance(said.dt, datetime):
            return wall
        return utc(rules.localise(wall, self._zone(said)))

    def _listed(self, component: Component, name: str, entry: Entry) -> Iterator[datetime]:
        """Wall times of EXDATE or RDATE in the zone of the entry."""
        values = component.get(name, [])
        for group in values if isinstance(values, list) else [values]:
            for said in group.dts:
                yield from self._walls(said, entry, group.params)

    def _walls(self, said: Any, entry: Entry, params: Any = None) -> list[datetime]:
        moment = said.dt[0] if isinstance(said.dt, tuple) else said.dt
        wall = _wall(moment)
        if not isinstance(moment, datetime):
            return [wall if entry.all_day else datetime.combine(wall, entry.local_start.time())]
        if entry.tz is None:
            return [datetime.combine(wall, time())]
        tzid = str((params or said.params).get("TZID", "") or said.params.get("TZID", ""))
        zone = self._zones.of(moment, tzid)
        if zone is None or zone.key == entry.zone or (moment.tzinfo is None and not tzid):
            return [wall]
        return [rules.localise(wall, zone).astimezone(entry.tz).replace(tzinfo=None, fold=0)]


def _wall(moment: date) -> datetime:
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None, microsecond=0, fold=0)
    return datetime.combine(moment, time())


def _text(component: Component, name: str) -> str:
    value = component.get(name, "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value).strip()


def _uid(component: Component) -> str:
    """Its UID; of an event without one, a name made of what it says, so that it stays the same."""
    if uid := _text(component, "UID"):
        return uid if len(uid) <= 512 else hashlib.sha256(uid.encode()).hexdigest()
    said = "\n".join(_text(component, n) for n in ("SUMMARY", "LOCATION", "DESCRIPTION", "RRULE"))
    start = component["DTSTART"].to_ical().decode()
    return hashlib.sha256(f"{start}\n{said}".encode()).hexdigest() + "@wlm"


def _sequence(component: Component) -> int:
    value = component.get("SEQUENCE", 0)
    return int(value) if isinstance(value, int) and 0 <= value < 2**31 else 0


def _busy(component: Component, all_day: bool) -> bool:
    said = _text(component, "TRANSP").upper()
    return not all_day if said not in ("OPAQUE", "TRANSPARENT") else said == "OPAQUE"


def _people(component: Component) -> list[dict[str, str]]:
    values = component.get("ATTENDEE", [])
    organizer = address_of(component.get("ORGANIZER"))
    people = []
    for value in values if isinstance(values, list) else [values]:
        if str(value.params.get("CUTYPE", "")).upper() in ("ROOM", "RESOURCE"):
            continue
        address = str(value)
        email = address[7:] if address.lower().startswith("mailto:") else ""
        name = str(value.params.get("CN", "")).strip().replace("\\", "/") or email
        state = str(value.params.get("PARTSTAT", "")).casefold()
        known = {
            "name": name,
            "id": str(value.params.get("X-WLM-ID", "")),
            "email": email,
            "state": state if state in ANSWERS else "",
            "invited_by": organizer,
        }
        if name:
            people.append({key: item for key, item in known.items() if item})
    return people


def address_of(value: Any) -> str:
    """The address of an organiser or attendee, in lower case; empty where it is none."""
    text = str(value[0] if isinstance(value, list) and value else value or "").strip()
    return text[7:].strip().casefold() if text[:7].casefold() == "mailto:" else ""
