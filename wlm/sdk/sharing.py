"""Accounts that users share, where WLM works over the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wlm.store.accounts.shares import Shares
from wlm.store.accounts.users import Users

if TYPE_CHECKING:
    from wlm.sdk.assistant import Assistant
    from wlm.types import Share


def shares(assistant: Assistant) -> Shares:
    """The shares of the assistant's store."""
    return Shares(assistant.store, assistant.clock)


def give(assistant: Assistant, skill: str, user: str, access: str) -> Share:
    """Share the account of ``skill`` with the user of that address."""
    grantee = Users(assistant.store, assistant.clock).by_email(user)
    assistant.registry.skill(skill)
    return shares(assistant).give(assistant.owner, skill, grantee.owner, access)


def use(assistant: Assistant, skill: str, share_id: str | None) -> Share | None:
    """Have ``skill`` work with the account of that share, or with one's own."""
    assistant.registry.skill(skill)
    return shares(assistant).choose(assistant.owner, skill, share_id)
