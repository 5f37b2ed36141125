"""Find people by what was said of them.

First the words as they are, in the index; only if that finds nobody, what sounds or is
spelt alike. Both are a few look-ups by key, so a large book costs little more than a
small one, and a fresh process needs nothing loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, false, select

from wlm_people.alike import Alike, forms_of
from wlm_people.book import Book, among
from wlm_people.contact import Contact
from wlm_people.judge import Hit, Judge
from wlm_people.match import MARGIN, NEAR, SURE, SURE_WORDS, readings
from wlm_people.names import fold, name_words
from wlm_people.sounds import loose
from wlm_people.tables import contacts, names

PERSON = ("name", "nickname", "relation", "role", "company")
"""Where somebody who was said is looked for."""

_PROBED = 2  # words of which the index is asked person by person
_MOST = 40  # candidates that are judged
_LIKELY = 0.84  # a word of the book that was probably meant by a said one
_WORD = 0.5  # one that may have been
_SAID = 8  # words of a request that are looked at; no name is longer


class Found(NamedTuple):
    """Who was meant: one in ``sure`` is clear, several are alike; else whom to ask about.

    ``exact`` says that they are called what was said, not just something like it.
    """

    sure: list[Contact]
    near: list[Contact]
    exact: bool = False


def find(book: Book, said: Sequence[str], fields: Sequence[str] = PERSON) -> Found:
    """Who is meant by folded words. Best first, and the more often used before the others."""
    said = list(said)[:_SAID]
    if not said:
        return Found([], [])
    exact = _exact(book, said, fields)
    hits = exact or _alike(book, said, fields)
    floor = _floor(said)
    sure = [hit for hit in hits if hit.score >= floor]
    if not sure:
        return Found([], [hit.contact for hit in hits[:4] if hit.score >= NEAR])
    best = sure[0].score
    alike = [hit for hit in sure if hit.score > best - MARGIN]
    whole = [hit for hit in alike if name_words(hit.contact.name) == said]
    return Found([hit.contact for hit in whole or alike], [], bool(exact))


def at(book: Book, text: str, field: str) -> list[Contact]:
    """Everybody whose company or role has the words of ``text``, or words like them."""
    said = fold(text).split()[:_SAID]
    if not said:
        return []
    people = book.where(_has([[word] for word in said], [field], book), used_first=True)
    if not people:
        options = Alike(book).to_each(said, SURE)
        if all(options):
            having = _has([list(option) for option in options], [field], book)
            people = book.where(having, used_first=True)
    return sorted(people, key=lambda contact: -contact.used)


def _has(groups: Sequence[Sequence[str]], fields: Sequence[str], book: Book) -> ColumnElement[bool]:
    """Contacts that are filed under a word of each group."""
    people: Select[tuple[str]] | None = None
    everything = set(PERSON) <= set(fields)
    for group in sorted(groups, key=len, reverse=True):  # few forms: probably few people
        having = [names.c.owner == book.owner, among(names.c.word, group)]
        probed = people is not None and len(group) <= _PROBED
        if probed or not everything:  # a walk through all fields of a word is one, not five
            having.append(among(names.c.field, fields))
        if people is not None:
            having.append(_one_of(people, probed=probed))
        people = select(names.c.contact).where(*having)
    if people is None:
        return false()
    return contacts.c.id.in_(people)


def _one_of(people: Select[tuple[str]], *, probed: bool) -> ColumnElement[bool]:
    """That a row of the names is of one of these people, where some words narrow it already.

    SQLite asks the index for each word and field with each person. For few words that is
    right: one of them may be half the book's ("Ltd"). For many words it is not: they are rare
    ones, and one walk through who is filed under them is shorter. An expression has no index.
    """
    column = names.c.contact if probed else names.c.contact.concat("")
    return column.in_(people)


def _exact(book: Book, said: list[str], fields: Sequence[str]) -> list[Hit]:
    """Those with every said word as it is, as a short form, or as an initial."""
    full = [word for word in said if len(word) > 1]
    if not full:
        return []
    forms = [forms_of(word) for word in full]
    known = book.known({form for each in forms for form in each})
    if any(known.isdisjoint(each) for each in forms):  # misspelt or misheard: nobody, and soon
        return []
    having = _has([[form for form in each if form in known] for each in forms], fields, book)
    people = book.where(having, limit=_MOST, used_first=True)
    if len(people) == _MOST:  # the one who is called just so may not be among the first
        people += book.where(contacts.c.folded == " ".join(said), limit=_MOST, used_first=True)
    return [hit for hit in Judge(said, fields).hits(people) if hit.score >= SURE]


def _alike(book: Book, said: list[str], fields: Sequence[str]) -> list[Hit]:
    """Those whose words sound or are spelt like the said ones."""
    alike, judge = Alike(book), Judge(said, fields)
    people: dict[str, Contact] = {}
    for least in (_LIKELY, _WORD):  # the likely words first: common ones would crowd them out
        for reading in readings(said):
            # Nobody is asked about whose only word is less alike than that.
            enough = max(least, NEAR) if len(reading) == 1 else least
            options = alike.to_each([word for word in reading if len(word) > 1], enough)
            if options and all(options):
                found = book.where(_has(options, fields, book), limit=_MOST, used_first=True)
                people |= {contact.id: contact for contact in found}
                hits = judge.hits(people.values(), options)
                if hits and hits[0].score >= _floor(said):
                    return hits
    sound = loose("".join(said))
    if len(sound) > 2:
        found = book.where(contacts.c.sound == sound, limit=_MOST)
        people |= {contact.id: contact for contact in found}
    return judge.hits(people.values()) or _partly(book, said, alike, judge)


def _partly(book: Book, said: list[str], alike: Alike, judge: Judge) -> list[Hit]:
    """Those who have one of several said words: not meant perhaps, but worth asking about."""
    full = [word for word in said if len(word) > 1]
    likely = {word for options in alike.to_each(full, _LIKELY) for word in options}
    if len(said) < 2 or not likely:
        return []
    having = _has([sorted(likely)], judge.fields, book)
    people = book.where(having, limit=_MOST, used_first=True)
    return [Hit(hit.contact, NEAR) for hit in judge.hits(people)]


def _floor(said: Sequence[str]) -> float:
    return SURE if len(said) == 1 else SURE_WORDS


__all__ = ["PERSON", "Found", "at", "find"]
