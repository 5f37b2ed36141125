"""A call to a gateway by one who may not be signed in yet, and its problems as our errors."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from wlm import tls
from wlm.errors import BadSetting, Unreachable, UsageError, WlmError, walk

TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def call(
    server: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Any:
    """The JSON answer of a gateway. Raises ``Unreachable``, and what the gateway refuses with."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(
            base_url=checked(server), timeout=TIMEOUT, verify=tls.context(), transport=transport
        ) as http:
            answer = http.request(method, path, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise Unreachable(f"{server} cannot be reached ({type(error).__name__}).") from None
    if answer.status_code >= 400:
        raise problem(answer)
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        raise Unreachable(
            f"{server} did not answer as a WLM gateway does.", hint="Check WLM_SERVER_URL."
        ) from None


def checked(server: str) -> str:
    """The address of a gateway if a token may be sent there: https, or http on this machine or a
    private network. Raises ``BadSetting``."""
    try:
        parts = urlsplit(server)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _near(host))):
        return server.rstrip("/")
    raise BadSetting(
        "Setting 'server_url' is no address that a sign-in may be sent to.",
        hint="Such as https://wlm.example.org; http only on this machine or a private network.",
    )


def problem(answer: httpx.Response) -> WlmError:
    """The error that a problem document (RFC 9457) stands for."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    body = found if isinstance(found, dict) else {}
    wait = answer.headers.get("Retry-After", "")
    return of_problem(
        str(body.get("code")),
        str(body.get("detail") or f"The gateway answered {answer.status_code}."),
        str(body["hint"]) if "hint" in body else None,
        retry_after=float(wait) if wait.isdigit() else None,
        otherwise=WlmError if answer.status_code >= 500 else UsageError,
    )


def of_problem(
    code: str,
    message: str,
    hint: str | None,
    *,
    retry_after: float | None = None,
    otherwise: type[WlmError] = WlmError,
) -> WlmError:
    """The error of that code; ``otherwise`` for one that this version does not know."""
    kinds = {kind.code: kind for kind in walk()}
    return kinds.get(code, otherwise)(message, hint=hint, retry_after=retry_after)


def _near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # a name that only this network knows
