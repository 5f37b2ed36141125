"""A mail as it is read aloud: what is new in it, without what only eyes want."""

from __future__ import annotations

import re
from collections.abc import Sequence

_INTRO = re.compile(
    r"^(?:on|am|le|el|il|op|den|em)\b.{4,240}\b"
    r"(?:wrote|writes|schrieb|a écrit|écrit|escribió|ha scritto|schreef|skrev|escreveu)\b"
    r".{0,80}:\s*$"
    r"|^.{3,160}\b(?:wrote|schrieb|a écrit|escribió)(?: on .{4,60})?:\s*$",
    re.I,
)
_INTRO_BEGINS = re.compile(r"^(?:on|am|le|el)\b.{6,}$", re.I)
_ORIGINAL = re.compile(
    r"^[-_\s>*]*(?:original message|original appointment|ursprüngliche nachricht|"
    r"message d'origine|mensaje original|messaggio originale)[-_\s*]*$",
    re.I,
)
_FORWARDED = re.compile(
    r"^[-_\s>*]*(?:forwarded message|begin forwarded message|weitergeleitete nachricht|"
    r"message transféré|mensaje reenviado)\b.*$",
    re.I,
)
_HEAD_LINE = re.compile(
    r"^[>\s*]*(?:from|sent|to|cc|date|subject|reply-to|von|gesendet|an|betreff|datum|"
    r"de|envoyé|à|objet|enviado|para|asunto|fecha)\s?\*?:\*?\s+\S",
    re.I,
)
_SIGNED_OFF = re.compile(
    r"^(?:sent from my |sent from (?:outlook|mail|yahoo|proton)|get outlook for|"
    r"von meinem .{2,40} gesendet|gesendet von|envoyé de mon|enviado desde mi)",
    re.I,
)
_DISCLAIMER = re.compile(
    r"^(?:(?:this|the information (?:contained )?in this) (?:e-?mail|message|communication)\b.*"
    r"(?:confidential|privileged|intended)|diese e-?mail .*vertraulich|"
    r"please consider the environment|if you are not the intended recipient|"
    r"(?:click here to )?unsubscribe\b)",
    re.I | re.S,
)
_URL = re.compile(r"<?(?:https?://|www\.)[^\s>]+>?|\[cid:[^\]]*\]")
_RULE = re.compile(r"^[\s>]*[-=_*~#+.•]{3,}[\s]*$")
_PGP = re.compile(r"-----BEGIN PGP SIGNATURE-----.*?(?:-----END PGP SIGNATURE-----|\Z)", re.S)
_PGP_HEAD = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:\w+:.*\n)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[\"'“A-ZÄÖÜÁÉÍÓÚÑ0-9¿¡])")
_LONG = re.compile(r"\S{60,}")


def newest(text: str) -> str:
    """What the writer added: without quotations, the lines that lead to them, and signatures.

    Where a mail is nothing but a quotation or passes another on, that is what it says.
    """
    lines = _PGP_HEAD.sub("", _PGP.sub("", text)).splitlines()
    own = _paragraphs(_own(lines))
    if own:
        return own
    return _paragraphs(_own([line.lstrip("> ") for line in lines if not _INTRO.match(line)]))


def spoken(text: str, limit: int) -> str:
    """A body to be heard: what is new in it, without addresses of the web, cut to length."""
    flat = newest(text).replace("\n", " ")
    flat = _LONG.sub("a long code", _URL.sub("a link", flat))
    flat = re.sub(r"(?:a link[\s,|]*){2,}", "links ", flat)
    flat = " ".join(flat.split())
    if len(flat) <= limit:
        return flat
    return f"{flat[:limit].rsplit(' ', 1)[0]} … The rest is in the display."


def sentences(text: str) -> list[str]:
    """The sentences of a text, in their order."""
    parts = [part for line in text.splitlines() for part in _SENTENCE_END.split(line)]
    return [part.strip() for part in parts if part.strip()]


def _own(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i].strip()
        if lines[i].rstrip("\r") in ("-- ", "--") and any(part.strip() for part in kept):
            break
        if _FORWARDED.match(line):
            if any(part.strip() for part in kept):
                kept += ["", "A mail is passed on below."]
                break
            i = _past_head(lines, i + 1)
            continue
        if _ORIGINAL.match(line) or _is_head(lines, i):
            break
        if skipped := _intro(lines, i):
            quoted = any(lines[j].lstrip().startswith(">") for j in _next(lines, i + skipped))
            if quoted:
                i += skipped
                continue
            if any(c.isdigit() for c in line) and _INTRO_BEGINS.match(line):
                break  # the rest is the old mail, unmarked
        if not line.startswith(">") and not _RULE.match(line) and not _SIGNED_OFF.match(line):
            kept.append(line)
        i += 1
    return kept


def _intro(lines: Sequence[str], i: int) -> int:
    """How many lines from ``i`` on say who wrote what follows."""
    line = lines[i].strip()
    if line.startswith(">") or len(line) > 300:
        return 0
    if _INTRO.match(line):
        return 1
    if _INTRO_BEGINS.match(line):
        for more in (2, 3):
            joined = " ".join(part.strip() for part in lines[i : i + more])
            if len(joined) < 300 and _INTRO.match(joined):
                return more
    return 0


def _is_head(lines: Sequence[str], i: int) -> bool:
    """Whether the head of an old mail begins here, as some programs put it before the text."""
    if not re.match(r"^[>\s*]*(?:from|von|de)\s?\*?:", lines[i], re.I):
        return False
    return sum(bool(_HEAD_LINE.match(line)) for line in lines[i : i + 5]) >= 3


def _past_head(lines: Sequence[str], i: int) -> int:
    while i < len(lines) and (not lines[i].strip() or _HEAD_LINE.match(lines[i])):
        i += 1
    return i


def _next(lines: Sequence[str], i: int) -> Sequence[int]:
    """The next line that says something."""
    return next(([j] for j in range(i, min(i + 4, len(lines))) if lines[j].strip()), [])


def _paragraphs(lines: Sequence[str]) -> str:
    """Lines joined, a paragraph a line, each ending as a sentence does."""
    out: list[str] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        flat = " ".join(paragraph.split())
        if not flat or _DISCLAIMER.match(flat):
            continue
        out.append(flat if not flat[-1].isalnum() else f"{flat}.")
    return "\n".join(out)
