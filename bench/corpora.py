"""Read material that strangers made: feeds, calendars and address books, in place.

    python -m bench.corpora FOLDER… [--seconds 10] [--verbose] [--json]

FOLDER is, for example, a checkout of a feed parser, an iCalendar or a vCard library, whose
own tests are full of odd files. Every ``.xml``, ``.rdf``, ``.rss``, ``.atom`` and JSON Feed
in it is read as the news skill reads a feed, every ``.ics`` as the meeting skill imports a
calendar, every ``.vcf`` as the people skill imports contacts. Each file is *parsed* (it gave
at least one item), *empty* (it is well formed and holds nothing to keep), *refused* (an error
of ``wlm.errors`` says why) or *crashed* (anything else, or more than ``--seconds``); the
exit code is 1 if any crashed. Nothing is written or copied.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from wlm.errors import WlmError

OUTCOMES = ("parsed", "empty", "refused", "crashed")


class Result(NamedTuple):
    """What came of one file: the outcome, how many things it held, why it was not read."""

    outcome: str
    found: int = 0
    why: str = ""
    seconds: float = 0.0


class _TooSlowError(BaseException):
    """Not an ``Exception``: no handler on the way may take it for its own."""


def feed(data: bytes) -> int:
    """How many items the news skill reads."""
    from wlm_news.items import read

    return len(read(data, "A feed", "https://feed.example/feed"))


def calendar(data: bytes) -> int:
    """How many events the meeting skill would keep, leave out, or take out."""
    from wlm_meeting.ics_read import read

    found = read(data, ZoneInfo("Europe/Berlin"), datetime.now(UTC))
    return sum(map(len, found.families)) + len(found.cancelled) + len(found.skipped)


def cards(data: bytes) -> int:
    """How many people the people skill would keep."""
    from wlm_people.card import from_lines
    from wlm_people.lines import read
    from wlm_people.vcards import decode, texts_of

    return sum(from_lines(read(text)) is not None for text in texts_of(decode(data)))


KINDS: dict[str, tuple[tuple[str, ...], Callable[[bytes], int]]] = {
    "feeds": ((".xml", ".rdf", ".rss", ".atom", ".json"), feed),
    "calendars": ((".ics", ".ical", ".ifb", ".icalendar"), calendar),
    "cards": ((".vcf", ".vcard"), cards),
}


def files(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """(kind, file) of all that is read; JSON only where it says that it is a feed."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            for kind, (endings, _) in KINDS.items():
                if path.suffix.lower() in endings and path.is_file():
                    if path.suffix == ".json" and b"jsonfeed.org" not in path.read_bytes():
                        continue
                    yield kind, path


def read(kind: str, data: bytes, seconds: int) -> Result:
    """Read one file in at most ``seconds``."""
    began = time.perf_counter()

    def result(outcome: str, found: int = 0, why: str = "") -> Result:
        return Result(outcome, found, why, time.perf_counter() - began)

    try:
        with _at_most(seconds):
            found = KINDS[kind][1](data)
    except WlmError as error:
        return result("refused", why=str(error))
    except _TooSlowError:
        return result("crashed", why=f"more than {seconds} s")
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return result("crashed", why=f"{type(error).__name__}: {error}")
    return result("parsed" if found else "empty", found)


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    """Print how many files of each kind were parsed, empty, refused, crashed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    options.add_argument("--seconds", type=int, default=10, help="time for one file")
    options.add_argument("--verbose", action="store_true", help="name the refused files too")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    slowest: dict[str, float] = dict.fromkeys(KINDS, 0.0)
    for kind, path in files(given.folders):
        result = read(kind, path.read_bytes(), given.seconds)
        counts[kind].update({result.outcome: 1, "things": result.found})
        slowest[kind] = max(slowest[kind], result.seconds)
        if result.outcome == "crashed" or (
            given.verbose and result.outcome in ("refused", "empty")
        ):
            print(f"{result.outcome} {path}: {result.why}", file=sys.stderr)
    crashed = sum(count["crashed"] for count in counts.values())
    if given.json:
        print(json.dumps({kind: {**counts[kind], "slowest_s": slowest[kind]} for kind in KINDS}))
        sys.exit(bool(crashed))
    print(f"{'kind':<11}{'files':>7}" + "".join(f"{name:>9}" for name in OUTCOMES), end="")
    print(f"{'things':>9}{'slowest s':>11}")
    for kind, count in counts.items():
        total = sum(count[name] for name in OUTCOMES)
        row = "".join(f"{count[name]:>9}" for name in OUTCOMES)
        print(f"{kind:<11}{total:>7}{row}{count['things']:>9}{slowest[kind]:>11.2f}")
    sys.exit(bool(crashed))


if __name__ == "__main__":
    main()
