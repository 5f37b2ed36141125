"""WebDAV for skills: what calendars (CalDAV) and address books (CardDAV) have in common.

A collection holds resources; each has an address (href) and an entity tag that changes with
it. Changes are asked for by a sync token (RFC 6578), or by comparing all tags where the
server has none. Every write names the tag that it was made from, so that nothing is
overwritten unseen. Requests go through ``Http``, with its limits and its errors.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree as ET

from wlm.errors import BadRequest, ProviderError

if TYPE_CHECKING:
    from wlm.plugins.http import Http, Response

DAV = "{DAV:}"
_MAX_BYTES = 50_000_000
_TIMEOUT = 30.0
_NO_TOKEN = frozenset({400, 403, 404, 405, 409, 410, 412, 415, 422, 501, 507})
"""How servers say that a sync token is too old, or that they have none."""


class Resource(NamedTuple):
    """One resource of a collection: its path at the server, its tag, its content if asked for."""

    href: str
    etag: str
    data: str = ""


class Changes(NamedTuple):
    """What happened in a collection since a token.

    ``whole``: ``changed`` is everything that there is, and what is not in it is gone.
    ``token`` is empty where the server has none.
    """

    changed: list[Resource]
    removed: list[str]
    token: str
    whole: bool


class Found(NamedTuple):
    """A collection that a server offers."""

    url: str
    name: str
    kinds: frozenset[str]
    components: frozenset[str]


class Changed(Exception):
    """A write was refused since the resource is no longer as it was; nothing was written."""


class Dav:
    """One account at one server. Raises ``ProviderAway`` and ``ProviderError`` as ``Http`` does.

    Raises ``BadRequest`` if the password would cross a network in the clear.
    """

    def __init__(
        self,
        http: Http,
        url: str,
        user: str,
        password: str,
        token: Callable[[str], str] | None = None,
    ) -> None:
        """``token`` gives an access token, other than the one that was refused; it stands in
        the place of a password."""
        parts = urlsplit(url)
        if parts.scheme == "http" and not _loopback(parts.hostname or ""):
            raise BadRequest(
                "The password would cross the network in the clear; nothing was sent.",
                hint="Give an address that begins with https.",
            )
        self.url = url
        self._http = http
        self._origin = (parts.scheme, parts.netloc)
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._authorization = f"Basic {login}" if token is None else ""
        self._token = token

    # --- look ---------------------------------------------------------------------------

    def collections(self, namespace: str, home: str, well_known: str) -> list[Found]:
        """The collections of the user, found from the address that the user gave.

        ``home`` is the property that names where they lie (``calendar-home-set``), in
        ``namespace``; ``well_known`` is the path of RFC 6764.
        """
        wanted = f"{{{namespace}}}{home}"
        start = self._principal(self.url) or self._principal(urljoin(self.url, well_known))
        homes = self._hrefs(start, wanted) if start else []
        for place in [*(urljoin(self.url, h) for h in homes), self.url]:
            if found := list(self._listed(place, namespace)):
                return found
        return []

    def _principal(self, url: str) -> str:
        found = self._hrefs(url, f"{DAV}current-user-principal")
        return urljoin(url, found[0]) if found else ""

    def _hrefs(self, url: str, prop: str) -> list[str]:
        answer = self._propfind(url, "0", [prop], expected={403, 404, 405})
        if answer is None:
            return []
        return [
            href.text.strip()
            for href in answer.iter(f"{DAV}href")
            if href.text and _inside(answer, prop, href)
        ]

    def _listed(self, url: str, namespace: str) -> Iterator[Found]:
        components = f"{{{namespace}}}supported-calendar-component-set"
        props = [f"{DAV}resourcetype", f"{DAV}displayname", components]
        root = self._propfind(url, "1", props, expected={403, 404, 405})
        for response in root.iter(f"{DAV}response") if root is not None else ():
            kinds = frozenset(
                child.tag for type_ in response.iter(f"{DAV}resourcetype") for child in type_
            )
            if any(kind.startswith(f"{{{namespace}}}") for kind in kinds):
                yield Found(
                    urljoin(url, _text(response, f"{DAV}href")),
                    _text(response, f"{DAV}displayname"),
                    kinds,
                    frozenset(
                        comp.get("name", "").upper()
                        for listed in response.iter(components)
                        for comp in listed
                    ),
                )

    def changes(self, collection: str, token: str) -> Changes:
        """What changed in a collection since ``token``; all that there is, if it is empty."""
        if token and (since := self._since(collection, token)) is not None:
            return since
        # The token first: what changes while we list is then reported again, not missed.
        root = self._propfind(collection, "0", [f"{DAV}sync-token"])
        fresh = _text(root, f".//{DAV}sync-token") if root is not None else ""
        listed = self._propfind(collection, "1", [f"{DAV}getetag", f"{DAV}resourcetype"])
        assert listed is not None
        own = path(collection)
        found = [
            Resource(href, _text(response, f".//{DAV}getetag"))
            for response in listed.iter(f"{DAV}response")
            if (href := path(_text(response, f"{DAV}href"))).rstrip("/") != own.rstrip("/")
            and response.find(f".//{DAV}collection") is None
        ]
        return Changes(found, [], fresh, whole=True)

    def _since(self, collection: str, token: str) -> Changes | None:
        """What changed since ``token``; ``None`` if the server cannot say."""
        changed: dict[str, Resource] = {}
        removed: dict[str, None] = {}
        for _ in range(1000):  # a server may tell it in parts
            body = (
                f'<sync-collection xmlns="DAV:"><sync-token>{_escaped(token)}</sync-token>'
                "<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
            )
            answer = self._send("REPORT", collection, body, "0", expected=_NO_TOKEN)
            if answer.status in _NO_TOKEN:
                return None
            root, more = _parse(answer), False
            for response in root.iter(f"{DAV}response"):
                href = path(_text(response, f"{DAV}href"))
                status = _text(response, f"{DAV}status")
                if " 507" in status:
                    more = True
                elif " 404" in status or " 410" in status:
                    removed[href] = None
                    changed.pop(href, None)
                elif href.rstrip("/") != path(collection).rstrip("/"):
                    changed[href] = Resource(href, _text(response, f".//{DAV}getetag"))
                    removed.pop(href, None)
            following = _text(root, f"{DAV}sync-token")
            if not more or following in ("", token):
                return Changes(list(changed.values()), list(removed), following or token, False)
            token = following
        return None

    def fetch(
        self, collection: str, hrefs: Iterable[str], *, namespace: str, report: str, prop: str
    ) -> list[Resource]:
        """Resources with their content, by a multiget report; those that are gone are left out."""
        listed = "".join(f"<D:href>{_escaped(href)}</D:href>" for href in hrefs)
        if not listed:
            return []
        body = (
            f'<C:{report} xmlns:D="DAV:" xmlns:C="{namespace}">'
            f"<D:prop><D:getetag/><C:{prop}/></D:prop>{listed}</C:{report}>"
        )
        root = _parse(self._send("REPORT", collection, body, "0"))
        return [
            Resource(
                path(_text(response, f"{DAV}href")),
                _text(response, f".//{DAV}getetag"),
                content,
            )
            for response in root.iter(f"{DAV}response")
            if (content := _text(response, f".//{{{namespace}}}{prop}", strip=False))
        ]

    # --- write --------------------------------------------------------------------------

    def put(self, href: str, data: bytes, content_type: str, etag: str | None) -> str:
        """Write a resource that still has ``etag``, or that is not there yet (``None``).

        Returns its new tag; empty where the server tells none. Raises ``Changed``.
        """
        condition = {"if-none-match": "*"} if etag is None else {"if-match": etag}
        headers = {"content-type": content_type, **condition}
        answer = self._request("PUT", href, data, headers, expected={404, 409, 412})
        if answer.status in (404, 409, 412):
            raise Changed
        return answer.headers.get("etag", "")

    def delete(self, href: str, etag: str) -> None:
        """Remove a resource that still has ``etag``; one that is gone is no error.

        Raises ``Changed``.
        """
        answer = self._request("DELETE", href, None, {"if-match": etag}, expected={404, 410, 412})
        if answer.status == 412:
            raise Changed

    # --- requests -----------------------------------------------------------------------

    def _propfind(
        self, url: str, depth: str, props: Iterable[str], expected: Iterable[int] = ()
    ) -> ET.Element | None:
        asked = "".join(_element(prop) for prop in props)
        body = f'<propfind xmlns="DAV:"><prop>{asked}</prop></propfind>'
        answer = self._send("PROPFIND", url, body, depth, expected=expected)
        return None if answer.status >= 400 else _parse(answer)

    def _send(
        self, method: str, url: str, body: str, depth: str, expected: Iterable[int] = ()
    ) -> Response:
        content = f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode()
        headers = {"content-type": "application/xml; charset=utf-8", "depth": depth}
        return self._request(method, url, content, headers, expected)

    def _request(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: dict[str, str],
        expected: Iterable[int] = (),
    ) -> Response:
        target = urljoin(self.url, url)
        parts = urlsplit(target)
        if (parts.scheme, parts.netloc) != self._origin:
            # A server that names another one would be sent the password.
            raise ProviderError(
                f"The server names an address at {parts.hostname}; it was not asked.",
                hint="If you trust it, give the address of your calendars there.",
            )
        if self._token is not None and not self._authorization:
            self._authorization = f"Bearer {self._token('')}"
        answer = self._asked(method, target, content, headers, expected)
        if answer.status == 401 and self._token is not None:
            refused = self._authorization.removeprefix("Bearer ")
            self._authorization = f"Bearer {self._token(refused)}"
            answer = self._asked(method, target, content, headers, expected)
        if answer.status == 401 and self._token is not None:
            raise ProviderError(
                f"{parts.hostname} refuses the sign-in.",
                hint="`wlm connect list` shows whose account it is; connect again.",
            )
        if answer.status == 401:
            raise ProviderError(
                f"{parts.hostname} does not take this user name and password.",
                hint="Run `wlm skills configure` for the skill.",
            )
        return answer

    def _asked(
        self,
        method: str,
        target: str,
        content: bytes | None,
        headers: dict[str, str],
        expected: Iterable[int],
    ) -> Response:
        return self._http.request(
            method,
            target,
            content=content,
            headers={"authorization": self._authorization, **headers},
            expected={401, *expected},
            max_bytes=_MAX_BYTES,
            timeout=_TIMEOUT,
        )


def _parse(answer: Response) -> ET.Element:
    """The answer's XML. Raises ``ProviderError`` for anything else.

    A document type is refused: entities are the only way in which XML of bounded size takes
    unbounded memory, and no WebDAV answer has one. NUL bytes would hide it in UTF-16.
    """
    if b"<!DOCTYPE" in answer.content or b"<!ENTITY" in answer.content or b"\0" in answer.content:
        raise ProviderError(f"{answer.host} sent XML that is not accepted.")
    try:
        return ET.fromstring(answer.content)  # noqa: S314 - see above
    except ET.ParseError:
        raise ProviderError(f"{answer.host} sent XML that cannot be read.") from None


def _text(element: ET.Element, path: str, *, strip: bool = True) -> str:
    found = element.findtext(path) or ""
    return found.strip() if strip else found


def _inside(root: ET.Element, prop: str, href: ET.Element) -> bool:
    return any(href is inner for holder in root.iter(prop) for inner in holder.iter(href.tag))


def path(href: str) -> str:
    """An href as servers mean it: the path alone, with one way of escaping."""
    return quote(unquote(urlsplit(href).path), safe="/@:+,;=~!$&'()*")


def _element(name: str) -> str:
    namespace, _, local = name[1:].partition("}")
    return f'<x:{local} xmlns:x="{namespace}"/>'


def _escaped(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(text)


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
