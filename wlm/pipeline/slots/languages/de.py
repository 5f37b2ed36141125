"""German."""

from __future__ import annotations

from wlm.pipeline.slots.languages.tables import Language
from wlm.pipeline.slots.words import words

_ONES = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
]
_TEENS = ["dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"]
_TENS = {20: "zwanzig", 30: "dreißig", 40: "vierzig", 50: "fünfzig", 60: "sechzig", 90: "neunzig"}
_NUMBERS = {word: value for value, word in enumerate([*_ONES, *_TEENS])}
_NUMBERS |= dict.fromkeys(("ein", "eine", "einen", "einem", "einer"), 1)
_NUMBERS |= {word: value for value, word in _TENS.items()}
_NUMBERS |= {
    f"{'ein' if one == 1 else _ONES[one]}und{word}": ten + one
    for ten, word in _TENS.items()
    for one in range(1, 10)
}
_IRREGULAR = {"ersten": 1, "dritten": 3, "siebten": 7, "achten": 8}
_ORDINALS = {f"{word}{'ten' if value < 20 else 'sten'}": value for word, value in _NUMBERS.items()}
_NUMBERS |= {word: value for word, value in _ORDINALS.items() if 2 <= value <= 31} | _IRREGULAR
_WEEKDAYS = {
    "montag": "monday",
    "dienstag": "tuesday",
    "mittwoch": "wednesday",
    "donnerstag": "thursday",
    "freitag": "friday",
    "samstag": "saturday",
    "sonnabend": "saturday",
    "sonntag": "sunday",
}
_MONTHS = {
    "januar": "january",
    "februar": "february",
    "märz": "march",
    "april": "april",
    "mai": "may",
    "juni": "june",
    "juli": "july",
    "august": "august",
    "september": "september",
    "oktober": "october",
    "november": "november",
    "dezember": "december",
}
_PARTS = {
    "früh": "morning",
    "morgen": "morning",
    "vormittag": "morning",
    "mittag": "noon",
    "nachmittag": "afternoon",
    "abend": "evening",
    "nacht": "night",
}
_UNITS = {
    "minute": "minutes",
    "minuten": "minutes",
    "stunde": "hours",
    "stunden": "hours",
    "tag": "days",
    "tage": "days",
    "tagen": "days",
    "woche": "weeks",
    "wochen": "weeks",
    "monat": "months",
    "monate": "months",
    "monaten": "months",
    "jahr": "years",
    "jahre": "years",
    "jahren": "years",
}
_AT = r"(?:um |gegen |so um |so gegen )"
_AM, _PM = (
    r"(?: (?:morgens|früh|vormittags|am morgen|in der früh))",
    (r"(?: (?:nachmittags|abends|am nachmittag|am abend))"),
)
_ON = r"(?:am |den |an |diesen |an diesem |kommenden |am kommenden )?"
_THIS, _NEXT, _LAST = (
    r"dies(?:e|en|er|es|em)",
    r"(?:nächst|kommend)e[nrsm]?",
    r"(?:letzt|vorig|vergangen)e[nrsm]?",
)
_SPAN = r"(?:woche|monat|jahr|wochenende)"
_RULES = (
    ("heute", "today"),
    ("heute (?:früh|morgen|vormittag)", "this morning"),
    ("heute mittag", "today at noon"),
    ("heute nachmittag", "this afternoon"),
    ("heute abend", "this evening"),
    ("heute nacht", "tonight"),
    ("morgen", "tomorrow"),
    ("morgen mittag", "tomorrow at noon"),
    ("morgen (?:am )?{p}", "tomorrow {p}"),
    ("übermorgen", "the day after tomorrow"),
    ("übermorgen (?:am )?{p}", "the day after tomorrow in the {p}"),
    ("gestern", "yesterday"),
    ("gestern {p}", "yesterday {p}"),
    ("vorgestern", "the day before yesterday"),
    (rf"{_ON}{{d}}", "on {d}"),
    (rf"{_ON}{{d}} ?(?:am )?{{p}}", "on {d} {p}"),
    (rf"(?:am )?{_NEXT} {{d}}", "next {d}"),
    (rf"(?:am )?{_LAST} {{d}}", "last {d}"),
    (rf"(?:am |{_THIS} |an diesem )?wochenende", "this weekend"),
    (rf"(?:am )?{_NEXT} wochenende", "next weekend"),
    (rf"(?:in )?{_THIS} woche", "this week"),
    (rf"(?:in )?{_THIS} monat", "this month"),
    (rf"(?:in )?{_THIS} jahr", "this year"),
    (rf"(?:in der )?{_NEXT} woche", "next week"),
    (rf"(?:im )?{_NEXT} monat", "next month"),
    (rf"(?:im )?{_NEXT} jahr", "next year"),
    (rf"(?:in der )?{_LAST} woche", "last week"),
    (rf"(?:im )?{_LAST} monat", "last month"),
    (r"(?:in den |die )?(?:nächsten|kommenden) {n} {u}", "the next {n} {u}"),
    ("in {n} {u}", "in {n} {u}"),
    ("in einer halben stunde", "in half an hour"),
    ("in einer viertelstunde", "in 15 minutes"),
    ("in anderthalb stunden", "in 90 minutes"),
    (r"(?:am |den |zum )?{o}\.? {M}", "on {M} {o}"),
    (r"(?:am |den |zum )?{o}\.? {M} {n}", "on {M} {o} {n}"),
    (r"(?:am |den )?(?P<o>\d{1,2})\.(?P<m>0?[1-9]|1[0-2])\.", "on {month} {o}"),
    (r"am (?P<o>\d{1,2})\.", "on the {o}th"),
    ("im {M}", "in {M}"),
    (rf"{_AT}{{h}}", "at {h}"),
    (rf"{_AT}?{{h}} uhr", "at {h}:00"),
    (rf"{_AT}?{{h}}(?: uhr)?{_AM}", "at {h} am"),
    (rf"{_AT}?{{h}}(?: uhr)?{_PM}", "at {h} pm"),
    (rf"{_AT}?{{h}} uhr (?!ein[a-z]*\b){{m}}", "at {h}:{m:02}"),
    (rf"{_AT}?(?P<h>\d{{1,2}})[:.](?P<m>\d\d)(?: uhr)?", "at {h}:{m:02}"),
    (rf"{_AT}?halb {{h}}", "at {before}:30"),
    (rf"{_AT}?halb {{h}}{_AM}", "at {before}:30 am"),
    (rf"{_AT}?halb {{h}}{_PM}", "at {before}:30 pm"),
    (rf"{_AT}?viertel nach {{h}}", "at {h}:15"),
    (rf"{_AT}?viertel vor {{h}}", "at {before}:45"),
    (rf"{_AT}?dreiviertel {{h}}", "at {before}:45"),
    (rf"{_AT}{{m}} nach {{h}}", "at {h}:{m:02}"),
    (rf"{_AT}{{n}} (?:minuten )?vor {{h}}", "at {n} to {h}"),
    (r"(?:am |zu )?mittag|mittags|um zwölf uhr mittags", "at noon"),
    (r"(?:um )?mitternacht", "at midnight"),
    ("am (?:morgen|vormittag)|morgens|vormittags", "in the morning"),
    ("am nachmittag|nachmittags", "in the afternoon"),
    ("am abend|abends", "in the evening"),
    (r"von {h}(?: uhr)? bis {h}(?: uhr)?", "from {h} to {h2}"),
    (r"zwischen {h}(?: uhr)? und {h}(?: uhr)?", "between {h} and {h2}"),
    ("{n} (?:minuten?|min)", "{n} minutes"),
    ("{n} stunden?", "{n} hours"),
    ("(?:eine )?halbe stunde", "half an hour"),
    ("(?:eine )?viertelstunde", "15 minutes"),
    ("(?:eine )?dreiviertelstunde", "45 minutes"),
    ("anderthalb stunden|eineinhalb stunden", "90 minutes"),
    ("jeden tag|täglich", "every day"),
    ("jede woche|wöchentlich", "every week"),
    ("jeden monat|monatlich", "every month"),
    ("jedes jahr|jährlich", "every year"),
    ("jeden morgen", "every morning"),
    ("jeden abend", "every evening"),
    ("jeden {d}", "every {d}"),
    ("jeden {d} ?{p}", "every {d} {p}"),
    ("jeden zweiten {d}", "every other {d}"),
    ("{d}s", "every {d}"),
    ("alle {n} {u}", "every {n} {u}"),
    ("werktags|jeden werktag|unter der woche|an jedem werktag", "every weekday"),
)
LANGUAGE = Language(
    code="de",
    rules=_RULES,
    numbers=_NUMBERS,
    weekdays=_WEEKDAYS,
    months=_MONTHS,
    parts=_PARTS,
    units=_UNITS,
    leads=words(
        "auf für von vom zum bis ab um am an den im"
    ),
    articles=words(
        "der die das den dem des ein eine "
        "einen einem einer mein meine meinen meinem meiner"
    ),
    joins=frozenset({"und", "sowie"}),
    cues=words(
        "mit an von in über dass namens zu aus nach"
    ),
    datives=words(
        "mir uns mal bitte doch noch"
    ),
    same=words(
        "mail e-mail email"
    ),
    yes=frozenset(
        {
            "ja", "jawohl", "jo", "jep", "klar", "genau", "richtig", "stimmt", "gerne", "gern",
            "okay", "ok", "in ordnung", "mach das", "mach es", "tu das", "los", "natürlich",
            "selbstverständlich", "auf jeden fall", "passt", "einverstanden", "absenden",
            "schick es ab", "schick sie ab", "schick ab", "abschicken", "bestätigt", "korrekt",
            "sicher", "gut", "alles klar", "unbedingt", "leg los",
        }
    ),
    no=frozenset(
        {
            "nein", "ne", "nee", "nö", "nicht", "niemals", "auf keinen fall", "falsch", "stopp",
            "stop", "abbrechen", "brich ab", "vergiss es", "lass es", "lass das", "lieber nicht",
            "doch nicht", "noch nicht", "warte", "moment", "halt", "lass mal", "schon gut",
        }
    ),
    fillers=frozenset(
        {"bitte", "danke", "äh", "ähm", "also", "das", "es", "so", "ist", "doch", "mal", "dann",
         "mach", "ich", "schick", "die", "mail"}
    ),
)  # fmt: skip
