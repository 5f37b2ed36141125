"""An account at a server, and syncs with it: when, one at a time, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins.sync.both_ways import BothWays, Copies, Synced
from wlm.plugins.sync.collection import Collection, Kind
from wlm.plugins.sync.dav import Dav
from wlm.types import Reply

if TYPE_CHECKING:
    from wlm.plugins.context import Context
    from wlm.plugins.sync.remotes import Remote, Remotes

Thing = TypeVar("Thing")


class Account(NamedTuple):
    """Which collection of which kind, and who we are there. ``name`` may be empty.

    ``service`` is what a connected account is asked for in the place of a password
    (``google``, "calendar"); ``sign_in`` names the account.
    """

    kind: str
    of: Kind
    url: str
    user: str
    password: str
    name: str
    sign_in: str = "password"
    service: str = ""

    @property
    def place(self) -> str:
        """What tells one collection from another: the address, and which one there."""
        return f"{self.url}#{self.name}"


def sync(ctx: Context, remotes: Remotes, account: Account, copies: Copies[Thing]) -> Synced:
    """Bring the user's things in step with the account's.

    Nothing is done while another process is at it. Raises what the server's failures raise;
    what was done before is kept, and the next sync goes on from there.
    """
    for each in remotes.all(account.kind):
        if each.url != account.place:  # the settings name another one now
            with ctx.db.transaction():
                remotes.forget(each)
    own = ctx.provider(account.kind, own=True)
    with own, locked(remotes.at(account.kind, account.place)) as remote:
        if remote is None:
            return Synced()
        return BothWays(ctx, remotes, remote, _collection(ctx, account, remote), copies).run()


@contextmanager
def locked(remote: Remote) -> Iterator[Remote | None]:
    """The remote for ourselves; ``None`` if another process is at it."""
    if not remote.lock():
        yield None
        return
    try:
        yield remote
        remote.in_step()
    finally:
        remote.unlock()


def freshen(
    ctx: Context, remotes: Remotes, minutes: int, what: str, work: Callable[[], Synced]
) -> str:
    """Do ``work`` if the last sync is ``minutes`` ago; a sentence where that did not go well."""
    if minutes == 0:
        return ""
    times = [each.synced_at for each in remotes.all()]
    oldest = None if None in times or not times else min(time for time in times if time)
    now = ctx.now.astimezone(UTC).replace(tzinfo=None)
    if oldest and now - oldest < timedelta(minutes=minutes):
        return ""
    if not ctx.may_write:  # another's, to look at: its owner's next look brings it in step
        return f"{what} was last asked {_then(ctx, oldest)}." if oldest else ""
    try:
        work()
    except (ProviderAway, ProviderError, BadRequest) as error:
        if oldest is None:
            return f"{what} could not be read yet: {error.message}"
        return f"{what} cannot be read now; this is as it was {_then(ctx, oldest)}."
    return ""


def _then(ctx: Context, moment: datetime) -> str:
    return f"{moment.replace(tzinfo=UTC).astimezone(ctx.timezone):%A %H:%M}"


def reply(what: str, done: Synced) -> Reply:
    """What a sync did, in words; ``what`` is in step, such as "Your calendars are"."""
    counted = (
        (done.taken, "taken over"),
        (done.dropped, "dropped"),
        (done.pushed, "sent"),
        (done.removed, "removed there"),
    )
    parts = [f"{number} {words}" for number, words in counted if number]
    speech = f"{what} in step: {_and(parts)}." if parts else f"{what} in step; nothing had changed."
    if done.conflicts:
        titles = _and([title for title, _ in done.conflicts[:3]])
        speech += f" Look at {titles}: {done.conflicts[0][1]}."
    shown = [f"  {title}: {what}" for title, what in done.conflicts]
    if done.left_out:
        shown.append(f"  {done.left_out} are only at the server: they cannot be kept here.")
    return Reply(speech, "\n".join([speech, *shown]), {"sync": done.to_dict()})


def _collection(ctx: Context, account: Account, remote: Remote) -> Collection:
    if account.sign_in != "password":
        provider, service = account.sign_in, account.service

        def token(refused: str) -> str:
            return ctx.grants.token(provider, service, refused=refused)

        dav = Dav(ctx.http, account.url, account.user, "", token)
        return _chosen(dav, account, remote)
    if not (account.user and account.password):
        raise BadRequest(
            "The server needs a user and a password.",
            hint=f"Run `wlm skills configure {ctx.skill}`.",
        )
    return _chosen(Dav(ctx.http, account.url, account.user, account.password), account, remote)


def _chosen(dav: Dav, account: Account, remote: Remote) -> Collection:
    if remote.collection:
        return Collection(dav, account.of, remote.collection)
    found = Collection.find(dav, account.of, account.name)
    remote.note(collection=found.url)
    return found


def _and(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
