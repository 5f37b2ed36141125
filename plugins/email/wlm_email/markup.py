"""The text of HTML mails: what a reader would see of them, quotations marked."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

MOST = 500_000
"""Characters of markup that are read."""

_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "fieldset"}
    | {"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main"}
    | {"nav", "ol", "p", "pre", "section", "table", "tr", "ul"}
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul"})
_SKIPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "object"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|"
    r"(?<![\w-])(?:font-size|max-height|opacity)\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)",
    re.I,
)
_QUOTES = re.compile(r"gmail_quote|moz-cite|yahoo_quoted|protonmail_quote", re.I)
_DEEPEST = 30


def html_to_text(markup: str) -> str:
    """The text, a line a block; scripts, styles and hidden parts left out, quotations as "> "."""
    text = _read(markup[:MOST], _SKIPPED)
    if not text and "<" in markup:  # a head that never ends
        text = _read(markup[:MOST], _SKIPPED - {"head"})
    return text


def _read(markup: str, skipped: frozenset[str]) -> str:
    reader = _Reader(skipped)
    reader.feed(markup)
    reader.close()
    reader.end_line()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(reader.lines)).strip()


class _Open(NamedTuple):
    tag: str
    hides: bool
    quotes: bool


class _Reader(HTMLParser):
    def __init__(self, skipped: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line: list[str] = []
        self._open: list[_Open] = []
        self._hidden = self._depth = 0
        self._skipped = skipped

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":  # ends a head that was never closed
            self._open.clear()
            self._hidden = self._depth = 0
        self._break(tag)
        if tag in ("td", "th"):
            self._line.append(" ")
        if tag == "li":
            self._line.append("- ")
        if tag in _VOID:
            return
        given = {name: value or "" for name, value in attrs}
        hides = (
            tag in self._skipped
            or "hidden" in given
            or bool(_HIDDEN.search(given.get("style", "")))
        )
        quotes = tag == "blockquote" or bool(_QUOTES.search(given.get("class", "")))
        self._open.append(_Open(tag, hides, quotes))
        self._hidden += hides
        self._depth += quotes

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)
        for back in range(1, min(_DEEPEST, len(self._open)) + 1):
            if self._open[-back].tag == tag:
                for gone in self._open[-back:]:
                    self._hidden -= gone.hides
                    self._depth -= gone.quotes
                del self._open[-back:]
                return

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._line.append(data.replace("\n", " ").replace("\xa0", " "))

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.end_line()
            if tag in _PARAGRAPHS and self.lines and self.lines[-1]:
                self.lines.append("")

    def end_line(self) -> None:
        """Put away what was read since the last line's end."""
        text = " ".join("".join(self._line).split())
        self._line.clear()
        if text and text != "-":
            self.lines.append(f"{'> ' * min(self._depth, 5)}{text}")
