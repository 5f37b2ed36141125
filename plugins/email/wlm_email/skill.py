"""What can be asked of the mailbox. The handlers say; the other modules do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import JsonValue

from wlm.plugins import (
    Context,
    Noticed,
    Person,
    Proposal,
    Reply,
    Skill,
    Slot,
    TimeRange,
    ToModel,
    intent,
)
from wlm_email.account import Settings as MailboxSettings
from wlm_email.account import account

if TYPE_CHECKING:
    from typer import Typer

READ_ALOUD = 900
"""Characters of a body that are spoken; the display has all of it."""

SEND_SECONDS = 120.0
"""A server may take its time to look a mail over."""

SEARCH_SECONDS = 60.0
"""A large mailbox without an index of texts takes its time, and a language model its own."""

Sender = Annotated[Person, Slot("whom the mail is from")]
Query = Annotated[
    str, Slot("words in the mail", cues=("about", "regarding", "with subject", "that says"))
]
Recipients = Annotated[list[Person], Slot("who gets it", ask="To whom?")]
Body = Annotated[
    str,
    Slot("what it says", ask="What should it say?", cues=("that", "saying", "to say"), whole=True),
]
Subject = Annotated[str, Slot("its subject", cues=("about", "with subject"))]
ANSWERS = {
    "accept": ["say yes", "rsvp yes", "accepted", "nimm", "annehmen", "sag zu", "acepta",
               "aceptar", "acéptala", "que sí"],
    "decline": ["say no", "rsvp no", "turn down", "refuse", "reject", "lehne", "lehn", "ablehnen",
                "rechaza", "rechazar", "recházala", "que no"],
    "tentative": ["tentatively accept", "tentatively", "say maybe", "maybe", "vielleicht",
                  "mit vorbehalt", "quizás", "acepta provisionalmente", "provisionalmente"],
}  # fmt: skip
"""Words for each answer, in every language that the skill speaks."""

Settled = Annotated[str, Slot("Message-ID of the mail, settled by the skill")]


class Email(Skill):
    """Your mail over IMAP and SMTP."""

    to_model = ToModel(
        "the mails of a conversation that you ask to have summed up: who wrote when, and what",
        allowed_by="summaries",
    )

    class Settings(MailboxSettings):
        """Settings of the mailbox."""

    @intent(examples=["do I have new mail", "any new emails from {sender}"])
    def list(
        self, ctx: Context, sender: Sender | None = None, when: TimeRange | None = None
    ) -> Reply:
        """Say what mail has come."""
        from wlm_email import imap, rsvp, say

        with imap.connect(account(ctx)) as box:
            narrowed = bool(sender or when)
            found = box.search(sender, when=when, unseen=not narrowed)
            if found.mails:
                rsvp.follow_unread(ctx, box, found.mails[: say.SHOWN])
                what = "mail" if narrowed else "unread mail"
                return say.listed(ctx.now, found.mails, found.total, what)
            newest = box.search(sender).mails[:1]
        who = f" from {sender.name}" if sender else ""
        speech = f"No {'mail' if narrowed else 'new mail'}{who}."
        if newest:
            came = say.when(newest[0].date, ctx.now)
            last = say.subject(newest[0])
            speech += f" The last{who} came {came}: {newest[0].sender}, {last}"
        return Reply(speech, "", {"mails": [], "found": 0})

    @intent(examples=["search my mail for {query}"], timeout=SEARCH_SECONDS)
    def search(
        self,
        ctx: Context,
        query: Query = "",
        sender: Sender | None = None,
        when: TimeRange | None = None,
    ) -> Reply:
        """Find mails by words, sender or time."""
        from wlm_email import imap, say

        if not (query or sender or when):
            ctx.ask("query", "What shall I look for?")
        with imap.connect(account(ctx)) as box:
            found = box.search(sender, query, when)
        if not found.mails:
            none = {"mails": [], "found": 0, **say.searched(box.reach)}
            return Reply(f"I found no such mail.{say.as_far_as(box.reach)}", "", none)
        return say.listed(ctx.now, found.mails, found.total, "mail", box.reach)

    @intent(examples=["read the last mail from {sender}"], timeout=SEARCH_SECONDS)
    def read(
        self,
        ctx: Context,
        sender: Sender | None = None,
        query: Query = "",
        when: TimeRange | None = None,
    ) -> Reply:
        """Read a mail aloud."""
        from wlm_email import heard, imap, pick, rsvp, say

        with imap.connect(account(ctx)) as box:
            mail = pick.one(box, ctx, sender, query, when)
            if mail is None:
                return say.no_such(box.reach)
            mail = box.read(mail) if ctx.may_write else box.look(mail)
            if mail.attachments:
                rsvp.follow(ctx, box, mail)
        files = mail.attachments
        kept = f" It has {say.count(len(files), 'attachment')}." if files else ""
        body = heard.spoken(mail.text, READ_ALOUD) or mail.note or "It has no text."
        came = say.when(mail.date, ctx.now)
        speech = f"From {mail.sender}, {came}: {say.subject(mail)} {body}{kept}"
        named = [f"Attached: {', '.join(files)}"] if files else []
        head = [f"From: {mail.name} <{mail.address}>", f"Subject: {mail.subject}", *named, ""]
        shown = "\n".join([*head, mail.text or mail.note])
        return Reply(speech, shown, say.data([mail], 1, text=True))

    @intent(timeout=SEARCH_SECONDS)
    def summarize(
        self,
        ctx: Context,
        sender: Sender | None = None,
        query: Query = "",
        when: TimeRange | None = None,
    ) -> Reply:
        """Sum up a conversation by mail."""
        from wlm_email import imap, pick, say
        from wlm_email.summary import sum_up

        mine = account(ctx)
        with imap.connect(mine) as box:
            mail = pick.one(box, ctx, sender, query, when)
            if mail is None:
                return say.no_such(box.reach)
            mails = box.thread(mail)
        newest = next((m for m in reversed(mails) if m.address != mine.address), mails[-1])
        return sum_up(ctx, mails, mine.address, say.data([newest], len(mails)))

    @intent(
        examples=["email {to} that {body}", "send a mail to {to} about {subject}"],
        effect="send",
        confirm="Send “{body}” to {to}?",
        timeout=SEND_SECONDS,
    )
    def send(
        self,
        ctx: Context,
        to: Recipients,
        body: Body,
        subject: Subject = "",
        attach: Annotated[str, Slot("a file to attach, by name")] = "",
    ) -> Reply:
        """Write and send a mail."""
        from wlm_email import outbox

        return outbox.deliver(ctx, "send", to=to, body=body, subject=subject, attach=attach)

    @intent(
        examples=["reply to {sender} that {body}"],
        effect="send",
        confirm="Reply “{body}” to {sender}?",
        timeout=SEND_SECONDS,
    )
    def reply(
        self,
        ctx: Context,
        body: Annotated[
            str, Slot("what it says", ask="What should it say?", cues=("that", "saying", "with"))
        ],
        sender: Sender | None = None,
        whom: Annotated[
            Literal["sender", "everyone"],
            Slot("who gets it", aliases={"everyone": ["reply all", "reply to all", "to all"]}),
        ] = "sender",
        mail: Settled = "",
    ) -> Reply:
        """Answer a mail."""
        from wlm_email import outbox

        return outbox.deliver(ctx, "reply", body=body, sender=sender, whom=whom, mail=mail)

    @intent(
        effect="send",
        confirm="Forward the mail to {to}?",
        timeout=SEND_SECONDS,
    )
    def forward(
        self,
        ctx: Context,
        to: Recipients,
        sender: Sender | None = None,
        query: Query = "",
        body: Annotated[str, Slot("words to go with it", cues=("saying", "with the words"))] = "",
        mail: Settled = "",
    ) -> Reply:
        """Pass a mail on."""
        from wlm_email import outbox

        return outbox.deliver(
            ctx, "forward", to=to, sender=sender, query=query, body=body, mail=mail
        )

    @intent(effect="send", confirm="Send {to} an invitation?", timeout=SEND_SECONDS)
    def invite(self, ctx: Context, to: Recipients, body: Body, calendar: str) -> Reply:
        """Send an invitation of the calendar, or that it is cancelled; emitted by the skill
        meeting, never routed to."""
        from wlm_email import outbox

        return outbox.deliver(ctx, "invite", to=to, body=body, calendar=calendar)

    @intent(effect="send", confirm="Answer the invitation?", timeout=SEND_SECONDS)
    def rsvp(
        self,
        ctx: Context,
        answer: Annotated[
            Literal["accept", "decline", "tentative"],
            Slot("what to answer", ask="Accept, decline, or say maybe?", aliases=ANSWERS),
        ]
        | None = None,
        sender: Sender | None = None,
        query: Annotated[
            str, Slot("words of the invitation", cues=("invitation to", "invite to", "about"))
        ] = "",
        mail: Settled = "",
    ) -> Reply:
        """Accept or decline an invitation that came by mail."""
        from wlm_email import outbox, rsvp

        slots = {"answer": answer, "sender": sender, "query": query, "mail": mail}
        reply = outbox.deliver(ctx, "rsvp", **slots)
        rsvp.file(ctx, slots)
        return reply

    @intent(effect="write")
    def draft(
        self, ctx: Context, body: Body, to: Recipients | None = None, subject: Subject = ""
    ) -> Reply:
        """Write a mail and keep it as a draft."""
        from wlm_email import drafts

        return drafts.make(ctx, to or (), subject, body)

    @intent(effect="send", timeout=SEND_SECONDS)
    def send_draft(self, ctx: Context, to: Recipients | None = None, draft: Settled = "") -> Reply:
        """Send a draft."""
        from wlm_email import outbox

        return outbox.deliver(ctx, "send_draft", to=to, draft=draft)

    @intent(effect="write")
    def drop_draft(self, ctx: Context, draft: str) -> Reply:
        """Delete a draft that was made here."""
        from wlm_email import drafts

        return drafts.drop(ctx, draft)

    @intent(retries=3, internal=True)
    def arrived(self, ctx: Context, mails: str) -> Reply:
        """Tell of mail that has just come; emitted by the watch of the mailbox, never routed to."""
        from wlm_email import idle

        return idle.told(ctx, mails)

    def watches(self, ctx: Context) -> bool:
        """Whether new mail is to be told of as it comes."""
        settings = ctx.settings_as(MailboxSettings)
        return bool(settings.tell_new and settings.imap_host and settings.user and not ctx.offline)

    def watch(self, ctx: Context, mark: JsonValue) -> Iterator[Noticed | None]:
        """Wait for new mail at the server (IMAP IDLE)."""
        from wlm_email import idle

        return idle.watch(account(ctx), mark)

    def proposal(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Proposal | None:
        """The exact mail: to which addresses, with which words and files."""
        from wlm_email import outbox

        return outbox.proposal(ctx, intent, slots)

    def outcome(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Reply | None:
        """Whether a mail that was broken off lies among the sent ones."""
        from wlm_email import outbox

        return outbox.outcome(ctx)

    def commands(self, context: Callable[[], Context]) -> Typer | None:
        """`wlm email discover`."""
        from wlm_email.cli import commands

        return commands(context)
