"""What news come to: in the words of the language model where one is set, else a good extract."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wlm.plugins import Context, Passage, Summary
from wlm_news.items import Item

WORDS = 80
"""Words of the language model's summary."""

_MOST_WORDS = 35
_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=[\"'“‘(A-ZÄÖÜÁÉÍÓÚÑ0-9¿¡])")
_NEWS_SHARE = 0.4
"""A sentence with a smaller share of words that the title does not have repeats the title."""


def summary(ctx: Context, items: Sequence[Item]) -> Summary:
    """The language model's, of the items' titles and openings."""
    said = [Passage(f"{item.title}. {item.summary}".strip(), item.source) for item in items]
    made = ctx.summarise(said, words=WORDS)
    if made.transient:
        ctx.lasts(ctx.now)  # not for as long as headlines are: it may well be there again
    return made


def lead(item: Item) -> str:
    """The first sentence of the item's text that adds to its title, cut to length, or nothing."""
    title = set(_words(item.title))
    for sentence in _SENTENCE.split(item.summary):
        words = _words(sentence)
        new = [word for word in words if word not in title]
        if len(new) >= 3 and len(new) >= _NEWS_SHARE * len(words):
            return _cut(sentence)
    return ""


def _cut(sentence: str) -> str:
    words = sentence.split()
    if len(words) > _MOST_WORDS:
        return f"{' '.join(words[:_MOST_WORDS]).rstrip(' ,;:')} …"
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]{2,}", text.casefold())
