"""From what was said of somebody to the one contact that is meant, or a question back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from wlm.errors import BadRequest, BadSetting, ProviderError, WlmError
from wlm.plugins import Context, Person
from wlm_people import say
from wlm_people.book import Book
from wlm_people.contact import Contact
from wlm_people.names import fold, is_relation, name_words, relation, said_words
from wlm_people.search import PERSON, Found, at, find
from wlm_people.settings import BookSettings

MARK = "ldap:"
"""What the id of somebody in the directory begins with."""

MOST_ASKED = 8
"""Candidates that a question offers; nobody listens to more."""

_PRONOUN = re.compile(
    r"(he|him|his|she|her|hers|they|them|their|theirs|(that|this|the same) (person|contact|one))"
)
_FROM = re.compile(r"^(?P<who>.+?)\s+(?:from|at|of|with)\s+(?P<company>.+)$", re.I)


def remembered(ctx: Context, book: Book) -> Contact | None:
    """The person last spoken of in this conversation."""
    known = ctx.memory.get("person")
    contact_id = known.get("id") if isinstance(known, dict) else None
    return _by_id(ctx, book, str(contact_id)) if contact_id else None


def _by_id(ctx: Context, book: Book, contact_id: str) -> Contact | None:
    """Somebody of the address book, or of the directory."""
    if not contact_id.startswith(MARK):
        return book.get(contact_id)
    from wlm_people.directory import directory_of

    directory = directory_of(ctx)
    return directory.get(contact_id) if directory else None


def elsewhere(ctx: Context, text: str) -> list[Contact]:
    """Who may be meant in the directory, the best first; nobody if there is none.

    Raises ``ProviderAway`` or ``ProviderError``.
    """
    if not ctx.settings_as(BookSettings).ldap_url:
        return []
    from wlm_people.directory import directory_of

    directory = directory_of(ctx)
    return directory.find(said_words(text)) if directory else []


def is_company(book: Book, who: Person) -> bool:
    """Whether ``who`` is where somebody works, and not what somebody is called."""
    said = said_words(who.name)
    if who.id or not said or find(book, said, ("name", "nickname", "relation")).sure:
        return False
    return any(
        name_words(contact.company)[: len(said)] == said
        for contact in at(book, who.name, "company")
    )


def candidates(ctx: Context, book: Book, text: str) -> Found:
    """Who may be meant by ``text``: a name, nickname, relation, role, or a pronoun."""
    if _PRONOUN.fullmatch(fold(text)):
        person = remembered(ctx, book)
        return Found([person] if person else [], [], True)
    mine, said = _without_my(said_words(text))
    if said and is_relation(" ".join(said)):
        if people := _by_use(book.with_detail("relation", relation(" ".join(said)))):
            return Found(people, [], True)
    elif mine and len(said) > 1 and is_relation(said[0]):  # "my friend Alex"
        found = find(book, said[1:])
        kin = relation(said[0])
        close = [c for c in found.sure if kin in map(relation, c.relations)]
        return Found(close or found.sure, found.near, found.exact)
    found = find(book, said, PERSON)
    if not found.sure and (match := _FROM.match(text)):  # "Tom from Acme"
        there = {contact.id for contact in at(book, match["company"], "company")}
        named = find(book, said_words(match["who"]))
        if people := [contact for contact in named.sure if contact.id in there]:
            return Found(people, [], named.exact)
    return found


def narrow(ctx: Context, found: Found) -> Found:
    """The person last spoken of, where they are among several who may be meant."""
    known = ctx.memory.get("person")
    if len(found.sure) > 1 and isinstance(known, dict):
        same = [contact for contact in found.sure if contact.id == known.get("id")]
        return found._replace(sure=same or found.sure)
    return found


def one(
    ctx: Context,
    book: Book,
    who: Person,
    *,
    company: str = "",
    role: str = "",
    slot: str = "who",
    beyond: bool = False,
) -> Contact:
    """The contact that is meant by ``who``.

    Asks back where several fit or only somebody of a like name is there; ``beyond`` looks
    in the directory too. Raises ``BadRequest`` if there is nobody.
    """
    if who.id:
        contact = _by_id(ctx, book, who.id) if beyond else book.get(who.id)
        if contact is None and who.id.startswith(MARK):
            raise BadRequest(
                f"{who.name} is in the directory and not in your address book; "
                "nothing was changed.",
                hint="Add them first: say add, the name and the number.",
            )
        if contact is None:
            raise BadRequest("This contact is no longer in the address book.", hint=_HOW_TO_ADD)
        return contact
    found = candidates(ctx, book, who.name)
    if len(found.sure) > 1:
        found = found._replace(sure=_there(book, found.sure, company, role))
    found = narrow(ctx, found)
    if len(found.sure) == 1:
        return found.sure[0]
    name = " ".join(who.name.split())
    if found.sure:
        _ask(ctx, slot, _which(name, found), found.sure)
    others, away = _beyond(ctx, who.name) if beyond else ([], None)
    if others:
        if len(others) > 1:
            _ask(ctx, slot, _which(name, Found(others[:MOST_ASKED], [], True)), others)
        return _by_id(ctx, book, others[0].id) or others[0]
    if found.near:
        them = [say.label(c, found.near) for c in found.near]
        unsure = f"{away.message} " if away else ""
        question = f"{unsure}I know no {name}. Did you mean {say.some(them, 'or')}?"
        _ask(ctx, slot, question, found.near)
    if away:
        raise type(away)(f"{_NOBODY} {away.message}", hint=away.hint, retry_after=away.retry_after)
    raise BadRequest(_NOBODY, hint=_HOW_TO_ADD)


def _beyond(ctx: Context, name: str) -> tuple[list[Contact], WlmError | None]:
    """Who may be meant in the directory; why it could not be asked, where it could not."""
    try:
        return elsewhere(ctx, name), None
    except (ProviderError, BadSetting) as error:
        return [], error


@contextlib.contextmanager
def noting(note: str) -> Iterator[None]:
    """Where nobody is found, say too what may be missing: that the server was not asked."""
    try:
        yield
    except BadRequest as error:
        if not note:
            raise
        raise BadRequest(f"{error.message} {note}", hint=error.hint) from None


_NOBODY = "There is nobody of that name in the address book."
_HOW_TO_ADD = 'Say the whole name, or `wlm ask "add NAME to my contacts"`.'


def _which(name: str, found: Found) -> str:
    people = found.sure
    them = say.some([say.label(contact, people) for contact in people], "or")
    if not found.exact:
        return f"I know no {name}. Did you mean {them}?"
    if len(people) > MOST_ASKED:
        return f"There are {len(people)} people called {name}. Say the whole name: {them}?"
    return f"Which {name}: {them}?"


def _ask(ctx: Context, slot: str, question: str, people: Sequence[Contact]) -> None:
    ctx.ask(
        slot,
        question,
        [
            (say.label(contact, people), {"name": contact.name, "id": contact.id})
            for contact in people[:MOST_ASKED]
        ],
    )


def _there(book: Book, people: list[Contact], company: str, role: str) -> list[Contact]:
    """Those of them with that company and role; all of them if there is none such."""
    for text, field in ((company, "company"), (role, "role")):
        if text:
            fitting = {contact.id for contact in at(book, text, field)}
            people = [contact for contact in people if contact.id in fitting] or people
    return people


def _without_my(said: list[str]) -> tuple[bool, list[str]]:
    mine = bool(said) and said[0] in ("my", "our")
    return mine, said[1:] if mine else said


def _by_use(people: list[Contact]) -> list[Contact]:
    return sorted(people, key=lambda contact: (-contact.used, contact.name))


def namesakes(book: Book, name: str) -> list[Contact]:
    """Everybody who is called exactly so, accents and case apart."""
    return book.called(" ".join(name_words(name)))
