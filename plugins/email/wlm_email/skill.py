"""What can be asked of the mailbox. The handlers say; ``imap.py`` and ``smtp.py`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NoReturn

from wlm.errors import BadRequest
from wlm.plugins import Context, Person, Reply, Skill, Slot, TimeRange, intent
from wlm_email.account import Account, account
from wlm_email.account import Settings as MailboxSettings

HEARD, SHOWN = 3, 10
READ_ALOUD = 900
"""Characters of a body that are spoken; the display has all of it."""

Sender = Annotated[Person, Slot("whom the mail is from")]
Query = Annotated[
    str, Slot("words in the mail", cues=("about", "regarding", "with subject", "that says"))
]
Recipients = Annotated[list[Person], Slot("who gets it", ask="To whom?")]


class Email(Skill):
    """Your mail over IMAP and SMTP."""

    class Settings(MailboxSettings):
        """Settings of the mailbox."""

    @intent(examples=["do I have new mail", "any new emails from {sender}"])
    def list(
        self, ctx: Context, sender: Sender | None = None, when: TimeRange | None = None
    ) -> Reply:
        """Say what mail has come."""
        from wlm_email import imap

        with imap.connect(account(ctx)) as box:
            narrowed = bool(sender or when)
            found = box.search(sender, when=when, unseen=not narrowed)
            if found.mails:
                return _listed(ctx, found.mails, found.total, "mail" if narrowed else "unread mail")
            newest = box.search(sender).mails[:1]
        who = f" from {sender.name}" if sender else ""
        speech = f"No {'mail' if narrowed else 'new mail'}{who}."
        if newest:
            came = _when(newest[0].date, ctx.now)
            speech += f" The last{who} came {came}: {newest[0].sender}, {_subject(newest[0])}"
        return Reply(speech, "", {"mails": [], "found": 0})

    @intent(examples=["search my mail for {query}"])
    def search(
        self,
        ctx: Context,
        query: Query = "",
        sender: Sender | None = None,
        when: TimeRange | None = None,
    ) -> Reply:
        """Find mails by words, sender or time."""
        from wlm_email import imap

        if not (query or sender or when):
            ctx.ask("query", "What shall I look for?")
        with imap.connect(account(ctx)) as box:
            found = box.search(sender, query, when)
        if not found.mails:
            return Reply("I found no such mail.", "", {"mails": [], "found": 0})
        return _listed(ctx, found.mails, found.total, "mail")

    @intent(examples=["read the last mail from {sender}"])
    def read(
        self,
        ctx: Context,
        sender: Sender | None = None,
        query: Query = "",
        when: TimeRange | None = None,
    ) -> Reply:
        """Read a mail aloud."""
        from wlm_email import imap, mime

        with imap.connect(account(ctx)) as box:
            mail = _one(box, ctx, sender, query, when)
            if mail is None:
                return Reply("There is no such mail.", "", {"mails": []})
            mail = box.read(mail)
        kept = f" It has {_count(len(mail.attachments), 'attachment')}." if mail.attachments else ""
        body = mime.spoken(mail.text, READ_ALOUD) or "It has no text."
        speech = f"From {mail.sender}, {_when(mail.date, ctx.now)}: {_subject(mail)} {body}{kept}"
        files = [f"Attached: {', '.join(mail.attachments)}"] if mail.attachments else []
        head = [f"From: {mail.name} <{mail.address}>", f"Subject: {mail.subject}", *files, ""]
        return Reply(speech, "\n".join([*head, mail.text]), _data([mail], 1, text=True))

    @intent(
        examples=["email {to} that {body}", "send a mail to {to} about {subject}"],
        effect="send",
        confirm="Send “{body}” to {to}?",
    )
    def send(
        self,
        ctx: Context,
        to: Recipients,
        body: Annotated[
            str, Slot("what it says", ask="What should it say?", cues=("that", "saying", "to say"))
        ],
        subject: Annotated[str, Slot("its subject", cues=("about", "with subject"))] = "",
    ) -> Reply:
        """Write and send a mail."""
        from wlm_email import smtp

        mine = account(ctx)
        pairs = [_address(ctx, person) for person in to]
        message = smtp.compose(
            mine, pairs, subject or _title(body), body, now=ctx.now, event_id=ctx.event_id
        )
        return _deliver(ctx, mine, message, pairs, "Sent")

    @intent(
        examples=["reply to {sender} that {body}"],
        effect="send",
        confirm="Reply “{body}” to {sender}?",
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
        from wlm_email import imap, smtp

        mine = account(ctx)
        with imap.connect(mine) as box:
            mails = _answerable(box, ctx, sender)
        if not mails and sender is None:
            ctx.ask("sender", "Whose mail do you want to answer?")
        if not mails:
            raise BadRequest("There is no mail to answer; nothing was sent.")
        if sender is None or not sender.email:  # a yes must be to the very address
            _ask_sender(ctx, mails)
        mail = mails[0]
        subject = mail.subject if mail.subject.lower().startswith("re:") else f"Re: {mail.subject}"
        pairs = [(mail.name, mail.address)]  # never Reply-To: that is the sender's to choose
        message = smtp.compose(
            mine, pairs, subject, body, now=ctx.now, event_id=ctx.event_id, answers=mail
        )
        return _deliver(ctx, mine, message, pairs, "Replied")

    def outcome(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Reply | None:
        """Whether a mail that was broken off lies among the sent ones.

        That it does not proves nothing: it may have gone before its copy was kept.
        """
        from wlm_email import smtp

        mine = account(ctx)
        sent = smtp.message_id(mine, ctx.event_id)
        if not _sent_before(mine, sent):
            return None
        return Reply("It was sent already.", "", {"message_id": sent, "repeat": True})


def _one(
    box: Any, ctx: Context, sender: Person | None, query: str, when: TimeRange | None
) -> Any | None:
    """The mail that is meant: as asked for, else the one last spoken of, else the newest."""
    if not (sender or query or when):
        found = _remembered(box, ctx) or box.search(unseen=True).mails
        if found:
            return found[0]
    return next(iter(box.search(sender, query, when).mails), None)


def _remembered(box: Any, ctx: Context) -> Sequence[Any]:
    """The mail last spoken of, if it had an id and is still there."""
    known = (ctx.memory.get("email") or {}).get("message_id")
    mails: Sequence[Any] = box.search(message_id=known).mails if known else []
    return mails


def _answerable(box: Any, ctx: Context, sender: Person | None) -> Sequence[Any]:
    """Mails that may be meant: the one last spoken of, else those from ``sender``."""
    spoken_of = _remembered(box, ctx)
    if sender is None:
        return [mail for mail in spoken_of if mail.address]
    mails = [*spoken_of, *box.search(sender).mails] if sender.email else box.search(sender).mails
    wanted = (sender.email or "").casefold()
    return [mail for mail in mails if mail.address and wanted in ("", mail.address.casefold())]


def _ask_sender(ctx: Context, mails: Sequence[Any]) -> NoReturn:
    """Ask which address is meant. Names are the senders' to choose, so addresses are shown."""
    people = {mail.address.casefold(): Person(mail.sender, None, mail.address) for mail in mails}
    choices = [(f"{who.name}, {who.email}", who.to_dict()) for who in people.values()][:5]
    question = f"To {' or '.join(label for label, _ in choices)}?"
    ctx.ask("sender", question, choices)


def _deliver(
    ctx: Context, mine: Account, message: Any, pairs: Sequence[tuple[str, str]], done: str
) -> Reply:
    """Send, unless a try before this one did; then keep a copy."""
    from wlm_email import imap, smtp

    names = _and([name or address for name, address in pairs])
    shown = ", ".join(f"{name} <{address}>" if name else address for name, address in pairs)
    data = {"message_id": message["Message-ID"], "to": [address for _, address in pairs]}
    display = f"To: {shown}\nSubject: {message['Subject']}\n\n{message.get_content()}"
    if ctx.attempt > 1 and _sent_before(mine, message["Message-ID"]):
        return Reply(f"{done} to {names} already.", display, {**data, "repeat": True})
    refused = smtp.send(mine, message)
    notes = []
    if refused:
        lost = [name or address for name, address in pairs if address in refused]
        notes.append(f"The server did not take it for {_and(lost)}.")
        names = _and([name or address for name, address in pairs if address not in refused])
    if mine.settings.keep_sent and not _kept(mine, message.as_bytes(), ctx.now, imap):
        notes.append("No copy was kept.")
    return Reply(
        " ".join([f"{done} to {names}.", *notes]),
        "\n".join([display.rstrip(), *notes]),
        {**data, "refused": refused},
    )


def _sent_before(mine: Account, message_id: str) -> bool:
    from wlm_email import imap

    with imap.connect(mine) as box:
        return box.sent_copy(message_id)


def _kept(mine: Account, message: bytes, now: datetime, imap: Any) -> bool:
    """Whether a copy was put away. The mail is gone by now, so a fault here is only told."""
    from wlm.errors import ProviderError

    try:
        with imap.connect(mine) as box:
            return bool(box.keep(message, now))
    except ProviderError:
        return False


def _address(ctx: Context, person: Person) -> tuple[str, str]:
    """Name and address of a recipient; asks where there is none."""
    if person.email:
        return person.name, person.email
    if not ("@" in person.name and " " not in person.name):
        ctx.ask("to", f"I have no e-mail address for {person.name}. What is it?")
    return "", person.name


def _listed(ctx: Context, mails: Sequence[Any], total: int, what: str) -> Reply:
    heard = [f"From {mail.sender}: {_subject(mail)}" for mail in mails[:HEARD]]
    speech = f"{_count(total, what)}. {' '.join(heard)}"
    lines = [
        f"{'•' if not mail.seen else ' '} {_when(mail.date, ctx.now):<18} "
        f"{mail.sender[:24]:<24} {mail.subject or '(no subject)'}"
        for mail in mails[:SHOWN]
    ]
    return Reply(speech, "\n".join([f"{_count(total, what)}", *lines]), _data(mails, total))


def _data(mails: Sequence[Any], total: int, *, text: bool = False) -> dict[str, Any]:
    rows = [
        {
            "message_id": mail.message_id,
            "name": mail.name,
            "address": mail.address,
            "subject": mail.subject,
            "date": mail.date.isoformat() if mail.date else None,
            "seen": mail.seen,
            **({"text": mail.text, "attachments": [*mail.attachments]} if text else {}),
        }
        for mail in mails[:SHOWN]
    ]
    first = _remember(mails[0])
    choices = {"noun": "email", "items": [_remember(mail) for mail in mails[:SHOWN]]}
    return {"mails": rows, "found": total, "remember": {"email": first, "choices": choices}}


def _remember(mail: Any) -> dict[str, Any] | None:
    """What "it" means in a reply: this mail, and whom an answer to it goes to."""
    if not mail.message_id:
        return None
    sender = {"name": mail.sender, "email": mail.address}
    return {"message_id": mail.message_id, "slots": {"sender": sender} if mail.address else {}}


def _subject(mail: Any) -> str:
    subject = (mail.subject or "no subject").rstrip(" .")
    return subject if subject.endswith(("?", "!", "…")) else f"{subject}."


def _title(body: str) -> str:
    """A subject from the first words of the body."""
    first = " ".join(body.split())
    short = first if len(first) <= 50 else f"{first[:50].rsplit(' ', 1)[0]}…"
    return short[:1].upper() + short[1:]


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "without a date"
    local = moment.astimezone(now.tzinfo)
    clock = f"{local:%H:%M}"
    match (now.date() - local.date()).days:
        case 0:
            return f"today at {clock}"
        case 1:
            return f"yesterday at {clock}"
        case gap if 1 < gap < 7:
            return f"{local:%A} at {clock}"
        case _:
            return f"{local.day} {local:%B %Y}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _and(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
