"""Lists of feeds as OPML, in (1.0, 2.0) and out (2.0); read without entities or network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wlm.errors import UsageError
from wlm_news.items import clean
from wlm_news.own import Source

_DEEPEST = 20
_TITLE = 100


def read(data: bytes) -> list[Source]:
    """The feeds of an OPML file, in its order. Raises ``UsageError`` if it is none."""
    from lxml import etree  # type: ignore[import-untyped]  # it ships no types

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or _name(root) != "opml":
        raise UsageError(
            "This is no OPML file; nothing was changed.",
            hint="Export the subscriptions of your feed reader as OPML and try again.",
        )
    return list(_outlines(root, "", 0))


def _outlines(parent: Any, folder: str, depth: int) -> Iterator[Source]:
    for node in parent:
        if not isinstance(node.tag, str):  # a comment
            continue
        kind = _name(node)
        if kind == "body":
            yield from _outlines(node, folder, depth)
        if kind != "outline":
            continue
        said = {name.casefold(): value for name, value in node.attrib.items()}
        title = clean(said.get("title") or said.get("text"), _TITLE)
        url = (said.get("xmlurl") or "").strip()
        if url:
            yield Source(title or url, url, folder)
        elif depth < _DEEPEST:
            yield from _outlines(node, title or folder, depth + 1)


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2].casefold()


def write(sources: Iterable[Source]) -> bytes:
    """The feeds as OPML 2.0, those of a folder together."""
    from xml.sax.saxutils import quoteattr

    folders: dict[str, list[Source]] = {}
    for source in sources:
        folders.setdefault(source.folder, []).append(source)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">']
    lines += ["<head><title>Feeds of WLM</title></head>", "<body>"]
    for folder in sorted(folders):
        if folder:
            lines.append(f"<outline text={quoteattr(folder)}>")
        for source in folders[folder]:
            name, url = quoteattr(source.name), quoteattr(source.url)
            lines.append(f'<outline type="rss" text={name} title={name} xmlUrl={url}/>')
        if folder:
            lines.append("</outline>")
    return "\n".join([*lines, "</body>", "</opml>", ""]).encode()
