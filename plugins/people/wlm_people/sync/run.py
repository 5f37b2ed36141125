"""Which address book elsewhere there is, and when ours is brought in step with it."""

from __future__ import annotations

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply
from wlm.plugins.sync import account as steps
from wlm.plugins.sync.account import Account
from wlm.plugins.sync.both_ways import Synced
from wlm.plugins.sync.collection import ADDRESS_BOOK
from wlm.plugins.sync.remotes import Remotes
from wlm_people.settings import BookSettings
from wlm_people.sync.content import Contacts
from wlm_people.tables import kept

SYNC = "people.sync"


def sync(ctx: Context) -> Synced:
    """Bring both address books in step. Raises ``BadRequest`` if none is set up, and what the
    server's failures raise; what was done before one is kept."""
    settings = ctx.settings_as(BookSettings)
    if not settings.carddav_url:
        raise BadRequest(
            "No address book elsewhere is set up.", hint="Run `wlm skills configure people`."
        )
    secret = settings.carddav_password
    password = secret.get_secret_value() if secret else ctx.secrets.get("carddav_password")
    account = Account(
        "carddav",
        ADDRESS_BOOK,
        settings.carddav_url,
        settings.carddav_user,
        password or "",
        settings.carddav_book,
        settings.carddav_sign_in,
        "contacts",
    )
    return steps.sync(ctx, Remotes(ctx, kept), account, Contacts(ctx))


def push_later(ctx: Context) -> None:
    """After a change here: an event of its own brings it to the server."""
    if ctx.event_id:
        ctx.emit(SYNC, {}, key="sync")


def freshen(ctx: Context) -> str:
    """Before a look: sync if the last time is long ago. A sentence where that did not work."""
    minutes = ctx.settings_as(BookSettings).sync_minutes
    what = "The address book at the server"
    return steps.freshen(ctx, Remotes(ctx, kept), minutes, what, lambda: sync(ctx))


def reply(done: Synced) -> Reply:
    """What a sync did, in words."""
    return steps.reply("Your address books are", done)
