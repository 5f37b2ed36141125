"""Letting WLM in to an account elsewhere: the authorization code with PKCE, on loopback.

RFC 8252: the provider's page opens in the user's own browser and sends that back to a port of
this machine, with a code that is of use only to who made the secret it was asked for with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from wlm.errors import BadSetting, NotAllowed, ProviderError
from wlm.plugins.grants import CHECK, SCOPES, Grant, expiry, for_secrets, post

if TYPE_CHECKING:
    from wlm.plugins.http import Http

GOOGLE = "https://accounts.google.com"
_HOSTS = {"microsoft": "localhost"}
"""By which name a provider lets a browser be sent back to any port of this machine."""

_PATH = "/callback"
_REQUEST_SECONDS = 10.0
_DONE = "WLM has what it needs. You can close this page."
_NOT_DONE = "That did not work. WLM says why, in the terminal."


class Client(NamedTuple):
    """Who asks whom for what. ``services`` are names of ``SCOPES``."""

    provider: str
    issuer: str
    client_id: str
    client_secret: str
    services: tuple[str, ...]

    @property
    def scopes(self) -> list[str]:
        """What is asked for, in the provider's words."""
        return [
            scope for service in self.services for scope in SCOPES[self.provider][service].split()
        ]


class _Endpoints(NamedTuple):
    issuer: str
    authorize: str
    token: str
    userinfo: str
    revoke: str


def connect(http: Http, client: Client, show: Callable[[str], None], seconds: float) -> Grant:
    """Let the user agree at the page that ``show`` is given, for ``seconds`` at most.

    Raises ``BadSetting`` without a client, ``NotAllowed`` if the user says no or does nothing,
    ``ProviderError`` where the provider does not play its part.
    """
    if not client.client_id:
        raise BadSetting(
            "There is no OAuth client to connect with.",
            hint="Make one for a desktop app, then `wlm config set "
            f"{client.provider}_client_id ID` (docs/howto/connect-{client.provider}.md).",
        )
    endpoints = _discovered(http, client.issuer)
    verifier = secrets.token_urlsafe(48)
    with _Door(endpoints.issuer, _HOSTS.get(client.provider, "127.0.0.1")) as door:
        show(_page(endpoints, client, door, verifier))
        code = door.wait(seconds)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": door.address,
        "code_verifier": verifier,
        "client_id": client.client_id,
        **({"client_secret": client.client_secret} if client.client_secret else {}),
    }
    answer = post(http, endpoints.token, form)
    if answer.error or not answer.body.get("access_token"):
        raise ProviderError(
            f"The sign-in service does not take the code ({answer.error or 'no token'}).",
            hint="Check the OAuth client: its id, its secret, its type.",
        )
    return _granted(http, endpoints, client, answer.body)


def _granted(http: Http, endpoints: _Endpoints, client: Client, body: Mapping[str, Any]) -> Grant:
    token = str(body["access_token"])
    told = body.get("scope")
    return Grant(
        provider=client.provider,
        address=_address(http, endpoints.userinfo, token),
        scopes=tuple(told.split()) if isinstance(told, str) else tuple(client.scopes),
        client_id=client.client_id,
        client_secret=client.client_secret,
        token_endpoint=endpoints.token,
        revocation_endpoint=endpoints.revoke,
        access_token=token,
        expires_at=expiry(body),
        refresh_token=str(body.get("refresh_token") or ""),
    )


def _page(endpoints: _Endpoints, client: Client, door: _Door, verifier: str) -> str:
    """The address of the page where the user agrees."""
    digest = hashlib.sha256(verifier.encode()).digest()
    scopes = ["openid", "email", *client.scopes]
    if client.issuer == GOOGLE:  # its own word for tokens that last; it refuses the standard's
        more = {"access_type": "offline"}
    else:
        scopes.append("offline_access")
        more = {}
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": door.address,
        "scope": " ".join(scopes),
        "state": door.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "prompt": "consent",
        **more,
    }
    return f"{endpoints.authorize}?{urlencode(query)}"


def _discovered(http: Http, issuer: str) -> _Endpoints:
    issuer = for_secrets(issuer.rstrip("/"))
    body = http.get(f"{issuer}/.well-known/openid-configuration", max_bytes=500_000).json()
    told = str(body.get("issuer", "")) if isinstance(body, dict) else ""
    # Microsoft's has a place for each organisation; who asks for all of them says "common".
    named = told.replace("{tenantid}", "common")
    if not isinstance(body, dict) or named.rstrip("/") != issuer:
        raise ProviderError("The sign-in service says that it is another one.", hint=CHECK)

    def endpoint(name: str) -> str:
        return for_secrets(str(body[name])) if body.get(name) else ""

    found = _Endpoints(
        str(body["issuer"]),
        endpoint("authorization_endpoint"),
        endpoint("token_endpoint"),
        endpoint("userinfo_endpoint"),
        endpoint("revocation_endpoint"),
    )
    if not (found.authorize and found.token):
        raise ProviderError("The sign-in service lacks an endpoint that this needs.", hint=CHECK)
    return found


def _address(http: Http, userinfo: str, token: str) -> str:
    """Whose account it is, to be shown; empty where the provider does not tell.

    Microsoft's userinfo takes no token that was made for the mail servers.
    """
    if not userinfo:
        return ""
    try:
        body = http.get(userinfo, headers={"authorization": f"Bearer {token}"}).json()
    except ProviderError:
        return ""
    return str(body.get("email", "")) if isinstance(body, dict) else ""


class _Door:
    """A port of this machine that the browser is sent back to, open for one answer."""

    def __init__(self, issuer: str, host: str) -> None:
        self.state = secrets.token_urlsafe(24)
        self._issuer = issuer
        self._told: dict[str, str] | None = None
        door = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _REQUEST_SECONDS

            def do_GET(self) -> None:
                code, text = door.opened(self.path)
                body = text.encode()
                self.send_response(code)
                self.send_header("content-type", "text/plain; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.send_header("cache-control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the request line holds the code."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://{host}:{self._server.server_port}{_PATH}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def opened(self, target: str) -> tuple[int, str]:
        """Take a request; the status and the text that the browser shows.

        Only one with our state counts: any page may send a browser here.
        """
        parts = urlsplit(target)
        told = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != _PATH:
            return 404, "Nothing is here."
        if not hmac.compare_digest(told.get("state", "").encode(), self.state.encode()):
            return 400, _NOT_DONE
        if told.get("iss", self._issuer) != self._issuer:  # RFC 9207: another one answers
            return 400, _NOT_DONE
        self._told = told
        return 200, _DONE if told.get("code") else _NOT_DONE

    def wait(self, seconds: float) -> str:
        """The code. Raises ``NotAllowed`` if there is none in time, or the user said no."""
        deadline = time.monotonic() + seconds
        while self._told is None and (left := deadline - time.monotonic()) > 0:
            self._server.timeout = left
            self._server.handle_request()
        if self._told is None:
            raise NotAllowed(
                "Nobody agreed in time; nothing was changed.", hint="Run the command again."
            )
        if code := self._told.get("code"):
            return code
        if self._told.get("error") == "access_denied":
            raise NotAllowed("You said no there; nothing was changed.", hint="Run it again.")
        raise ProviderError("The sign-in service sent no code; nothing was changed.")
