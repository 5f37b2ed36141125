"""Bring this calendar and one at a CalDAV server in step: first pull, then push.

Each meeting is settled in a transaction of its own, and the server's token is kept only when
all that it stands for was taken over. So a sync that breaks off anywhere has done a part
of its work, and the next one does the rest: what was written before a connection broke is
found to be the same on both sides then.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from wlm.plugins import Context
from wlm.plugins.dav import Changed, Resource, path
from wlm.types import new_id
from wlm_meeting import reminders
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry
from wlm_meeting.ics import drop, under
from wlm_meeting.sync import links as known
from wlm_meeting.sync.caldav import CalDav
from wlm_meeting.sync.content import digest, rendered, understand
from wlm_meeting.sync.links import Link, Remote
from wlm_meeting.sync.settle import Step, settle

_ROUNDS = 3
"""How often a write may come too late, since the server's side changed meanwhile."""
_UNREADABLE = "changed there to what cannot be kept here; it is as it was"


@dataclasses.dataclass
class Synced:
    """What a sync did, by what it was; ``conflicts`` are (title, what) pairs."""

    taken: int = 0
    dropped: int = 0
    pushed: int = 0
    removed: int = 0
    left_out: int = 0
    conflicts: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return dataclasses.asdict(self) | {
            "conflicts": [{"title": title, "what": what} for title, what in self.conflicts]
        }


class BothWays:
    """One sync."""

    def __init__(self, ctx: Context, remote: Remote, server: CalDav) -> None:
        self._ctx = ctx
        self._remote = remote
        self._server = server
        self._calendar = Calendar(ctx)
        self.done = Synced()

    def run(self) -> Synced:
        """Pull and push until nothing is left. Raises what the server's failures raise."""
        for _ in range(_ROUNDS):
            self._pull()
            if self._push():
                break
        return self.done

    # --- pull ---------------------------------------------------------------------------

    def _pull(self) -> None:
        changes = self._server.changes(self._remote.token)
        there = {link.href: link for link in self._remote.links()}
        fresh = [
            each.href
            for each in changes.changed
            if each.href not in there or not each.etag or there[each.href].etag != each.etag
        ]
        for resource in self._server.fetch(fresh):
            with self._ctx.db.transaction():
                self._take_in(resource)
        gone = set(changes.removed)
        if changes.whole:
            gone = set(there) - {each.href for each in changes.changed}
        for href in sorted(gone & set(there)):
            with self._ctx.db.transaction():
                self._let_go(there[href])
        self._remote.token = changes.token
        self._remote.note(token=changes.token)

    def _take_in(self, resource: Resource) -> None:
        """Settle a meeting that is new or changed at the server."""
        link = self._remote.at(resource.href)
        remote = understand(resource.data, self._calendar)
        other = self._remote.of(remote.uid) if remote.uid else None
        if not remote.family or (other is not None and other.href != resource.href):
            self._cannot_keep(resource, remote.uid, link)
            return
        here = self._here(remote.uid)
        there = digest(remote.family)
        base = link.digest or None if link else None
        step = settle(base, digest(here) if here else None, there)
        self._report(step, remote.family)
        if step is Step.KEEP_BOTH:
            self._calendar.add(*_copy(here or []))
        if step in (Step.TAKE, Step.TAKE_BACK, Step.KEEP_BOTH):
            drop(self._ctx, self._calendar, here or [])
            self._calendar.add(*under(here or [], remote.family))
            self.done.taken += 1
        agreed = link.digest if link and step is Step.PUSH else there
        self._remote.link(remote.uid, resource.href, resource.etag, agreed, resource.data)

    def _cannot_keep(self, resource: Resource, uid: str, link: Link | None) -> None:
        """A meeting that we cannot represent stays the server's alone."""
        self.done.left_out += 1
        here = self._here(link.uid) if link and link.digest else None
        if link and here and uid == link.uid and _cancelled(resource.data):
            if digest(here) == link.digest:
                drop(self._ctx, self._calendar, here)
                self.done.dropped += 1
            else:
                self._calendar.add(*_copy(here))
                drop(self._ctx, self._calendar, here)
                self._report(Step.PUSH_ANEW, here)
        elif here:
            self._tell(here[0].title, _UNREADABLE)
        self._remote.link(uid, resource.href, resource.etag, "", resource.data)

    def _let_go(self, link: Link) -> None:
        """Settle a meeting that is gone at the server."""
        self._remote.unlink(link)
        here = self._here(link.uid) if link.digest else None
        if not here:
            return
        step = settle(link.digest, digest(here), None)
        self._report(step, here)
        if step is Step.DROP:
            drop(self._ctx, self._calendar, here)
            self.done.dropped += 1

    # --- push ---------------------------------------------------------------------------

    def _push(self) -> bool:
        """Write what changed here; whether the server took all of it."""
        links = {link.uid: link for link in self._remote.links()}
        families = self._families()
        calm = True
        for uid, family in families.items():
            link = links.get(uid)
            said = digest(family)
            if link is None or (link.digest and link.digest != said):
                calm &= self._write(uid, family, said, link)
        for link in links.values():
            if link.digest and link.uid not in families:
                calm &= self._remove(link)
        return calm

    def _write(self, uid: str, family: list[Entry], said: str, link: Link | None) -> bool:
        href = link.href if link else self._server.address(uid)
        data = rendered(family, link.data if link else "")
        try:
            etag = self._server.put(href, data, link.etag if link else None)
        except Changed:
            return False
        self._remote.link(uid, path(href), etag, said, data.decode())
        self.done.pushed += 1
        return True

    def _remove(self, link: Link) -> bool:
        try:
            self._server.delete(link.href, link.etag)
        except Changed:
            return False
        self._remote.unlink(link)
        self.done.removed += 1
        return True

    def _families(self) -> dict[str, list[Entry]]:
        """Our own meetings by UID, a series with its changed occurrences."""
        subscribed = {
            link.uid for each in known.known(self._ctx, known.SUBSCRIPTION) for link in each.links()
        }
        found: dict[str, list[Entry]] = {}
        for entry in self._calendar.all():
            if entry.kind == "meeting" and entry.uid not in subscribed:
                found.setdefault(entry.uid, []).append(entry)
        return {uid: _in_order(family) for uid, family in found.items()}

    # --- both ---------------------------------------------------------------------------

    def _here(self, uid: str) -> list[Entry] | None:
        found = self._calendar.of_uids([uid]).get(uid, [])
        return _in_order(found) if found and found[0].kind == "meeting" else None

    def _report(self, step: Step, family: list[Entry]) -> None:
        if step.conflict:
            self._tell(family[0].title, step.value)

    def _tell(self, title: str, what: str) -> None:
        self.done.conflicts.append((title, what))
        known.report(self._ctx, title, what)


def finish(ctx: Context) -> None:
    """After a sync: the reminders of what came in get their events."""
    reminders.mend(ctx)


def _in_order(family: list[Entry]) -> list[Entry]:
    return sorted(family, key=lambda entry: entry.recurrence)


def _copy(family: list[Entry]) -> list[Entry]:
    """The same meeting under a name of its own, marked as what it is."""
    master_id = new_id()
    uid = f"{master_id}@wlm"
    ids = [master_id, *(new_id() for _ in family[1:])]
    return [
        dataclasses.replace(
            entry,
            id=id_,
            uid=uid,
            title=f"{entry.title} (your version)",
            series=master_id if entry.series else None,
            notify_event=None,
            notify_before=None,
            sequence=0,
        )
        for id_, entry in zip(ids, family, strict=True)
    ]


def _cancelled(data: str) -> bool:
    return "STATUS:CANCELLED" in data.upper()
