"""vCard files, in (2.1, 3.0, 4.0) and out (3.0, which every address book reads).

``lines.py`` takes a file apart, ``card.py`` knows what the properties mean; ``bring.py``
finds the contact that a card is.
"""

from __future__ import annotations

import codecs
import re

from wlm.errors import UsageError
from wlm.plugins import Context
from wlm_people.book import Book
from wlm_people.bring import Imported, bring_in
from wlm_people.card import from_lines
from wlm_people.contact import Contact, Point
from wlm_people.lines import codec, escape, read, write
from wlm_people.tablefile import cards

_CARD = re.compile(r"(?ims)^[ \t]*BEGIN:VCARD[ \t]*$.*?^[ \t]*END:VCARD[ \t]*$")
_CHARSET = re.compile(r"(?i)CHARSET=\"?([\w.:-]+?)\"?(?=[;:])")


def import_vcards(ctx: Context, data: bytes) -> Imported:
    """Put the cards of a file into the address book; see ``bring_in``.

    Raises ``UsageError`` if the file has no card.
    """
    return bring_in(ctx, (from_lines(read(text)) for text in texts_of(decode(data))))


def texts_of(text: str) -> list[str]:
    """The cards of a file, apart. Raises ``UsageError`` if it has none."""
    if found := _CARD.findall(text):
        return found
    raise UsageError(
        "There is no vCard in this file; nothing was changed.",
        hint="Export the contacts as vCard (.vcf) and try again.",
    )


def import_contacts(ctx: Context, data: bytes) -> Imported:
    """Put a file of vCards, or a table with headings, into the address book."""
    text = decode(data)
    return import_vcards(ctx, data) if _CARD.search(text) else bring_in(ctx, cards(text))


def one_card(text: str) -> str:
    """The only card of a text; empty if there is none, or several."""
    found = _CARD.findall(text)
    return found[0] if len(found) == 1 else ""


def export_vcards(ctx: Context) -> bytes:
    """Every contact as vCard 3.0 in UTF-8, by name."""
    people = sorted(Book(ctx).where(), key=lambda contact: (contact.name.casefold(), contact.id))
    return "".join(map(to_vcard, people)).encode()


def decode(data: bytes) -> str:
    """The file as text: UTF-16 by its mark, else UTF-8, each line that is not by its charset."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        lines = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = "\n".join(_line(line) for line in lines.split(b"\n"))
    return text.replace("\r\n", "\n").replace("\0", "")


def _line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        match = _CHARSET.search(line.split(b":", 1)[0].decode("latin-1") + ":")
        return line.decode(codec(match[1] if match else "") or "cp1252", "replace")


def to_vcard(contact: Contact) -> str:
    """One contact as vCard 3.0."""
    given, family = contact.parts
    out = [
        write("BEGIN", "VCARD"),
        write("VERSION", "3.0"),
        write("UID", escape(contact.uid or contact.id)),
        write("N", f"{escape(family)};{escape(given)};;;"),
        write("FN", escape(contact.name)),
    ]
    texts = (
        ("ORG", contact.company),
        ("TITLE", contact.role),
        ("BDAY", contact.birthday),
        ("NOTE", contact.notes),
        *(("X-WLM-RELATION", relation) for relation in contact.relations),
    )
    out += [write(name, escape(value)) for name, value in texts if value]
    for name, points in (("TEL", contact.phones), ("EMAIL", contact.emails)):
        out += [write(name, escape(point.value), _types(point)) for point in points]
    out += [
        write("ADR", f";;{escape(point.value)};;;;", _types(point)) for point in contact.addresses
    ]
    # A line each: some servers keep only the first of several in one line.
    out += [write("NICKNAME", escape(nickname)) for nickname in contact.nicknames]
    out += [write(f"X-{point.kind.upper()}", escape(point.value)) for point in contact.links]
    if contact.groups:
        out.append(write("CATEGORIES", ",".join(map(escape, contact.groups))))
    return "".join([*out, write("END", "VCARD")])


def _types(point: Point) -> list[str]:
    return [{"mobile": "cell"}.get(point.kind, point.kind)]
