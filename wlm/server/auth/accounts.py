"""Everything about accounts, put together over a store and settings; no HTTP in here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from wlm.store.accounts.audit import Audit
from wlm.store.accounts.keys import ApiKeys
from wlm.store.accounts.logins import Logins
from wlm.store.accounts.sessions import Grant, Sessions
from wlm.store.accounts.users import Person, User, Users

if TYPE_CHECKING:
    import httpx

    from wlm.config import Settings
    from wlm.server.auth.issuer import Issuer
    from wlm.server.auth.tokens import AccessTokens
    from wlm.store.engine import Store


class Tokens(NamedTuple):
    """What a client gets when it signs in or refreshes. ``expires_in`` is in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    session: str
    user: User


class Accounts:
    """Users, sign-in, tokens, keys and the audit log of one gateway."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        clock: Callable[[], datetime] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``clock`` gives aware times; ``transport`` stands in for the network (tests)."""
        self.store = store
        self.settings = settings
        self.clock = clock or (lambda: datetime.now(UTC))
        self._transport = transport
        self.audit = Audit(store, self.clock)
        self.users = Users(store, self.clock)
        self.sessions = Sessions(store, self.audit, self.clock)
        self.keys = ApiKeys(store, self.audit, self.clock)
        self.logins = Logins(store, self.clock)
        self.watchers: list[Callable[[], None]] = []
        """Called when a credential may have lost its worth."""

    @cached_property
    def access(self) -> AccessTokens:
        """Our own access tokens."""
        from wlm.server.auth.tokens import AccessTokens

        return AccessTokens(self.store, self.settings.config.public_url or "wlm", self.clock)

    @cached_property
    def issuer(self) -> Issuer:
        """The issuer that people sign in with. Raises ``BadSetting`` if there is no client."""
        from wlm.server.auth.issuer import Issuer

        config = self.settings.config
        return Issuer(
            config.google_issuer,
            config.google_client_id,
            config.google_client_secret,
            transport=self._transport,
        )

    def sign_in(self, person: Person, *, device: str, address: str) -> Tokens:
        """Let in who the issuer says is there. Raises ``NotAllowed`` if they may not enter."""
        from wlm.errors import NotAllowed

        config = self.settings.config
        try:
            with self.store.write():
                user = self.users.admit(
                    person,
                    domains=_items(config.sign_in_domains),
                    emails=_items(config.sign_in_emails),
                )
                grant = self.sessions.begin(user.owner, device=device, address=address)
                self.audit.add(
                    "sign_in", actor=user.owner, credential=grant.session.id, address=address
                )
        except NotAllowed as error:
            self.audit.add("sign_in", actor=None, outcome=error.code, address=address)
            raise
        return self.tokens(grant)

    def refresh(self, token: str, *, address: str) -> Tokens:
        """New tokens for a session. Raises ``NotSignedIn``."""
        return self.tokens(self.sessions.refresh(token, address=address))

    def tokens(self, grant: Grant) -> Tokens:
        """A grant with an access token to it."""
        from wlm.server.auth.tokens import SECONDS

        session = grant.session
        access = self.access.issue(session.owner, session.id)
        user = self.users.get(session.owner)
        return Tokens(access, SECONDS, grant.refresh_token, session.id, user)

    def disable(self, owner: str, *, disabled: bool, actor: str) -> User:
        """Shut a user out (their sessions end) or let them in again."""
        with self.store.write():
            user = self.users.change(owner, disabled=disabled)
            if disabled:
                self.sessions.end_all(owner, reason="disabled")
            self._changed(owner, actor, {"state": user.state})
        self.tell()
        return user

    def set_role(self, owner: str, role: str, *, actor: str) -> User:
        """Give a user another role."""
        with self.store.write():
            user = self.users.change(owner, role=role)
            self._changed(owner, actor, {"role": role})
        self.tell()
        return user

    def invite(
        self, email: str, *, role: str, actor: str, name: str = "", owner: str | None = None
    ) -> User:
        """Let whoever has this address sign in. Raises ``UsageError``."""
        with self.store.write():
            user = self.users.add(email, role=role, name=name, owner=owner)
            self.audit.add("user.create", actor=actor, target=user.owner, detail={"role": role})
        return user

    def end(self, owner: str, session: str, *, address: str | None = None) -> None:
        """End one sign-in of its owner. Raises ``NotFound``."""
        self.sessions.end(owner, session, address=address)
        self.tell()

    def end_all(self, owner: str, *, address: str | None = None) -> int:
        """End all sign-ins of their owner; how many."""
        with self.store.write():
            ended = self.sessions.end_all(owner, reason="user")
            detail = {"ended": ended}
            self.audit.add("session.end", actor=owner, address=address, detail=detail)
        self.tell()
        return ended

    def revoke(self, owner: str, key: str, *, actor: str | None = None) -> None:
        """Revoke a key of its owner. Raises ``NotFound``."""
        self.keys.revoke(owner, key, actor=actor)
        self.tell()

    def tell(self) -> None:
        """Tell the watchers that a credential may have lost its worth."""
        for watcher in self.watchers:
            watcher()

    def _changed(self, owner: str, actor: str, detail: dict[str, Any]) -> None:
        self.audit.add("user.change", actor=actor, target=owner, detail=detail)


def _items(text: str) -> frozenset[str]:
    return frozenset(item.strip().casefold() for item in text.split(",") if item.strip())
