"""Whether the client of a long request is still there."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from wlm.server import connection


@pytest.fixture(params=["told", "looked for"])
def ends(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, on a system that tells of its end, and on one that does not."""
    if request.param == "looked for":
        monkeypatch.setattr(connection, "_HUNG_UP", 0)
        monkeypatch.setattr(connection, "LOOK", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_client_that_leaves_is_noticed(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    with connection.watched({"gunicorn.socket": ours}) as gone:
        assert not gone.wait(0.1)
        theirs.close()
        assert gone.wait(60)


def test_one_that_stays_is_let_alone(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    with connection.watched({"gunicorn.socket": ours}) as gone:
        theirs.sendall(b"the next request")
        assert not gone.wait(0.1)
    theirs.close()
    assert not gone.wait(0.1), "nobody looks any more"
    assert ours.recv(100) == b"the next request"


def test_where_no_connection_is_shown_nobody_is_gone() -> None:
    with connection.watched({}) as gone:
        assert not gone.is_set()
