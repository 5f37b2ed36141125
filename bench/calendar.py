"""How long a look at a month takes in a calendar of many events.

    python -m bench.calendar [--events 10000] [--rounds 3] [--json]

A tenth of the events are series (weekly, daily, monthly, yearly), some begun years ago; the
rest are spread over four years. Each of the twelve months of one year is looked at, warm,
on SQLite in a temporary folder; the same calendar, exported, is expanded in the same run by
recurring-ical-events, which has it parsed and in memory. Both must find the same number.
Prints the median and the 95th percentile in milliseconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry
from wlm_meeting.ics_write import write
from wlm_meeting.skill import Meeting

from wlm.plugins.testing import context, run
from wlm.types import new_id

RULES = ["FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=DAILY", "FREQ=MONTHLY", "FREQ=YEARLY"]
FIRST = datetime(2024, 1, 1, 8)  # noqa: DTZ001 - wall time
ZONE = ZoneInfo("Europe/Berlin")
MONTHS = [datetime(2026, month, 1, tzinfo=ZONE) for month in range(1, 13)]
A_MONTH = timedelta(days=30)
LIMIT_MS = 50.0


def made(number: int, chance: random.Random) -> Entry:
    """One event of the test calendar."""
    rrule = chance.choice(RULES) if number % 10 == 0 else ""
    if rrule and chance.random() < 0.5:
        rrule += ";COUNT=20"
    start = FIRST + timedelta(minutes=15 * chance.randrange(4 * 365 * 96))
    if "BYDAY" in rrule:  # a start beside the rule is read differently by everybody
        start += timedelta(days=-start.weekday())
    return Entry(
        id=new_id(),
        uid=f"{number}@bench",
        title=f"meeting {number}",
        people=[{"name": "Anna Berg"}],
        local_start=start,
        seconds=1800,
        zone=ZONE.key,
        rrule=rrule,
        starts_at=start,
        ends_at=start,
        created_at=FIRST,
        changed_at=FIRST,
    ).timed()


def ours(events: Sequence[Entry], folder: Path, rounds: int) -> dict[str, Any]:
    """Looks at months, at days, at what is next and at a title."""
    ctx = context(Meeting(), folder, now=datetime(2026, 6, 15, 9))  # noqa: DTZ001 - wall time
    calendar = Calendar(ctx)
    calendar.add(*events)
    gc.collect()
    gc.freeze()  # 10,000 entries of ours would be walked through by every full collection
    return {
        "a month": timed(
            [lambda m=m: len(calendar.between(m, m + A_MONTH)) for m in MONTHS], rounds
        ),
        "a day": timed(
            [lambda m=m: len(calendar.between(m, m + timedelta(days=1))) for m in MONTHS], rounds
        ),
        "next": timed([lambda: len(run(Meeting(), "list", ctx, pick="next").data["meetings"])], 12),
        "by title": timed(
            [lambda: len(run(Meeting(), "list", ctx, title="meeting 77").data["meetings"])], 12
        ),
    }


def theirs(events: Sequence[Entry]) -> dict[str, Any]:
    """The same months by recurring-ical-events; parsing is not counted."""
    import icalendar
    import recurring_ical_events

    began = time.perf_counter()
    query = recurring_ical_events.of(icalendar.Calendar.from_ical(write(events)))
    parsed = time.perf_counter() - began
    looks = [lambda m=m: len(query.between(m, m + A_MONTH)) for m in MONTHS]
    return {"a month": timed(looks, 1), "parse_s": round(parsed, 2)}


def timed(looks: Sequence[Callable[[], int]], rounds: int) -> dict[str, float]:
    """Milliseconds of the looks after one to warm up, and how many things they found."""
    looks[0]()
    taken, found = [], 0
    for look in list(looks) * rounds:
        began = time.perf_counter()
        found += look()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    p95 = taken[max(0, round(len(taken) * 0.95) - 1)]
    return {
        "p50": round(statistics.median(taken), 1),
        "p95": round(p95, 1),
        "found": found // rounds,
    }


def main() -> None:
    """Fill a calendar, look at its months, and print how long it took."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--events", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    chance = random.Random(7)
    events = [made(number, chance) for number in range(given.events)]
    with TemporaryDirectory() as folder:
        result = {"ours": ours(events, Path(folder), given.rounds), "library": theirs(events)}
    month, other = result["ours"]["a month"], result["library"]["a month"]
    result["ratio"] = round(month["p50"] / other["p50"], 4)
    result["same"] = month["found"] == other["found"]
    result["met"] = month["p95"] < LIMIT_MS and result["same"]
    if given.json:
        print(json.dumps(result))
        return
    print(f"{given.events} events{'look':>20}{'p50 ms':>9}{'p95 ms':>9}{'found':>9}")
    for name, row in result["ours"].items():
        print(f"{'wlm-meeting':<18}{name:>14}{row['p50']:>9}{row['p95']:>9}{row['found']:>9}")
    shown = f"{other['p50']:>9}{other['p95']:>9}{other['found']:>9}"
    print(f"{'recurring-ical':<18}{'a month':>14}{shown}")
    print(
        f"it parsed for {result['library']['parse_s']} s; ours takes {result['ratio']} of its time"
    )
    print(f"a month under {LIMIT_MS:g} ms with the same found: {'yes' if result['met'] else 'NO'}")


if __name__ == "__main__":
    main()
