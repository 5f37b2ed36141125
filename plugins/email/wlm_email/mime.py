"""What a mail says, as plain text. Mails are written by strangers: nothing here acts on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, NamedTuple

from wlm.errors import BadRequest
from wlm_email.charsets import decode, printable
from wlm_email.markup import html_to_text

_DEEPEST = 40
_SUBJECT, _NAME, _IDS = 1_000, 200, 20_000
"""Characters that are taken of a subject, of a name and of a list of ids."""

_BROKEN = (ValueError, IndexError, KeyError, AttributeError, TypeError, MessageError, LookupError)
"""What the standard library raises on mails that are none."""
_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,100}", re.ASCII)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.I)
_ENCRYPTED = "The mail is encrypted, so it cannot be read here."


class Mail(NamedTuple):
    """One mail. ``text`` is empty where only its head was fetched.

    ``to`` are the (name, address) pairs of To and Cc. ``note`` says why there is no text.
    """

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
    to: tuple[tuple[str, str], ...] = ()
    note: str = ""

    @property
    def sender(self) -> str:
        """Who it is from, to be heard."""
        return self.name or self.address or "somebody unknown"


def parse(raw: bytes, uid: str, *, seen: bool) -> Mail:
    """A mail, or its head, from its bytes. Broken ones give what can be read.

    Raises ``BadRequest`` for one that cannot be taken apart at all.
    """
    message = taken_apart(raw)
    name, address = next(iter(_people(message, "from")), ("", ""))
    texts, attachments, note = _contents(message)
    to = dict.fromkeys([*_people(message, "to"), *_people(message, "cc")])
    return Mail(
        uid,
        _plain_header(message, "message-id"),
        name,
        address,
        plain(header(message, "subject"))[:_SUBJECT],
        _date(message),
        seen,
        _plain_header(message, "references") or _plain_header(message, "in-reply-to"),
        texts,
        attachments,
        tuple(to),
        note,
    )


def taken_apart(raw: bytes) -> Message[str, str]:
    """The standard library's message. Raises ``BadRequest`` if it is nested without end."""
    try:
        return message_from_bytes(raw, policy=policy.compat32)
    except RecursionError:
        raise BadRequest(
            "The mail is nested too deeply to be read.", hint="Look at it in a mail program."
        ) from None
    except _BROKEN as error:
        raise BadRequest(
            f"The mail is not of the form of a mail ({type(error).__name__}).",
            hint="Look at it in a mail program.",
        ) from None


def plain(text: str) -> str:
    """One line without control or direction characters."""
    return " ".join(printable(text).split())


def header(message: Message[str, str], name: str) -> str:
    """A header as text: encoded words and bare bytes decoded, unfolded."""
    for key, value in message.raw_items():
        if key.casefold() == name:
            return _decoded(str(value))
    return ""


def attached(message: Message[str, str], most: int) -> Iterator[tuple[str, str, bytes]]:
    """Name, type and bytes of what is attached. Raises ``BadRequest`` beyond ``most`` bytes."""
    total = 0
    for part in _leaves(message, 0):
        if not _is_attached(part):
            continue
        data = _bytes(part)
        total += len(data)
        if total > most:
            raise BadRequest(
                f"What is attached is larger than {most // 1_000_000} MB; nothing was sent.",
                hint="Raise the setting `attach_mb`, or send a link.",
            )
        yield _filename(part), _sent_type(part), data


def leaves(message: Message[str, str]) -> Iterator[Message[str, str]]:
    """The parts of a mail that hold no others."""
    return _leaves(message, 0)


def leaf_type(part: Message[str, str]) -> str:
    """The type of such a part, in lower case."""
    return _type(part)


def leaf_bytes(part: Message[str, str]) -> bytes:
    """What such a part holds, decoded."""
    return _bytes(part)


def _people(message: Message[str, str], name: str) -> list[tuple[str, str]]:
    values = [str(value) for key, value in message.raw_items() if key.casefold() == name]
    if not values:
        return []
    try:  # decoded after the addresses are taken apart: a name may hold a comma or an @
        pairs = getaddresses([" ".join(_unfolded(value).split()) for value in values[:20]])
    except (*_BROKEN, RecursionError):
        return []
    return [(plain(_decoded(n))[:_NAME], plain(_decoded(a))) for n, a in pairs[:200] if n or a]


def _plain_header(message: Message[str, str], name: str) -> str:
    return plain(header(message, name))[:_IDS]


def _unfolded(value: str) -> str:
    """Bare bytes in a header decoded: the parser keeps them as surrogates."""
    if value.isascii():
        return value
    return decode(value.encode("utf-8", "surrogateescape"), "utf-8")


def _decoded(value: str) -> str:
    text = " ".join(_unfolded(value).split())
    if "=?" not in text:
        return text
    try:
        parts = decode_header(text)
    except _BROKEN:
        return text
    return "".join(_word(part, charset) for part, charset in parts)


def _word(part: Any, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    if charset is None:  # between encoded words: as it stood there
        return str(part.decode("raw_unicode_escape", "replace"))
    return decode(part, charset.partition("*")[0])


def _date(message: Message[str, str]) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header(message, "date"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # the first and the last year have no room for zones
    except (*_BROKEN, OverflowError):
        return None
    return moment


def _contents(message: Message[str, str]) -> tuple[str, tuple[str, ...], str]:
    """The text, the names of what is attached, and a note where there is no text."""
    if _type(message) == "multipart/encrypted":
        return "", (), _ENCRYPTED
    if _type(message) in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return "", (), _ENCRYPTED
    texts = "\n\n".join(text for text in _texts(message, 0) if text)
    text = "\n".join(printable(line).rstrip() for line in texts.splitlines()).strip()
    names = tuple(_filename(part) for part in _leaves(message, 0) if _is_attached(part))
    note = ""
    if "-----BEGIN PGP MESSAGE-----" in text:
        text, note = "", _ENCRYPTED
    return text, names, note


def _texts(part: Message[str, str], depth: int) -> list[str]:
    """The texts to be read, in their order: of alternatives the plainest that says something."""
    if depth > _DEEPEST:
        return []
    children = _children(part)
    if children is None:
        return [] if _is_attached(part) else [_text(part)]
    kind = _type(part)
    if kind == "multipart/alternative":
        return _plainest(children, depth)
    if kind in ("multipart/signed", "multipart/related") and children:
        return _texts(children[0], depth + 1)
    return [text for child in children for text in _texts(child, depth + 1)]


def _plainest(children: list[Message[str, str]], depth: int) -> list[str]:
    ranked = sorted(children, key=lambda child: _type(child) != "text/plain")
    for child in ranked:
        found = _texts(child, depth + 1)
        if any(text.strip() for text in found):
            return found
    return []


def _leaves(part: Message[str, str], depth: int) -> Iterator[Message[str, str]]:
    children = _children(part)
    if children is None:
        yield part
    elif depth <= _DEEPEST:
        for child in children:
            yield from _leaves(child, depth + 1)


def _children(part: Message[str, str]) -> list[Message[str, str]] | None:
    """The parts of a multipart; ``None`` for a leaf. A mail within a mail is one."""
    payload = part.get_payload()
    if not isinstance(payload, list) or _type(part).startswith("message/"):
        return None
    return [child for child in payload if isinstance(child, Message)]


def _is_attached(part: Message[str, str]) -> bool:
    kind, disposition = _type(part), _disposition(part)
    if disposition == "attachment" or kind.startswith("message/"):
        return kind != "message/delivery-status"
    if kind in ("text/plain", "text/html"):
        return bool(part.get_filename(None)) and disposition == "attachment"
    if kind.startswith("text/") and not part.get_filename(None):
        return kind == "text/calendar"
    # A picture that a text shows is part of the text.
    return not (kind.startswith("image/") and part["content-id"] and disposition != "attachment")


def _text(part: Message[str, str]) -> str:
    kind = _type(part)
    if not kind.startswith("text/"):
        return ""
    raw = _bytes(part)
    charset = _charset(part)
    if kind == "text/html":
        told = _META_CHARSET.search(raw[:2048]) if not charset else None
        return html_to_text(decode(raw, told[1].decode("ascii") if told else charset))
    text = decode(raw, charset)
    return _flowed(text) if _parameter(part, "format") == "flowed" else text


def _flowed(text: str) -> str:
    """Lines that end in a space go on in the next one (RFC 3676)."""
    out: list[str] = []
    going_on = False
    for line in text.splitlines():
        line = line.removeprefix(" ")  # space-stuffed
        if going_on and not line.startswith(">") and not out[-1].startswith(">"):
            out[-1] += line
        else:
            out.append(line)
        going_on = line.endswith(" ") and line != "-- "
    return "\n".join(out)


def _bytes(part: Message[str, str]) -> bytes:
    if _type(part).startswith("message/"):
        inner = part.get_payload()
        try:
            first = inner[0] if isinstance(inner, list) and inner else part
            return first.as_bytes() if isinstance(first, Message) else b""
        except (*_BROKEN, RecursionError):
            return b""
    try:
        raw = part.get_payload(decode=True)
    except _BROKEN:
        raw = None
    if isinstance(raw, bytes):
        return raw
    text = part.get_payload()
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b""


def _filename(part: Message[str, str]) -> str:
    try:
        name = part.get_filename("") or ""
    except _BROKEN:
        name = ""
    named = plain(_decoded(str(name))).replace("/", "_").replace("\\", "_")
    if not named and _type(part) == "message/rfc822":
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        subject = plain(header(first, "subject")) if isinstance(first, Message) else ""
        return f"{subject or 'mail'}.eml".replace("/", "_")
    return named[:150] or "unnamed"


def _type(part: Message[str, str]) -> str:
    try:
        return str(part.get_content_type())
    except _BROKEN:
        return "text/plain"


def _sent_type(part: Message[str, str]) -> str:
    """The type under which the bytes go out again; a whole mail goes as a file."""
    kind = _type(part)
    plainly = _TYPE.fullmatch(kind) and not kind.startswith(("message/", "multipart/"))
    return kind if plainly else "application/octet-stream"


def _disposition(part: Message[str, str]) -> str:
    try:
        return part.get_content_disposition() or ""
    except _BROKEN:
        return ""


def _charset(part: Message[str, str]) -> str:
    return _parameter(part, "charset")


def _parameter(part: Message[str, str], name: str) -> str:
    try:
        value = part.get_param(name, "")
    except _BROKEN:
        return ""
    if isinstance(value, tuple):  # RFC 2231: charset, language, value
        value = value[2]
    return str(value or "").casefold()
