"""Bring what is here and a collection at a server in step: first pull, then push.

Each thing is settled in a transaction of its own, and the server's token is kept only when
all that it stands for was taken over. So a sync that breaks off anywhere has done a part
of its work, and the next one does the rest: what was written before a connection broke is
found to be the same on both sides then.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from wlm.plugins.sync.dav import Changed, Resource, path
from wlm.plugins.sync.settle import Step, settle

if TYPE_CHECKING:
    from wlm.plugins.context import Context
    from wlm.plugins.sync.collection import Collection
    from wlm.plugins.sync.remotes import Link, Remote, Remotes

Thing = TypeVar("Thing")

_ROUNDS = 3
"""How often a write may come too late, since the server's side changed meanwhile."""
_CANCELLED = "cancelled there; it is taken out here, too"
_UNREADABLE = "changed there to what cannot be kept here; it is as it was"


class Read(NamedTuple):
    """A resource as understood. ``thing`` is ``None`` where it cannot be kept here.

    ``cancelled``: it says that what it was is no more.
    """

    uid: str
    thing: Any
    cancelled: bool = False


class Copies(Protocol[Thing]):
    """What a skill holds of the things that are kept in step, each known by its UID."""

    def all(self) -> dict[str, Thing]:
        """Everything that belongs at the server, by UID."""
        ...

    def here(self, uid: str) -> Thing | None:
        """The one of that UID."""
        ...

    def digest(self, thing: Thing) -> str:
        """What it says, as a short name: the same for the same on both sides."""
        ...

    def title(self, thing: Thing) -> str:
        """What the user calls it."""
        ...

    def read(self, data: str) -> Read:
        """A resource of the server."""
        ...

    def write(self, thing: Thing, before: str) -> bytes:
        """The resource to write, with what ``before`` (the last one read) has beyond ours."""
        ...

    def take(self, here: Thing | None, there: Thing) -> None:
        """Put the server's in place of ours."""
        ...

    def drop(self, here: Thing) -> None:
        """Take ours out."""
        ...

    def keep_copy(self, here: Thing) -> None:
        """Keep ours under a UID of its own, marked as the user's version."""
        ...


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

    def add(self, more: Synced) -> None:
        """Count what another sync did too."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(more, field.name))


class BothWays(Generic[Thing]):
    """One sync."""

    def __init__(
        self,
        ctx: Context,
        remotes: Remotes,
        remote: Remote,
        server: Collection,
        copies: Copies[Thing],
    ) -> None:
        self._db = ctx.db
        self._remotes = remotes
        self._remote = remote
        self._server = server
        self._copies = copies
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
            with self._db.transaction():
                self._take_in(resource)
        gone = set(changes.removed)
        if changes.whole:
            gone = set(there) - {each.href for each in changes.changed}
        for href in sorted(gone & set(there)):
            with self._db.transaction():
                self._let_go(there[href])
        self._remote.token = changes.token
        self._remote.note(token=changes.token)

    def _take_in(self, resource: Resource) -> None:
        """Settle a thing that is new or changed at the server."""
        link = self._remote.at(resource.href)
        read = self._copies.read(resource.data)
        other = self._remote.of(read.uid) if read.uid else None
        if read.thing is None or (other is not None and other.href != resource.href):
            self._cannot_keep(resource, read, link)
            return
        here = self._copies.here(read.uid)
        there = self._copies.digest(read.thing)
        base = link.digest or None if link else None
        step = settle(base, None if here is None else self._copies.digest(here), there)
        self._report(step, read.thing)
        if step is Step.KEEP_BOTH and here is not None:
            self._copies.keep_copy(here)
        if step in (Step.TAKE, Step.TAKE_BACK, Step.KEEP_BOTH):
            self._copies.take(here, read.thing)
            self.done.taken += 1
        agreed = link.digest if link and step is Step.PUSH else there
        self._remote.link(read.uid, resource.href, resource.etag, agreed, resource.data)

    def _cannot_keep(self, resource: Resource, read: Read, link: Link | None) -> None:
        """What we cannot represent stays the server's alone."""
        self.done.left_out += 1
        here = self._copies.here(link.uid) if link and link.digest else None
        if link and here is not None and read.uid == link.uid and read.cancelled:
            if self._copies.digest(here) != link.digest:
                self._copies.keep_copy(here)
                self._report(Step.PUSH_ANEW, here)
            self._copies.drop(here)
            self.done.dropped += 1
            self._tell(self._copies.title(here), _CANCELLED)
        elif here is not None:
            self._tell(self._copies.title(here), _UNREADABLE)
        self._remote.link(read.uid, resource.href, resource.etag, "", resource.data)

    def _let_go(self, link: Link) -> None:
        """Settle a thing that is gone at the server."""
        self._remote.unlink(link)
        here = self._copies.here(link.uid) if link.digest else None
        if here is None:
            return
        step = settle(link.digest, self._copies.digest(here), None)
        self._report(step, here)
        if step is Step.DROP:
            self._copies.drop(here)
            self.done.dropped += 1

    # --- push ---------------------------------------------------------------------------

    def _push(self) -> bool:
        """Write what changed here; whether the server took all of it."""
        links = {link.uid: link for link in self._remote.links()}
        things = self._copies.all()
        calm = True
        for uid, thing in things.items():
            link = links.get(uid)
            said = self._copies.digest(thing)
            if link is None or (link.digest and link.digest != said):
                calm &= self._write(uid, thing, said, link)
        for link in links.values():
            if link.digest and link.uid not in things:
                calm &= self._remove(link)
        return calm

    def _write(self, uid: str, thing: Thing, said: str, link: Link | None) -> bool:
        href = link.href if link else self._server.address(uid)
        data = self._copies.write(thing, link.data if link else "")
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

    # --- both ---------------------------------------------------------------------------

    def _report(self, step: Step, thing: Thing) -> None:
        if step.conflict:
            self._tell(self._copies.title(thing), step.value)

    def _tell(self, title: str, what: str) -> None:
        self.done.conflicts.append((title, what))
        self._remotes.report(title, what)
