"""How long the address book takes to find somebody among many.

    python -m bench.people [--people 100000] [--requests 200] [--json]

Makes a book of invented people (as many different words as a real one: most family names
are rare, some given names are very common), then asks for people by their whole name, by
first and last name alone, by a short form, misspelt, as misheard, by company, by role, and
for nobody. Each request is one look-up by ``wlm_people.search`` on SQLite in a temporary
folder, warm. In the same run rapidfuzz compares each misspelt name with all that there are,
which it has in memory (``process.extract``); the bar is a p95 of 20 ms for every kind.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wlm_people.book import Book
from wlm_people.contact import Contact, Point
from wlm_people.names import said_words
from wlm_people.search import at, find
from wlm_people.skill import People

from wlm.plugins.testing import context
from wlm.types import new_id

SOUNDS = """
b br c ch cl d dr f fl g gr h j k kl l m n p ph pr r s sch sh sk st t th tr v w z
a e i o u ai ea ie oo ou
ck d f g l ld ll m n nd ng nn r rd rg rn rt s sen son ss t tt tz x
"""
COMMON = """
Anna Maria James John Robert Michael William David Mary Thomas Sarah Daniel Laura Peter Julia
Emma Paul Lisa Mark Susan Karen Kevin Brian George Edward Ruth Helen Frank Alice Oliver
"""
_ONSET, _VOWEL, _CODA = (line.split() for line in SOUNDS.strip().splitlines())
_COMMON = COMMON.split()
ROLES = [f"{what} {which}" for what in ("sales", "product", "field", "senior", "plant")
         for which in ("manager", "engineer", "designer", "lawyer", "chemist")]  # fmt: skip
SHORT = {"James": "jim", "John": "jack", "Robert": "bob", "Michael": "mike", "William": "bill",
         "David": "dave", "Thomas": "tommy", "Daniel": "danny", "Susan": "sue", "Edward": "ted",
         "Helen": "nell", "Oliver": "ollie", "Peter": "pete", "Julia": "jules"}  # fmt: skip
LIMIT_MS = 20.0
_SPELLINGS = "ck-k ph-f sch-sh ai-ay ie-ee c-k tz-ts nn-n z-s v-w"


def invent(rng: random.Random, syllables: int) -> str:
    """A pronounceable name."""
    parts = [rng.choice(_ONSET) + rng.choice(_VOWEL) for _ in range(syllables)]
    return ("".join(parts) + rng.choice(_CODA)).capitalize()


def people(count: int, rng: random.Random) -> list[Contact]:
    """Invented people; half have one of thirty given names, families follow Zipf."""
    rare = [invent(rng, 1) for _ in range(2_000)]
    families = sorted({invent(rng, rng.choice((1, 1, 2))) for _ in range(30_000)})
    weights = [1 / (rank + 20) for rank in range(len(families))]
    companies = [f"{invent(rng, 2)} {rng.choice(('Ltd', 'Inc', 'GmbH'))}" for _ in range(5_000)]
    last = rng.choices(families, weights, k=count)
    return [
        Contact(
            new_id(),
            f"{rng.choice(_COMMON if rng.random() < 0.5 else rare)} {family}",
            company=rng.choice(companies),
            role=rng.choice(ROLES) if rng.random() < 0.02 else "",
            phones=(Point(f"+49 1{rng.randrange(10**9):09}"),),
            used=rng.randrange(5),
        )
        for family in last
    ]


def slip(word: str, rng: random.Random) -> str:
    """``word`` with one letter dropped, doubled, swapped or mistaken."""
    at_ = rng.randrange(1, max(2, len(word) - 1))
    before, letter, after = word[:at_], word[at_ : at_ + 1], word[at_ + 1 :]
    return rng.choice(
        (
            before + after,
            before + letter * 2 + after,
            before + after[:1] + letter + after[1:],
            before + rng.choice("aeiorstn") + after,
        )
    )


def misheard(word: str) -> str:
    """``word`` in another spelling of the same sound."""
    for spelt, _, other in (pair.partition("-") for pair in _SPELLINGS.split()):
        if spelt in word.lower():
            return word.lower().replace(spelt, other, 1)
    return word + "e"


def main() -> None:
    """Print milliseconds per request, and how often the right one was found."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--requests", type=int, default=200)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    rng = random.Random(11)
    with tempfile.TemporaryDirectory() as folder:
        book = Book(context(People(), Path(folder)))
        crowd = people(given.people, rng)
        started = time.perf_counter()
        book.add(*crowd)
        gc.collect()
        gc.freeze()  # 100,000 people of ours would be walked through by every full collection
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        result = {
            "people": given.people,
            "fill_s": round(seconds, 1),
            "database_mb": round(size / 1e6),
            "requests": {
                name: measure(
                    book,
                    ask,
                    [c for c in crowd if c.role] if name == "role" else crowd,
                    given.requests,
                    rng,
                )
                for name, ask in KINDS.items()
            },
            "rapidfuzz over all": compared(crowd, min(given.requests, 40), rng),
        }
    rows = result["requests"]
    result["ratio"] = round(rows["one slip"]["p50"] / result["rapidfuzz over all"]["p50"], 3)
    result["met"] = all(row["p95"] <= LIMIT_MS for row in rows.values())
    if given.json:
        print(json.dumps(result))
        return
    print(f"{given.people} people, filled in {result['fill_s']} s, {result['database_mb']} MB")
    print(f"{'request':<18}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'among found %':>15}")
    for name, row in {**rows, "rapidfuzz over all": result["rapidfuzz over all"]}.items():
        print(f"{name:<18}{row['p50']:>9}{row['p95']:>9}{row['max']:>9}{row['found']:>15}")
    print(f"one slip takes {result['ratio']} of rapidfuzz's time")
    print(f"every p95 within {LIMIT_MS:g} ms: {'yes' if result['met'] else 'NO'}")


def names_of(found: object) -> set[str]:
    """Names of all that a look-up brought."""
    return {contact.name for contact in (*found.sure, *found.near)}


def _split(contact: Contact) -> tuple[str, str]:
    first, _, last = contact.name.partition(" ")
    return first, last


KINDS: dict[str, Callable[[Contact, random.Random], str]] = {
    "whole name": lambda c, rng: c.name,
    "first name": lambda c, rng: _split(c)[0],
    "family name": lambda c, rng: _split(c)[1],
    "turned round": lambda c, rng: " ".join(reversed(_split(c))),
    "one slip": lambda c, rng: f"{_split(c)[0]} {slip(_split(c)[1], rng)}",
    "misheard": lambda c, rng: f"{_split(c)[0]} {misheard(_split(c)[1])}",
    "short form": lambda c, rng: " ".join((SHORT.get(_split(c)[0], _split(c)[0]), _split(c)[1])),
    "two slips": lambda c, rng: " ".join(slip(word, rng) for word in _split(c)),
    "company": lambda c, rng: c.company,
    "role": lambda c, rng: c.role,
    "nobody": lambda c, rng: invent(rng, 4),
}


def measure(
    book: Book,
    ask: Callable[[Contact, random.Random], str],
    crowd: list[Contact],
    requests: int,
    rng: random.Random,
) -> dict[str, float]:
    """Milliseconds of ``requests`` look-ups after a few to warm up, and the share found."""
    times, right = [], 0
    for number in range(-5, requests):
        contact = rng.choice(crowd)
        text = ask(contact, rng)
        field = {contact.company: "company", contact.role: "role"}.get(text)
        started = time.perf_counter()
        if field:
            names = {c.name for c in at(book, text, field)}
        else:
            names = names_of(find(book, said_words(text)))
        if number >= 0:
            times.append((time.perf_counter() - started) * 1000)
            right += contact.name in names
    return _figures(times, right)


def _figures(times: list[float], right: int) -> dict[str, float]:
    times = sorted(times)
    return {
        "p50": round(statistics.median(times), 1),
        "p95": round(times[int(len(times) * 0.95) - 1], 1),
        "max": round(times[-1], 1),
        "found": round(100 * right / len(times)),
    }


def compared(crowd: list[Contact], requests: int, rng: random.Random) -> dict[str, float]:
    """Milliseconds of rapidfuzz over all names, for names with one slip, and the share found."""
    from rapidfuzz import fuzz, process, utils

    names = [contact.name.lower() for contact in crowd]
    times, right = [], 0
    for _ in range(requests):
        contact = rng.choice(crowd)
        text = utils.default_process(KINDS["one slip"](contact, rng))
        started = time.perf_counter()
        found = process.extract(text, names, scorer=fuzz.ratio, limit=40, score_cutoff=70)
        times.append((time.perf_counter() - started) * 1000)
        right += contact.name.lower() in {name for name, *_ in found}
    return _figures(times, right)


if __name__ == "__main__":
    sys.exit(main())
