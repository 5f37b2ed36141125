"""Which calendars elsewhere there are, and when ours is brought in step with them."""

from __future__ import annotations

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply
from wlm.plugins.sync import account as steps
from wlm.plugins.sync.account import Account, locked
from wlm.plugins.sync.both_ways import Synced
from wlm.plugins.sync.collection import CALENDAR
from wlm.plugins.sync.remotes import Remotes
from wlm_meeting import reminders
from wlm_meeting.settings import CalendarSettings
from wlm_meeting.sync.content import SUBSCRIPTION, Meetings
from wlm_meeting.sync.subscription import drop_all, follow
from wlm_meeting.tables import kept

SYNC = "meeting.sync"


def sync(ctx: Context) -> Synced:
    """Bring everything in step. Raises ``BadRequest`` if nothing is set up, and what the
    servers' failures raise; what was done before one is kept."""
    settings, remotes = ctx.settings_as(CalendarSettings), Remotes(ctx, kept)
    if not (settings.caldav_url or settings.addresses):
        raise BadRequest(
            "No calendar elsewhere is set up.", hint="Run `wlm skills configure meeting`."
        )
    done = Synced()
    _unsubscribe(ctx, remotes, settings)
    for address in settings.addresses:
        with locked(remotes.at(SUBSCRIPTION, address)) as remote:
            if remote is not None:
                done.add(follow(ctx, remote))
    if settings.caldav_url:
        account = _account(ctx, settings)
        done.add(steps.sync(ctx, remotes, account, Meetings(ctx, remotes)))
    reminders.mend(ctx)
    return done


def push_later(ctx: Context) -> None:
    """After a change here: an event of its own brings it to the server."""
    if ctx.settings_as(CalendarSettings).caldav_url and ctx.event_id:
        ctx.emit(SYNC, {}, key="sync")


def freshen(ctx: Context) -> str:
    """Before a look: sync if the last time is long ago. A sentence where that did not work."""
    minutes = ctx.settings_as(CalendarSettings).sync_minutes
    what = "The calendar server"
    return steps.freshen(ctx, Remotes(ctx, kept), minutes, what, lambda: sync(ctx))


def reply(done: Synced) -> Reply:
    """What a sync did, in words."""
    return steps.reply("Your calendars are", done)


def _account(ctx: Context, settings: CalendarSettings) -> Account:
    secret = settings.caldav_password
    password = secret.get_secret_value() if secret else ctx.secrets.get("caldav_password")
    return Account(
        "caldav",
        CALENDAR,
        settings.caldav_url,
        settings.caldav_user,
        password or "",
        settings.caldav_calendar,
        settings.caldav_sign_in,
        "calendar",
    )


def _unsubscribe(ctx: Context, remotes: Remotes, settings: CalendarSettings) -> None:
    for each in remotes.all(SUBSCRIPTION):
        if each.url not in settings.addresses:
            with ctx.db.transaction():
                drop_all(ctx, each)
                remotes.forget(each)
