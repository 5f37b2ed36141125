"""What a conversation by mail comes to: its sentences weighed, the telling ones said."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wlm.plugins import Context, Passage, Reply
from wlm_email import say
from wlm_email.heard import newest, sentences
from wlm_email.mime import Mail, plain

_MOST_WORDS = 40
_WORDS = 80
"""Words of the language model's summary."""
_LEAST_LETTERS = 12
_COMMON = """
the a an and or but if of to in on at for with from by is are was were be been it this that i you
we they he she my your our me us them as so not no do does did have has had will would can could
should just there here then than der die das und oder ist sind ich du wir sie es ein eine nicht
mit von zu den dem el la los las un una y o en de que con no por para
"""
_STOP = frozenset(_COMMON.split())
_GREETING = re.compile(
    r"^(?:hi|hello|hey|dear|hallo|liebe|lieber|hola|thanks|thank you|best|regards|cheers|kind|"
    r"many thanks|viele grüße|saludos|good (?:morning|afternoon|evening))\b[^.!?]{0,40}[,.!]?$",
    re.I,
)


def sum_up(ctx: Context, mails: Sequence[Mail], me: str, data: dict[str, Any]) -> Reply:
    """The thread to be heard, and to be read: who wrote when, and what it comes to.

    In the words of the language model where one is set and the user lets it have mails; else the
    sentence of each mail that tells most.
    """
    head = _head(mails, me, ctx.now)
    texts = [_sentences(mail) for mail in mails]
    lines = [
        f"{_whose(mail, me, ctx.now)}: {' '.join(each[:4])}".rstrip()
        for mail, each in zip(mails, texts, strict=True)
    ]
    given = [
        Passage(newest(mail.text), f"{_whose(mail, me, ctx.now)}: {mail.subject}") for mail in mails
    ]
    summary = ctx.summarise(given, words=_WORDS)
    said = summary.text or _extract(mails, texts, me)
    shown = [mails[0].subject, head]
    if summary:
        shown += ["", f"The language model's summary: {summary.text}", ""]
    shown += [*lines, *([summary.note] if summary.note else [])]
    told = {**data, "summary": summary.to_dict()}
    return Reply(f"{say.subject(mails[0])} {head} {said}", "\n".join(shown), told)


def _head(mails: Sequence[Mail], me: str, now: datetime) -> str:
    """Who wrote, and from when to when."""
    names = say.joined(list(dict.fromkeys(_name(mail, me) for mail in mails)))
    first, last = say.when(mails[0].date, now), say.when(mails[-1].date, now)
    span = f"from {first} to {last}" if first != last else last
    return f"{say.count(len(mails), 'mail')} by {names}, {span}."


def _whose(mail: Mail, me: str, now: datetime) -> str:
    return f"{say.when(mail.date, now)}, {_name(mail, me)}"


def _extract(mails: Sequence[Mail], texts: Sequence[Sequence[str]], me: str) -> str:
    """The sentence that tells most of the first mail and of the last three, or of all four."""
    weights = _weights(texts, mails)
    told = [_told(mail, each, weights, me) for mail, each in zip(mails, texts, strict=True)]
    return " ".join(told if len(told) <= 4 else [told[0], *told[-3:]])


def _sentences(mail: Mail) -> list[str]:
    found = [plain(sentence) for sentence in sentences(newest(mail.text))]
    telling = [
        each
        for each in found
        if not _GREETING.match(each) and sum(map(str.isalpha, each)) >= _LEAST_LETTERS
    ]
    return telling or found


def _told(mail: Mail, texts: Sequence[str], weights: Counter[str], me: str) -> str:
    name = "You" if _mine(mail, me) else mail.sender
    if not texts:
        return f"{name} wrote: {mail.note or 'no text.'}"
    best = max(texts, key=lambda each: _score(each, weights, texts.index(each)))
    words = best.split()
    if len(words) > _MOST_WORDS:
        best = f"{' '.join(words[:_MOST_WORDS])} …"
    return f"{name} {'asked' if best.endswith('?') else 'wrote'}: {best}"


def _weights(texts: Sequence[Sequence[str]], mails: Sequence[Mail]) -> Counter[str]:
    """How much a word tells of the thread: in how many of its mails and subjects it stands."""
    weights: Counter[str] = Counter()
    for sentences_of, mail in zip(texts, mails, strict=True):
        weights.update(set(_words(" ".join(sentences_of))))
        weights.update(set(_words(mail.subject)))
    return weights


def _score(sentence: str, weights: Counter[str], place: int) -> float:
    words = _words(sentence)
    if not words:
        return 0.0
    score = sum(weights[word] for word in words) / math.sqrt(len(words))
    score *= 1.4 if sentence.endswith("?") else 1.0  # a question waits for an answer
    score *= 1.2 if re.search(r"\d", sentence) else 1.0  # times, sums
    return score / (1 + 0.1 * place)


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]{2,}", text.casefold()) if word not in _STOP]


def _name(mail: Mail, me: str) -> str:
    return "you" if _mine(mail, me) else mail.sender


def _mine(mail: Mail, me: str) -> bool:
    return mail.address.casefold() == me.casefold()
