"""Drafts: mails that are written and not sent. They lie in the mailbox, for every program."""

from __future__ import annotations

from collections.abc import Sequence

from wlm.errors import BadRequest, ProviderError
from wlm.plugins import Context, Person, Reply
from wlm_email import imap, pick, say
from wlm_email.account import account
from wlm_email.compose import compose, message_id


def make(ctx: Context, to: Sequence[Person], subject: str, body: str) -> Reply:
    """Put a draft into the mailbox, once for its event. Raises ``ProviderError`` without folder."""
    mine = account(ctx)
    pairs = [pick.address(ctx, person) for person in to]
    id_ = message_id(mine, ctx.event_id)
    message = compose(
        mine, pairs, subject or say.title(body), body, now=ctx.now, event_id=ctx.event_id
    )
    with imap.connect(mine) as box:
        there = ctx.attempt > 1 and box.draft(id_) is not None
        if not (there or box.put_draft(message.as_bytes(), ctx.now)):
            raise ProviderError(
                "The mailbox has no folder for drafts; nothing was kept.",
                hint="`wlm skills configure email drafts_folder=NAME` names one.",
            )
    ctx.undo("email.drop_draft", {"draft": id_})
    names = f" to {say.joined([name or address for name, address in pairs])}" if pairs else ""
    display = f"Draft{names}\nSubject: {message['Subject']}\n\n{body}"
    remember = {"draft": {"message_id": id_}}
    return Reply(
        f"The draft{names} is kept: “{body}”.", display, {"message_id": id_, "remember": remember}
    )


def drop(ctx: Context, draft: str) -> Reply:
    """Delete a draft. Raises ``BadRequest`` if it is not there any more."""
    with imap.connect(account(ctx)) as box:
        if not box.drop_draft(draft):
            raise BadRequest("That draft is not there any more.")
    return Reply("The draft is gone.", data={"remember": {"draft": None}})
