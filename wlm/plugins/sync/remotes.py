"""What is remembered of copies elsewhere: where they lie, and what both sides agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column, DateTime, Index, MetaData, String, Table, Text, or_

from wlm.types import new_id

if TYPE_CHECKING:
    from wlm.plugins.context import Context

_BUSY = timedelta(minutes=5)


class Tables(NamedTuple):
    """A skill's three tables. Times are UTC and naive."""

    remotes: Table
    links: Table
    conflicts: Table


def tables(skill: str, metadata: MetaData) -> Tables:
    """The tables of a skill, named after it; its migrations make them."""

    def columns() -> list[Column[Any]]:
        return [
            Column("id", String(26), primary_key=True),
            Column("owner", String(64), nullable=False),
        ]

    remotes = Table(
        f"{skill}_remotes",
        metadata,
        *columns(),
        # caldav, carddav: read and written; ics: a subscription, which is only read
        Column("kind", String(8), nullable=False),
        Column("url", Text, nullable=False),
        # Where it lies, as the server said; of a subscription nothing.
        Column("collection", Text, nullable=False),
        Column("token", Text, nullable=False),
        Column("synced_at", DateTime),
        Column("busy_until", DateTime),
        Index(f"ix_{skill}_remotes_owner", "owner"),
    )
    links = Table(
        f"{skill}_links",
        metadata,
        *columns(),
        Column("remote", String(26), nullable=False),
        Column("uid", String(512), nullable=False),
        Column("href", Text, nullable=False),
        Column("etag", Text, nullable=False),
        # What it said when both sides agreed; empty where we keep no copy of it.
        Column("digest", String(64), nullable=False),
        # As the server has it: what we do not know of it is written back from here.
        Column("data", Text, nullable=False),
        Index(f"ix_{skill}_links_remote", "owner", "remote"),
        Index(f"ix_{skill}_links_uid", "owner", "uid"),
    )
    conflicts = Table(
        f"{skill}_conflicts",
        metadata,
        *columns(),
        Column("at", DateTime, nullable=False),
        Column("title", Text, nullable=False),
        Column("what", String(64), nullable=False),
        Index(f"ix_{skill}_conflicts_owner", "owner", "at"),
    )
    return Tables(remotes, links, conflicts)


class Link(NamedTuple):
    """One thing that is at a server. ``digest`` is empty where no copy is kept here."""

    id: str
    uid: str
    href: str
    etag: str
    digest: str
    data: str


class Remotes:
    """What a user's skill is kept in step with, and the conflicts there were."""

    def __init__(self, ctx: Context, tables: Tables) -> None:
        self._ctx = ctx
        self._db = ctx.db
        self._tables = tables

    def at(self, kind: str, url: str) -> Remote:
        """The one of that kind at that address, known from now on."""
        table = self._tables.remotes
        where = (table.c.kind == kind, table.c.url == url)
        rows = self._db.select(table, *where)
        if not rows:
            row = {"id": new_id(), "kind": kind, "url": url, "collection": "", "token": ""}
            self._db.insert(table, row)
            rows = self._db.select(table, *where)
        return Remote(self._ctx, self._tables, rows[0])

    def all(self, kind: str = "") -> list[Remote]:
        """Those of a kind, or all; with those that the settings no longer name."""
        table = self._tables.remotes
        where = (table.c.kind == kind,) if kind else ()
        rows = self._db.select(table, *where)
        return [Remote(self._ctx, self._tables, row) for row in rows]

    def of(self, uid: str) -> set[str]:
        """The kinds of copies that a thing is linked to."""
        rows = self._db.select(self._tables.links, self._tables.links.c.uid == uid)
        kinds = {each.id: each.kind for each in self.all()} if rows else {}
        return {kinds[row["remote"]] for row in rows if row["remote"] in kinds}

    def forget(self, other: Remote) -> None:
        """Forget one; what came from it stays as it is."""
        self._db.delete(self._tables.links, self._tables.links.c.remote == other.id)
        self._db.delete(self._tables.remotes, self._tables.remotes.c.id == other.id)

    def report(self, title: str, what: str) -> None:
        """Remember a conflict, so that it is seen."""
        row = {"id": new_id(), "at": _utc(self._ctx.now), "title": title, "what": what}
        self._db.insert(self._tables.conflicts, row)

    def reported(self, limit: int = 50) -> list[dict[str, str]]:
        """The conflicts that there were, newest first."""
        table = self._tables.conflicts
        rows = self._db.select(table, order_by=table.c.at.desc(), limit=limit)
        return [
            {"at": f"{row['at'].isoformat()}+00:00", "title": row["title"], "what": row["what"]}
            for row in rows
        ]


class Remote:
    """A copy elsewhere, with its links."""

    def __init__(self, ctx: Context, tables: Tables, row: Mapping[Any, Any]) -> None:
        self._db = ctx.db
        self._tables = tables
        self._now = _utc(ctx.now)
        self.id: str = row["id"]
        self.kind: str = row["kind"]
        self.url: str = row["url"]
        self.collection: str = row["collection"]
        self.token: str = row["token"]
        self.synced_at: datetime | None = row["synced_at"]

    def lock(self) -> bool:
        """Keep other processes from syncing at the same time; whether we may."""
        table = self._tables.remotes
        free = or_(table.c.busy_until.is_(None), table.c.busy_until < self._now)
        values = {"busy_until": self._now + _BUSY}
        return self._db.update(table, values, table.c.id == self.id, free) == 1

    def unlock(self) -> None:
        """Let others sync."""
        self.note(busy_until=None)

    def note(self, **values: Any) -> None:
        """Remember where it lies, its token, or when both sides were last in step."""
        table = self._tables.remotes
        self._db.update(table, values, table.c.id == self.id)

    def in_step(self) -> None:
        """Remember that both sides are in step now."""
        self.note(synced_at=self._now)

    def links(self) -> list[Link]:
        """Every link."""
        return self._links()

    def at(self, href: str) -> Link | None:
        """The link to that resource."""
        return next(iter(self._links(self._tables.links.c.href == href)), None)

    def of(self, uid: str) -> Link | None:
        """The link of that thing."""
        return next(iter(self._links(self._tables.links.c.uid == uid)), None)

    def link(self, uid: str, href: str, etag: str, digest: str, data: str) -> None:
        """Remember what both sides have now."""
        table = self._tables.links
        values = {"uid": uid, "href": href, "etag": etag, "digest": digest, "data": data}
        if known := self.at(href):
            self._db.update(table, values, table.c.id == known.id)
        else:
            self._db.insert(table, {**values, "id": new_id(), "remote": self.id})

    def unlink(self, link: Link) -> None:
        """Forget a thing that is gone on the other side."""
        self._db.delete(self._tables.links, self._tables.links.c.id == link.id)

    def _links(self, *where: Any) -> list[Link]:
        table = self._tables.links
        rows = self._db.select(table, table.c.remote == self.id, *where)
        return [Link(*(row[name] for name in Link._fields)) for row in rows]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
