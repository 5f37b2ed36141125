"""English words of time and number, as tables. Another language is another set of tables."""

from __future__ import annotations


def word_list(text: str) -> list[str]:
    """The words of a table that is written as one text."""
    return text.split()


def words(text: str) -> frozenset[str]:
    """The same as a set."""
    return frozenset(text.split())


UNITS_TO_19 = {
    word: value
    for value, word in enumerate(
        word_list(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        )
    )
}
TENS = {
    word: 20 + 10 * index
    for index, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    )
}
SCALES = {"hundred": 100, "thousand": 1000}
ORDINALS = {
    word: value
    for value, word in enumerate(
        word_list(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
            "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
        ),
        start=1,
    )
} | {"thirtieth": 30, "twelveth": 12, "nineth": 9, "fourtieth": 40}

WEEKDAYS: dict[str, int] = {}
for _index, _names in enumerate(
    (
        "monday mon",
        "tuesday tue tues",
        "wednesday wed weds",
        "thursday thu thur thurs",
        "friday fri",
        "saturday sat",
        "sunday sun",
    )
):
    for _name in _names.split():
        WEEKDAYS[_name] = _index
WEEKDAYS_PLURAL = {name + "s": value for name, value in WEEKDAYS.items() if name.endswith("day")}
WEEKDAYS_UNSURE = frozenset({"mon", "wed", "sat", "sun", "fri"})

MONTHS: dict[str, int] = {}
for _index, _names in enumerate(
    (
        "january jan",
        "february feb",
        "march mar",
        "april apr",
        "may",
        "june jun",
        "july jul",
        "august aug",
        "september sept sep",
        "october oct",
        "november nov",
        "december dec",
    ),
    start=1,
):
    for _name in _names.split():
        MONTHS[_name] = _index
MONTHS_UNSURE = frozenset({"may", "march", "mar", "april", "june", "august", "jan", "dec"})
"""Also verbs, names or adjectives: months only beside a number or after a time word."""

UNITS = {
    "second": "second",
    "seconds": "second",
    "sec": "second",
    "secs": "second",
    "minute": "minute",
    "minutes": "minute",
    "min": "minute",
    "mins": "minute",
    "hour": "hour",
    "hours": "hour",
    "hr": "hour",
    "hrs": "hour",
    "h": "hour",
    "day": "day",
    "days": "day",
    "night": "day",
    "nights": "day",
    "week": "week",
    "weeks": "week",
    "wk": "week",
    "fortnight": "fortnight",
    "fortnights": "fortnight",
    "weekend": "weekend",
    "weekends": "weekend",
    "month": "month",
    "months": "month",
    "quarter": "quarter",
    "quarters": "quarter",
    "year": "year",
    "years": "year",
    "decade": "decade",
}
UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
COUNTS = {"a": 1, "an": 1, "one": 1, "couple": 2, "few": 3, "several": 3, "dozen": 12}

PARTS: dict[str, tuple[int, int]] = {
    "morning": (6, 12),
    "mornings": (6, 12),
    "forenoon": (6, 12),
    "lunchtime": (12, 14),
    "afternoon": (12, 18),
    "afternoons": (12, 18),
    "evening": (18, 22),
    "evenings": (18, 22),
    "night": (18, 24),
    "nights": (18, 24),
    "nighttime": (18, 24),
    "tonight": (18, 24),
    "tonite": (18, 24),
    "overnight": (22, 30),
    "daytime": (6, 18),
}
"""Hours from and to; beyond 24 means the next day."""
PART_EARLY = {"morning": (6, 9), "afternoon": (12, 15), "evening": (18, 20), "night": (18, 21)}
PART_LATE = {"morning": (10, 12), "afternoon": (15, 18), "evening": (20, 22), "night": (21, 24)}

SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""Meteorological seasons of the north, by first month; each has three."""

SPECIAL_CLOCKS = {"noon": (12, 0), "midday": (12, 0), "noontime": (12, 0), "midnight": (0, 0)}

THIS = frozenset({"this", "current", "present"})
NEXT = frozenset({"next", "following"})
COMING = frozenset({"coming", "upcoming"})
LAST = frozenset({"last", "previous", "past"})
ARTICLES = frozenset({"the", "a", "an"})
RANGE_TO = frozenset({"to", "till", "til", "until", "through", "thru", "and", "-", "–", "—"})
