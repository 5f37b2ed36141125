"""Address books as tables (CSV): Google's, Outlook's, and any with columns that say what they are.

Each row becomes the content lines of a vCard, so that what they mean is decided in one place,
``card.py``. Columns are known by their English headings; others are left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from wlm.errors import UsageError
from wlm_people.card import Card, from_lines
from wlm_people.lines import Line, escape

# Heading, folded -> property that it fills.
_ONE = {
    "name": "FN", "full name": "FN", "display name": "FN",
    "nickname": "NICKNAME", "nicknames": "NICKNAME",
    "company": "ORG", "organization": "ORG", "organisation": "ORG",
    "organization name": "ORG", "organization 1 name": "ORG",
    "job title": "TITLE", "title": "TITLE", "role": "TITLE",
    "organization title": "TITLE", "organization 1 title": "TITLE",
    "birthday": "BDAY", "notes": "NOTE", "note": "NOTE",
    "labels": "CATEGORIES", "group membership": "CATEGORIES", "categories": "CATEGORIES",
    "groups": "CATEGORIES", "uid": "UID",
    "manager": "X-MANAGER", "manager s name": "X-MANAGER", "managers name": "X-MANAGER",
    "assistant": "X-ASSISTANT", "assistant s name": "X-ASSISTANT", "spouse": "X-SPOUSE",
}  # fmt: skip
_NAME = [  # the parts of N, in its order
    ("family name", "last name", "surname"),
    ("given name", "first name"),
    ("additional name", "middle name"),
]
_WHERE = "home|work|business|other|mobile|cell|main|primary|company|car"
_EMAIL = re.compile(rf"(?:({_WHERE}) )?e ?mail(?: address)?(?: (\d+))?(?: address| value)?")
_PHONE = re.compile(rf"(?:({_WHERE}) )?(?:tele)?(?:phone|fax)(?: number)?(?: (\d+))?(?: value)?")
_BARE_PHONE = ("mobile", "cell", "tel")
_ADDRESS = re.compile(r"address(?: (\d+))? formatted|(?:postal )?address")
_PART = re.compile(
    r"(home|work|business|other) (?:address )?(street|city|state|postal code|country)(?: region)?"
)
_PLACE = ["street", "city", "state", "postal code", "country"]
_KIND = {"business": "work", "company": "work", "primary": "main", "mobile": "cell"}
_GOOGLE_BREAK = ":::"
_DELIMITERS = ",;\t"


def cards(text: str) -> Iterator[Card | None]:
    """The rows of a table with headings, ``None`` for one that names nobody.

    Raises ``UsageError`` if no heading is one of a name, a number or an address, or the
    table cannot be read.
    """
    first = text.lstrip("\ufeff\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff\r\n"), newline=""), delimiter=delimiter)
    try:
        headings = [_fold(heading) for heading in next(rows, [])]
        if not _names_people(headings):
            raise UsageError(
                "This is neither a vCard nor a table of contacts; nothing was changed.",
                hint="A table needs a first row of headings, such as Name, Phone, E-mail.",
            )
        for row in rows:
            if any(map(str.strip, row)):
                yield from_lines(_lines(dict(zip(headings, row, strict=False))))
    except csv.Error:
        raise UsageError(
            f"Line {rows.line_num} of the table cannot be read; nothing was changed.",
            hint="Save it again as CSV and bring that in.",
        ) from None


def _fold(heading: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", heading.casefold()))


def _names_people(headings: Sequence[str]) -> bool:
    parts = {name for names in _NAME for name in names}
    return any(h in parts or _ONE.get(h) == "FN" or _reached(h) for h in headings)


def _reached(heading: str) -> tuple[str, str, str] | None:
    """(property, kind, number) of a heading of a number or an e-mail address."""
    if heading in _BARE_PHONE:
        return "TEL", "" if heading == "tel" else heading, ""
    for name, pattern in (("TEL", _PHONE), ("EMAIL", _EMAIL)):
        if match := pattern.fullmatch(heading):
            kind = "fax" if "fax" in heading else match[1] or ""
            return name, kind, match[2] or ""
    return None


def _lines(row: Mapping[str, str]) -> Iterator[Line]:
    name = [next((row[key] for key in keys if row.get(key)), "") for keys in _NAME]
    if any(part.strip() for part in name):
        yield Line("N", {}, ";".join(escape(part.strip()) for part in name))
    for heading, value in row.items():
        if not value.strip() or (heading == "title" and "job title" in row):  # "Dr"
            continue
        if one := _ONE.get(heading):
            yield Line(one, {}, _value(one, value))
        elif reached := _reached(heading):
            property_, kind, number = reached
            yield from _points(property_, value, kind or _labelled(row, heading, number))
        elif match := _ADDRESS.fullmatch(heading):
            kind = _labelled(row, heading, match[1] or "")
            yield Line("ADR", _typed(kind), f";;{escape(value.strip())};;;;")
    yield from _addresses(row)


def _value(property_: str, value: str) -> str:
    """A cell as the property's value. Google sets several values apart by ``:::``."""
    if property_ in ("CATEGORIES", "NICKNAME"):
        parts = re.split(r":::|;" if property_ == "CATEGORIES" else ":::", value)
        marked = (part.strip().removeprefix("* ") for part in parts)
        return ",".join(escape(part) for part in marked if part and part != "myContacts")
    return escape(value.strip())


def _points(property_: str, value: str, kind: str) -> Iterator[Line]:
    for part in value.split(_GOOGLE_BREAK):
        if part.strip():
            yield Line(property_, _typed(kind), escape(part.strip()))


def _typed(kind: str) -> dict[str, list[str]]:
    return {"TYPE": [_KIND.get(kind, kind)]} if kind else {}


def _labelled(row: Mapping[str, str], heading: str, number: str) -> str:
    """The kind that a column beside it gives: "Phone 1 - Label" for "Phone 1 - Value"."""
    stem = heading.rsplit(" ", 1)[0] if number else heading
    for name in ("label", "type"):
        if label := row.get(f"{stem} {name}"):
            return label.strip().removeprefix("* ").casefold()
    return ""


def _addresses(row: Mapping[str, str]) -> Iterator[Line]:
    """Outlook's addresses, a column for each part."""
    found: dict[str, dict[str, str]] = {}
    for heading, value in row.items():
        if value.strip() and (match := _PART.fullmatch(heading)):
            found.setdefault(match[1], {})[match[2]] = escape(value.strip())
    for kind, parts in found.items():
        yield Line("ADR", _typed(kind), ";;" + ";".join(parts.get(part, "") for part in _PLACE))
