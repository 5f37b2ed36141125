"""What can be asked of the mailbox. The handlers say; ``imap.py`` and ``smtp.py`` do."""

from __future__ import annotations

from typing import Annotated

from wlm.plugins import Context, Person, Reply, Skill, Slot, TimeRange, intent

Sender = Annotated[Person, Slot("whom the mail is from")]
Query = Annotated[
    str, Slot("words in the mail", cues=("about", "regarding", "with subject", "that says"))
]


class Email(Skill):
    """Your mail over IMAP and SMTP."""

    @intent(examples=["do I have new mail", "any new emails from {sender}"])
    def list(
        self, ctx: Context, sender: Sender | None = None, when: TimeRange | None = None
    ) -> Reply:
        """Say what mail has come."""
        raise NotImplementedError

    @intent(examples=["search my mail for {query}"])
    def search(
        self,
        ctx: Context,
        query: Query = "",
        sender: Sender | None = None,
        when: TimeRange | None = None,
    ) -> Reply:
        """Find mails by words, sender or time."""
        raise NotImplementedError

    @intent(examples=["read the last mail from {sender}"])
    def read(
        self,
        ctx: Context,
        sender: Sender | None = None,
        query: Query = "",
        when: TimeRange | None = None,
    ) -> Reply:
        """Read a mail aloud."""
        raise NotImplementedError

    @intent(
        examples=["email {to} that {body}", "send a mail to {to} about {subject}"],
        effect="send",
        confirm="Send {body} to {to}?",
    )
    def send(
        self,
        ctx: Context,
        to: Annotated[list[Person], Slot("who gets it", ask="To whom?")],
        body: Annotated[
            str, Slot("what it says", ask="What should it say?", cues=("that", "saying", "to say"))
        ],
        subject: Annotated[str, Slot("its subject", cues=("about", "with subject"))] = "",
    ) -> Reply:
        """Write and send a mail."""
        raise NotImplementedError

    @intent(
        examples=["reply to {sender} that {body}"],
        effect="send",
        confirm="Reply {body} to {sender}?",
    )
    def reply(
        self,
        ctx: Context,
        body: Annotated[
            str, Slot("what it says", ask="What should it say?", cues=("that", "saying", "with"))
        ],
        sender: Sender | None = None,
    ) -> Reply:
        """Answer a mail."""
        raise NotImplementedError
