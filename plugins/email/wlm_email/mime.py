"""What a mail says, as plain text. Mails are written by strangers: nothing here acts on them."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import NamedTuple

_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "div", "dl", "dt", "h1", "h2", "h3", "h4", "li"}
    | {"p", "pre", "section", "table", "tr", "ul", "ol"}
)
_SKIPPED = frozenset({"script", "style", "head", "title", "template"})
_BROKEN = (ValueError, IndexError, KeyError, AttributeError, TypeError, MessageError)
"""What the standard parser raises on mails that are none."""
_INTRO = re.compile(r"^(on|am|le|el)\b.{4,200}\b(wrote|schrieb|écrit|escribió)\b.{0,80}:\s*$", re.I)
_URL = re.compile(r"https?://\S+")


class Mail(NamedTuple):
    """One mail. ``text`` is empty where only its head was fetched."""

    uid: str
    message_id: str
    name: str
    address: str
    subject: str
    date: datetime | None
    seen: bool
    references: str = ""
    text: str = ""
    attachments: tuple[str, ...] = ()

    @property
    def sender(self) -> str:
        """Who it is from, to be heard."""
        return self.name or self.address or "somebody unknown"


def parse(raw: bytes, uid: str, *, seen: bool) -> Mail:
    """A mail, or its head, from its bytes. Broken ones give what can be read."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    name, address = parseaddr(_header(message, "from"))
    return Mail(
        uid,
        _header(message, "message-id"),
        plain(name),
        plain(address),
        plain(_header(message, "subject")),
        _date(message),
        seen,
        _header(message, "references"),
        _text(message),
        tuple(_attachments(message)),
    )


def plain(text: str) -> str:
    """One line without control or direction characters."""
    return " ".join(_printable(text).split())


def spoken(text: str, limit: int) -> str:
    """A body to be heard: what is new in it, without addresses of the web, cut to length."""
    lines = []
    for line in text.splitlines():
        if line.rstrip() == "--" or _INTRO.match(line.strip()):
            break
        if not line.lstrip().startswith(">"):
            lines.append(_URL.sub("a link", line))
    flat = " ".join(" ".join(lines).split())
    if len(flat) <= limit:
        return flat
    return f"{flat[:limit].rsplit(' ', 1)[0]} … The rest is in the display."


def html_to_text(markup: str) -> str:
    """The text of an HTML body, a line a block; scripts, styles and hidden parts left out."""
    reader = _Reader()
    reader.feed(markup[:500_000])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipping = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED and not self._skipping:
            self._skipping = tag
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._skipping:
            self._skipping = ""
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.parts.append(data.replace("\n", " "))


def _text(message: EmailMessage) -> str:
    try:
        part = message.get_body(("plain", "html"))
    except _BROKEN:
        part = None
    if part is None:
        return ""
    text = _content(part)
    if part.get_content_type() == "text/html":
        text = html_to_text(text)
    return "\n".join(_printable(line).rstrip() for line in text.splitlines()).strip()


def _content(part: MIMEPart) -> str:
    """The part decoded; an unknown or wrong charset is read as UTF-8 or Latin-1."""
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    for charset in (part.get_content_charset() or "utf-8", "utf-8"):
        try:
            return raw.decode(charset)
        except (LookupError, UnicodeDecodeError):
            continue
    return raw.decode("latin-1")


def _attachments(message: EmailMessage) -> list[str]:
    try:
        return [plain(part.get_filename() or "unnamed") for part in message.iter_attachments()]
    except _BROKEN:
        return []


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except (*_BROKEN, RecursionError):
        return ""


def _date(message: EmailMessage) -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(_header(message, "date"))
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _printable(text: str) -> str:
    return "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
