"""Our own access tokens: JWTs of ten minutes, signed with ES256 by a key that rotates."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet

from wlm.errors import NotSignedIn
from wlm.store.accounts.signing import SigningKey, SigningKeys
from wlm.store.engine import Store
from wlm.types import new_id

ALGORITHM = "ES256"
TYPE = "at+jwt"
SECONDS = 600
"""How long an access token lasts."""
AUDIENCE = "wlm"
_FRESH_SECONDS = 60.0


class Claims(NamedTuple):
    """What a valid access token says. ``expires``: seconds since 1970."""

    owner: str
    session: str
    expires: int


class AccessTokens:
    """Makes and verifies access tokens of the gateway that calls itself ``name``."""

    def __init__(self, store: Store, name: str, clock: Callable[[], datetime]) -> None:
        self.keys = SigningKeys(store, clock, _make)
        self._name = name
        self._clock = clock
        self._signing: tuple[float, ECKey] | None = None
        self._published: tuple[float, KeySet] | None = None

    def issue(self, owner: str, session: str) -> str:
        """A token for a user's session."""
        now = int(self._clock().timestamp())
        key = self._signing_key()
        claims: dict[str, Any] = {
            "iss": self._name,
            "aud": AUDIENCE,
            "sub": owner,
            "sid": session,
            "iat": now,
            "exp": now + SECONDS,
            "jti": new_id(),
        }
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def verify(self, token: str) -> Claims:
        """What a token says. Raises ``NotSignedIn``."""
        decoded = self._decoded(token)
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            iss={"essential": True, "value": self._name},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            sid={"essential": True},
            exp={"essential": True},
        )
        try:
            if decoded.header.get("typ") != TYPE:
                raise _refused()
            registry.validate(decoded.claims)
        except JoseError as error:
            raise _refused(expired=error.error == "expired_token") from None
        claims = decoded.claims
        return Claims(str(claims["sub"]), str(claims["sid"]), int(claims["exp"]))

    def jwks(self) -> dict[str, Any]:
        """The published keys, as a JWK set."""
        return {"keys": [dict(key.public) for key in self._all()]}

    def _decoded(self, token: str) -> jwt.Token:
        for again in (False, True):
            try:
                return jwt.decode(token, self._verifying(again=again), algorithms=[ALGORITHM])
            except InvalidKeyIdError:
                continue  # another gateway may have rotated
            except (JoseError, ValueError, TypeError):
                raise _refused() from None
        raise _refused()

    def _signing_key(self) -> ECKey:
        if self._signing is None or time.monotonic() - self._signing[0] > _FRESH_SECONDS:
            found = self.keys.current()
            self._signing = (time.monotonic(), ECKey.import_key(found.private))  # type: ignore[arg-type]
        return self._signing[1]

    def _verifying(self, *, again: bool) -> KeySet:
        age = None if self._published is None else time.monotonic() - self._published[0]
        if age is None or age > _FRESH_SECONDS or (again and age > 1.0):
            keys = [ECKey.import_key(dict(key.public)) for key in self._all()]
            self._published = (time.monotonic(), KeySet(list(keys)))
        assert self._published is not None
        return self._published[1]

    def _all(self) -> list[SigningKey]:
        if not (found := self.keys.published()):
            self.keys.current()  # makes the first
            found = self.keys.published()
        return found


def _make(kid: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A fresh key: the private JWK and its public half."""
    key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": ALGORITHM})
    return dict(key.as_dict(private=True)), dict(key.as_dict(private=False))


def _refused(*, expired: bool = False) -> NotSignedIn:
    if expired:
        return NotSignedIn("The access token has expired.", hint="Refresh it, or `wlm login`.")
    return NotSignedIn("The access token is not valid.")
