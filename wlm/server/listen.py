"""``WS /v1/listen``: live audio in; level, partial, final and turn out.

Messages of the client: binary, PCM of 16 bits (little endian, mono) at ``rate`` Hz; or the
text ``{"type": "end"}`` when nothing more comes. Messages of the gateway, as JSON:

- ``{"type": "level", "dbfs": -31.5}``, some times a second
- ``{"type": "partial", "text": …, "stable": …, "seconds": …}``, zero or more
- ``{"type": "final", "text": …, "seconds": …}``, once for each utterance
- ``{"type": "turn", "turn": {…}}``, what came of it; its ``text`` differs from the final's where
  that led to nothing and was heard again
- ``{"type": "error", "code": …, "message": …, "hint": …}``
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Blueprint, Response, current_app
from pydantic import Field

from wlm.errors import Busy, NothingHeard, UpgradeRequired, WlmError
from wlm.pipeline.audio import Resampler
from wlm.pipeline.partials import Heard
from wlm.pipeline.recorder import frames
from wlm.server.access import owner, scope
from wlm.server.contract import PLAIN, Form, read_query
from wlm.server.metrics import metrics
from wlm.server.service import service
from wlm.server.streams import lasting
from wlm.server.websocket import Taken, WebSocket

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wlm.pipeline.pipeline import Pipeline
    from wlm.server.admission import Places

blueprint = Blueprint("listen", __name__, url_prefix="/v1")

PATIENCE = 60.0
"""Seconds without a message after which the gateway hangs up."""

LONGEST = 3600.0
"""Seconds that a connection may last."""

_LEVEL_EVERY = 0.1


class ListenQuery(Form):
    """How the sound comes, and what it is for."""

    rate: int = Field(16_000, ge=8_000, le=48_000, description="Samples a second.")
    conversation: str | None = Field(None, min_length=1, max_length=128, pattern=PLAIN)
    once: bool = Field(False, description="Hang up after the first utterance.")
    yes: bool = Field(False, description="Confirm what must be confirmed.")


@blueprint.get("/listen")
@scope("ask")
def listen_plainly() -> Response:
    """Where somebody asks for it without a WebSocket."""
    raise UpgradeRequired


@blueprint.get("/listen", websocket=True)
@scope("ask")
def listen() -> Response:
    """Live audio; a WebSocket."""
    query: ListenQuery = read_query(ListenQuery)
    pipeline = service().pipeline(owner())  # what can fail fails before the handshake
    streams: Places = current_app.extensions["wlm.streams"]
    streams.take()
    try:
        connection = WebSocket.accept()
        talk = _Talk(connection, pipeline, query, current_app.extensions["wlm.work"])
        try:
            talk.run()
        except OSError:
            pass  # the client has gone; what was accepted is done
        finally:
            connection.close()
    finally:
        streams.leave()
    return Taken()


class _Talk:
    """One connection: utterance after utterance."""

    def __init__(
        self, connection: WebSocket, pipeline: Pipeline, query: ListenQuery, work: Places
    ) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._query = query
        self._work = work
        self._conversation = query.conversation
        self._goes_on = lasting(LONGEST)
        self._shown = 0.0

    def run(self) -> None:
        """Listen until the client ends it."""
        sound = frames(self._blocks())
        while True:
            try:
                if not self._utterance(sound) or self._query.once:
                    return
            except NothingHeard:
                return  # the sound has ended
            except WlmError as error:
                self._connection.send({"type": "error", **error.as_dict()})
                if self._query.once:
                    return

    def _utterance(self, sound: Iterator[NDArray[np.float32]]) -> bool:
        """One utterance and its turn; whether there may be another."""
        for heard in self._pipeline.listen(sound, on_level=self._level):
            if isinstance(heard, Heard):
                break
            self._connection.send(
                {"type": "partial", "text": heard.text, "stable": heard.stable,
                 "seconds": heard.seconds}
            )  # fmt: skip
        else:
            return False
        text = heard.transcript.text.strip()
        seconds = heard.recording.seconds
        metrics().audio.inc(seconds)
        self._connection.send({"type": "final", "text": text, "seconds": round(seconds, 2)})
        if text:
            self._act(heard)
        return heard.recording.ended != "closed"

    def _act(self, heard: Heard) -> None:
        if not self._work.enter():
            raise Busy(retry_after=1)
        try:
            turn = self._pipeline.voice(
                heard, conversation=self._conversation, confirmed=self._query.yes
            )
        finally:
            self._work.leave()
        self._conversation = turn.conversation
        self._connection.send({"type": "turn", "turn": turn.to_dict()})

    def _level(self, dbfs: float) -> None:
        now = time.monotonic()
        if now - self._shown >= _LEVEL_EVERY:
            self._shown = now
            self._connection.send({"type": "level", "dbfs": round(dbfs, 1)})

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        """The sound as it comes, at 16 kHz."""
        resampler = Resampler(self._query.rate)
        odd = b""
        while self._goes_on():
            message = self._connection.receive(PATIENCE)
            if message is None or (isinstance(message, str) and _is_end(message)):
                break
            if isinstance(message, str):
                continue
            data = odd + message
            odd = data[len(data) & ~1 :]
            samples = np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.float32)
            yield resampler.feed(samples * np.float32(1 / 32768))
        yield resampler.flush()


def _is_end(text: str) -> bool:
    try:
        told: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("type") == "end"
