"""How long a look at a month takes in a calendar of many events: `python …/month.py [EVENTS]`.

A tenth of the events are series (weekly, daily, monthly), some begun years ago; the rest
are spread over four years. Prints the median and the 95th percentile in milliseconds.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry
from wlm_meeting.skill import Meeting

from wlm.plugins.testing import context, run
from wlm.types import new_id

RULES = ["FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=DAILY", "FREQ=MONTHLY", "FREQ=YEARLY"]
FIRST = datetime(2024, 1, 1, 8)  # noqa: DTZ001 - wall time


def made(number: int, chance: random.Random) -> Entry:
    """One event of the test calendar."""
    rrule = chance.choice(RULES) if number % 10 == 0 else ""
    if rrule and chance.random() < 0.5:
        rrule += ";COUNT=20"
    start = FIRST + timedelta(minutes=15 * chance.randrange(4 * 365 * 96))
    return Entry(
        id=new_id(),
        uid=f"{number}@bench",
        title=f"meeting {number}",
        people=[{"name": "Anna Berg"}],
        local_start=start,
        seconds=1800,
        zone="Europe/Berlin",
        rrule=rrule,
        starts_at=start,
        ends_at=start,
        created_at=FIRST,
        changed_at=FIRST,
    ).timed()


def main() -> None:
    """Fill a calendar and look at its months."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    chance = random.Random(7)  # noqa: S311 - not a secret
    with TemporaryDirectory() as folder:
        ctx = context(Meeting(), Path(folder), now=datetime(2026, 6, 15, 9))  # noqa: DTZ001
        calendar = Calendar(ctx)
        calendar.add(*(made(number, chance) for number in range(count)))
        zone = ZoneInfo("Europe/Berlin")
        months = [datetime(2026, month, 1, tzinfo=zone) for month in range(1, 13)]
        _report(
            "a month", [lambda m=m: calendar.between(m, m + timedelta(days=30)) for m in months]
        )
        _report("a day", [lambda m=m: calendar.between(m, m + timedelta(days=1)) for m in months])
        _report("next", [lambda: run(Meeting(), "list", ctx, pick="next")] * 12)
        _report("by name", [lambda: run(Meeting(), "list", ctx, title="meeting 77")] * 12)


def _report(name: str, calls: list) -> None:
    calls[0]()
    taken = []
    for call in calls * 3:
        began = time.perf_counter()
        found = call()
        taken.append((time.perf_counter() - began) * 1000)
    size = f" ({len(found)} found)" if isinstance(found, list) else ""
    p95 = statistics.quantiles(taken, n=20)[-1]
    sys.stdout.write(f"{name}: p50 {statistics.median(taken):.1f} ms, p95 {p95:.1f} ms{size}\n")


if __name__ == "__main__":
    main()
