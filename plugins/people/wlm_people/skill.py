"""What can be asked of the address book. The handlers say; ``book.py`` does."""

from __future__ import annotations

from typing import Annotated, Literal

from wlm.plugins import Context, Email, Person, Phone, Reply, Skill, Slot, TimeRange, intent

Detail = Literal["phone", "email", "address", "birthday", "company", "role"]
Who = Annotated[Person, Slot("a name, nickname or relation", ask="Who?", resolve=False)]


class People(Skill):
    """The people you know."""

    @intent(examples=["what is {who}'s phone number", "who is {who}"])
    def find(
        self,
        ctx: Context,
        who: Who | None = None,
        detail: Annotated[Detail, Slot("what to know of them")] | None = None,
        company: Annotated[str, Slot("where they work", cues=("at", "for", "from"))] = "",
        role: Annotated[str, Slot("what they do")] = "",
    ) -> Reply:
        """Look somebody up: phone, e-mail, address, birthday, company, role."""
        raise NotImplementedError

    @intent(examples=["add {who} to my contacts"], effect="write")
    def add(
        self,
        ctx: Context,
        who: Who,
        phone: Phone | None = None,
        email: Email | None = None,
        company: Annotated[str, Slot("where they work", cues=("at", "for", "from"))] = "",
        role: Annotated[str, Slot("what they do")] = "",
        birthday: TimeRange | None = None,
    ) -> Reply:
        """Put somebody into the address book."""
        raise NotImplementedError

    @intent(examples=["change {who}'s phone number to {phone}"], effect="write")
    def update(
        self,
        ctx: Context,
        who: Who,
        phone: Phone | None = None,
        email: Email | None = None,
        company: Annotated[str, Slot("where they work", cues=("at", "for"))] = "",
        role: Annotated[str, Slot("what they do")] = "",
        nickname: Annotated[str, Slot("another name for them")] = "",
        address: Annotated[str, Slot("where they live")] = "",
        birthday: TimeRange | None = None,
    ) -> Reply:
        """Change what is known of somebody."""
        raise NotImplementedError
