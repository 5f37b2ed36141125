"""``/v1/audio/transcriptions``: as OpenAI's clients expect it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import BeforeValidator, ConfigDict, Field

from wlm import trace
from wlm.errors import WlmError
from wlm.pipeline.transcribe.formats import render
from wlm.pipeline.transcribe.interface import Request
from wlm.server import idempotency, memory, uploads
from wlm.server.access import scope
from wlm.server.connection import watched
from wlm.server.contract import PLAIN, Answer, Form, answer, contract
from wlm.server.metrics import metrics
from wlm.server.service import service
from wlm.types import Segment, Transcript, new_id

blueprint = Blueprint("transcriptions", __name__, url_prefix="/v1")

_OTHER_FORMS = ("text/plain", "application/x-subrip", "text/vtt", "text/event-stream")

Granularity = Literal["segment"]
_CODE = r"^(auto|[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*)?$"
Language = Annotated[str, Field(max_length=16, pattern=_CODE)]


class TranscriptionForm(Form):
    """The fields of OpenAI's API. ``model`` and ``temperature`` change nothing here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = Field("whisper-1", max_length=200, pattern=PLAIN)
    language: Language = Field("", description="ISO 639-1, or auto; empty: the gateway's own.")
    prompt: str = Field(
        "", max_length=4_000, pattern=PLAIN, description="Words that are likely to be said."
    )
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    temperature: float = Field(0.0, ge=0, le=2)
    stream: bool = False
    closely: bool = Field(
        False, description="What was heard at first was of no use: take the model in `closer`."
    )
    timestamp_granularities: Annotated[
        list[Granularity], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)
    ] = Field(["segment"], max_length=2)


class Text(Answer):
    """What was heard."""

    text: str


class VerboseSegment(Answer):
    """A stretch of it, in seconds."""

    id: int
    start: float
    end: float
    text: str


class Verbose(Answer):
    """What was heard, with times."""

    task: Literal["transcribe"]
    language: str
    duration: float
    text: str
    segments: list[VerboseSegment]
    model: str
    closer: str = Field(
        description="The model that hears it again with `closely`; empty: there is no other."
    )


@blueprint.post("/audio/transcriptions")
@scope("transcribe")
@contract(upload=TranscriptionForm, gives=Text | Verbose, media_types=_OTHER_FORMS)
def transcribe() -> Response:
    """Write down what is said in a recording."""
    stream, form = uploads.read(TranscriptionForm)
    with idempotency.reserve(uploads.fingerprint(stream, form), subject=new_id()):
        pass  # nothing is done, so a repetition is simply written down again
    job = _Job(stream, form)
    if form.stream:
        return job.streamed()
    return _shown(job.transcript(), form)


class _Job:
    """One recording to be written down, for as long as its client is there."""

    def __init__(self, stream: Any, form: TranscriptionForm) -> None:
        # Taken now: a streamed answer is made when the request's context is gone.
        self._transcriber = service().transcriber
        self._environ = request.environ
        self._place = trace.carried()
        self._audio = uploads.decoded(stream)
        metrics().audio.inc(self._audio.seconds)
        self._language = form.language or service().settings.config.spoken
        self._closely = form.closely
        self._words = [told for word in form.prompt.split(",") if (told := word.strip())]

    def transcript(self, heard: Any = None) -> Transcript:
        """Do it; ``heard`` is told the segments on the way. Raises ``Cancelled``."""
        with watched(self._environ) as gone:
            wanted = Request(
                language=self._language,
                vocabulary=self._words,
                heard=heard,
                closely=self._closely,
                cancelled=gone,
            )
            try:
                with trace.span("stage transcribe", parent=self._place):
                    return self._transcriber.transcribe(self._audio.samples, wanted)
            finally:
                memory.give_back(self._audio.seconds)

    def streamed(self) -> Response:
        """What is heard as it is heard, as server-sent events."""
        service().warm(self._language)  # what can fail fails before the answer begins
        return Response(self._events(), mimetype="text/event-stream")

    def _events(self) -> Iterator[str]:
        pieces: queue.Queue[Sequence[Segment] | Transcript | WlmError] = queue.Queue()

        def work() -> None:
            try:
                pieces.put(self.transcript(pieces.put))
            except WlmError as error:
                pieces.put(error)
            except Exception:  # noqa: BLE001 - its text may hold anything
                pieces.put(WlmError("The transcription failed."))

        threading.Thread(target=work, name="transcribe").start()
        said = ""
        while True:
            match pieces.get():
                case Transcript() as done:
                    # An engine that tells nothing on the way tells all at the end.
                    if rest := done.text.removeprefix(said):
                        yield _event("transcript.text.delta", delta=rest)
                    yield _event("transcript.text.done", text=done.text)
                    return
                case WlmError() as error:
                    yield _event("error", error={"code": error.code, "message": error.message})
                    return
                case segments:
                    text = " ".join(segment.text for segment in segments)
                    if text:
                        delta = f" {text}" if said else text
                        said += delta
                        yield _event("transcript.text.delta", delta=delta)


def _event(kind: str, **members: Any) -> str:
    return f"data: {json.dumps({'type': kind, **members}, ensure_ascii=False)}\n\n"


def _shown(heard: Transcript, form: TranscriptionForm) -> Response:
    match form.response_format:
        case "json":
            return answer({"text": heard.text})
        case "verbose_json":
            segments = [
                {"id": i, "start": s.start, "end": s.end, "text": s.text}
                for i, s in enumerate(heard.segments)
            ]
            return answer(
                {
                    "task": "transcribe",
                    "language": heard.language,
                    "duration": heard.seconds,
                    "text": heard.text,
                    "segments": segments,
                    "model": heard.model,
                    "closer": heard.closer,
                }
            )
        case "text":
            return Response(heard.text + "\n", mimetype="text/plain")
        case "srt":
            return Response(render(heard, "srt"), mimetype="application/x-subrip")
        case "vtt":
            return Response(render(heard, "vtt"), mimetype="text/vtt")
