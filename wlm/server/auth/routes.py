"""``/v1/auth``: sign in, refresh, see and end one's sign-ins; the published keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, json, redirect, request
from pydantic import Field

from wlm.errors import Conflict, NotSignedIn
from wlm.server.access import principal, public, scope
from wlm.server.auth import browser, device
from wlm.server.auth.accounts import Tokens
from wlm.server.contract import PLAIN, Answer, Form, contract
from wlm.server.paging import ShortPageQuery, page
from wlm.server.service import service
from wlm.store.accounts.sessions import IDLE
from wlm.store.accounts.users import User

blueprint = Blueprint("auth", __name__)
_LOGIN_COOKIE = "wlm_login"
_REFRESH_COOKIE = "wlm_refresh"
_REFRESH_PATH = "/v1/auth/refresh"


class UserAnswer(Answer):
    """A user of this gateway."""

    id: str
    email: str | None
    name: str
    role: str
    state: str
    created_at: datetime
    seen_at: datetime | None


class DeviceForm(Form):
    """A sign-in from a terminal."""

    device: str = Field("", max_length=200, pattern=PLAIN, description="What to call this device.")


class DeviceAnswer(Answer):
    """Show ``verification_uri`` and ``user_code`` to the user, and poll with ``login_id``."""

    login_id: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: int
    interval: int


class DeviceTokenForm(Form):
    """Which sign-in."""

    login_id: str = Field(min_length=1, max_length=200, pattern=PLAIN)


class RefreshForm(Form):
    """The refresh token; a browser has it in a cookie instead."""

    refresh_token: str | None = Field(None, min_length=1, max_length=200, pattern=PLAIN)


class TokensAnswer(Answer):
    """Tokens. ``expires_in`` is in seconds; a refresh token is good once."""

    token_type: str
    access_token: str
    expires_in: int
    refresh_token: str | None
    session: str
    user: UserAnswer


class SessionAnswer(Answer):
    """One sign-in. ``current``: the one that asks."""

    id: str
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    current: bool


class SessionsAnswer(Answer):
    """Who is signed in, and where. ``next`` is the cursor of the next page; null at the end."""

    user: UserAnswer
    sessions: list[SessionAnswer]
    next: str | None


class EndForm(Form):
    """Which sign-ins to end: that of this request, or all of the user's."""

    all: bool = False


class EndAnswer(Answer):
    """How many sign-ins were ended."""

    ended: int


@blueprint.post("/v1/auth/device")
@public
@contract(body=DeviceForm, gives=DeviceAnswer)
def begin_device(body: DeviceForm) -> dict[str, Any]:
    """Begin a sign-in from a terminal."""
    name = body.device or _user_agent()
    return device.begin(service().accounts, device=name, address=_address())._asdict()


@blueprint.post("/v1/auth/device/token")
@public
@contract(body=DeviceTokenForm, gives=TokensAnswer)
def poll_device(body: DeviceTokenForm) -> dict[str, Any]:
    """The tokens of a sign-in; 409 ``login_pending`` with Retry-After until the user agreed."""
    return shown(device.poll(service().accounts, body.login_id))


@blueprint.post(_REFRESH_PATH)
@public
@contract(body=RefreshForm, gives=TokensAnswer)
def refresh(body: RefreshForm) -> Any:
    """New tokens for a sign-in that lasts."""
    token = body.refresh_token or request.cookies.get(_REFRESH_COOKIE, "")
    if not token:
        raise NotSignedIn("There is no refresh token.")
    tokens = service().accounts.refresh(token, address=_address())
    if body.refresh_token:
        return shown(tokens)
    answer = Response(json.dumps(shown(tokens) | {"refresh_token": None}))
    answer.mimetype = "application/json"
    return _with_refresh_cookie(answer, tokens)


@blueprint.get("/v1/auth/browser")
@public
def begin_browser() -> Response:
    """Send a browser to the sign-in service."""
    started = browser.begin(service().accounts)
    answer = redirect(started.url)
    answer.set_cookie(
        _LOGIN_COOKIE,
        started.cookie,
        max_age=browser.LASTS_SECONDS,
        path=browser.CALLBACK,
        secure=_secure(),
        httponly=True,
        samesite="Lax",  # it must come along when the sign-in service sends the browser back
    )
    return answer  # type: ignore[return-value]


@blueprint.get(browser.CALLBACK)
@public
def finish_browser() -> Response:
    """Where the sign-in service sends the browser back to."""
    given = request.args
    tokens = browser.finish(
        service().accounts,
        request.cookies.get(_LOGIN_COOKIE, ""),
        state=given.get("state", ""),
        code=given.get("code", ""),
        error=given.get("error", ""),
        device=_user_agent(),
        address=_address(),
    )
    answer: Any = redirect("/")
    answer.delete_cookie(_LOGIN_COOKIE, path=browser.CALLBACK)
    return _with_refresh_cookie(answer, tokens)


@blueprint.get("/v1/auth/sessions")
@scope("sessions:read")
@contract(query=ShortPageQuery, gives=SessionsAnswer)
def list_sessions(query: ShortPageQuery) -> dict[str, Any]:
    """Who one is, and where one is signed in."""
    accounts, caller = service().accounts, principal()
    found, following = page(accounts.sessions.list(caller.owner), lambda s: s.id, query)
    sessions = [
        {
            "id": session.id,
            "device": session.device,
            "address": session.address,
            "created_at": session.created_at,
            "used_at": session.used_at,
            "expires_at": session.expires_at,
            "current": caller.kind == "session" and session.id == caller.credential,
        }
        for session in found
    ]
    user = user_form(accounts.users.get(caller.owner))
    return {"user": user, "sessions": sessions, "next": following}


@blueprint.delete("/v1/auth/sessions")
@scope("sessions:write")
@contract(body=EndForm, gives=EndAnswer)
def end_sessions(body: EndForm) -> dict[str, Any]:
    """End this sign-in, or all of one's sign-ins."""
    accounts, caller = service().accounts, principal()
    if body.all:
        return {"ended": accounts.end_all(caller.owner, address=_address())}
    if caller.kind != "session":
        raise Conflict(
            "This request came with a key, not a sign-in.",
            hint="Name the sign-in to end, or send all=true.",
        )
    accounts.end(caller.owner, caller.credential, address=_address())
    return {"ended": 1}


@blueprint.delete("/v1/auth/sessions/<session_id>")
@scope("sessions:write")
@contract()
def end_session(session_id: str) -> None:
    """End one sign-in."""
    service().accounts.end(principal().owner, session_id, address=_address())


@blueprint.get("/.well-known/jwks.json")
@public
def published_keys() -> Response:
    """The keys that verify our access tokens."""
    answer = Response(json.dumps(service().accounts.access.jwks()), mimetype="application/json")
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def user_form(user: User) -> dict[str, Any]:
    """A user as clients see them."""
    data = user._asdict()
    return {"id": data.pop("owner"), **data}


def shown(tokens: Tokens) -> dict[str, Any]:
    """Tokens as clients get them."""
    return {**tokens._asdict(), "token_type": "Bearer", "user": user_form(tokens.user)}


def _with_refresh_cookie(answer: Response, tokens: Tokens) -> Response:
    """Give a browser its refresh token where no script and no other site can reach it."""
    answer.set_cookie(
        _REFRESH_COOKIE,
        tokens.refresh_token,
        max_age=int(IDLE.total_seconds()),
        path=_REFRESH_PATH,
        secure=_secure(),
        httponly=True,
        samesite="Strict",
    )
    return answer


def _secure() -> bool:
    """Whether cookies may travel over https only: everywhere but on this machine."""
    return service().settings.config.public_url.startswith("https://") or request.is_secure


def _address() -> str:
    return (request.remote_addr or "")[:64]


def _user_agent() -> str:
    return request.headers.get("User-Agent", "")[:200]
