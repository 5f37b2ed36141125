"""A calendar at a CalDAV server (RFC 4791): find it, see what changed, read and write meetings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import quote

from wlm.errors import BadRequest
from wlm.plugins.dav import Changes, Dav, Found, Resource, path

NAMESPACE = "urn:ietf:params:xml:ns:caldav"
_CALENDAR = f"{{{NAMESPACE}}}calendar"
_AT_ONCE = 50
"""Meetings that are asked for in one request."""


class CalDav:
    """One calendar. Raises what ``Dav`` raises, and ``BadRequest`` if there is no such calendar."""

    def __init__(self, dav: Dav, collection: str) -> None:
        self._dav = dav
        self.collection = collection

    @classmethod
    def find(cls, dav: Dav, name: str) -> CalDav:
        """The calendar at the account's address, or that of the name there, or the first."""
        offered = dav.collections(NAMESPACE, "calendar-home-set", "/.well-known/caldav")
        found = [each for each in offered if _holds_meetings(each)]
        given = [each for each in found if path(each.url) == path(dav.url)]
        named = [each for each in found if name.casefold() in (each.name.casefold(), _last(each))]
        picked = named if name else given or found
        if not picked:
            raise BadRequest(
                "There is no such calendar at that server; nothing was changed.",
                hint="Run `wlm skills configure meeting`: caldav_url, and caldav_calendar if it "
                "has several.",
            )
        return cls(dav, picked[0].url)

    def changes(self, token: str) -> Changes:
        """What changed since ``token``."""
        return self._dav.changes(self.collection, token)

    def fetch(self, hrefs: Iterable[str]) -> Iterator[Resource]:
        """Meetings as the server has them."""
        rest = iter(hrefs)
        while some := list(islice(rest, _AT_ONCE)):
            yield from self._dav.fetch(
                self.collection,
                some,
                namespace=NAMESPACE,
                report="calendar-multiget",
                prop="calendar-data",
            )

    def put(self, href: str, data: bytes, etag: str | None) -> str:
        """Write a meeting. Raises ``Changed`` if it is no longer as ``etag`` says."""
        return self._dav.put(href, data, "text/calendar; charset=utf-8", etag)

    def delete(self, href: str, etag: str) -> None:
        """Remove a meeting. Raises ``Changed`` if it is no longer as ``etag`` says."""
        self._dav.delete(href, etag)

    def address(self, uid: str) -> str:
        """Where a new meeting is written."""
        return f"{self.collection.rstrip('/')}/{quote(uid, safe='@')}.ics"


def _holds_meetings(found: Found) -> bool:
    return _CALENDAR in found.kinds and (not found.components or "VEVENT" in found.components)


def _last(found: Found) -> str:
    return found.url.rstrip("/").rpartition("/")[2].casefold()
