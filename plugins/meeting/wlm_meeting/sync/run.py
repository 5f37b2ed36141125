"""When and with what the calendar is kept in step, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Context, Reply
from wlm.plugins.dav import Dav
from wlm_meeting import say
from wlm_meeting.entry import utc
from wlm_meeting.settings import CalendarSettings, settings_of
from wlm_meeting.sync import links
from wlm_meeting.sync.both_ways import BothWays, Synced, finish
from wlm_meeting.sync.caldav import CalDav
from wlm_meeting.sync.links import CALDAV, SUBSCRIPTION, Remote
from wlm_meeting.sync.subscription import drop_all, follow

SYNC = "meeting.sync"
_CONFIGURE = "Run `wlm skills configure meeting`."


def wanted(ctx: Context) -> bool:
    """Whether there is a calendar elsewhere."""
    settings = settings_of(ctx)
    return bool(settings.caldav_url or settings.addresses)


def sync(ctx: Context) -> Synced:
    """Bring everything in step. Raises ``BadRequest`` if nothing is set up, and what the
    servers' failures raise; what was done before one is kept."""
    settings = settings_of(ctx)
    if not wanted(ctx):
        raise BadRequest("No calendar elsewhere is set up.", hint=_CONFIGURE)
    _forget_the_rest(ctx, settings)
    done = Synced()
    for address in settings.addresses:
        with _locked(ctx, links.remote(ctx, SUBSCRIPTION, address)) as remote:
            if remote is not None:
                _add(done, follow(ctx, remote))
    if settings.caldav_url:
        with _locked(ctx, links.remote(ctx, CALDAV, _place(settings))) as remote:
            if remote is not None:
                both = BothWays(ctx, remote, _server(ctx, settings, remote))
                try:
                    both.run()
                finally:
                    _add(done, both.done)
    finish(ctx)
    return done


def push_later(ctx: Context) -> None:
    """After a change here: an event of its own brings it to the server."""
    if settings_of(ctx).caldav_url and ctx.event_id:
        ctx.emit(SYNC, {}, key="sync")


def freshen(ctx: Context) -> str:
    """Before a look: sync if the last time is long ago. A sentence where that did not work."""
    settings = settings_of(ctx)
    if not wanted(ctx) or settings.sync_minutes == 0:
        return ""
    times = [each.synced_at for kind in (CALDAV, SUBSCRIPTION) for each in links.known(ctx, kind)]
    oldest = None if None in times or not times else min(t for t in times if t)
    if oldest and utc(ctx.now) - oldest < timedelta(minutes=settings.sync_minutes):
        return ""
    try:
        sync(ctx)
    except (ProviderAway, ProviderError, BadRequest) as error:
        if oldest is None:
            return f"The calendar server could not be read yet: {error.message}"
        when = say.moment(oldest.replace(tzinfo=UTC).astimezone(ctx.timezone), ctx.now)
        return f"The calendar server cannot be read now; this is as it was {when}."
    return ""


def reply(done: Synced) -> Reply:
    """What a sync did, in words."""
    parts = [
        f"{number} {what}"
        for number, what in (
            (done.taken, "taken over"),
            (done.dropped, "dropped"),
            (done.pushed, "sent"),
            (done.removed, "removed there"),
        )
        if number
    ]
    speech = f"Your calendars are in step: {say.joined(parts)}." if parts else (
        "Your calendars are in step; nothing had changed."
    )  # fmt: skip
    if done.conflicts:
        titles = say.joined([title for title, _ in done.conflicts[:3]])
        speech += f" Look at {titles}: {done.conflicts[0][1]}."
    shown = [f"  {title}: {what}" for title, what in done.conflicts]
    if done.left_out:
        shown.append(f"  {done.left_out} are only at the server: they cannot be kept here.")
    return Reply(speech, "\n".join([speech, *shown]), {"sync": done.to_dict()})


def _server(ctx: Context, settings: CalendarSettings, remote: Remote) -> CalDav:
    secret = settings.caldav_password
    password = (secret.get_secret_value() if secret else None) or ctx.secrets.get("caldav_password")
    if not (settings.caldav_user and password):
        raise BadRequest("The calendar server needs a user and a password.", hint=_CONFIGURE)
    dav = Dav(ctx.http, settings.caldav_url, settings.caldav_user, password)
    if remote.collection:
        return CalDav(dav, remote.collection)
    server = CalDav.find(dav, settings.caldav_calendar)
    remote.note(collection=server.collection)
    return server


def _place(settings: CalendarSettings) -> str:
    """What tells one calendar from another: the address, and which one there."""
    return f"{settings.caldav_url}#{settings.caldav_calendar}"


@contextmanager
def _locked(ctx: Context, remote: Remote) -> Iterator[Remote | None]:
    """The calendar for ourselves; ``None`` if another process is at it."""
    if not remote.lock():
        yield None
        return
    try:
        yield remote
        remote.note(synced_at=utc(ctx.now))
    finally:
        remote.unlock()


def _forget_the_rest(ctx: Context, settings: CalendarSettings) -> None:
    """Calendars that the settings no longer name: what was subscribed goes, the rest stays."""
    for each in links.known(ctx, SUBSCRIPTION):
        if each.url not in settings.addresses:
            with ctx.db.transaction():
                drop_all(ctx, each)
                links.forget(ctx, each)
    for each in links.known(ctx, CALDAV):
        if each.url != _place(settings):
            with ctx.db.transaction():
                links.forget(ctx, each)


def _add(total: Synced, more: Synced) -> None:
    total.taken += more.taken
    total.dropped += more.dropped
    total.pushed += more.pushed
    total.removed += more.removed
    total.left_out += more.left_out
    total.conflicts += more.conflicts
