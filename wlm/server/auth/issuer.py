"""The one place that talks to the OpenID Connect issuer: discovery, its keys, its endpoints.

Plain httpx: Authlib has no client for the device grant (docs/adr says more).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from wlm.errors import NotFound, ProviderError, Unreachable
from wlm.plugins.grants import for_secrets

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

GOOGLE = "https://accounts.google.com"
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_MOST_BYTES = 1_000_000
_FRESH_SECONDS = 3600.0
_AGAIN_SECONDS = 10.0
_NAME = re.compile(r"[a-z_]{1,40}")


class Metadata(NamedTuple):
    """What discovery says, of what we use. Endpoints that are not there are empty."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    basic_only: bool


class Answer(NamedTuple):
    """What an endpoint answered. ``error`` is its code where it refused."""

    status: int
    body: Mapping[str, Any]
    error: str | None


class Issuer:
    """An issuer and this gateway's client there. One object may be used by many threads.

    Raises ``NotFound`` without a client, ``BadSetting`` for an address that is not https (http
    only on this machine), ``Unreachable`` where the issuer is away, ``ProviderError`` where its
    answers are not of the standard's form.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` gives seconds, for the age of what was fetched."""
        if not client_id:
            raise NotFound(
                "Nobody can sign in here: the gateway has no OAuth client.",
                hint="Set WLM_GOOGLE_CLIENT_ID and its secret, or make a key on the host: "
                "`wlm keys create --user EMAIL` (docs/howto/sign-in.md).",
            )
        self.url = for_secrets(url.rstrip("/"))
        self.client_id = client_id
        self._secret = client_secret
        self._clock = clock
        self._http = httpx.Client(
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=False,
            headers={"Accept": "application/json"},
        )
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @property
    def names(self) -> frozenset[str]:
        """What the issuer may call itself in a token. Google does so in two ways."""
        bare = {GOOGLE.removeprefix("https://")} if self.url == GOOGLE else set()
        return frozenset({self.metadata().issuer} | bare)

    def metadata(self) -> Metadata:
        """What discovery says, at most an hour old."""
        if self._metadata is None or self._clock() - self._metadata[0] > _FRESH_SECONDS:
            body = self._get(f"{self.url}/.well-known/openid-configuration")
            self._metadata = (self._clock(), self._checked(body))
        return self._metadata[1]

    def keys(self, *, again: bool = False) -> KeySet:
        """The issuer's keys; ``again``: look whether there are new ones, at most every 10 s."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        age = None if self._keys is None else self._clock() - self._keys[0]
        if age is None or age > _FRESH_SECONDS or (again and age > _AGAIN_SECONDS):
            body = self._get(self.metadata().jwks_uri)
            try:
                found = KeySet.import_key_set({"keys": list(body["keys"])})
            except (JoseError, KeyError, TypeError, ValueError):
                raise ProviderError("The sign-in service gave no usable keys.") from None
            self._keys = (self._clock(), found)
        assert self._keys is not None
        return self._keys[1]

    def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """What the issuer tells of a user besides the ID token; empty where it tells nothing."""
        if not (endpoint := self.metadata().userinfo_endpoint):
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        status, body = self._send("GET", endpoint, headers=headers)
        return body if status == 200 else {}

    def post(self, endpoint: str, form: Mapping[str, str]) -> Answer:
        """Send a form to an endpoint as our client."""
        data, auth = {**form, "client_id": self.client_id}, None
        if self._secret and self.metadata().basic_only:
            auth = (self.client_id, self._secret)
        elif self._secret:
            data["client_secret"] = self._secret
        status, body = self._send("POST", endpoint, data=data, auth=auth)
        if status < 400:
            return Answer(status, body, None)
        # Google says `error`, or `error_code` where a quota is used up.
        named = str(body.get("error") or body.get("error_code") or "")
        return Answer(status, body, named if _NAME.fullmatch(named) else "unknown")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(self, url: str) -> Mapping[str, Any]:
        status, body = self._send("GET", url)
        if status != 200:
            raise ProviderError(
                f"The sign-in service answered {status} to discovery.",
                hint="Check WLM_GOOGLE_ISSUER.",
                retryable=status >= 500,
            )
        return body

    def _send(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, Any]]:
        try:
            with self._http.stream(method, url, **options) as answer:
                raw = bytearray()
                for chunk in answer.iter_bytes():
                    raw += chunk
                    if len(raw) > _MOST_BYTES:
                        raise ProviderError("The sign-in service answered with too much.")
        except httpx.HTTPError as error:
            raise Unreachable(
                f"The sign-in service cannot be reached ({type(error).__name__}).",
                hint="Try again in a moment.",
            ) from None
        if answer.status_code >= 500:
            raise Unreachable(
                f"The sign-in service failed ({answer.status_code}).",
                hint="Try again in a moment.",
            )
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise ProviderError("The sign-in service did not answer in JSON.")
        return answer.status_code, body

    def _checked(self, body: Mapping[str, Any]) -> Metadata:
        def endpoint(name: str) -> str:
            value = body.get(name, "")
            return for_secrets(value) if isinstance(value, str) and value else ""

        # RFC 8414: who answers must be who was asked.
        if str(body.get("issuer", "")).rstrip("/") != self.url:
            raise ProviderError(
                "The sign-in service says that it is another one.", hint="Check WLM_GOOGLE_ISSUER."
            )
        ways = body.get("token_endpoint_auth_methods_supported") or ["client_secret_post"]
        metadata = Metadata(
            str(body["issuer"]),
            endpoint("authorization_endpoint"),
            endpoint("token_endpoint"),
            endpoint("device_authorization_endpoint"),
            endpoint("jwks_uri"),
            endpoint("userinfo_endpoint"),
            "client_secret_post" not in ways and "client_secret_basic" in ways,
        )
        if not (metadata.token_endpoint and metadata.jwks_uri):
            raise ProviderError("The sign-in service lacks an endpoint that signing in needs.")
        return metadata
