"""WebDAV against a server that answers wrongly; the right answers are Radicale's, in the skills."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.http_server import Answer, HttpServer, Request
from wlm.errors import BadRequest, ProviderError
from wlm.plugins.http import Http
from wlm.plugins.sync.dav import Changed, Dav

ONE = """<response><href>{0}</href><propstat><prop><getetag>{1}</getetag></prop></propstat>
</response>"""
LISTED = '<multistatus xmlns="DAV:">{}</multistatus>'.format(
    ONE.format("/c/", '"x"')
    + ONE.format("/c/a%20b.ics", '"1"')
    + ONE.format("http://other/c/b.ics", '"2"')
)
PARTS = '<multistatus xmlns="DAV:">{0}<sync-token>{1}</sync-token></multistatus>'
MORE = "<response><href>/c/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>"
GONE = "<response><href>/c/{0}</href><status>HTTP/1.1 404 Not Found</status></response>"


@pytest.fixture
def web() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


def dav(web: HttpServer) -> Dav:
    return Dav(Http(), f"{web.url}/c/", "me", "secret")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "not accepted"),
        ("<!DOCTYPE x><x/>".encode("utf-16"), "not accepted"),
        (b"<html><body>moved", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_xml_that_is_hostile_or_none_is_refused(web: HttpServer, body: bytes, words: str) -> None:
    web.route("/c/", status=207, body=body)
    with pytest.raises(ProviderError, match=words):
        dav(web).changes(f"{web.url}/c/", "")


def test_without_tokens_everything_is_listed(web: HttpServer) -> None:
    web.route("/c/", status=207, body=LISTED.encode())
    changes = dav(web).changes(f"{web.url}/c/", "")
    assert [(each.href, each.etag) for each in changes.changed] == [
        ("/c/a%20b.ics", '"1"'),
        ("/c/b.ics", '"2"'),
    ]
    assert (changes.whole, changes.token) == (True, "")


def test_changes_that_come_in_parts_are_put_together(web: HttpServer) -> None:
    def answer(request: Request) -> Answer:
        if b"<sync-token>t1<" in request.body:
            body = PARTS.format(MORE + ONE.format("/c/a", "a") + ONE.format("/c/b", "b"), "t2")
        else:
            body = PARTS.format(GONE.format("a") + ONE.format("/c/c", "c"), "t3")
        return Answer(207, body.encode())

    web.dynamic("/c/", answer)
    changes = dav(web).changes(f"{web.url}/c/", "t1")
    assert [each.href for each in changes.changed] == ["/c/b", "/c/c"]
    assert (changes.removed, changes.token, changes.whole) == (["/c/a"], "t3", False)


def test_a_token_that_is_too_old_gives_the_whole(web: HttpServer) -> None:
    def answer(request: Request) -> Answer:
        return Answer(403) if request.method == "REPORT" else Answer(207, LISTED.encode())

    web.dynamic("/c/", answer)
    assert dav(web).changes(f"{web.url}/c/", "old").whole


def test_the_password_goes_to_one_server_and_never_in_the_clear(web: HttpServer) -> None:
    with pytest.raises(ProviderError, match=r"other\.example"):
        dav(web).put("http://other.example/c/a.ics", b"x", "text/calendar", None)
    assert web.requests == []
    with pytest.raises(BadRequest, match="in the clear"):
        Dav(Http(), "http://calendar.example/", "me", "secret")


@pytest.mark.parametrize("status", [404, 409, 412])
def test_a_write_that_comes_too_late_is_told_apart(web: HttpServer, status: int) -> None:
    web.route("/c/a.ics", status=status)
    with pytest.raises(Changed):
        dav(web).put("/c/a.ics", b"x", "text/calendar", '"1"')
    assert web.requests[0].headers["if-match"] == '"1"'
    web.route("/c/a.ics", status=412)
    with pytest.raises(Changed):
        dav(web).delete("/c/a.ics", '"1"')
    web.route("/c/a.ics", status=404)
    dav(web).delete("/c/a.ics", '"1"')
