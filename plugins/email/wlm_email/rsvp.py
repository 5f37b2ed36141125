"""Invitations by mail: those of the calendar to others, and our answers to theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wlm.errors import BadRequest
from wlm.plugins import Context, Person
from wlm_email import invitations, pick, say
from wlm_email.account import Account
from wlm_email.compose import Invite, prefixed
from wlm_email.invitations import Invitation
from wlm_email.letter import Letter
from wlm_email.mime import Mail, parse, taken_apart

if TYPE_CHECKING:
    from wlm_email.imap import Mailbox

FILED = "meeting.invited"
"""What puts a meeting that was accepted into the calendar, or takes one out."""
ANSWERED = "meeting.answered"
"""What notes who comes."""
CALLED_OFF = "meeting.called_off"
"""What takes out a meeting that its organiser cancels."""

_MOST = 2_000_000
_VERBS = {"accept": "Accept", "decline": "Decline", "tentative": "Tentatively accept"}
_DONE = {"accept": "Accepted", "decline": "Declined", "tentative": "Tentatively accepted"}


def invitation(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """An invitation of our calendar, a change of one or a cancellation, to who takes part."""
    to = [pick.address(ctx, person) for person in slots["to"]]
    asked = invitations.read(slots["calendar"].encode())
    if asked is None or asked.method not in ("REQUEST", "CANCEL"):
        raise BadRequest("That is no invitation; nothing was sent.")
    if asked.organizer != mine.address.casefold():
        raise BadRequest(
            "The calendar invites as another than the mailbox's address; nothing was sent.",
            hint="Set `invite_as` of the skill meeting to the address of the mailbox.",
        )
    body, title = slots["body"], asked.title
    cancels = asked.method == "CANCEL"
    what = f"that “{title}” is cancelled" if cancels else f"an invitation to “{title}”"
    return Letter(
        f"Send {say.exactly(to)} {what}, which says “{body}”?",
        {"to": pick.people(to)},
        to,
        f"Cancelled: {title}" if cancels else f"Invitation: {title}",
        body,
        "The cancellation went" if cancels else "The invitation went",
        invite=Invite(asked.method, asked.data),
    )


def answer(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """The answer to an invitation: to whom it names as its organiser, which is shown."""
    from wlm_email import imap

    if slots["answer"] is None:
        choices = [("accept", "accept"), ("decline", "decline"), ("say maybe", "tentative")]
        ctx.ask("answer", "Accept, decline, or say maybe?", choices)
    with imap.connect(mine) as box:
        found = _asked(box, ctx, slots)
    if found is None:
        raise BadRequest("There is no such invitation in the mailbox; nothing was sent.")
    mail, asked = found
    if "@" not in asked.organizer:
        raise BadRequest("That invitation does not say who organises it; nothing was sent.")
    if not (sure or slots["mail"]):
        raise BadRequest(
            "That mail has no id, so a yes cannot be to it; nothing was sent.",
            hint="Answer it in a mail program.",
        )
    given, name = slots["answer"], mine.settings.display_name
    same = asked.organizer == mail.address.casefold()
    to = [(mail.name if same else "", mail.address if same else asked.organizer)]
    told = f"{name or mine.address} {_DONE[given].casefold()} the invitation."
    data = invitations.answered(asked, given, mine.address, name, ctx.now)
    return Letter(
        f"{_VERBS[given]} “{asked.title or 'no title'}”{_when(asked, ctx.now)}, "
        f"with an answer to {say.exactly(to)}?",
        {"answer": given, "mail": mail.message_id},
        to,
        prefixed(asked.title, f"{_DONE[given]}:"),
        told,
        f"{_DONE[given]}. The answer went",
        answers=mail,
        invite=Invite("REPLY", data),
    )


def file(ctx: Context, slots: Mapping[str, Any]) -> None:
    """Have the calendar follow what was answered; once, however often it is asked for."""
    from wlm_email import imap
    from wlm_email.account import account

    mine = account(ctx)
    with imap.connect(mine) as box:
        found = _asked(box, ctx, slots)
    if found is not None:
        ctx.emit(
            FILED,
            {
                "calendar": found[1].data.decode("utf-8", "replace"),
                "answer": slots["answer"],
                "me": mine.address,
            },
            key="invited",
        )


def follow_unread(ctx: Context, box: Mailbox, mails: Sequence[Mail]) -> None:
    """``follow`` for each of the mails that was not read: reading one does it for the others."""
    if ctx.account is not None:
        return
    for mail in box.with_calendar([mail for mail in mails if not mail.seen]):
        follow(ctx, box, mail)


def follow(ctx: Context, box: Mailbox, mail: Mail) -> None:
    """Have the calendar note an answer to an invitation of ours, or that a meeting is cancelled.

    What a mail says counts for its sender only: for who answers, or who organises. In the
    mailbox of another the meetings are none of ours.
    """
    if ctx.account is not None:
        return
    found = invitations.found(taken_apart(box.raw(mail, _MOST)))
    who = mail.address.casefold()
    if found is None or not who:
        return
    slots = {"calendar": found.data.decode("utf-8", "replace"), "sender": mail.address}
    if found.method == "REPLY" and who in found.attendees:
        ctx.emit(ANSWERED, slots, key=f"answer {mail.message_id or mail.uid}")
    if found.method == "CANCEL" and who == found.organizer:
        ctx.emit(CALLED_OFF, slots, key=f"cancel {mail.message_id or mail.uid}")


def _asked(box: Mailbox, ctx: Context, slots: Mapping[str, Any]) -> tuple[Mail, Invitation] | None:
    """The mail that is meant and the invitation in it: the newest that fits."""
    sender: Person | None = slots["sender"]
    query: str = slots["query"]
    if known := slots["mail"]:
        mails = pick.by_id(box, known)
    elif sender or query:
        mails = box.search(sender, query).mails
    else:
        mails = [*pick.remembered(box, ctx), *box.search().mails]
    for head in box.with_calendar(mails):
        raw = box.raw(head, _MOST)
        found = invitations.found(taken_apart(raw))
        if found is not None and found.method == "REQUEST":
            return parse(raw, head.uid, seen=head.seen), found
    return None


def _when(asked: Invitation, now: datetime) -> str:
    zone = now.tzinfo
    begin = invitations.moment(asked, zone)  # type: ignore[arg-type]  # a user's time has a zone
    if begin is None:
        return ""
    day = f"{begin:%A} {begin.day} {begin:%B}"
    whole = not isinstance(asked.start, datetime)
    return f", {day}" if whole else f", {day} at {begin:%H:%M}"
