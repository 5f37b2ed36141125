"""The content lines that a vCard is made of (RFC 2425, RFC 6350): apart and together.

Our own, in time linear in the text: vobject 0.9.9 needs exponential time for one malformed
line with thirty parameters, cuts texts at commas that old programs do not escape, gives up
on a damaged photo, and logs the lines it cannot read.
"""

from __future__ import annotations

import codecs
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

_HEAD = re.compile(r"(?:(?P<group>[\w-]+)\.)?(?P<name>[\w-]+)", re.ASCII)
_WIDTH = 75  # octets of a line before it is folded


class Line(NamedTuple):
    """One property. ``params`` by upper-case name; those without a name count as TYPE.

    ``value`` is still escaped; quoted-printable is decoded.
    """

    name: str
    params: Mapping[str, list[str]]
    value: str
    group: str = ""


def read(text: str) -> Iterator[Line]:
    """The lines of ``text``, unfolded; what is no content line is left out."""
    return (line for _, line in rows(text))


def rows(text: str) -> Iterator[tuple[str, Line]]:
    """The lines of ``text``, each with how it is written again as it was, folded."""
    for whole in _unfolded(text):
        if line := _parsed(whole):
            again = whole.replace("\n", "\r\n") + "\r\n" if "\n" in whole else _folded(whole)
            yield again, line


def _unfolded(text: str) -> Iterator[str]:
    parts: list[str] = []
    quoted = False  # inside a quoted-printable value that goes on: such lines are not indented
    for physical in text.split("\n"):
        if parts and quoted:
            parts.append("\n" + physical)
        elif parts and physical[:1] in (" ", "\t"):
            parts.append(physical[1:])
        else:
            if parts:
                yield "".join(parts)
            parts = [physical]
        printable = "QUOTED-PRINTABLE" in parts[0].partition(":")[0].upper()
        quoted = printable and physical.endswith("=")
    if parts:
        yield "".join(parts)


def _parsed(whole: str) -> Line | None:
    colon = _outside_quotes(whole, ":")
    if not colon:
        return None
    first, *rest = _split(whole[: colon[0]], ";")
    head = _HEAD.fullmatch(first.strip())
    if head is None:
        return None
    params: dict[str, list[str]] = {}
    for item in rest:
        key, mark, values = item.partition("=")
        if not mark:
            key, values = ("ENCODING" if _is_encoding(item) else "TYPE"), item
        given = [value.strip().strip('"') for value in _split(values, ",")]
        params.setdefault(key.strip().upper(), []).extend(filter(None, given))
    value = whole[colon[0] + 1 :]
    if "QUOTED-PRINTABLE" in map(str.upper, params.get("ENCODING", ())):
        value = _printed(value, next(iter(params.get("CHARSET", ())), ""))
    return Line(head["name"].upper(), params, value, head["group"] or "")


def _is_encoding(item: str) -> bool:
    return item.strip().upper() in ("QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT")


def _outside_quotes(text: str, mark: str) -> list[int]:
    quoted, found = False, []
    for position, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == mark and not quoted:
            found.append(position)
            if mark == ":":
                break
    return found


def _split(text: str, mark: str) -> list[str]:
    at = [-1, *_outside_quotes(text, mark), len(text)]
    return [text[a + 1 : b] for a, b in pairwise(at)]


def codec(name: str) -> str:
    """Python's name for a charset; empty if there is none."""
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""


def _printed(value: str, charset: str) -> str:
    raw = quopri.decodestring(value.encode())
    if charset:
        return raw.decode(codec(charset) or "cp1252", "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def escape(text: str) -> str:
    """``text`` as it is written in a value."""
    text = re.sub(r"([\\,;])", r"\\\1", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def unescape(text: str) -> str:
    """The text that was written."""
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], text, flags=re.S)


def parts(value: str, mark: str) -> list[str]:
    """A value at each ``mark`` that is not escaped; still escaped."""
    found, start, skip = [], 0, False
    for position, letter in enumerate(value):
        if skip:
            skip = False
        elif letter == "\\":
            skip = True
        elif letter == mark:
            found.append(value[start:position])
            start = position + 1
    return [*found, value[start:]]


def write(name: str, value: str, kinds: Iterable[str] = ()) -> str:
    """One line with its end, folded; ``value`` is escaped already."""
    types = ",".join(re.sub(r'[",;:\x00-\x1f]', "-", kind).upper() for kind in kinds if kind)
    return _folded(f"{name}{f';TYPE={types}' if types else ''}:{value}")


def _folded(line: str) -> str:
    out: list[str] = []
    room = _WIDTH
    for letter in line:
        size = len(letter.encode("utf-8", "replace"))
        if size > room:
            out.append("\r\n ")
            room = _WIDTH - 1
        out.append(letter)
        room -= size
    return "".join(out) + "\r\n"
