"""The text of HTML mails: what a reader would see of them, quotations marked."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|"
    r"(?<![\w-])(?:font-size|max-height|opacity)\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)",
    re.I,
)
_QUOTES = re.compile(r"gmail_quote|moz-cite|yahoo_quoted|protonmail_quote", re.I)


def html_to_text(markup: str) -> str:
    """The text, a line a block; scripts, styles and hidden parts left out, quotations as "> "."""
    from lxml import etree  # type: ignore[import-untyped] # it ships no types

    reader = _Reader()
    # Linear in what it reads, which the standard library's parser is not.
    parser = etree.HTMLParser(target=reader, no_network=True, recover=True, remove_comments=True)
    try:
        parser.feed(markup[:MOST].replace("\0", ""))
        parser.close()
    except (etree.ParseError, ValueError):
        reader.end_line()  # what was read until then counts
    return re.sub(r"\n{3,}", "\n\n", "\n".join(reader.lines)).strip()


class _Open(NamedTuple):
    hides: bool
    quotes: bool


class _Reader:
    """What the parser tells, taken down."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._open: list[_Open] = []
        self._hidden = self._depth = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._break(tag)
        if tag in ("td", "th"):
            self._line.append(" ")
        if tag == "li":
            self._line.append("- ")
        styled = bool(_HIDDEN.search(attributes.get("style", "")))
        hides = styled or tag in _SKIPPED or "hidden" in attributes
        quotes = tag == "blockquote" or bool(_QUOTES.search(attributes.get("class", "")))
        self._open.append(_Open(hides, quotes))
        self._hidden += hides
        self._depth += quotes

    def end(self, tag: str) -> None:
        """The last one that is open ends."""
        self._break(tag)
        if self._open:
            gone = self._open.pop()
            self._hidden -= gone.hides
            self._depth -= gone.quotes

    def data(self, text: str) -> None:
        """Text of the innermost one."""
        if not self._hidden:
            self._line.append(text.replace("\n", " ").replace("\xa0", " "))

    def close(self) -> None:
        """The end."""
        self.end_line()

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
