"""Signing in from a browser: authorization code with PKCE, state and nonce.

What must be remembered between the two visits travels sealed in a cookie of the browser that
began, so a code that an attacker plants in another browser leads nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple
from urllib.parse import urlencode

from wlm.errors import (
    BadSetting,
    MasterKeyFault,
    NotAllowed,
    NotSignedIn,
    ProviderError,
    UsageError,
)
from wlm.server.auth import idtoken
from wlm.server.auth.accounts import Accounts, Tokens
from wlm.server.auth.device import SCOPE
from wlm.store.vault import HOST

LASTS_SECONDS = 600
CALLBACK = "/v1/auth/browser/callback"
_PLACE = ("browser_logins", "cookie", "")


class Started(NamedTuple):
    """Where to send the browser, and the cookie that it must bring back."""

    url: str
    cookie: str


def begin(accounts: Accounts) -> Started:
    """Begin a sign-in. Raises ``BadSetting`` if the gateway does not know its own address."""
    issuer = accounts.issuer
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": issuer.client_id,
        "redirect_uri": _redirect(accounts),
        "scope": SCOPE,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    endpoint = issuer.metadata().authorization_endpoint
    if not endpoint:
        raise ProviderError("The sign-in service has no authorization endpoint.")
    mark = "&" if "?" in endpoint else "?"
    until = int(accounts.clock().timestamp()) + LASTS_SECONDS
    kept = [state, nonce, verifier, until]
    cookie = accounts.store.vault.seal_json(HOST, *_PLACE, kept)
    return Started(f"{endpoint}{mark}{urlencode(query)}", cookie)


def finish(
    accounts: Accounts,
    cookie: str,
    *,
    state: str,
    code: str,
    error: str,
    device: str,
    address: str,
) -> Tokens:
    """The tokens of who comes back from the issuer. Raises ``UsageError`` if this
    browser did not begin, ``NotSignedIn``, ``NotAllowed``."""
    try:
        expected, nonce, verifier, until = accounts.store.vault.open_json(HOST, *_PLACE, cookie)
    except (MasterKeyFault, ValueError, TypeError):
        raise _lost() from None
    now = accounts.clock().timestamp()
    if until < now or not hmac.compare_digest(str(expected).encode(), state.encode()):
        raise _lost()
    if error == "access_denied":
        raise NotAllowed("The sign-in was denied.", hint="Try again.")
    issuer = accounts.issuer
    answer = issuer.post(
        issuer.metadata().token_endpoint,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": _redirect(accounts),
            "code_verifier": verifier,
        },
    )
    if answer.error == "invalid_grant":
        raise NotSignedIn("This sign-in has expired or was used.", hint="Try again.")
    if answer.error:
        raise ProviderError(f"The sign-in service refused this gateway ({answer.error}).")
    person = idtoken.person(
        issuer, answer.body, nonce=nonce, clock=lambda: accounts.clock().timestamp()
    )
    return accounts.sign_in(person, device=device, address=address)


def _redirect(accounts: Accounts) -> str:
    base = accounts.settings.config.public_url.rstrip("/")
    if not base:
        raise BadSetting(
            "The gateway does not know its own address.",
            hint="Set WLM_PUBLIC_URL, such as https://wlm.example.org.",
        )
    return base + CALLBACK


def _lost() -> UsageError:
    return UsageError(
        "This browser did not begin this sign-in, or too long ago.", hint="Start again."
    )
