"""Signing in from a terminal: the OAuth device flow (RFC 8628), with us in the middle.

The client secret and the device code stay here. The client holds a login id of ours, which
works once, and asks us; we ask the issuer, no more often than it allows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wlm.errors import LoginPending, NotAllowed, NotSignedIn, ProviderError, Unreachable
from wlm.server.auth import idtoken
from wlm.server.auth.accounts import Accounts, Tokens
from wlm.server.auth.issuer import Answer
from wlm.store.accounts.logins import Login

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid email profile"
SLOWER_SECONDS = 5
_LONGEST_LOGIN = 1800


class Started(NamedTuple):
    """A login that began: what to show to the user, and the id to ask with.

    ``expires_in`` and ``interval`` are in seconds.
    """

    login_id: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: int
    interval: int


def begin(accounts: Accounts, *, device: str, address: str) -> Started:
    """Ask the issuer for a code that the user can enter there."""
    issuer = accounts.issuer
    endpoint = issuer.metadata().device_authorization_endpoint
    if not endpoint:
        raise ProviderError(
            "The sign-in service has no device flow.",
            hint="Allow it for this client, or name another issuer: WLM_GOOGLE_ISSUER.",
        )
    answer = issuer.post(endpoint, {"scope": SCOPE})
    if answer.error:
        raise _misused(answer)
    body = answer.body
    code, user_code = _text(body, "device_code"), _text(body, "user_code")
    # Google spells it its own way.
    where = _text(body, "verification_uri", "verification_url")
    interval = _seconds(body, "interval", 5, 1, 60)
    lasts = _seconds(body, "expires_in", 600, 30, _LONGEST_LOGIN)
    login_id = accounts.logins.begin(
        code, device=device, address=address, interval=interval, lasts=lasts
    )
    complete = body.get("verification_uri_complete")
    complete = complete if isinstance(complete, str) and _is_web(complete) else None
    return Started(login_id, user_code, where, complete, lasts, interval)


def poll(accounts: Accounts, login_id: str) -> Tokens:
    """The tokens, once the user has agreed; a login gives them once.

    Raises ``LoginPending`` with ``retry_after`` until then, ``NotAllowed`` if the user
    refused or may not enter, ``NotSignedIn`` if the login expired or was used.
    """
    login = accounts.logins.take_turn(login_id)
    if not login.due:
        raise LoginPending(retry_after=login.interval)
    issuer = accounts.issuer
    try:
        answer = issuer.post(
            issuer.metadata().token_endpoint,
            {"grant_type": GRANT, "device_code": login.device_code},
        )
    except Unreachable:
        # RFC 8628 3.5: ask less often when the issuer does not answer.
        accounts.logins.slow_down(login, login.interval)
        raise
    if answer.error:
        raise _refusal(accounts, login, answer)
    if not accounts.logins.finish(login):
        raise NotSignedIn("This sign-in has expired or was used.")
    person = idtoken.person(issuer, answer.body, clock=lambda: accounts.clock().timestamp())
    return accounts.sign_in(person, device=login.device, address=login.address)


def _refusal(accounts: Accounts, login: Login, answer: Answer) -> Exception:
    if answer.error == "authorization_pending":
        return LoginPending(retry_after=login.interval)
    if answer.error == "slow_down":
        accounts.logins.slow_down(login, SLOWER_SECONDS)
        return LoginPending(retry_after=login.interval + SLOWER_SECONDS)
    if answer.error in ("rate_limit_exceeded", "temporarily_unavailable"):
        accounts.logins.slow_down(login, login.interval)
        return _misused(answer)
    accounts.logins.finish(login)
    if answer.error == "access_denied":
        accounts.audit.add("sign_in", actor=None, outcome="denied", address=login.address)
        return NotAllowed("The sign-in was denied.", hint="Run `wlm login` to try again.")
    if answer.error in ("expired_token", "invalid_grant"):
        return NotSignedIn("This sign-in has expired or was used.")
    return _misused(answer)


def _misused(answer: Answer) -> ProviderError | Unreachable:
    if answer.error in ("rate_limit_exceeded", "temporarily_unavailable"):
        return Unreachable("The sign-in service takes no more for now.", hint="Try again later.")
    return ProviderError(
        f"The sign-in service refused this gateway ({answer.error}).",
        hint="Check the OAuth client: WLM_GOOGLE_CLIENT_ID, WLM_GOOGLE_CLIENT_SECRET, its type.",
    )


def _text(body: Any, *names: str) -> str:
    for name in names:
        value = body.get(name)
        if isinstance(value, str) and 0 < len(value) < 4096 and value.isprintable():
            if name.startswith("verification") and not _is_web(value):
                continue
            return value
    raise ProviderError(f"The sign-in service gave no {names[0]}.")


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://")) and url.isprintable() and len(url) < 4096


def _seconds(body: Any, name: str, default: int, least: int, most: int) -> int:
    value = body.get(name, default)
    number = int(value) if isinstance(value, int | float) else default
    return min(max(number, least), most)
