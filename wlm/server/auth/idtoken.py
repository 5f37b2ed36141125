"""Is this ID token the issuer's, for us, now? And who does it say is there?"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from wlm.errors import NotSignedIn
from wlm.server.auth.issuer import GOOGLE, Issuer
from wlm.store.accounts.users import Person

log = logging.getLogger(__name__)

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
    "Ed25519",
)
"""Signatures with a public key. No ``none``, and nothing with a shared secret."""
SKEW_SECONDS = 60
_LONGEST = 16_000


def person(
    issuer: Issuer,
    answer: Mapping[str, Any],
    *,
    nonce: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Person:
    """Who the token endpoint's ``answer`` says is there. Raises ``NotSignedIn``.

    Where the ID token has no address, the userinfo endpoint is asked, as the standard allows;
    what it says counts only for the same subject.
    """
    claims = verify(issuer, answer.get("id_token"), nonce=nonce, clock=clock)
    access = answer.get("access_token")
    if "email" not in claims and isinstance(access, str):
        more = issuer.userinfo(access)
        if more.get("sub") == claims["sub"]:
            claims = {**more, **claims}
    return Person(issuer.metadata().issuer, claims["sub"], _email(issuer, claims), _name(claims))


def verify(
    issuer: Issuer,
    token: object,
    *,
    nonce: str | None = None,
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """The claims of an ID token, all of its checks passed.

    Raises ``NotSignedIn``, and logs which check failed.
    """
    if not isinstance(token, str) or len(token) > _LONGEST:
        raise _refused("missing")
    claims = _decoded(issuer, token)
    now = int(clock())
    registry = jwt.JWTClaimsRegistry(
        now=now,
        leeway=SKEW_SECONDS,
        iss={"essential": True, "values": sorted(issuer.names)},
        aud={"essential": True, "value": issuer.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise _refused(f"{error.error} {getattr(error, 'claim', '') or ''}".strip()) from None
    _check_party(claims, issuer.client_id)
    if nonce is not None and not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
        raise _refused("nonce")
    subject = claims["sub"]
    if not subject or len(subject) > 255:
        raise _refused("sub")
    return claims


def _decoded(issuer: Issuer, token: str) -> dict[str, Any]:
    for again in (False, True):
        try:
            return dict(jwt.decode(token, issuer.keys(again=again), algorithms=ALGORITHMS).claims)
        except InvalidKeyIdError:
            continue  # signed with a key that is newer than what we know
        except (JoseError, ValueError, TypeError) as error:
            raise _refused(getattr(error, "error", "") or type(error).__name__) from None
    raise _refused("kid")


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """A token for several audiences must have been issued to us."""
    audience = claims["aud"]
    party = claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise _refused("azp")
    if party is not None and party != client_id:
        raise _refused("azp")


def _email(issuer: Issuer, claims: dict[str, Any]) -> str | None:
    """The address, if the issuer has verified it and can know whose it is today.

    Google vouches for its own mail and for its customers' domains (``hd``), for no other.
    """
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True or len(email) > 320:
        return None
    address = email.strip().casefold()
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        return None
    if issuer.url == GOOGLE and domain != "gmail.com" and claims.get("hd") != domain:
        return None
    return address


def _name(claims: dict[str, Any]) -> str:
    name = claims.get("name")
    return name[:200] if isinstance(name, str) else ""


def _refused(check: str) -> NotSignedIn:
    log.warning("an ID token was refused: %s", check)
    return NotSignedIn(
        "The sign-in service's answer could not be verified.",
        hint="Try again; the gateway's log says which check failed.",
    )
