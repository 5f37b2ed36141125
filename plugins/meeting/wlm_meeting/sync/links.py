"""What is remembered of a calendar elsewhere: where it lies, and what both sides agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import or_

from wlm.errors import BadRequest
from wlm.plugins import Context
from wlm.types import new_id
from wlm_meeting.entry import utc
from wlm_meeting.tables import conflicts, links, remotes

CALDAV, SUBSCRIPTION = "caldav", "ics"
_BUSY = timedelta(minutes=5)


class Link(NamedTuple):
    """One meeting at a calendar elsewhere. ``digest`` is empty where no copy is kept here."""

    id: str
    uid: str
    href: str
    etag: str
    digest: str
    data: str


class Remote:
    """A calendar elsewhere, with its links."""

    def __init__(self, ctx: Context, row: Mapping[Any, Any]) -> None:
        self._db = ctx.db
        self._now = utc(ctx.now)
        self.id: str = row["id"]
        self.url: str = row["url"]
        self.collection: str = row["collection"]
        self.token: str = row["token"]
        self.synced_at: datetime | None = row["synced_at"]

    def lock(self) -> bool:
        """Keep other processes from syncing at the same time; whether we may."""
        free = or_(remotes.c.busy_until.is_(None), remotes.c.busy_until < self._now)
        values = {"busy_until": self._now + _BUSY}
        return self._db.update(remotes, values, remotes.c.id == self.id, free) == 1

    def unlock(self) -> None:
        """Let others sync."""
        self._db.update(remotes, {"busy_until": None}, remotes.c.id == self.id)

    def note(self, **values: Any) -> None:
        """Remember where it lies, its token, or when both sides were last in step."""
        self._db.update(remotes, values, remotes.c.id == self.id)

    def links(self) -> list[Link]:
        """Every link."""
        return [_link(row) for row in self._db.select(links, links.c.remote == self.id)]

    def at(self, href: str) -> Link | None:
        """The link to that resource."""
        rows = self._db.select(links, links.c.remote == self.id, links.c.href == href)
        return _link(rows[0]) if rows else None

    def of(self, uid: str) -> Link | None:
        """The link of that meeting."""
        rows = self._db.select(links, links.c.remote == self.id, links.c.uid == uid)
        return _link(rows[0]) if rows else None

    def link(self, uid: str, href: str, etag: str, digest: str, data: str) -> None:
        """Remember what both sides have now."""
        values = {"uid": uid, "href": href, "etag": etag, "digest": digest, "data": data}
        if known := self.at(href):
            self._db.update(links, values, links.c.id == known.id)
        else:
            self._db.insert(links, {**values, "id": new_id(), "remote": self.id})

    def unlink(self, link: Link) -> None:
        """Forget a meeting that is gone on the other side."""
        self._db.delete(links, links.c.id == link.id)


def remote(ctx: Context, kind: str, url: str) -> Remote:
    """The calendar at that address, known from now on."""
    where = (remotes.c.kind == kind, remotes.c.url == url)
    rows = ctx.db.select(remotes, *where)
    if not rows:
        row = {"id": new_id(), "kind": kind, "url": url, "collection": "", "token": ""}
        ctx.db.insert(remotes, row)
        rows = ctx.db.select(remotes, *where)
    return Remote(ctx, rows[0])


def known(ctx: Context, kind: str) -> list[Remote]:
    """The calendars of that kind, with those that the settings no longer name."""
    return [Remote(ctx, row) for row in ctx.db.select(remotes, remotes.c.kind == kind)]


def forget(ctx: Context, other: Remote) -> None:
    """Forget a calendar elsewhere; the meetings stay as they are."""
    ctx.db.delete(links, links.c.remote == other.id)
    ctx.db.delete(remotes, remotes.c.id == other.id)


def check_ours(ctx: Context, uid: str) -> None:
    """Raises ``BadRequest`` for a meeting of a subscription: it cannot be changed here."""
    rows = ctx.db.select(links, links.c.uid == uid)
    subscriptions = {each.id for each in known(ctx, SUBSCRIPTION)} if rows else set()
    if any(row["remote"] in subscriptions for row in rows):
        raise BadRequest(
            "That meeting comes from a calendar that is only read; nothing was changed.",
            hint="Change it where that calendar is kept.",
        )


def report(ctx: Context, title: str, what: str) -> None:
    """Remember a conflict, so that it is seen."""
    row = {"id": new_id(), "at": utc(ctx.now), "title": title, "what": what}
    ctx.db.insert(conflicts, row)


def reported(ctx: Context, limit: int = 50) -> list[dict[str, str]]:
    """The conflicts that there were, newest first."""
    rows = ctx.db.select(conflicts, order_by=conflicts.c.at.desc(), limit=limit)
    return [
        {"at": f"{row['at'].isoformat()}+00:00", "title": row["title"], "what": row["what"]}
        for row in rows
    ]


def _link(row: Mapping[Any, Any]) -> Link:
    return Link(*(row[name] for name in Link._fields))
