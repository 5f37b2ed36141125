"""A mail that is settled, to be shown for a yes and then sent."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any, NamedTuple

from wlm.plugins import Context
from wlm_email.account import Account
from wlm_email.compose import File, Invite, Pair, compose
from wlm_email.mime import Mail


class Letter(NamedTuple):
    """A mail that is settled. ``done`` begins the sentence that tells it was sent."""

    question: str
    pinned: dict[str, Any]
    to: list[Pair]
    subject: str
    body: str
    done: str = "Sent"
    cc: Sequence[Pair] = ()
    answers: Mail | None = None
    files: Sequence[File] = ()
    draft: str = ""
    invite: Invite | None = None

    def message(self, mine: Account, ctx: Context) -> EmailMessage:
        """The mail itself."""
        return compose(
            mine,
            self.to,
            self.subject,
            self.body,
            now=ctx.now,
            event_id=ctx.event_id,
            cc=self.cc,
            answers=self.answers,
            files=self.files,
            invite=self.invite,
        )
