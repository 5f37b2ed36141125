"""What the properties of a vCard mean for a contact."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple

from wlm_people.contact import INDEXED, Contact, Point, lookup_key
from wlm_people.lines import Line, parts, unescape
from wlm_people.names import fold, name_words, split

_NAME = 200  # characters of a name; no person has more
_TEXT = 10_000  # characters of any other text
_KINDS = {
    "cell": "mobile", "mobile": "mobile", "iphone": "mobile", "home": "home", "work": "work",
    "fax": "fax", "pager": "pager", "main": "main",
}  # fmt: skip
LINKS = ("manager", "assistant", "spouse")
"""What somebody else may be to a contact."""

_NO_YEAR = 1604  # what some programs write where the year of birth is not known


class Card(NamedTuple):
    """A card as read: texts and points, in the order of preference."""

    name: str
    uid: str
    texts: dict[str, str]
    phones: tuple[Point, ...]
    emails: tuple[Point, ...]
    addresses: tuple[Point, ...]
    nicknames: tuple[str, ...]
    relations: tuple[str, ...]
    groups: tuple[str, ...]
    links: tuple[Point, ...] = ()

    @property
    def folded(self) -> str:
        """As in ``people_contact.folded``."""
        return " ".join(name_words(self.name))[:INDEXED]

    def onto(self, contact: Contact) -> Contact:
        """The contact with what the card has: its texts, and its points beside those there."""
        imported = contact.uid not in ("", contact.id)
        renamed = {} if contact.name == self.name else {"given": "", "family": ""}
        return contact.having(
            **{**renamed, **self.texts},
            name=self.name,
            uid=contact.uid if imported else self.uid[:INDEXED] or contact.uid,
            phones=_union("phone", contact.phones, self.phones),
            emails=_union("email", contact.emails, self.emails),
            addresses=_union("address", contact.addresses, self.addresses),
            nicknames=_union("nickname", contact.nicknames, self.nicknames),
            relations=_union("relation", contact.relations, self.relations),
            groups=_union("group", contact.groups, self.groups),
            links=_latest(contact.links, self.links),
        )


def _union(type_: str, old: Iterable[Any], new: Iterable[Any]) -> tuple[Any, ...]:
    """Points or texts, those there and behind them the new; each look-up key only once."""
    found: dict[str, Any] = {}
    for item in (*old, *new):
        found.setdefault(lookup_key(type_, item if isinstance(item, str) else item.value), item)
    return tuple(found.values())


def _latest(old: Iterable[Point], new: Iterable[Point]) -> tuple[Point, ...]:
    """One link of each kind, the newer one."""
    return tuple({point.kind: point for point in (*old, *new)}.values())


def from_lines(lines: Iterable[Line]) -> Card | None:
    """The card of its content lines.

    ``None`` if it names nobody.
    """
    by_name: dict[str, list[Line]] = {}
    for line in lines:
        by_name.setdefault(line.name, []).append(line)
    if any(
        unescape(line.value).strip().lower() == "group"
        for name in ("KIND", "X-ADDRESSBOOKSERVER-KIND")
        for line in by_name.get(name, ())
    ):
        return None
    labels = {
        line.group: re.sub(r"^_\$!<|>!\$_$", "", unescape(line.value)).strip().lower()
        for line in by_name.get("X-ABLABEL", ())
        if line.group
    }
    phones = _points(by_name.get("TEL", ()), labels, _phone)
    emails = _points(by_name.get("EMAIL", ()), labels, _email)
    addresses = _points(by_name.get("ADR", ()), labels, _address)
    n = [_first(part) for part in parts(_text(by_name, "N", raw=True), ";")] + [""] * 5
    org = ", ".join(filter(None, map(unescape, parts(_text(by_name, "ORG", raw=True), ";"))))
    nicknames = _many(by_name, "NICKNAME")
    name = next(
        (
            tidy[:_NAME]
            for text in (
                _text(by_name, "FN"),
                " ".join(filter(None, (n[1], n[2], n[0]))),
                *nicknames,
                org,
                *(point.value for point in (*emails, *phones)),
            )
            if fold(tidy := " ".join(text.split()))
        ),
        "",
    )
    if not name:
        return None
    given, family = ("", "") if (n[1], n[0]) == split(name) else (n[1], n[0])
    texts = {
        "given": given,
        "family": family,
        "company": org if org != name else "",
        "role": _text(by_name, "TITLE") or _text(by_name, "ROLE"),
        "birthday": _birthday(by_name.get("BDAY", ())),
        "notes": _text(by_name, "NOTE"),
    }
    return Card(
        name=name,
        uid=_text(by_name, "UID"),
        texts={field: text[:_TEXT] for field, text in texts.items() if text},
        phones=phones,
        emails=emails,
        addresses=addresses,
        nicknames=tuple(nick for nick in nicknames if nick != name),
        relations=tuple(_many(by_name, "X-WLM-RELATION")),
        groups=tuple(_many(by_name, "CATEGORIES")),
        links=_links(by_name),
    )


def _links(by_name: dict[str, list[Line]]) -> tuple[Point, ...]:
    """Manager, assistant and spouse, as one program or another writes them."""
    found = {}
    for kind in LINKS:
        for program in ("X-", "X-MS-", "X-EVOLUTION-", "X-KADDRESSBOOK-X-"):
            name = f"{program}{kind.upper()}"
            text = _text(by_name, name, raw=True) or _text(by_name, f"{name}SNAME", raw=True)
            if name := _first(text):
                found.setdefault(kind, Point(name, kind))
    return tuple(found.values())


def _first(part: str) -> str:
    return " ".join(unescape(part).split())[:_NAME]


def _text(by_name: dict[str, list[Line]], name: str, *, raw: bool = False) -> str:
    for line in by_name.get(name, ()):
        if value := line.value.strip():
            return value if raw else unescape(value).strip()
    return ""


def _many(by_name: dict[str, list[Line]], name: str) -> list[str]:
    values = (part for line in by_name.get(name, ()) for part in parts(line.value, ","))
    return list(dict.fromkeys(text for value in values if (text := _first(value))))


def _types(line: Line) -> list[str]:
    return [
        each.strip().lower() for kind in line.params.get("TYPE", ()) for each in kind.split(",")
    ]


def _kind(line: Line, labels: dict[str, str]) -> str:
    types = _types(line)
    for type_ in ("fax", "pager", *types):
        if type_ in types and type_ in _KINDS:
            return _KINDS[type_]
    label = labels.get(line.group or "", "")
    return _KINDS.get(label, "" if label == "other" else label[:64])


def _points(
    lines: Iterable[Line], labels: dict[str, str], read: Callable[[str], str]
) -> tuple[Point, ...]:
    """The values with their kinds; a preferred one goes first, the same one only once."""
    found = []
    for line in lines:
        if value := read(line.value):
            preferred = "pref" in _types(line) or "PREF" in line.params
            found.append((not preferred, Point(value[:_TEXT], _kind(line, labels))))
    return tuple(point for _, point in sorted(found, key=lambda each: each[0]))


def _phone(value: str) -> str:
    value = re.sub(r"(?i)^tel:", "", unescape(value))
    value = re.sub(r"(?i);ext=", " ext ", value).split(";")[0]
    value = " ".join(value.split())
    return value if re.search(r"\d", value) else ""


def _email(value: str) -> str:
    return re.sub(r"(?i)^mailto:", "", unescape(value)).strip()


def _address(value: str) -> str:
    given = [unescape(part).strip() for part in parts(value, ";")] + [""] * 7
    box, extra, street, city, region, code, country = given[:7]
    town = " ".join(filter(None, (city, region, code)))
    text = "\n".join(filter(None, (street, extra, box, town, country)))
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _birthday(lines: Iterable[Line]) -> str:
    """ISO 8601, ``--MM-DD`` without a year; empty if it is no date."""
    for line in lines:
        match = re.match(r"(\d{4}|-)-?(\d\d)-?(\d\d)(?!\d)", line.value.strip())
        if not match:
            continue
        omitted = str(_NO_YEAR) in line.params.get("X-APPLE-OMIT-YEAR", ())
        year = 0 if match[1] == "-" or omitted else int(match[1])
        try:
            day = date(year if year not in (0, _NO_YEAR) else 2000, int(match[2]), int(match[3]))
        except ValueError:
            continue
        return day.isoformat() if year not in (0, _NO_YEAR) else f"--{day:%m-%d}"
    return ""
