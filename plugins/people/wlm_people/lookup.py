"""What `people.find` answers when nobody was named: by company, number, birthday, or all."""

from __future__ import annotations

from wlm.plugins import Context, Reply, TimeRange
from wlm_people import answers, say
from wlm_people.book import Book
from wlm_people.contact import Contact, lookup_key
from wlm_people.search import at

_SHOWN = 50  # lines of a whole address book


def people_where(
    ctx: Context,
    book: Book,
    detail: str | None,
    *,
    company: str = "",
    role: str = "",
    group: str = "",
    phone: str | None = None,
    email: str | None = None,
    when: TimeRange | None = None,
) -> Reply:
    """The people that fit all that was said; without anything, how many there are."""
    if phone:
        return _whose(book, "phone", phone, "number")
    if email:
        return _whose(book, "email", email, "e-mail address")
    lists: list[tuple[list[Contact], str]] = []
    if company:
        people = at(book, company, "company")
        same = {contact.company for contact in people}
        lists.append((people, f"works at {same.pop() if len(same) == 1 else company}"))
    if role:
        lists.append((at(book, role, "role"), f"works as {role}"))
    if group:
        people = book.with_detail("group", lookup_key("group", group))
        lists.append((people, f"is in the group {group}"))
    if not lists:
        if when or detail == "birthday":
            return answers.birthdays(book.with_birthday(), when, ctx.now.date())
        return _all(book)
    ids = set.intersection(*({contact.id for contact in people} for people, _ in lists))
    fitting = [contact for contact in lists[0][0] if contact.id in ids]
    if not fitting:
        raise answers.nobody("fits that")
    if len(fitting) == 1 and detail:
        return answers.detail(fitting[0], detail, None, ctx.now.date())
    where = " and ".join(where for _, where in lists)
    return answers.several(sorted(fitting, key=lambda c: (-c.used, c.name)), where)


def _whose(book: Book, type_: str, value: str, called: str) -> Reply:
    people = book.with_detail(type_, lookup_key(type_, value))
    if not people:
        raise answers.nobody(f"has this {called}")
    if len(people) == 1:
        reply = answers.person(people[0])
        return Reply(f"That is {people[0].name}'s {called}.", reply.display, reply.data)
    return answers.several(people, f"has this {called}")


def _all(book: Book) -> Reply:
    people = book.where(used_first=True)
    if not people:
        return Reply(
            'Your address book is empty. Say "add" and a name, or import a vCard file.',
            data={"count": 0},
        )
    count = say.plural(len(people), "person", "people")
    return Reply(
        f"There {'is' if len(people) == 1 else 'are'} {count} in your address book.",
        f"{count} in your address book\n{say.table(people[:_SHOWN])}",
        {"count": len(people)},
    )
