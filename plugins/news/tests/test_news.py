"""The news skill against a server with feeds of every kind, some of them hostile."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from wlm_news.items import clean, read
from wlm_news.skill import News

from tests.support.http_server import Answer, HttpServer
from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import TimeRange
from wlm.plugins.testing import context, run

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def rss(*items: tuple[str, str, str], extra: str = "") -> bytes:
    """An RSS feed of (title, link, RFC 822 date)."""
    body = "".join(
        f"<item><title>{title}</title><link>{link}</link><guid>{link}</guid>"
        f"<pubDate>{date}</pubDate>{extra}</item>"
        for title, link, date in items
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{body}</channel></rss>'.encode()


ATOM = b"""<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>T</title><entry><id>urn:1</id><title>Elections called in Norland</title>
<link rel="alternate" href="https://b.example/politics/1"/><summary>The vote is in May.</summary>
<updated>2026-11-22T08:30:00Z</updated><category term="Politics"/></entry></feed>"""

JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "T",
        "items": [
            {"id": "1", "url": "https://c.example/1", "title": "A new telescope opens",
             "content_html": "<p>It looks <b>far</b>.</p>",
             "date_published": "2026-11-22T07:00:00Z",
             "tags": ["Science"]},
            {"id": "2", "content_text": "A note without a title", "date_published": "bad"},
        ],
    }
).encode()  # fmt: skip


@pytest.fixture
def server():
    with HttpServer() as running:
        running.route("/a", body=rss(
            ("Storm reaches the coast", "https://a.example/1", "Sun, 22 Nov 2026 08:00:00 GMT"),
            ("Team wins the cup", "https://a.example/sport/2", "Sun, 22 Nov 2026 06:00:00 GMT"),
            ("Old story", "https://a.example/3", "Thu, 19 Nov 2026 06:00:00 GMT"),
        ))  # fmt: skip
        running.route("/b", body=ATOM, headers={"content-type": "application/atom+xml"})
        running.route("/c", body=JSON, headers={"content-type": "application/feed+json"})
        yield running


@pytest.fixture
def ask(server, tmp_path):
    """Ask for news of the server's feeds, or of others."""

    def ask(*, feeds=None, now=NOW, private=True, offline=False, user="local", **slots):
        feeds = feeds or {"Alpha News": "/a", "Bravo Post": "/b", "Charlie": "/c"}
        urls = {n: p if p.startswith("http") else server.url + p for n, p in feeds.items()}
        settings = {"feeds": urls, "allow_private": private}
        ctx = context(News(), tmp_path, now=now, settings=settings, offline=offline, user=user)
        return run(News(), "headlines", ctx, **slots)

    return ask


def titles(reply) -> list[str]:
    return [item["title"] for item in reply.data["items"]]


def test_all_three_formats_newest_first(ask):
    reply = ask()
    assert titles(reply) == [
        "A note without a title",  # undated: as if published when first seen
        "Elections called in Norland",
        "Storm reaches the coast",
        "A new telescope opens",
        "Team wins the cup",
        "Old story",
    ]
    assert reply.speech == (
        "The latest. Charlie: A note without a title. Bravo Post: Elections called in Norland. "
        "Alpha News: Storm reaches the coast."
    )
    assert reply.data["items"][3]["summary"] == "It looks far ."
    assert reply.data["items"][2]["published"] == "2026-11-22T08:00:00+00:00"
    assert "    Alpha News · 1 h ago\n    https://a.example/1" in reply.display


def test_three_are_heard_and_ten_shown(ask, server):
    many = [(f"{chr(65 + n % 26) * 9} {n**9}", f"https://a.example/{n}", "") for n in range(38)]
    server.route("/many", body=rss(*many))
    reply = ask(feeds={"Many": "/many"})
    assert reply.speech.count("Many:") == 3
    assert (len(reply.data["items"]), reply.data["found"]) == (10, 38)


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("storms", ["Storm reaches the coast"]),
        ("the election", ["Elections called in Norland"]),
        ("voting in Norland", ["Elections called in Norland"]),
        ("sports", ["Team wins the cup"]),  # by the path of its address
        ("politics", ["Elections called in Norland"]),  # by its category
        ("telescopes", ["A new telescope opens"]),
        ("cricket", []),
    ],
)
def test_topics_by_stemmed_words(ask, topic, found):
    reply = ask(topic=topic)
    assert titles(reply) == found
    assert (f"I found no news about {topic}" in reply.speech) is (not found)


@pytest.mark.parametrize("said", ["alpha", "Alpha News", "alfa news", "the alpha news"])
def test_sources_by_near_names(ask, said):
    reply = ask(source=said)
    assert {item["source"] for item in reply.data["items"]} == {"Alpha News"}
    assert reply.speech.startswith("The latest from Alpha News. Storm reaches the coast.")


def test_only_the_source_asked_for_is_fetched(ask, server):
    ask(source="bravo")
    assert [request.path for request in server.requests] == ["/b"]


def test_an_unknown_source_names_those_there_are(ask):
    with pytest.raises(BadRequest) as caught:
        ask(source="Zulu Gazette")
    assert "Alpha News, Bravo Post, Charlie" in caught.value.hint


def test_a_range_of_time(ask):
    yesterday = TimeRange(NOW - timedelta(days=4), NOW - timedelta(days=2))
    assert titles(ask(when=yesterday)) == ["Old story"]


def test_one_story_is_told_once(ask, server):
    server.route("/x", body=rss(
        ("Storm reaches the coast!", "https://x.example/9", "Sun, 22 Nov 2026 08:10:00 GMT"),
        ("Quite another title", "http://www.a.example/1?utm_source=x#top", ""),
        ("Storm reaches the coasts", "https://x.example/8", ""),
    ))  # fmt: skip
    reply = ask(feeds={"Alpha News": "/a", "X": "/x"})
    assert len([t for t in titles(reply) if "torm" in t or "Quite" in t]) == 2
    assert reply.data["found"] == 4


def test_what_several_tell_comes_before_what_is_a_little_newer(ask, server):
    for name, minute in (("x", 10), ("y", 20)):
        when = f"Sun, 22 Nov 2026 06:{minute}:00 GMT"
        server.route(f"/{name}", body=rss(("Team wins the cup", f"https://{name}.example/1", when)))
    reply = ask(feeds={"Alpha News": "/a", "X": "/x", "Y": "/y"})
    assert titles(reply) == ["Team wins the cup", "Storm reaches the coast", "Old story"]
    assert reply.speech.startswith("The latest. Y and 2 more: Team wins the cup. Alpha News: Storm")
    assert "    Y, X, Alpha News · " in reply.display
    assert titles(ask(feeds={"Alpha News": "/a", "X": "/x"}))[0] == "Team wins the cup"
    server.route("/x", body=rss(("Team wins the cup", "https://x.example/1", "")))
    kept = ask(feeds={"Alpha News": "/a", "X": "/x"}, topic="cup").data["items"]
    assert [item["also"] for item in kept] == [["Alpha News"]]


def test_only_what_changed_is_fetched_again(ask, server):
    def answer(request):
        if request.headers.get("if-none-match") == '"v1"':
            assert request.headers["if-modified-since"] == "Sun, 22 Nov 2026 08:00:00 GMT"
            return Answer(304)
        return Answer(200, ATOM, {
            "etag": '"v1"', "last-modified": "Sun, 22 Nov 2026 08:00:00 GMT"})  # fmt: skip

    server.dynamic("/b", answer)
    feeds = {"Bravo": "/b"}
    first = ask(feeds=feeds)
    ask(feeds=feeds, now=NOW + timedelta(minutes=4))
    assert len(server.requests) == 1  # still fresh
    again = ask(feeds=feeds, now=NOW + timedelta(minutes=6))
    assert len(server.requests) == 2
    assert titles(again) == titles(first) == ["Elections called in Norland"]


def test_an_undated_item_keeps_the_time_it_was_first_seen(ask, server):
    ask(feeds={"Charlie": "/c"})
    later = ask(feeds={"Charlie": "/c"}, now=NOW + timedelta(hours=2))
    note = next(item for item in later.data["items"] if "note" in item["title"])
    assert note["published"] == NOW.isoformat()


def test_a_feed_that_fails_takes_down_no_other(ask, server):
    server.route("/b", status=500)
    server.route("/c", body=b"<html><body>Not here</body></html>")
    reply = ask()
    assert len(reply.data["items"]) == 3
    assert reply.data["failed"] == ["Bravo Post", "Charlie"]
    assert reply.speech.endswith("Bravo Post, Charlie did not answer.")


def test_old_news_stand_in_and_say_so(ask, server):
    ask()
    server.route("/b", status=503)
    reply = ask(now=NOW + timedelta(hours=2))
    assert "Elections called in Norland" in titles(reply)
    assert "Bravo Post did not answer; that is from up to 2 hours ago." in reply.speech
    offline = ask(now=NOW + timedelta(hours=3), offline=True)
    assert len(offline.data["items"]) == 6


def test_all_away_is_an_error(ask, server):
    for path in "abc":
        server.route(f"/{path}", status=503)
    with pytest.raises(ProviderAway):
        ask()
    with pytest.raises(ProviderAway, match="offline"):
        ask(offline=True)
    with pytest.raises(ProviderError):
        ask(feeds={"Gone": "/nothing"})


def test_addresses_inside_the_network_are_refused_unless_allowed(ask, server):
    with pytest.raises(ProviderError, match="public"):
        ask(private=False)
    assert server.requests == []


def test_no_feeds(tmp_path):
    ctx = context(News(), tmp_path, settings={"feeds": {}})
    with pytest.raises(BadRequest) as caught:
        run(News(), "headlines", ctx)
    assert "wlm news add" in caught.value.hint


def test_users_do_not_share_what_is_kept(ask, server):
    ask(feeds={"Bravo": "/b"})
    ask(feeds={"Bravo": "/b"}, user="tom")
    assert len(server.requests) == 2


def test_feeds_as_text_from_the_environment():
    text = "BBC = https://a.example/rss?x=1 ; Blog=http://b.example/;"
    assert News.Settings(feeds=text).feeds == {
        "BBC": "https://a.example/rss?x=1", "Blog": "http://b.example/"
    }  # fmt: skip
    assert News.Settings(feeds='{"A": "https://a.example"}').feeds == {"A": "https://a.example"}
    with pytest.raises(ValidationError):
        News.Settings(feeds="A=file:///etc/passwd")
    with pytest.raises(ValidationError):
        News.Settings(feeds="{broken")


def test_the_names_of_feeds_are_vocabulary(tmp_path):
    ctx = context(News(), tmp_path, settings={"feeds": {"Alpha": "https://a.example"}})
    assert News().vocabulary(ctx) == {"source": ["Alpha"], "topic": []}


def test_a_spoilt_memory_is_fetched_anew(ask, server, tmp_path):
    ask(feeds={"Bravo": "/b"})
    (path,) = (tmp_path / "news").rglob("*.json")
    path.write_text('{"items": [{"title": 1}]')
    assert titles(ask(feeds={"Bravo": "/b"})) == ["Elections called in Norland"]


LOL = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
FRAME = (
    '<?xml version="1.0"?>{0}<rss version="2.0"><channel>'
    "<item><title>{1}</title></item></channel></rss>"
)
HOSTILE = {
    "entities": FRAME.format(f"<!DOCTYPE z [{LOL}]>", "&a9;"),
    "quadratic": FRAME.format(f'<!DOCTYPE z [<!ENTITY a "{"x" * 50_000}">]>', "&a;" * 5000),
    "file": FRAME.format('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "A&x;"),
    "network": FRAME.format('<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd">', "A"),
    "attributes": "<rss " + " ".join(f'a{n}="1"' for n in range(100_000)) + ">",
    "namespaces": "<rss " + " ".join(f'xmlns:a{n}="h:{n}"' for n in range(50_000)) + "><channel/>",
    "deep": '<rss version="2.0"><channel>' + "<item>" * 100_000,
    "brackets": '<rss version="2.0">' + "<" * 1_000_000,
    "many": '<rss version="2.0"><channel>' + "<item><title>a</title></item>" * 50_000,
    "json": '{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_feeds_are_read_or_refused_in_bounds(name):
    try:
        items = read(HOSTILE[name].encode(), "X", "https://x.example/")
    except ProviderError as error:
        assert str(error) == "X does not answer with a feed."
        return
    assert len(items) <= 100
    assert sum(len(item.title) + len(item.summary) for item in items) < 100_000
    assert not any("root:" in item.title or "lollol" in item.title for item in items)


def test_text_of_strangers_is_made_plain():
    assert clean("A &lt;b&gt;bold&lt;/b&gt; <i>move</i> &amp;amp; more", 100) == (
        "A bold move & more"
    )
    assert clean("red \x1b[31m alert\x07 \u202eevil\u202c", 100) == "red [31m alert evil"
    assert clean("<script>steal()</script>fine<!-- x -->", 100) == "fine"
    assert clean("word " * 100, 50).endswith("…")
    assert len(clean("x" * 10_000, 50)) <= 50
    assert clean(None, 10) == ""


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "http://[bad", "\x1b"]
)
def test_links_that_are_no_web_addresses_are_dropped(link):
    (item,) = read(rss(("T", link, "")), "X", "")
    assert item.url == ""


def test_a_feed_in_another_charset():
    body = rss(("Grüße aus Köln", "https://a.example/1", "")).decode()
    latin = body.replace("?>", ' encoding="ISO-8859-1"?>', 1).encode("latin-1")
    assert read(latin, "X", "")[0].title == "Grüße aus Köln"


def test_settings_are_checked(tmp_path):
    ctx = context(News(), tmp_path)
    with pytest.raises(TypeError):
        run(News(), "headlines", dataclasses.replace(ctx, settings=News.__bases__[0].Settings()))
