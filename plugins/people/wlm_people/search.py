"""Find people by what was said of them.

First the words as they are, in the index; only if that finds nobody, what sounds or is
spelt alike. Both are a few look-ups by key, so a large book costs little more than a
small one, and a fresh process needs nothing loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, false, select

from wlm_people.book import Book
from wlm_people.contact import Contact, joined
from wlm_people.match import MARGIN, NEAR, SURE, SURE_WORDS, readings, score, similarity
from wlm_people.names import fold, name_words, relation
from wlm_people.short_forms import other_forms
from wlm_people.sounds import keys, loose
from wlm_people.tables import contacts, names, words

PERSON = ("name", "nickname", "relation", "role", "company")
"""Where somebody who was said is looked for."""

_WEIGHT = {"name": 1.0, "nickname": 1.0, "relation": 1.0, "role": 0.9, "company": 0.88}
_PROBED = 2  # words of which the index is asked person by person
_MOST = 40  # candidates that are judged
_ALIKE = 24  # words that are kept for one said word
_LIKELY = 0.84  # a word of the book that was probably meant by a said one
_WORD = 0.5  # one that may have been
_SAID = 8  # words of a request that are looked at; no name is longer


class Hit(NamedTuple):
    """Somebody who may be meant, and how well it fits."""

    contact: Contact
    score: float


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
        options = [_words_like(book, word, SURE) for word in said]
        if all(options):
            having = _has([list(option) for option in options], [field], book)
            people = book.where(having, used_first=True)
    return sorted(people, key=lambda contact: -contact.used)


def _has(groups: Sequence[Sequence[str]], fields: Iterable[str], book: Book) -> ColumnElement[bool]:
    """Contacts that are filed under a word of each group."""
    people: Select[tuple[str]] | None = None
    for group in sorted(groups, key=len, reverse=True):  # few forms: probably few people
        within: list[ColumnElement[bool]] = [] if people is None else [_one_of(people, len(group))]
        people = select(names.c.contact).where(
            names.c.owner == book.owner,
            names.c.word.in_(group),
            names.c.field.in_(fields),
            *within,
        )
    if people is None:
        return false()
    return contacts.c.id.in_(people)


def _one_of(people: Select[tuple[str]], words_: int) -> ColumnElement[bool]:
    """That a row of the names is of one of these people, where some words narrow it already.

    SQLite asks the index for each word and field with each person. For few words that is
    right: one of them may be half the book's ("Ltd"). For many words it is not: they are rare
    ones, and one walk through who is filed under them is shorter. An expression has no index.
    """
    column = names.c.contact if words_ <= _PROBED else names.c.contact.concat("")
    return column.in_(people)


def _exact(book: Book, said: list[str], fields: Sequence[str]) -> list[Hit]:
    """Those with every said word as it is, as a short form, or as an initial."""
    full = [word for word in said if len(word) > 1]
    if not full:
        return []
    having = _has([_forms(word) for word in full], fields, book)
    people = book.where(having, limit=_MOST, used_first=True)
    if len(people) == _MOST:  # the one who is called just so may not be among the first
        people += book.where(contacts.c.folded == " ".join(said), limit=_MOST, used_first=True)
    return [hit for hit in _ranked(people, said, fields) if hit.score >= SURE]


def _forms(word: str) -> list[str]:
    bare = [word[:-1]] if word.endswith("s") and len(word) > 3 else []
    return [word, *bare, *sorted(other_forms(word))]


def _alike(book: Book, said: list[str], fields: Sequence[str]) -> list[Hit]:
    """Those whose words sound or are spelt like the said ones."""
    options: dict[str, dict[str, float]] = {}
    people: dict[str, Contact] = {}
    for least in (_LIKELY, _WORD):  # the likely words first: common ones would crowd them out
        for reading in readings(said):
            full = [word for word in reading if len(word) > 1]
            for word in full:
                if word not in options:
                    options[word] = _words_like(book, word, _WORD)
            likely = [_at_least(options[word], least) for word in full]
            if likely and all(likely):
                having = _has(likely, fields, book)
                found = book.where(having, limit=_MOST, used_first=True)
                people |= {contact.id: contact for contact in found}
                hits = _ranked(people.values(), said, fields)
                if hits and hits[0].score >= _floor(said):
                    return hits
    sound = loose("".join(said))
    if len(sound) > 2:
        found = book.where(contacts.c.sound == sound, limit=_MOST)
        people |= {contact.id: contact for contact in found}
    return _ranked(people.values(), said, fields) or _partly(book, said, options, fields)


def _partly(
    book: Book, said: list[str], options: Mapping[str, Mapping[str, float]], fields: Sequence[str]
) -> list[Hit]:
    """Those who have one of several said words: not meant perhaps, but worth asking about."""
    likely = {word for one in said if one in options for word in _at_least(options[one], _LIKELY)}
    if len(said) < 2 or not likely:
        return []
    people = book.where(_has([sorted(likely)], fields, book), limit=_MOST, used_first=True)
    return [Hit(hit.contact, NEAR) for hit in _ranked(people, said, fields)]


def _at_least(options: Mapping[str, float], least: float) -> list[str]:
    return [word for word, value in options.items() if value >= least]


def _floor(said: Sequence[str]) -> float:
    return SURE if len(said) == 1 else SURE_WORDS


def _words_like(book: Book, word: str, floor: float) -> dict[str, float]:
    """Words of the book that may have been meant by ``word``, with how likely; best first."""
    wanted = {key for form in (word, *_forms(word)) for key in keys(form)}
    found = {row["word"] for row in book.rows(words, words.c.key.in_(sorted(wanted)))}
    judged = {like: similarity(word, like) for like in found}
    best = sorted((-value, like) for like, value in judged.items() if value >= floor)
    return {like: -value for value, like in best[:_ALIKE]}


def _ranked(people: Iterable[Contact], said: list[str], fields: Sequence[str]) -> list[Hit]:
    hits = {c.id: Hit(c, round(_fit(c, said, fields), 4)) for c in people}

    def rank(hit: Hit) -> tuple[float, int, str, str]:
        return -hit.score, -hit.contact.used, hit.contact.name, hit.contact.id

    return sorted(hits.values(), key=rank)


def _fit(contact: Contact, said: list[str], fields: Sequence[str]) -> float:
    """The best fit over all that the contact is called and every reading of what was said."""
    named = name_words(contact.name)
    if "name" in fields and named == said:
        return 1.0
    texts: list[tuple[str, list[str]]] = []
    if "name" in fields:
        texts += [("name", named), *(("name", [word]) for word in joined(contact))]
        texts.append(("name", ["".join(named)]))
        texts += [("name", variant) for variant in _closed(contact, named)]
    if "nickname" in fields:
        texts += [("nickname", fold(nick).split()) for nick in contact.nicknames]
        family = fold(contact.parts.family).split()
        texts += [("nickname", [*fold(nick).split(), *family]) for nick in contact.nicknames]
    if "relation" in fields:
        texts += [("relation", relation(each).split()) for each in contact.relations]
        if len(said) > 1:  # "my brother Tom"
            texts += [("relation", [*relation(r).split(), *named]) for r in contact.relations]
    if "role" in fields:
        texts.append(("role", fold(contact.role).split()))
    if "company" in fields:
        texts.append(("company", fold(contact.company).split()))
    return max(
        (
            score(reading, text) * _WEIGHT[field]
            for field, text in texts
            if text
            for reading in readings(said)
        ),
        default=0.0,
    )


def _closed(contact: Contact, named: list[str]) -> list[list[str]]:
    """The name with its given or family words as one: mary ann smith, maryann smith."""
    given, family = (fold(part).split() for part in contact.parts)
    found = []
    if len(given) > 1:
        found.append(["".join(given), *family])
    if len(family) > 1:
        found.append([*given, "".join(family)])
    return [words for words in found if words != named]


__all__ = ["PERSON", "Found", "at", "find"]
