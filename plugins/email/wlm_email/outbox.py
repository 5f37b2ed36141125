"""What leaves the house: each kind of mail is settled, then shown for a yes, then sent once.

A ``Letter`` is settled from the slots of an intent: which mail it answers, to which addresses. The
proposal shows it and pins what was settled; after the
yes the same pinned slots give the same letter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any, NamedTuple

from wlm.errors import BadRequest, ProviderError
from wlm.plugins import Context, Person, Proposal, Reply
from wlm_email import pick, say
from wlm_email.account import Account, account
from wlm_email.compose import Pair, answer_subject, compose, message_id
from wlm_email.mime import Mail


class Letter(NamedTuple):
    """A mail that is settled. ``done`` begins the sentence that tells it was sent."""

    question: str
    pinned: dict[str, Any]
    to: list[Pair]
    subject: str
    body: str
    done: str = "Sent"
    answers: Mail | None = None

    def message(self, mine: Account, ctx: Context) -> EmailMessage:
        """The mail itself."""
        return compose(
            mine,
            self.to,
            self.subject,
            self.body,
            now=ctx.now,
            event_id=ctx.event_id,
            answers=self.answers,
        )


def proposal(ctx: Context, intent: str, slots: Mapping[str, Any]) -> Proposal:
    """What the user says yes to."""
    letter = SETTLE[intent](ctx, account(ctx), slots, sure=True)
    return Proposal(letter.question, letter.pinned)


def new(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """A mail of its own."""
    to = [pick.address(ctx, person) for person in slots["to"]]
    body, subject = slots["body"], slots["subject"]
    about = f", about “{subject}”" if subject else ""
    question = f"Send “{body}” to {say.exactly(to)}{about}?"
    return Letter(question, {"to": pick.people(to)}, to, subject or say.title(body), body)


def answer(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """An answer. ``sure``: what is settled here is shown before it is sent."""
    from wlm_email import imap

    sender: Person | None = slots["sender"]
    with imap.connect(mine) as box:
        mails = pick.answerable(box, ctx, sender)
    if not mails and sender is None:
        ctx.ask("sender", "Whose mail do you want to answer?")
    if not mails:
        raise BadRequest("There is no mail to answer; nothing was sent.")
    several = len(pick.senders(mails)) > 1 and not (sender and sender.email)
    if several or not (sure or (sender and sender.email)):
        pick.ask_sender(ctx, mails)  # a yes must be to the very address
    mail = mails[0]
    to = [(mail.name, mail.address)]  # never Reply-To: that is the sender's to choose
    body = slots["body"]
    about = f", about “{mail.subject}”" if mail.subject else ""
    return Letter(
        f"Reply “{body}” to {say.exactly(to)}{about}?",
        {"sender": pick.people(to)[0]},
        to,
        answer_subject(mail.subject),
        body,
        "Replied",
        answers=mail,
    )


SETTLE = {"send": new, "reply": answer}


def deliver(ctx: Context, intent: str, **slots: Any) -> Reply:
    """Send, unless a try before this one did; then keep a copy."""
    from wlm_email import smtp

    mine = account(ctx)
    id_ = message_id(mine, ctx.event_id)
    if ctx.attempt > 1 and sent_before(mine, id_):
        return Reply("It was sent already.", "", {"message_id": id_, "repeat": True})
    letter = SETTLE[intent](ctx, mine, slots, sure=False)
    message = letter.message(mine, ctx)
    try:
        refused = smtp.send(mine, message)
    except smtp.HandOverBroken:
        ctx.in_doubt(f"{mine.smtp_host} broke off at the last moment; it may have been sent.")
    pairs = letter.to
    notes = []
    if refused:
        lost = [name or address for name, address in pairs if address in refused]
        notes.append(f"The server did not take it for {say.joined(lost)}.")
    if mine.settings.keep_sent and not _kept(mine, message.as_bytes(), ctx):
        notes.append("No copy was kept.")
    names = say.joined([name or address for name, address in pairs if address not in refused])
    return Reply(
        " ".join([f"{letter.done} to {names}.", *notes]),
        "\n".join([_shown(letter, pairs), *notes]),
        {
            "message_id": message["Message-ID"],
            "to": [address for _, address in pairs],
            "refused": refused,
        },
    )


def outcome(ctx: Context) -> Reply | None:
    """Whether a mail that was broken off lies among the sent ones.

    That it does not proves nothing: it may have gone before its copy was kept.
    """
    mine = account(ctx)
    id_ = message_id(mine, ctx.event_id)
    if not sent_before(mine, id_):
        return None
    speech = "It was sent: it is among your sent mails."
    return Reply(speech, "", {"message_id": id_, "repeat": True})


def sent_before(mine: Account, id_: str) -> bool:
    """Whether a copy lies in the folder of sent mail."""
    from wlm_email import imap

    with imap.connect(mine) as box:
        return box.sent_copy(id_)


def _kept(mine: Account, message: bytes, ctx: Context) -> bool:
    """Whether a copy was put away. The mail is gone by now, so a fault here is only told.

    A server that files what it sends by itself has it already.
    """
    from wlm_email import imap

    try:
        with imap.connect(mine) as box:
            return box.sent_copy(message_id(mine, ctx.event_id)) or box.keep(message, ctx.now)
    except ProviderError:
        return False


def _shown(letter: Letter, pairs: Sequence[Pair]) -> str:
    shown = ", ".join(f"{name} <{address}>" if name else address for name, address in pairs)
    return "\n".join([f"To: {shown}", f"Subject: {letter.subject}", "", letter.body])
