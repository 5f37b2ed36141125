"""Judged time expressions, ours next to other libraries: ``python -m bench.dates``.

``bench/data/dates_judged.tsv`` (give it as an argument) was judged by the calendar before any
parser had seen it; ``bench/data/dates.tsv`` grew with the parser. `pip install -r
bench/requirements-dates.txt` brings the other libraries.

A file has, by tab: now (local), zone, future or past, the text, and the
value: a moment, ``start/end`` (end exclusive), a duration, or an RRULE with ``@`` and the
first start where a clock time was said, and ``-start/end`` for what is left out. Ours is
right only if the whole value is the same. A library that gives one moment is right with
the start of a range (its date, where the range begins at midnight), so that no library
is marked down for having no ranges; recurrences are asked of ``recurrent`` alone.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.times import find
from wlm.types import iso_duration

DATA = Path(__file__).parent / "data" / "dates.tsv"


class Case(NamedTuple):
    """One judged expression."""

    now: datetime
    past: bool
    text: str
    value: str

    @property
    def sort(self) -> str:
        """moment, range, duration or recurrence."""
        if "FREQ=" in self.value:
            return "recurrence"
        if self.value.startswith("P"):
            return "duration"
        return "range" if "/" in self.value else "moment"

    @property
    def start(self) -> datetime | None:
        """Where a moment or range begins."""
        if self.sort not in ("moment", "range"):
            return None
        return datetime.fromisoformat(self.value.split("/")[0])


def cases(path: Path = DATA) -> list[Case]:
    """The judged expressions, in the order of the file."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines() if line]
    return [
        Case(datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)), mood == "past", text, v)
        for now, zone, mood, text, v in rows
    ]


def ours(case: Case) -> str:
    """Our value in the form of the file."""
    return " & ".join(show(when) for when in find(case.text, case.now, past=case.past))


def same(got: str, value: str) -> bool:
    """Whether two values are the same; the parts of a rule may come in any order."""
    return _ordered(got) == _ordered(value)


def _ordered(value: str) -> list[object]:
    return [sorted(part.split(";")) if "FREQ=" in part else part for part in value.split()]


def show(when: When) -> str:
    """A value in the form of the file."""
    parts = []
    if when.rrule:
        parts.append(when.rrule)
        if when.start is not None and when.clock:
            parts.append("@" + when.start.isoformat()[:16])
        parts += [f"-{a.date().isoformat()}/{b.date().isoformat()}" for a, b in when.excluded]
    elif when.start is not None and when.end is not None:
        start, end = when.start.isoformat(), when.end.isoformat()
        parts.append(start if when.clock and not when.ranged else f"{start}/{end}")
    if when.length is not None:
        parts.append(iso_duration(when.length))
    return " ".join(parts)


Parser = Callable[[Case], datetime | str | None]


def peers() -> dict[str, Parser]:
    """The other libraries that are installed, each as a function of a case."""
    makers = {
        "dateparser": _dateparser,
        "ovos_date_parser": _ovos,
        "recurrent": _recurrent,
        "parsedatetime": _parsedatetime,
        "timefhuman": _timefhuman,
    }
    return {name: maker() for name, maker in makers.items() if find_spec(name)}


def _dateparser() -> Parser:
    import dateparser

    def parse(case: Case) -> datetime | None:
        settings = {
            "RELATIVE_BASE": case.now.replace(tzinfo=None),
            "TIMEZONE": str(case.now.tzinfo),
            "RETURN_AS_TIMEZONE_AWARE": True,
            "PREFER_DATES_FROM": "past" if case.past else "future",
        }
        return dateparser.parse(case.text, languages=["en"], settings=settings)

    return parse


def _ovos() -> Parser:
    from ovos_date_parser import extract_datetime

    def parse(case: Case) -> datetime | None:
        found = extract_datetime(case.text, lang="en", anchorDate=case.now)
        return found[0] if found else None

    return parse


def _recurrent() -> Parser:
    from recurrent.event_parser import RecurringEvent

    def parse(case: Case) -> datetime | str | None:
        return RecurringEvent(now_date=case.now.replace(tzinfo=None)).parse(case.text)

    return parse


def _parsedatetime() -> Parser:
    import parsedatetime

    calendar = parsedatetime.Calendar()

    def parse(case: Case) -> datetime | None:
        moment, status = calendar.parseDT(case.text, sourceTime=case.now.replace(tzinfo=None))
        return moment if status else None

    return parse


def _timefhuman() -> Parser:
    from timefhuman import tfhConfig, timefhuman

    def parse(case: Case) -> datetime | None:
        found = timefhuman(case.text, tfhConfig(now=case.now.replace(tzinfo=None)))
        while isinstance(found, (list, tuple)) and found:
            found = found[0]
        if found is not None and not isinstance(found, datetime) and hasattr(found, "year"):
            return datetime(found.year, found.month, found.day)  # noqa: DTZ001 - judged as wall time
        return found if isinstance(found, datetime) else None

    return parse


def peer_is_right(case: Case, got: datetime | str | None) -> bool:
    """The lenient judgement for a library that gives one moment or an RRULE."""
    if case.sort == "recurrence":
        if not isinstance(got, str):
            return False
        rule = next((part for part in got.split() if "FREQ=" in part), "")
        want = dict(p.split("=") for p in case.value.split()[0].split(";"))
        have = dict(p.split("=") for p in rule.removeprefix("RRULE:").split(";") if "=" in p)
        return all(have.get(k) == want.get(k) for k in ("FREQ", "BYDAY", "BYMONTHDAY")) and (
            have.get("INTERVAL", "1") == want.get("INTERVAL", "1")
        )
    start = case.start
    if start is None or not isinstance(got, datetime):
        return False
    wall = got.astimezone(start.tzinfo) if got.tzinfo else got
    if case.sort == "range" and start.hour == 0:
        return wall.date() == start.date()
    return wall.replace(tzinfo=None, second=0, microsecond=0) == start.replace(tzinfo=None)


def main() -> None:
    """Print the table, and the errors of ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=DATA)
    parser.add_argument("--alone", action="store_true", help="ours only")
    options = parser.parse_args()
    rows = cases(options.file)
    total = Counter(case.sort for case in rows)
    began = time.perf_counter()
    wrong = [(case, got) for case in rows if not same(got := ours(case), case.value)]
    seconds = time.perf_counter() - began
    lines = {"wlm": (Counter(c.sort for c in rows) - Counter(c.sort for c, _ in wrong), seconds)}
    for name, parse in {} if options.alone else peers().items():
        right: Counter[str] = Counter()
        began = time.perf_counter()
        for case in rows:
            try:
                right[case.sort] += peer_is_right(case, parse(case))
            except Exception as error:  # noqa: BLE001 - a library may raise anything on a text
                right["raised " + type(error).__name__] += 1
        lines[name] = right, time.perf_counter() - began
    sorts = [sort for sort in ("moment", "range", "duration", "recurrence") if total[sort]]
    print(
        f"{'':18}" + "".join(f"{f'{s} ({total[s]})':>18}" for s in sorts) + f"{'all':>12}  ms each"
    )
    for name, (right, seconds) in lines.items():
        share = sum(right[sort] for sort in sorts) / len(rows)
        print(
            f"{name:18}"
            + "".join(f"{right[s] / total[s]:18.1%}" for s in sorts)
            + f"{share:12.1%}{seconds / len(rows) * 1e3:9.2f}"
        )
    for case, got in wrong:
        print(f"  {case.now:%F %R} {case.text!r}: {got or 'nothing'}, not {case.value}")


if __name__ == "__main__":
    main()
