"""A calendar (RFC 4791) or address book (RFC 6352) at a server: find it, read and write it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote

from wlm.errors import BadRequest
from wlm.plugins.sync.dav import Changes, Dav, Found, Resource, path

_AT_ONCE = 50
"""Resources that are asked for in one request."""


class Kind(NamedTuple):
    """What a collection holds, in the words of its standard."""

    name: str
    namespace: str
    type: str
    home: str
    well_known: str
    report: str
    data: str
    content_type: str
    suffix: str
    component: str = ""

    def fits(self, found: Found) -> bool:
        """Whether a collection is of this kind."""
        if f"{{{self.namespace}}}{self.type}" not in found.kinds:
            return False
        return not self.component or not found.components or self.component in found.components


CALENDAR = Kind(
    "calendar",
    "urn:ietf:params:xml:ns:caldav",
    "calendar",
    "calendar-home-set",
    "/.well-known/caldav",
    "calendar-multiget",
    "calendar-data",
    "text/calendar; charset=utf-8",
    ".ics",
    "VEVENT",
)
ADDRESS_BOOK = Kind(
    "address book",
    "urn:ietf:params:xml:ns:carddav",
    "addressbook",
    "addressbook-home-set",
    "/.well-known/carddav",
    "addressbook-multiget",
    "address-data",
    "text/vcard; charset=utf-8",
    ".vcf",
)


class Collection:
    """One collection. Raises what ``Dav`` raises."""

    def __init__(self, dav: Dav, kind: Kind, url: str) -> None:
        self._dav = dav
        self._kind = kind
        self.url = url

    @classmethod
    def find(cls, dav: Dav, kind: Kind, name: str) -> Collection:
        """The collection of that name, or the one at the account's address, or the first.

        Raises ``BadRequest`` if there is none.
        """
        offered = dav.collections(kind.namespace, kind.home, kind.well_known)
        found = [each for each in offered if kind.fits(each)]
        given = [each for each in found if path(each.url) == path(dav.url)]
        named = [each for each in found if name.casefold() in (each.name.casefold(), _last(each))]
        picked = named if name else given or found
        if not picked:
            raise BadRequest(
                f"There is no such {kind.name} at that server; nothing was changed.",
                hint="Check the address and, if there are several, the name in the skill's "
                "settings.",
            )
        return cls(dav, kind, picked[0].url)

    def changes(self, token: str) -> Changes:
        """What changed since ``token``."""
        return self._dav.changes(self.url, token)

    def fetch(self, hrefs: Iterable[str]) -> Iterator[Resource]:
        """Resources as the server has them."""
        rest = iter(hrefs)
        while some := list(islice(rest, _AT_ONCE)):
            yield from self._dav.fetch(
                self.url,
                some,
                namespace=self._kind.namespace,
                report=self._kind.report,
                prop=self._kind.data,
            )

    def put(self, href: str, data: bytes, etag: str | None) -> str:
        """Write a resource. Raises ``Changed`` if it is no longer as ``etag`` says."""
        return self._dav.put(href, data, self._kind.content_type, etag)

    def delete(self, href: str, etag: str) -> None:
        """Remove a resource. Raises ``Changed`` if it is no longer as ``etag`` says."""
        self._dav.delete(href, etag)

    def address(self, uid: str) -> str:
        """Where something new is written."""
        return f"{self.url.rstrip('/')}/{quote(uid, safe='@')}{self._kind.suffix}"


def _last(found: Found) -> str:
    return found.url.rstrip("/").rpartition("/")[2].casefold()
