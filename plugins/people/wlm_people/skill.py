"""What can be asked of the address book. The handlers say; ``book.py`` and ``search.py`` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

from wlm.errors import BadSetting, ProviderAway, ProviderError
from wlm.plugins import Context, Email, Person, Phone, Reply, Skill, Slot, TimeRange, intent
from wlm_people.settings import BookSettings
from wlm_people.tables import metadata

if TYPE_CHECKING:
    from typer import Typer

Detail = Literal["phone", "email", "address", "birthday", "company", "role", "manager", "assistant"]
Kind = Literal["mobile", "home", "work"]
Who = Annotated[Person, Slot("a name, nickname or relation", ask="Who?", resolve=False)]
What = Annotated[
    Detail,
    Slot(
        "what to know of them",
        aliases={
            "phone": ["number", "phone number", "telephone number", "telephone", "contact number"],
            "email": ["e-mail", "email address", "e-mail address", "mail address"],
            "address": [
                "home address",
                "postal address",
                "mailing address",
                "street",
                "she live",
                "he live",
                "they live",
            ],
            "birthday": ["birth date", "date of birth", "how old", "born", "age"],
            "company": [
                "employer",
                "work for",
                "works for",
                "firm",
                "she work",
                "he work",
                "they work",
            ],
            "manager": ["boss", "supervisor", "line manager", "report to", "reports to"],
            "role": ["job", "job title", "position", "profession", "does she do", "does he do"],
        },
    ),
]
Which = Annotated[
    Kind,
    Slot(
        "which of several numbers or addresses",
        aliases={
            "mobile": ["cell", "cellphone", "cell phone", "mobile phone"],
            "home": ["private", "landline"],
            "work": ["office", "business"],
        },
    ),
]
Company = Annotated[str, Slot("where they work", cues=("at", "for", "from"))]
Role = Annotated[str, Slot("what they do", cues=("as", "as a", "as an"))]
Relation = Annotated[str, Slot("what they are to you: boss, mother", cues=("is my", "as my"))]
Group = Annotated[str, Slot("a group of people", cues=("in the group", "in group", "to group"))]
Nickname = Annotated[
    str,
    Slot("another name for them", cues=("also called", "nickname is", "nickname to", "known as")),
]
Notes = Annotated[str, Slot("anything else", cues=("note that", "with the note"))]
Manager = Annotated[
    Person,
    Slot("whom they report to", cues=("reports to", "manager is", "boss is"), resolve=False),
]
Unknown = Annotated[
    Literal["add them", "leave it"],
    Slot("what to do where nobody is called so", ask="Add them?"),
]
Address = Annotated[str, Slot("where they live", cues=("address is", "lives at", "moved to"))]


class People(Skill):
    """The people you know."""

    tables = metadata

    class Settings(BookSettings):
        """Settings of the address book."""

    @intent(examples=["what is {who}'s phone number", "who is {who}"])
    def find(
        self,
        ctx: Context,
        who: Who | None = None,
        detail: What | None = None,
        company: Company = "",
        role: Role = "",
        kind: Which | None = None,
        group: Group = "",
        phone: Phone | None = None,
        email: Email | None = None,
        when: TimeRange | None = None,
    ) -> Reply:
        """Look somebody up: phone, e-mail, address, birthday, company, role."""
        from wlm_people import answers
        from wlm_people.lookup import people_where
        from wlm_people.who import is_company, noting, one, remembered

        note, book = _freshened(ctx), _book(ctx)
        with noting(note):
            if who is not None and is_company(book, who):  # "who works at Acme"
                company, who, kind = company or who.name, None, None
            listing = who is None and bool(company)  # "works" tells no number apart there
            asked = detail or ("phone" if kind and not listing else None)
            contact = None
            if who is not None:
                contact = one(ctx, book, who, company=company, role=role, beyond=True)
            elif not (company or role or group or phone or email or when):
                contact = remembered(ctx, book) if asked else None
            if contact is None:
                listed = people_where(
                    ctx, book, asked, company=company, role=role, group=group,
                    phone=phone, email=email, when=when,
                )  # fmt: skip
                return listed.noted(note)
        if ctx.may_write:
            ctx.once("used", lambda: book.count_use(contact.id))
        if asked:
            return answers.detail(contact, asked, kind, ctx.now.date()).noted(note)
        return answers.person(contact).noted(note)

    @intent(examples=["add {who} to my contacts"], effect="write")
    def add(
        self,
        ctx: Context,
        who: Who,
        phone: Phone | None = None,
        email: Email | None = None,
        company: Company = "",
        role: Role = "",
        birthday: TimeRange | None = None,
        kind: Which | None = None,
        address: Address = "",
        nickname: Nickname = "",
        relation: Relation = "",
        group: Group = "",
        notes: Notes = "",
    ) -> Reply:
        """Put somebody into the address book."""
        from wlm_people.edit import add

        values = _values(
            ctx, phone, email, birthday, company=company, role=role, address=address,
            nickname=nickname, relation=relation, group=group, notes=notes,
        )  # fmt: skip
        return _pushed(ctx, add(ctx, _book(ctx), who, values, kind or ""))

    @intent(examples=["change {who}'s phone number to {phone}"], effect="write")
    def update(
        self,
        ctx: Context,
        who: Who,
        phone: Phone | None = None,
        email: Email | None = None,
        company: Annotated[str, Slot("where they work", cues=("at", "for"))] = "",
        role: Role = "",
        nickname: Nickname = "",
        address: Address = "",
        birthday: TimeRange | None = None,
        kind: Which | None = None,
        relation: Relation = "",
        group: Group = "",
        notes: Notes = "",
        manager: Manager | None = None,
        name: Annotated[str, Slot("their new name", cues=("name to", "renamed to"))] = "",
        unknown: Unknown | None = None,
    ) -> Reply:
        """Change what is known of somebody."""
        from wlm_people.edit import update

        values = _values(
            ctx, phone, email, birthday, company=company, role=role, address=address,
            nickname=nickname, relation=relation, group=group, notes=notes, name=name,
            manager=_called(ctx, manager),
        )  # fmt: skip
        return _pushed(ctx, update(ctx, _book(ctx), who, values, kind or "", unknown))

    @intent(
        examples=["delete {who} from my contacts"],
        effect="send",  # what another may have no copy of: never without a yes
        confirm="Delete {who} from your address book?",
    )
    def remove(self, ctx: Context, who: Annotated[Person, Slot("whom", ask="Whom?")]) -> Reply:
        """Take somebody out of the address book."""
        from wlm_people.edit import remove

        return _pushed(ctx, remove(ctx, _book(ctx), who))

    @intent(examples=["merge duplicate contacts"], effect="write")
    def merge(self, ctx: Context, who: Who | None = None) -> Reply:
        """Make one entry of several that are of the same person."""
        from wlm_people.twice import merge

        return _pushed(ctx, merge(ctx, _book(ctx), who))

    @intent(effect="write")
    def unmerge(self, ctx: Context, after: str, before: str) -> Reply:
        """Put merged contacts back as they were; emitted to undo, never routed to."""
        from wlm_people.twice import unmerge

        return _pushed(ctx, unmerge(ctx, _book(ctx), after, before))

    @intent(effect="write")
    def restore(self, ctx: Context, contact: str, after: str = "", before: str = "") -> Reply:
        """Put a contact back as it was; emitted to undo a change, never routed to."""
        from wlm_people.undo import restore

        return _pushed(ctx, restore(ctx, _book(ctx), contact, before, after))

    @intent(effect="write", priority=9, timeout=180)
    def sync(self, ctx: Context) -> Reply:
        """Bring the address book in step with the one at the server; emitted after a change."""
        from wlm_people.sync import run

        return run.reply(run.sync(ctx))

    def vocabulary(self, ctx: Context) -> Mapping[str, list[str]]:
        """Names and nicknames of the people, those looked up most first."""
        return {"person": _book(ctx).called_most()}

    def resolve(self, ctx: Context, kind: str, text: str) -> list[Person]:
        """The person meant by a name, nickname, relation or role; several where it is unclear."""
        if kind != "person":
            return []
        from wlm_people.who import MOST_ASKED, candidates, elsewhere, narrow

        people = narrow(ctx, candidates(ctx, _book(ctx), text)).sure
        if not people:
            with suppress(ProviderAway, ProviderError, BadSetting):  # a name need not be known
                people = elsewhere(ctx, text)
        return [contact.person for contact in people[:MOST_ASKED]]

    def commands(self, context: Callable[[], Context]) -> Typer:
        """`wlm people import`, `export`, `sync` and `conflicts`."""
        from wlm_people.cli import commands

        return commands(context)


def _book(ctx: Context) -> Any:
    from wlm_people.book import Book

    return Book(ctx)


def _called(ctx: Context, who: Person | None) -> str:
    """The whole name of somebody, where the address book knows them."""
    if who is None:
        return ""
    from wlm_people.who import candidates

    found = candidates(ctx, _book(ctx), who.name).sure
    return found[0].name if len(found) == 1 else who.name


def _pushed(ctx: Context, reply: Reply) -> Reply:
    """The reply to a change, which goes to the server where there is one."""
    if ctx.settings_as(BookSettings).carddav_url:
        from wlm_people.sync.run import push_later

        push_later(ctx)
    return reply


def _freshened(ctx: Context) -> str:
    """Sync before a look, where there is an address book elsewhere; what went wrong."""
    if not ctx.settings_as(BookSettings).carddav_url:
        return ""
    from wlm_people.sync.run import freshen

    return freshen(ctx)


def _values(
    ctx: Context,
    phone: Phone | None,
    email: Email | None,
    birthday: TimeRange | None,
    **texts: str,
) -> dict[str, str]:
    """What was said, by field, in the form in which it is stored."""
    from wlm_people.contact import birthday_of

    said = {"phone": str(phone or ""), "email": str(email or ""), **texts}
    if birthday:
        said["birthday"] = birthday_of(birthday.start.date(), ctx.now.date())
    return {field: " ".join(value.split()) for field, value in said.items() if value.strip()}
