"""A calendar that is only read: an .ics file at an address, fetched again when it changed."""

from __future__ import annotations

import hashlib

from wlm.errors import BadRequest
from wlm.plugins import Context
from wlm.plugins.sync.both_ways import Synced
from wlm.plugins.sync.remotes import Remote, Remotes
from wlm_meeting.calendar import Calendar
from wlm_meeting.ics import drop, under
from wlm_meeting.ics_read import read
from wlm_meeting.others import host_of
from wlm_meeting.sync.content import SUBSCRIPTION, digest
from wlm_meeting.tables import kept

_MAX_BYTES = 20_000_000


def follow(ctx: Context, remote: Remote) -> Synced:
    """Show what the file holds now. Raises what ``ctx.http`` raises, ``BadRequest`` for no .ics.

    The file is asked for with the tag of the last time, so that one that is as it was costs
    one short answer.
    """
    done = Synced()
    headers = {"if-none-match": remote.token} if remote.token.startswith(('"', "W/")) else {}
    with ctx.provider(host_of(remote.url), own=True):
        answer = ctx.http.get(remote.url, headers=headers, max_bytes=_MAX_BYTES, timeout=30)
    if answer.status == 304:
        return done
    token = answer.headers.get("etag") or hashlib.sha256(answer.content).hexdigest()
    if token != remote.token:
        with ctx.db.transaction():
            _replace(ctx, remote, answer.content, done)
            remote.note(token=token)
    return done


def drop_all(ctx: Context, remote: Remote) -> None:
    """Take out what came from a subscription that was given up."""
    calendar = Calendar(ctx)
    for link in remote.links():
        drop(ctx, calendar, calendar.of_uids([link.uid]).get(link.uid, []))


def is_subscribed(ctx: Context, uid: str) -> bool:
    """Whether a meeting comes from a subscription."""
    return SUBSCRIPTION in Remotes(ctx, kept).of(uid)


def check_ours(ctx: Context, uid: str) -> None:
    """Raises ``BadRequest`` for a meeting of a subscription: it cannot be changed here."""
    if is_subscribed(ctx, uid):
        raise BadRequest(
            "That meeting comes from a calendar that is only read; nothing was changed.",
            hint="Change it where that calendar is kept.",
        )


def _replace(ctx: Context, remote: Remote, data: bytes, done: Synced) -> None:
    calendar = Calendar(ctx)
    found = read(data, calendar.zone, calendar.now)
    done.left_out = len(found.skipped)
    links = {link.uid: link for link in remote.links()}
    families = {family[0].uid: family for family in found.families}
    there = calendar.of_uids([*families, *links])
    for uid, family in families.items():
        said, link = digest(family), links.get(uid)
        known = there.get(uid, [])
        if known and link is None:
            done.left_out += 1  # it is in the calendar already, and ours to change
        elif link is None or link.digest != said:
            drop(ctx, calendar, known)
            calendar.add(*under(known, family))
            remote.link(uid, uid, "", said, "")
            done.taken += 1
    for uid in links.keys() - families.keys():
        drop(ctx, calendar, there.get(uid, []))
        remote.unlink(links[uid])
        done.dropped += 1
