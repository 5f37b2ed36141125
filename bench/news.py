"""How long it takes to read many feeds: the first time, and when nothing has changed.

    python -m bench.news [--feeds 200] [--servers 20] [--items 30] [--wait-ms 50] [--json]

The feeds lie on local HTTP servers (in a process of their own) that answer after a wait, as a
network would, with an ETag and with 304 where it is sent back. They are read through the news
skill's reader, cold, again at once (from its memory), and later (asked whether they changed);
then, in the same run, one after the other with httpx and the same parser, as a simple program
would.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import tempfile
import time
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.http_server import Answer, HttpServer, Request

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def feed(number: int, items: int) -> bytes:
    """An RSS feed whose items are its own."""
    rows = "".join(
        f"<item><title>Story {n} of feed {number}</title><guid>{number}-{n}</guid>"
        f"<link>https://f{number}.example/{n}</link><description>{'What happened. ' * 15}"
        f"</description><pubDate>Mon, 23 Nov 2026 0{n % 9}:00:00 GMT</pubDate></item>"
        for n in range(items)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{rows}</channel></rss>'.encode()


def serve(
    line: multiprocessing.connection.Connection, feeds: int, servers: int, items: int, wait: float
) -> None:
    """Serve until something is said; say the addresses first."""
    with ExitStack() as stack:
        running = [stack.enter_context(HttpServer()) for _ in range(servers)]
        for number in range(feeds):
            body, tag = feed(number, items), f'"{number}"'

            def answer(request: Request, body: bytes = body, tag: str = tag) -> Answer:
                time.sleep(wait)
                if request.headers.get("if-none-match") == tag:
                    return Answer(304, headers={"etag": tag})
                return Answer(200, body, {"etag": tag, "content-type": "application/rss+xml"})

            running[number % servers].dynamic(f"/{number}", answer)
        line.send([f"{running[n % servers].url}/{n}" for n in range(feeds)])
        line.recv()


def ours(feeds: dict[str, str], folder: Path) -> dict[str, float]:
    """Seconds of the reader: cold, from memory, and asked again; all of them must be there."""
    from wlm_news.feeds import Reader

    from wlm.plugins.http import Http

    found: dict[str, float] = {}
    moments = {"cold": timedelta(), "memory": timedelta(seconds=1), "304": timedelta(hours=2)}
    for name, later in moments.items():
        began = time.perf_counter()
        read = Reader(Http(), lambda _: nullcontext(), folder, NOW + later, public_only=False).read(
            feeds
        )
        found[name] = round(time.perf_counter() - began, 2)
        assert all(one.items and not one.error for one in read)
    return found


def theirs(feeds: dict[str, str]) -> float:
    """Seconds of one after the other: httpx with one client, and fastfeedparser."""
    import fastfeedparser
    import httpx

    began = time.perf_counter()
    with httpx.Client() as client:
        for url in feeds.values():
            assert fastfeedparser.parse(client.get(url).content).entries
    return round(time.perf_counter() - began, 2)


def main() -> None:
    """Serve, read, and print how long it took."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--feeds", type=int, default=200)
    options.add_argument("--servers", type=int, default=20)
    options.add_argument("--items", type=int, default=30)
    options.add_argument("--wait-ms", type=float, default=50)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, given.feeds, given.servers, given.items, given.wait_ms / 1000)
    )
    process.start()
    try:
        feeds = {f"Feed {number}": url for number, url in enumerate(here.recv())}
        with tempfile.TemporaryDirectory() as folder:
            result: dict[str, Any] = {"feeds": given.feeds, **ours(feeds, Path(folder))}
        result["one by one"] = theirs(feeds)
        here.send("enough")
        process.join(20)
    finally:
        process.kill()
    result["ratio cold"] = round(result["cold"] / result["one by one"], 3)
    result["ratio 304"] = round(result["304"] / result["cold"], 3)
    if given.json:
        print(json.dumps(result))
        return
    print(f"{given.feeds} feeds of {given.items} items on {given.servers} servers, seconds")
    for name in ("cold", "memory", "304", "one by one"):
        print(f"  {name:<12}{result[name]:>7}")
    print(f"cold takes {result['ratio cold']} of one by one, 304 {result['ratio 304']} of cold")


if __name__ == "__main__":
    main()
