"""What leaves the house: each kind of mail is settled, then shown for a yes, then sent once.

A ``Letter`` is settled from the slots of an intent: which mail it answers or passes on, to
which addresses, with which files. The proposal shows it and pins what was settled; after the
yes the same pinned slots give the same letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wlm.errors import BadRequest, ProviderError
from wlm.plugins import Context, Person, Proposal, Reply
from wlm_email import attach, pick, rsvp, say
from wlm_email.account import Account, account
from wlm_email.compose import File, Pair, message_id, passed_on, prefixed
from wlm_email.letter import Letter
from wlm_email.mime import Mail, attached, parse, taken_apart


def proposal(ctx: Context, intent: str, slots: Mapping[str, Any]) -> Proposal:
    """What the user says yes to."""
    letter = SETTLE[intent](ctx, account(ctx), slots, sure=True)
    return Proposal(letter.question, letter.pinned)


def new(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """A mail of its own."""
    to = [pick.address(ctx, person) for person in slots["to"]]
    body, subject = slots["body"], slots["subject"]
    path = attach.settle(ctx, mine.settings, slots["attach"])
    files = [attach.load(mine.settings, path)] if path else []
    about = f", about “{subject}”" if subject else ""
    question = f"Send “{body}” to {say.exactly(to)}{about}{_with(files)}?"
    pinned: dict[str, Any] = {"to": pick.people(to)}
    if path:
        pinned["attach"] = attach.name_of(mine.settings, path)
    return Letter(question, pinned, to, subject or say.title(body), body, files=files)


def answer(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """An answer. ``sure``: what is settled here is shown before it is sent."""
    from wlm_email import imap

    sender: Person | None = slots["sender"]
    with imap.connect(mine) as box:
        if known := slots["mail"]:
            mails = pick.by_id(box, known)
        else:
            mails = pick.answerable(box, ctx, sender)
    if not mails and sender is None:
        ctx.ask("sender", "Whose mail do you want to answer?")
    if not mails:
        raise BadRequest("There is no mail to answer; nothing was sent.")
    several = len(pick.senders(mails)) > 1 and not (sender and sender.email)
    if several or not (sure or slots["mail"] or (sender and sender.email)):
        pick.ask_sender(ctx, mails)  # a yes must be to the very address
    mail = mails[0]
    to = [(mail.name, mail.address)]  # never Reply-To: that is the sender's to choose
    own = {mine.address.casefold(), mail.address.casefold()}
    everyone = slots["whom"] == "everyone"
    others = [pair for pair in mail.to if pair[1].casefold() not in own] if everyone else []
    more = f" and {say.exactly(others)}" if others else ""
    body = slots["body"]
    about = f", about “{mail.subject}”" if mail.subject else ""
    return Letter(
        f"Reply “{body}” to {say.exactly(to)}{more}{about}?",
        {"sender": pick.people(to)[0], **_pin(mail)},
        to,
        prefixed(mail.subject, "Re:"),
        body,
        "Replied",
        cc=others,
        answers=mail,
    )


def pass_on(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """A mail of somebody else's, with what is attached to it."""
    from wlm_email import imap

    to = [pick.address(ctx, person) for person in slots["to"]]
    most = mine.settings.attach_mb * 1_000_000
    with imap.connect(mine) as box:
        head = pick.to_pass_on(box, ctx, slots["sender"], slots["query"], slots["mail"])
        if head is None:
            raise BadRequest("There is no such mail to forward; nothing was sent.")
        raw = box.raw(head, 2 * most)
    mail = parse(raw, head.uid, seen=True)
    if mail.note:
        raise BadRequest(f"{mail.note} Nothing was sent.", hint="Forward it in a mail program.")
    files = [File(*each) for each in attached(taken_apart(raw), most)]
    note = slots["body"]
    words = f" with the words “{note}”" if note else ""
    question = (
        f"Forward “{mail.subject or 'no subject'}” from {say.exactly([(mail.name, mail.address)])}"
        f"{_with(files)} to {say.exactly(to)}{words}?"
    )
    pinned = {"to": pick.people(to), **_pin(mail)}
    body = passed_on(note, mail, say.when(mail.date, ctx.now))
    return Letter(
        question, pinned, to, prefixed(mail.subject, "Fwd:"), body, "Forwarded", files=files
    )


def draft(ctx: Context, mine: Account, slots: Mapping[str, Any], *, sure: bool) -> Letter:
    """A draft that lies in its folder, made here or in another program."""
    from wlm_email import imap

    with imap.connect(mine) as box:
        known = slots["draft"] or (ctx.memory.get("draft") or {}).get("message_id")
        if not known:
            found = [each for each in box.drafts() if each.message_id]
            if not found:
                raise BadRequest("There is no draft; nothing was sent.")
            if len(found) > 1:
                choices = [(each.subject or "no subject", each.message_id) for each in found[:5]]
                ctx.ask("draft", "Which draft?", choices)
            known = found[0].message_id
        raw = box.draft(known)
    if raw is None:
        raise BadRequest("That draft is not there any more; nothing was sent.")
    mail = parse(raw, "", seen=True)
    to = [pick.address(ctx, person) for person in slots["to"] or ()] or [*mail.to]
    if not to:
        ctx.ask("to", "To whom?")
    files = [File(*e) for e in attached(taken_apart(raw), mine.settings.attach_mb * 1_000_000)]
    return Letter(
        f"Send the draft “{mail.subject}”, which says “{mail.text}”, to {say.exactly(to)}"
        f"{_with(files)}?",
        {"to": pick.people(to), "draft": known},
        to,
        mail.subject,
        mail.text,
        files=files,
        draft=known,
    )


SETTLE: dict[str, Callable[..., Letter]] = {
    "send": new,
    "reply": answer,
    "forward": pass_on,
    "send_draft": draft,
    "invite": rsvp.invitation,
    "rsvp": rsvp.answer,
}


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
    pairs = [*letter.to, *letter.cc]
    notes = []
    if refused:
        lost = [name or address for name, address in pairs if address in refused]
        notes.append(f"The server did not take it for {say.joined(lost)}.")
    if mine.settings.keep_sent and not _kept(mine, message.as_bytes(), ctx):
        notes.append("No copy was kept.")
    if letter.draft and not _dropped(mine, letter.draft):
        notes.append("The draft is still there.")
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


def _dropped(mine: Account, id_: str) -> bool:
    from wlm_email import imap

    try:
        with imap.connect(mine) as box:
            return box.drop_draft(id_)
    except ProviderError:
        return False


def _pin(mail: Mail) -> dict[str, str]:
    """Which mail it is, if that has an id."""
    return {"mail": mail.message_id} if mail.message_id else {}


def _with(files: Sequence[File]) -> str:
    """What is attached, by name and size."""
    if not files:
        return ""
    return f", with {say.joined([f'{each.name} ({say.size(len(each.data))})' for each in files])},"


def _shown(letter: Letter, pairs: Sequence[Pair]) -> str:
    shown = ", ".join(f"{name} <{address}>" if name else address for name, address in pairs)
    files = [f"Attached: {', '.join(each.name for each in letter.files)}"] if letter.files else []
    return "\n".join([f"To: {shown}", f"Subject: {letter.subject}", *files, "", letter.body])
