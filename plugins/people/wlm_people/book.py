"""The address book of one user: read and write contacts, keep the search index in step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, bindparam, select

from wlm.plugins import Context
from wlm.types import new_id
from wlm_people.contact import INDEXED, OF_DETAIL, OWN, Contact, from_rows
from wlm_people.sounds import LONGEST, keys, loose
from wlm_people.tables import contacts, details, names, words

T = TypeVar("T")
_VOCABULARY = 1000  # people whose names are given to the recogniser and the slot filler
_MARK = "w"  # the key that every word in the index has once
_CHUNK = 400  # values asked for at once; Postgres plans short lists better

_OWN = [contacts.c[name] for name in OWN]
_OF_DETAIL = [details.c[name] for name in OF_DETAIL]


def _by_use(row: Sequence[Any]) -> int:
    return -int(row[-1])


def chunks(items: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    """``items`` in lists of at most ``size``."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def among(column: ColumnElement[str], wanted: Sequence[str]) -> ColumnElement[bool]:
    """That the column is one of these, as one parameter: SQLAlchemy looks at each of a list."""
    return column.in_(bindparam(None, wanted, expanding=True))


class Book:
    """The contacts of ``ctx.user``."""

    def __init__(self, ctx: Context) -> None:
        self._db = ctx.db
        self._now = ctx.now.astimezone(UTC)
        self.owner = ctx.user

    def filed(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        """(key, word) of the words in the book that are filed under one of these keys."""
        for part in chunks(sorted(wanted)):
            rows = self._db.values((words.c.key, words.c.word), among(words.c.key, part))
            yield from ((key, word) for key, word in rows)

    def known(self, these: Collection[str]) -> set[str]:
        """Those of the words that somebody or something in the book is called."""
        found: set[str] = set()
        for part in chunks(sorted(these)):
            with_mark = words.c.key == _MARK
            rows = self._db.values((words.c.word,), with_mark, among(words.c.word, part))
            found.update(row[0] for row in rows)
        return found

    def get(self, contact_id: str) -> Contact | None:
        """The contact of that id."""
        return next(iter(self.where(contacts.c.id == contact_id)), None)

    def where(
        self, *conditions: ColumnElement[bool], limit: int | None = None, used_first: bool = False
    ) -> list[Contact]:
        """The contacts that fit every condition, with their details."""
        if used_first and limit is not None:
            rows = sorted(self._db.values(_OWN, self._used_most(conditions, limit)), key=_by_use)
        else:
            order = (contacts.c.used + 0).desc() if used_first else None
            rows = list(self._db.values(_OWN, *conditions, order_by=order, limit=limit))
        by_contact: dict[str, list[Any]] = {row[0]: [] for row in rows}
        for ids in chunks(by_contact):
            for detail in self._db.values(_OF_DETAIL, among(details.c.contact, ids)):
                by_contact[detail[0]].append(detail)
        return [from_rows(row, by_contact[row[0]]) for row in rows]

    def _used_most(
        self, conditions: Sequence[ColumnElement[bool]], limit: int
    ) -> ColumnElement[bool]:
        """Those few of many: an index of ids and uses tells them, and no other row is read."""
        these = select(contacts.c.id).where(contacts.c.owner == self.owner, *conditions)
        # By an expression: an index on ``used`` alone would be walked from end to end for it.
        return contacts.c.id.in_(these.order_by((contacts.c.used + 0).desc()).limit(limit))

    def called(self, folded: str) -> list[Contact]:
        """The contacts with that folded name."""
        return self.where(contacts.c.folded == folded[:INDEXED])

    def with_birthday(self) -> list[Contact]:
        """Everybody whose birthday is known."""
        return self.where(contacts.c.birthday != "")

    def called_most(self) -> list[str]:
        """Names and nicknames, those of the people looked up most first."""
        people = self._db.select(contacts, order_by=contacts.c.used.desc(), limit=_VOCABULARY)
        nicknames: dict[str, list[str]] = {}
        for part in chunks(row["id"] for row in people):
            nick = (details.c.type == "nickname", details.c.contact.in_(part))
            for row in self._db.select(details, *nick):
                nicknames.setdefault(row["contact"], []).append(row["value"])
        return [name for row in people for name in (row["name"], *nicknames.get(row["id"], ()))]

    def shared(self) -> Iterator[list[str]]:
        """Ids of contacts who have a number, an e-mail address or a whole name in common."""
        by_key: dict[tuple[str, str], dict[str, None]] = {}
        kinds = details.c.type.in_(("phone", "email"))
        for contact, *key in self._db.values(
            (details.c.contact, details.c.type, details.c.key), kinds
        ):
            by_key.setdefault((key[0], key[1]), {})[contact] = None
        for contact, folded in self._db.values((contacts.c.id, contacts.c.folded)):
            by_key.setdefault(("name", folded), {})[contact] = None
        yield from (list(ids) for ids in by_key.values() if len(ids) > 1)

    def with_detail(self, type_: str, key: str) -> list[Contact]:
        """The contacts with a phone, e-mail, relation or group of that lookup key."""
        found = self._db.select(details, details.c.type == type_, details.c.key == key)
        return self.those(dict.fromkeys(row["contact"] for row in found))

    def those(self, ids: Iterable[str]) -> list[Contact]:
        """The contacts of these ids."""
        return [c for part in chunks(ids) for c in self.where(contacts.c.id.in_(part))]

    def add(self, *new: Contact) -> None:
        """Put contacts in; they have ids that are not there yet."""
        with self._db.transaction():
            for part in chunks(new, 1000):
                self._db.insert(contacts, *(self._row(c) for c in part))
                self._fill(part)

    def save(self, changed: Contact) -> None:
        """Write a contact over what was there under its id."""
        with self._db.transaction():
            values = self._row(changed)
            del values["used"]  # counted elsewhere meanwhile
            self._db.update(contacts, values, contacts.c.id == changed.id)
            self._db.delete(details, details.c.contact == changed.id)
            old = {r["word"] for r in self._db.select(names, names.c.contact == changed.id)}
            self._db.delete(names, names.c.contact == changed.id)
            self._fill([changed])
            self._drop_unused(old)

    def remove(self, contact_id: str) -> None:
        """Take a contact out, and the words that only it had."""
        with self._db.transaction():
            old = {r["word"] for r in self._db.select(names, names.c.contact == contact_id)}
            self._db.delete(names, names.c.contact == contact_id)
            self._db.delete(details, details.c.contact == contact_id)
            self._db.delete(contacts, contacts.c.id == contact_id)
            self._drop_unused(old)

    def count_use(self, contact_id: str) -> None:
        """Somebody was looked up: they come first among equals from now on."""
        values = {"used": contacts.c.used + 1}
        self._db.update(contacts, values, contacts.c.id == contact_id)

    def _row(self, contact: Contact) -> dict[str, Any]:
        row = contact.row()
        sound = loose(row["folded"].replace(" ", ""))[:INDEXED]
        return {**row, "sound": sound, "changed_at": self._now}

    def _fill(self, part: Sequence[Contact]) -> None:
        self._db.insert(
            details, *({**row, "id": new_id()} for c in part for row in c.detail_rows())
        )
        filed = {(c.id, field, word[:LONGEST]) for c in part for field, word in c.filed()}
        self._db.insert(
            names,
            *({"contact": i, "field": field, "word": word} for i, field, word in sorted(filed)),
        )
        self._file({word for _, _, word in filed})

    def _file(self, new: set[str]) -> None:
        """Make the keys of words that were not in the book."""
        for part in chunks(sorted(new)):
            known = self.known(part)
            self._db.insert(
                words,
                *(
                    {"word": word, "key": key}
                    for word in part
                    if word not in known
                    for key in sorted(keys(word) | {_MARK})
                ),
            )

    def _drop_unused(self, old: set[str]) -> None:
        for part in chunks(sorted(old)):
            still = {row["word"] for row in self._db.select(names, names.c.word.in_(part))}
            if gone := [word for word in part if word not in still]:
                self._db.delete(words, words.c.word.in_(gone))
