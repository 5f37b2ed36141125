"""Replies in another language: each sentence looked up in catalogues, ``replies/LANG.txt``.

A line of a catalogue is an English sentence, `` = ``, and the same in the language:

    {title}, {when:t}, is in your calendar. = {title} steht {when} im Kalender.

``{x}`` is any text and stays as it is; ``{x:t}`` is put into the language too, by the
catalogue, by its lines without marks (as words), and as a time. WLM's own sentences lie beside
this module, a skill's beside its own. What no line knows stays English.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wlm.pipeline.slots.languages import language
from wlm.types import Reply

if TYPE_CHECKING:
    from wlm.pipeline.slots.languages.tables import Language
    from wlm.plugins.manager import Registry

_MARK = re.compile(r"\{(\w+)(:t)?\}")
_SENTENCES = re.compile(r"(?<=[.!?…])\s+(?=\S)")
_CLOCK = re.compile(r"\b(?:(at|from|to) )?(?:(\d{1,2})(?::(\d\d))? (am|pm)|(noon|midnight))\b")
_DATE = re.compile(r"\b(on )?([A-Z][a-z]+day)(?: (\d{1,2}) ([A-Z][a-z]+))?\b")


class _Entry(NamedTuple):
    """A sentence with marks; ``put`` are the names whose values are put into the language."""

    pattern: re.Pattern[str]
    words: str
    put: frozenset[str]


class Wording:
    """The sentences of one language."""

    def __init__(self, lines: Iterable[str], tables: Language) -> None:
        self._tables = tables
        self._fixed: dict[str, str] = {}
        entries: list[tuple[int, _Entry]] = []
        for line in lines:
            english, mark, words = line.partition(" = ")
            if not mark or line.startswith("#"):
                continue
            if _MARK.search(english):
                literal = len(_MARK.sub("", english))
                entries.append((literal, _entry(english.strip(), words.strip())))
            else:
                self._fixed[english.strip()] = words.strip()
        self._entries = [entry for _, entry in sorted(entries, key=lambda pair: -pair[0])]
        words_first = sorted((k for k in self._fixed if k[-1] not in ".?!"), key=len, reverse=True)
        self._word = _alternatives(words_first)

    def reply(self, reply: Reply) -> Reply:
        """The reply in the language; its data as they were."""
        return Reply(self.text(reply.speech), self.text(reply.display), reply.data)

    def text(self, text: str) -> str:
        """``text`` line by line, each as a whole or sentence by sentence."""
        return "\n".join(self._line(line) for line in text.split("\n"))

    def _line(self, line: str) -> str:
        bare = line.strip()
        if not bare:
            return line
        known = self._known(bare)
        if known is None:
            known = " ".join(self._known(part) or part for part in _SENTENCES.split(bare))
        return line[: len(line) - len(line.lstrip())] + known

    def _known(self, sentence: str) -> str | None:
        if sentence in self._fixed:
            return self._fixed[sentence]
        for entry in self._entries:
            if match := entry.pattern.fullmatch(sentence):
                values = {
                    name: self._value(value) if name in entry.put else value
                    for name, value in match.groupdict().items()
                }
                return _upper(_MARK.sub(lambda mark, v=values: v.get(mark[1], ""), entry.words))  # type: ignore[misc]  # a default binds the loop's value
        return None

    def _value(self, value: str) -> str:
        if (known := self._known(value)) is not None:
            return known
        value = _CLOCK.sub(self._clock, value)
        value = _DATE.sub(self._date, value)
        return self._word.sub(lambda match: self._fixed[_key(match[0], self._fixed)], value)

    def _clock(self, match: re.Match[str]) -> str:
        lead, hour, minute, half, named = match.groups()
        hours = 12 if named == "noon" else 0 if named else int(hour) % 12 + 12 * (half == "pm")
        leads = _LEADS[self._tables.code]
        shown = f"{hours}:{minute}" if minute else f"{hours}"
        return leads[lead or ""].format(shown)

    def _date(self, match: re.Match[str]) -> str:
        on, weekday, day, month = match.groups()
        days = {english: name for name, english in reversed(list(self._tables.weekdays.items()))}
        months = {english: name for name, english in reversed(list(self._tables.months.items()))}
        if weekday.lower() not in days or (month and month.lower() not in months):
            return match[0]
        name = days[weekday.lower()]
        form = _DATES[self._tables.code][0 if on else 1]
        if not day:
            return form.format(name.title() if self._tables.code == "de" else name)
        named = months[month.lower()]
        if self._tables.code == "de":
            return f"{form.format(name.title())}, {day}. {named.title()}"
        return f"{form.format(name)} {day} de {named}"


_LEADS = {
    "de": {"at": "um {} Uhr", "from": "von {}", "to": "bis {} Uhr", "": "{} Uhr"},
    "es": {"at": "a las {}", "from": "de {}", "to": "a {}", "": "las {}"},
}
_DATES = {"de": ("am {}", "{}"), "es": ("el {}", "{}")}


class Wordings:
    """The wording of each skill: WLM's sentences and its own, and no other skill's."""

    def __init__(self, code: str, tables: Language, registry: Registry) -> None:
        own = _lines(Path(__file__).parent, code)
        self._core = Wording(own, tables)
        self._skills = {
            name: Wording([*own, *_lines(type(loaded.skill).folder(), code)], tables)
            for name, loaded in registry.skills.items()
        }

    def reply(self, reply: Reply, skill: str = "") -> Reply:
        """The reply of a skill (default: WLM's own) in the language."""
        return self._skills.get(skill, self._core).reply(reply)


def make(code: str, registry: Registry) -> Wordings | None:
    """The wordings of a language; ``None`` for English and where there are none."""
    tables = language(code)
    return None if tables is None else Wordings(code, tables, registry)


def _lines(folder: Path, code: str) -> list[str]:
    path = folder / "replies" / f"{code}.txt"
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def _entry(english: str, words: str) -> _Entry:
    pattern, at = "", 0
    for mark in _MARK.finditer(english):
        pattern += re.escape(english[at : mark.start()]) + f"(?P<{mark[1]}>.+?)"
        at = mark.end()
    pattern += re.escape(english[at:])
    put = frozenset(mark[1] for mark in _MARK.finditer(english) if mark[2])
    return _Entry(re.compile(pattern), words, put)


def _alternatives(words: list[str]) -> re.Pattern[str]:
    if not words:
        return re.compile(r"(?!)")
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)


def _key(said: str, table: dict[str, str]) -> str:
    return said if said in table else _folded(tuple(table))[said.casefold()]


@functools.lru_cache(maxsize=4)
def _folded(keys: tuple[str, ...]) -> dict[str, str]:
    return {key.casefold(): key for key in keys}


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:] if text.endswith((".", "?", "!")) else text
