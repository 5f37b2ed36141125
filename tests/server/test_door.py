"""Refusals by the thread that watches the connections, on real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.gateway import free_port
from wlm.server import admission, door
from wlm.server.admission import Places, Refusals

FULL = Places(0, 0)
BODY = b'{"text": "what meetings do I have"}'
HEAD = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}".encode()
ASKED = b"POST /v1/ask HTTP/1.1\r\n" + HEAD + b"\r\n\r\n" + BODY
SEEN = b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"

SERVER = """
import sys
import threading
from flask import Flask
from wlm import config
from wlm.server import admission, bodies, serving
from wlm.server.admission import Places, Refusals

admission.HELD = 60.0
app = Flask("full")
places = Places(*map(int, sys.argv[1:3]))
app.extensions["wlm.refusals"] = Refusals(places)
bodies.install(app, places, lambda: None)
seen, go_on = [], threading.Event()

wsgi = app.wsgi_app

def see(environ, start):
    seen.append(None)
    return wsgi(environ, start)

app.wsgi_app = see

@app.post("/v1/ask")
def ask():
    go_on.wait()
    return "by a thread"

@app.get("/v1/events")
def events():
    go_on.set()
    return "by a thread" if not places.taken else f"{len(seen) - 1} asked"

class Full(serving.Server):
    def load(self):
        return app

options = serving.options(config.load()) | {"worker_exit": lambda server, worker: None}
Full(config.load(), options, "full").run()
"""


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(30)
        yield ours, theirs


def test_a_request_for_work_is_refused(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    counted: list[None] = []
    refusals = Refusals(FULL, lambda: counted.append(None))
    for _ in range(2):
        theirs.sendall(ASKED)
        assert door.refuse(ours, refusals) == 0
        answer = http.client.HTTPResponse(theirs)
        answer.begin()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = json.loads(answer.read())
        assert told["code"] == "busy" and told["request_id"] == answer.headers["X-Request-Id"]
    assert len(counted) == 2
    with pytest.raises(BlockingIOError):
        ours.recv(1, socket.MSG_DONTWAIT)  # nothing of it is left


def test_the_head_is_enough_and_the_body_is_thrown_away(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.sendall(ASKED[: -len(BODY) + 4])
    assert door.refuse(ours, Refusals(FULL)) == len(BODY) - 4
    assert theirs.recv(20).startswith(b"HTTP/1.1 503")
    assert door.throw_away(ours, len(BODY) - 4) == len(BODY) - 4, "nothing has come yet"
    theirs.sendall(BODY[4:] + SEEN)
    assert door.throw_away(ours, len(BODY) - 4) == 0
    assert ours.recv(1000) == SEEN, "what follows is the next request"
    theirs.shutdown(socket.SHUT_WR)
    assert door.throw_away(ours, 1) == door.GONE


@pytest.mark.parametrize(
    "came",
    [
        ASKED[: -len(BODY) - 1],
        ASKED + b"G",
        ASKED.replace(b"POST", b"GET"),
        ASKED.replace(b"/v1/ask", b"/v1/events"),
        ASKED.replace(b"/v1/ask", b"/v1/ask?x=1"),
        ASKED.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ASKED.replace(b"Host: x", b"Host: x\r\nContent-Length: 0"),
        ASKED.replace(b"Host: x", b"Host: x\r\nTransfer-Encoding: chunked"),
        ASKED.replace(b"Host: x", b"Host: x\r\nConnection: close"),
        ASKED.replace(b"Content-Length: ", b"Content-Length: +"),
        b"\r\n\r\n",
    ],
)
def test_everything_else_is_left_for_who_reads_it_whole(
    ends: tuple[socket.socket, socket.socket], came: bytes
) -> None:
    ours, theirs = ends
    theirs.sendall(came)
    assert door.refuse(ours, Refusals(FULL)) is None
    assert ours.recv(10_000) == came


def test_where_there_is_room_nothing_is_looked_at(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.sendall(ASKED)
    assert door.refuse(ours, Refusals(Places(1, 0))) is None
    assert ours.recv(10_000) == ASKED


def test_a_kept_connection_is_refused_work_and_served_the_rest(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "WLM_HOME": str(tmp_path), "WLM_BIND": bind}
    server = subprocess.Popen([sys.executable, "-c", SERVER, "0", "0"], env=environment)
    try:
        with _connected(bind) as connection:
            said = []
            for request in (ASKED, ASKED, SEEN) * 2:
                head, _, body = request.partition(b"\r\n\r\n")
                connection.sendall(head + b"\r\n\r\n")
                connection.sendall(body)  # as most clients do
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                said.append((answer.status, answer.read() == b"by a thread"))
        assert said == [(503, False), (503, False), (200, True)] * 2
    finally:
        server.terminate()
        server.wait(60)


def test_of_many_that_come_at_once_only_those_with_a_place_get_a_thread(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "WLM_HOME": str(tmp_path), "WLM_BIND": bind}
    server = subprocess.Popen([sys.executable, "-c", SERVER, "1", "2"], env=environment)
    try:
        with contextlib.ExitStack() as stack:
            crowd = [stack.enter_context(_connected(bind)) for _ in range(12)]
            for connection in crowd:
                connection.sendall(ASKED)
            refused = _until(lambda: [c for c in crowd if _answered(c)], 9)
            assert [_status(connection) for connection in refused] == [503] * 9
            served = [connection for connection in crowd if connection not in refused]
            with _connected(bind) as other:
                other.sendall(SEEN)
                answer = http.client.HTTPResponse(other)
                answer.begin()
                assert answer.read() == b"3 asked", "nobody else came as far as a thread"
            assert [_status(connection) for connection in served] == [200] * 3
    finally:
        server.terminate()
        server.wait(60)


def test_a_place_is_kept_for_who_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(2, 0)
    first, second = places.hold(), places.hold()
    assert places.full and not places.enter()
    assert places.enter(first) and places.full
    places.let_go(first)  # it has come in, so nothing is given up
    assert places.full
    places.let_go(second)
    assert not places.full
    monkeypatch.setattr(admission, "HELD", -1.0)
    slow = places.hold()
    assert not places.full, "it has lapsed"
    assert places.enter() and not places.enter(slow), "and somebody else has the place"
    places.leave()
    assert places.enter(slow)


def _answered(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


def _status(connection: socket.socket) -> int:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def _until(look: Callable[[], list[socket.socket]], count: int) -> list[socket.socket]:
    """What is found once there is so much of it."""
    ends = time.monotonic() + 60
    while len(found := look()) < count:
        assert time.monotonic() < ends, f"{len(found)} of {count}"
        time.sleep(0.05)
    return found


def _connected(bind: str) -> socket.socket:
    host, port = bind.split(":")
    ends = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=60)
        except ConnectionRefusedError:
            assert time.monotonic() < ends, "the server did not start"
            time.sleep(0.05)
