"""The user's own feeds, OPML in and out, and saved searches."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner
from wlm_news import opml, own
from wlm_news.skill import News

from tests.support.http_server import Answer, HttpServer
from wlm.errors import BadRequest, UsageError
from wlm.plugins.testing import context, recorded, run

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SET_UP = {"BBC News": "https://feeds.example/bbc"}
OPML = b"""<?xml version="1.0"?>
<!DOCTYPE opml [<!ENTITY x "boom"><!ENTITY file SYSTEM "file:///etc/hostname">]>
<opml version="1.0"><head><title>mine</title></head><body>
<outline text="Tech &amp; co">
  <outline text="First" type="rss" xmlUrl="https://first.example/feed" htmlUrl="https://x.example"/>
  <outline title="Sec&#xF6;nd" text="ignored" XMLURL="https://second.example/feed"/>
</outline>
<outline text="No address"/><!-- a comment -->
<outline text="Odd" xmlUrl="file:///etc/passwd"/>
<outline text="&file;" xmlUrl="https://entity.example/feed"/>
</body></opml>"""


@pytest.fixture
def ctx(tmp_path):
    return context(News(), tmp_path, now=NOW, settings={"feeds": SET_UP})


def test_opml_in_with_folders_and_without_entities() -> None:
    found = opml.read(OPML)
    assert found[:2] == [
        own.Source("First", "https://first.example/feed", "Tech & co"),
        own.Source("Secönd", "https://second.example/feed", "Tech & co"),
    ]
    assert [source.url for source in found[2:]] == [
        "file:///etc/passwd",
        "https://entity.example/feed",
    ]
    assert "localhost" not in found[3].name


@pytest.mark.parametrize("data", [b"", b"<rss/>", b"no xml", b"<opml", b"\x00\xff"])
def test_what_is_no_opml_is_refused_or_empty(data: bytes) -> None:
    try:
        assert opml.read(data) == []
    except UsageError as error:
        assert "nothing was changed" in str(error)


def test_import_twice_changes_nothing(ctx) -> None:
    first = own.subscribe(ctx, opml.read(OPML))
    assert first == own.Brought(added=3, updated=0, unchanged=0, skipped=1)
    assert own.subscribe(ctx, opml.read(OPML)) == own.Brought(0, 0, 3, 1)
    assert next(iter(own.all_feeds(ctx, SET_UP))) == "BBC News"


def test_one_feed_has_one_name_and_one_address(ctx) -> None:
    own.subscribe(ctx, [own.Source("bbc NEWS", "https://mine.example/bbc")])
    assert own.all_feeds(ctx, SET_UP) == {"bbc NEWS": "https://mine.example/bbc"}
    own.subscribe(ctx, [own.Source("Auntie", "https://mine.example/bbc")])
    own.unsubscribe(ctx, "bbc news")
    assert own.all_feeds(ctx, SET_UP) == SET_UP
    with pytest.raises(BadRequest):
        own.unsubscribe(ctx, "bbc news")


def test_what_goes_out_comes_in_again(ctx) -> None:
    sources = [own.Source('A "quote" & <tag>', "https://a.example/?x=1&y=2", "F"),
               own.Source("B", "https://b.example/")]  # fmt: skip
    assert sorted(opml.read(opml.write(sources))) == sorted(
        [sources[0]._replace(name='A "quote" &'), sources[1]]  # markup is no part of a name
    )


def test_the_commands(ctx, tmp_path) -> None:
    app, runner = News().commands(lambda: ctx), CliRunner()
    (tmp_path / "mine.opml").write_bytes(OPML)
    done = runner.invoke(app, ["import", str(tmp_path / "mine.opml"), "--json"])
    assert json.loads(done.stdout)["added"] == 3
    assert runner.invoke(app, ["add", "Blog", "https://blog.example/feed"]).stdout == "Added.\n"
    assert isinstance(runner.invoke(app, ["add", "Blog", "ftp://x"]).exception, UsageError)
    assert runner.invoke(app, ["export", str(tmp_path / "out.opml")]).exit_code == 0
    out = {source.name for source in opml.read((tmp_path / "out.opml").read_bytes())}
    assert out >= {"BBC News", "First", "Blog"}
    assert runner.invoke(app, ["remove", "blog"]).exit_code == 0
    assert "Blog" not in json.loads(runner.invoke(app, ["feeds", "--json"]).stdout)


def test_a_search_is_saved_asked_for_and_forgotten(tmp_path) -> None:
    with HttpServer() as server:
        body = "".join(
            f"<item><title>{t}</title><link>https://a.example/{t}</link></item>"
            for t in ("Markets rise", "Team wins")
        )
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel>{body}</channel></rss>'
        server.dynamic("/a", lambda _: Answer(200, feed.encode()))
        settings = {"feeds": {"Alpha": f"{server.url}/a"}, "allow_private": True}
        ctx = context(News(), tmp_path, now=NOW, settings=settings, offline=False)
        reply = run(News(), "save", ctx, topic="markets", name="money")
        assert reply.speech == "I keep the search money: news about markets."
        found = run(News(), "headlines", ctx, topic="Money")
        assert [item["title"] for item in found.data["items"]] == ["Markets rise"]
        assert run(News(), "saved", ctx).speech == "Your searches: money."
        again = run(News(), "save", ctx, topic="sport", name="money")
        assert "It was about markets" in again.speech
        intent, slots = recorded(ctx).undos[-1]
        run(News(), intent, ctx, **slots)
        assert own.search_of(ctx, "money") == own.Search("money", "markets")
        other = context(News(), tmp_path, now=NOW, settings=settings, user="another")
        assert own.saved(other) == []
        run(News(), "forget", ctx, name="money")
        with pytest.raises(BadRequest):
            run(News(), "forget", ctx, name="money")


def test_one_server_gets_two_requests_at_a_time(tmp_path) -> None:
    import threading

    at_once, most, lock = 0, 0, threading.Lock()

    def answer(_):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.02)
        with lock:
            at_once -= 1
        item = b"<item><title>A</title></item>"
        return Answer(200, b'<rss version="2.0"><channel>' + item + b"</channel></rss>")

    with HttpServer() as server:
        paths = [f"/{n}" for n in range(12)]
        for path in paths:
            server.dynamic(path, answer)
        feeds = {path: server.url + path for path in paths}
        settings = {"feeds": feeds, "allow_private": True}
        run(
            News(),
            "headlines",
            context(News(), tmp_path, now=NOW, settings=settings, offline=False),
        )
        assert len(server.requests) == 12
    assert most == 2
