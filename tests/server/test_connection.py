"""Whether the client of a long request is still there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from wlm.pipeline.transcribe.interface import Request
from wlm.server import connection
from wlm.types import Transcript

LUNCH = Path(__file__).parents[2] / "samples" / "lunch_with_anna.flac"


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


class Hearing:
    """A recogniser that works until its client has gone."""

    def __init__(self, theirs: socket.socket) -> None:
        self._theirs = theirs

    def transcribe(self, samples: object, request: Request) -> Transcript:
        assert request.cancelled is not None and not request.cancelled.is_set()
        self._theirs.close()
        assert request.cancelled.wait(60)
        request.check()
        return Transcript("schedule lunch tomorrow at noon")


@pytest.mark.parametrize("path", ["/v1/voice", "/v1/audio/transcriptions"])
def test_nothing_is_done_for_one_who_has_gone(app: Flask, path: str) -> None:
    ours, theirs = socket.socketpair()
    app.extensions["wlm"].__dict__["transcriber"] = Hearing(theirs)
    with ours, LUNCH.open("rb") as file:
        told = app.test_client().post(
            path,
            data={"file": (file, "lunch.flac")},
            headers={"X-Caller": "user-anna"},
            environ_overrides={"gunicorn.socket": ours},
        )
    assert (told.status_code, told.get_json()["code"]) == (499, "cancelled")
    assert app.extensions["wlm"].engine.list("owner-user-anna") == []
