"""The one door to the network for skills: HTTP with limits, and its failures as ours.

Every failure becomes one of two errors, here and nowhere else:

    ProviderAway    no address, no connection, a timeout, 408, 425, 429, 5xx; offline
    ProviderError   another 4xx that was not expected, a redirect that leads nowhere, too large,
                    broken JSON, a certificate that does not hold, an address that is not public

Messages name the host, never the path or query: those may hold secrets, or what was said.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wlm import tls, trace
from wlm.errors import ProviderAway, ProviderError

if TYPE_CHECKING:
    import httpx

    from wlm.plugins.addresses import Guard

MAX_REDIRECTS = 5
USER_AGENT = "wlm/0.1"
_RETRY_STATUS = frozenset({408, 425, 429})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
"""Methods that only look, so that a redirect may be followed."""


@dataclasses.dataclass(frozen=True)
class Response:
    """An answer: 2xx, 304 to a conditional request, or a status that the caller expects.

    ``headers`` has lower-case names. ``content`` is the whole body, decompressed. ``url`` is
    where it came from in the end.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    host: str = ""
    url: str = ""

    def json(self) -> Any:
        """The body as JSON. Raises ``ProviderError`` if it is not."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise ProviderError(f"{self.host} sent JSON that cannot be read.") from None


@dataclasses.dataclass(frozen=True)
class _Call:
    """One request as the caller meant it, and its limits."""

    method: str
    headers: dict[str, str]
    params: Mapping[str, Any] | None
    json: Any
    data: Mapping[str, str] | None
    content: bytes | None
    expected: Collection[int]
    max_bytes: int
    timeout: float
    deadline: float


class Http:
    """HTTP for skills. Safe to use from several threads.

    With ``offline`` every call raises ``ProviderAway``. ``trusted`` are networks (CIDR) that
    ``public_only`` lets through although they are not public. A ``guard`` looks at every call.
    """

    def __init__(
        self,
        offline: bool = False,
        *,
        trusted: Sequence[str] = (),
        guard: Guard | None = None,
    ) -> None:
        self._offline = offline
        self._trusted = tuple(trusted)
        self._always = guard

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 5_000_000,
        timeout: float = 10.0,
        public_only: bool = False,
    ) -> Response:
        """Fetch ``url``, following redirects.

        ``timeout`` is in seconds for the whole call, ``max_bytes`` for the decompressed body.
        ``public_only`` refuses addresses that are not on the public internet, also where a
        name or a redirect leads there; use it for every URL that the user did not type.
        """
        return self._call(
            "GET",
            url,
            params=params,
            headers=headers,
            max_bytes=max_bytes,
            timeout=timeout,
            public_only=public_only,
        )

    def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 5_000_000,
        timeout: float = 10.0,
        public_only: bool = False,
    ) -> Response:
        """Post ``json``, or ``data`` as a form. Redirects are an error.

        After ``ProviderAway`` the other side may have acted; send a key that it knows again.
        """
        return self._call(
            "POST",
            url,
            headers=headers,
            body=json,
            data=data,
            max_bytes=max_bytes,
            timeout=timeout,
            public_only=public_only,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Collection[int] = (),
        max_bytes: int = 5_000_000,
        timeout: float = 10.0,
        public_only: bool = False,
    ) -> Response:
        """Any other method with a body of bytes, as WebDAV needs.

        ``expected`` are statuses of 400 and above that are an answer to the caller, not a
        failure. Redirects are followed for methods that only look.
        """
        return self._call(
            method,
            url,
            headers=headers,
            content=content,
            expected=expected,
            max_bytes=max_bytes,
            timeout=timeout,
            public_only=public_only,
        )

    def _call(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int,
        timeout: float,
        public_only: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        expected: Collection[int] = (),
    ) -> Response:
        if self._offline:
            raise ProviderAway(
                "WLM is set to stay offline, so nothing was fetched.",
                hint="`wlm config set offline false` lets skills reach the network.",
                retryable=False,
            )
        import httpx

        call = _Call(
            method,
            {"user-agent": USER_AGENT, "accept-encoding": "gzip", **(headers or {})},
            params,
            body,
            data,
            content,
            expected,
            max_bytes,
            timeout,
            time.monotonic() + timeout,
        )
        guard = self._always or (self._guard() if public_only else None)
        with httpx.Client(verify=tls.context(), follow_redirects=False, timeout=timeout) as client:
            return _follow(client, call, url, guard)

    def _guard(self) -> Guard:
        from wlm.plugins.addresses import Guard

        return Guard(self._trusted)


def _follow(client: httpx.Client, call: _Call, url: str, guard: Guard | None) -> Response:
    """Send the request, and again where a redirect leads, each time past the guard."""
    import httpx

    try:
        target = httpx.URL(url)
        target = target.copy_merge_params(call.params) if call.params else target
    except (httpx.InvalidURL, TypeError):
        raise ProviderError("The address is not a URL.", hint="Check the URL settings.") from None
    headers = dict(call.headers)
    for _ in range(MAX_REDIRECTS + 1):
        _check_scheme(target)
        answer = _send(client, call, target, headers, guard)
        if isinstance(answer, Response):
            return answer
        if call.method not in _SAFE:
            raise ProviderError(f"{target.host} answered with a redirect instead of acting.")
        following = _join(target, answer)
        if (following.scheme, target.scheme) == ("http", "https"):
            raise ProviderError(f"{target.host} redirects from https to an address without it.")
        if _origin(following) != _origin(target):
            headers = {k: v for k, v in headers.items() if k in ("user-agent", "accept-encoding")}
        target = following
    raise ProviderError(f"{target.host} redirects too often.")


def _send(
    client: httpx.Client,
    call: _Call,
    target: httpx.URL,
    headers: Mapping[str, str],
    guard: Guard | None,
) -> Response | str:
    """One exchange: the response, or the location of a redirect."""
    import httpx

    port = target.port or (443 if target.scheme == "https" else 80)
    pinned = guard.addresses(target.host, port) if guard else [target.host]
    for number, address in enumerate(pinned, 1):
        request = client.build_request(
            call.method, target.copy_with(host=address), json=call.json, data=call.data,
            content=call.content,
            headers={"host": target.netloc.decode("ascii"), **headers},
            timeout=max(0.01, call.deadline - time.monotonic()),
        )  # fmt: skip
        if address != target.host:
            request.extensions["sni_hostname"] = target.host
        try:
            return _exchange(client, request, call, target)
        except httpx.ConnectError as error:
            if number == len(pinned):
                raise _connect_failure(error, target.host) from None
        except (httpx.HTTPError, OSError) as error:
            raise _failure(error, target.host, call) from None
    raise ProviderAway(f"{target.host} has no address.")


def _exchange(
    client: httpx.Client, request: httpx.Request, call: _Call, target: httpx.URL
) -> Response | str:
    import httpx

    from wlm.plugins.watchdog import Watchdog

    host = target.host
    with (
        trace.span(f"provider {call.method}", kind="CLIENT") as span,
        Watchdog(call.deadline) as watchdog,
    ):
        request.extensions["trace"] = watchdog.trace
        response = client.send(request, stream=True)
        span.note(http__response__status_code=response.status_code)
        try:
            if response.status_code in _REDIRECTS and "location" in response.headers:
                return response.headers["location"]
            _check_status(response, host, call.expected)
            body = _read(response, call.max_bytes, host)
            if watchdog.late:  # a body that ends with the connection would look whole
                raise httpx.ReadTimeout("")
        finally:
            response.close()
    return Response(response.status_code, dict(response.headers), body, host, str(target))


def _read(response: httpx.Response, limit: int, host: str) -> bytes:
    """The body, decompressed here so that no compressed trick gets past the limit."""
    import zlib

    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise ProviderError(f"{host} answered in an encoding that was not asked for.")
    unzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body = bytearray()
    try:
        for chunk in response.iter_raw():
            body += unzip.decompress(chunk, limit + 1 - len(body)) if unzip else chunk
            if len(body) > limit:
                raise ProviderError(f"{host} sent more than the limit of {limit} bytes.")
    except zlib.error:
        raise ProviderError(f"{host} sent a compressed body that cannot be read.") from None
    if unzip and body and not unzip.eof:
        raise ProviderAway(f"{host} broke off in the middle of its answer.")
    return bytes(body)


def _check_status(response: httpx.Response, host: str, expected: Collection[int]) -> None:
    status = response.status_code
    if status in expected:
        return
    if status in _RETRY_STATUS or status >= 500:
        what = "has had too many requests" if status == 429 else "cannot answer now"
        raise ProviderAway(
            f"{host} {what} (HTTP {status}).",
            retry_after=_retry_after(response.headers.get("retry-after", "")),
        )
    if not (200 <= status < 300 or status == 304):
        raise ProviderError(
            f"{host} refused the request (HTTP {status}).",
            hint="Check the skill's settings (`wlm skills list` names the skill).",
        )


def _retry_after(value: str) -> float | None:
    """Seconds from a Retry-After header: a number or a date."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _check_scheme(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https") or not url.host:
        raise ProviderError("The address is not an http or https URL.")


def _join(base: httpx.URL, location: str) -> httpx.URL:
    import httpx

    try:
        return base.join(location)
    except httpx.InvalidURL:
        raise ProviderError(f"{base.host} redirects to something that is no URL.") from None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _connect_failure(error: Exception, host: str) -> ProviderError:
    import socket
    import ssl

    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ProviderError(f"The certificate of {host} does not hold; nothing was sent.")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return ProviderAway(f"{host} has no address: no network, or the name is wrong.")
    return ProviderAway(f"{host} cannot be reached.")


def _failure(error: Exception, host: str, call: _Call) -> ProviderError:
    import httpx

    if isinstance(error, httpx.TimeoutException) or time.monotonic() >= call.deadline:
        return ProviderAway(f"{host} did not answer within {call.timeout:g} s.")
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return ProviderError(f"The request to {host} cannot be sent.")
    return ProviderAway(f"{host} broke off, or gave no proper answer.")


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
