"""A recogniser elsewhere: any ``/v1/audio/transcriptions``, our own transcriber's included."""

from __future__ import annotations

import io
import wave
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wlm import tls, trace
from wlm.errors import BadAudio, Busy, Unreachable
from wlm.pipeline.transcribe.hangup import hanging_up
from wlm.pipeline.transcribe.interface import SAMPLE_RATE, Request
from wlm.types import Segment, Transcript

if TYPE_CHECKING:
    import httpx
    from numpy.typing import NDArray

    from wlm.config import Settings

_PATH = "audio/transcriptions"
_LONGEST_PROMPT = 4_000
_CONNECT = 3.0
_PATIENCE = 600.0  # s for one answer: an hour of speech takes minutes


class RemoteTranscriber:
    """The recogniser behind ``stt_url``. Safe to call from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.model = settings.config.stt_model

    @cached_property
    def _client(self) -> httpx.Client:
        return self._connect()

    def _connect(self) -> httpx.Client:
        import httpx

        config = self._settings.config
        timeout = httpx.Timeout(_PATIENCE, connect=_CONNECT)
        headers = {"Authorization": f"Bearer {config.stt_api_key}"} if config.stt_api_key else {}
        if config.stt_url.startswith("unix:"):
            path = config.stt_url.removeprefix("unix:")
            return httpx.Client(
                transport=httpx.HTTPTransport(uds=path, verify=tls.context()),
                base_url="http://transcriber/v1/",
                timeout=timeout,
            )
        return httpx.Client(
            base_url=config.stt_url, timeout=timeout, headers=headers, verify=tls.context()
        )

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcript:
        """The words in ``samples``. Raises ``Unreachable``, ``Busy``, ``BadAudio``, and
        ``Cancelled``, for which the server is hung up on."""
        import httpx

        request.check()
        data = {
            "model": "whisper-1" if self.model == "auto" else self.model,
            "language": request.language,
            "prompt": _prompt(request),
            "response_format": "verbose_json",
            "closely": "true" if request.closely else "",
        }
        wav = {"file": ("speech.wav", _wav(samples), "audio/wav")}
        form = {name: value for name, value in data.items() if value}
        try:
            answer = self._post(form, wav, request)
        except httpx.TransportError as error:
            request.check()  # it was we who hung up
            raise Unreachable(
                f"The transcriber cannot be reached ({type(error).__name__}).",
                hint="Check WLM_STT_URL, and that it runs (`wlm serve --role transcriber`).",
            ) from None
        heard = _transcript(answer, len(samples) / SAMPLE_RATE, self.model)
        if request.heard and heard.segments:
            request.heard(heard.segments)
        if request.progress:
            request.progress(heard.seconds)
        return heard

    def _post(self, form: Any, files: Any, request: Request) -> httpx.Response:
        place = trace.carried()
        headers = {trace.HEADER: place} if place else None
        if request.cancelled is None:
            return self._client.post(_PATH, data=form, files=files, headers=headers)
        with hanging_up(request.cancelled) as extensions, self._connect() as client:
            return client.post(
                _PATH, data=form, files=files, headers=headers, extensions=extensions
            )


def check(settings: Settings) -> None:
    """Raise ``Unreachable`` if nothing listens at ``stt_url``."""
    import httpx

    with RemoteTranscriber(settings)._client as client:
        try:
            client.get("models", timeout=_CONNECT)  # whatever it answers, somebody is there
        except httpx.TransportError:
            raise Unreachable("The transcriber cannot be reached.") from None


def _prompt(request: Request) -> str:
    prompt = ", ".join(request.vocabulary)
    return prompt if len(prompt) <= _LONGEST_PROMPT else prompt[:_LONGEST_PROMPT].rpartition(",")[0]


def _wav(samples: NDArray[np.float32]) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _transcript(answer: httpx.Response, seconds: float, model: str) -> Transcript:
    if answer.status_code in (429, 503):
        raise Busy("The transcriber has as much to do as it can.", retry_after=1)
    if answer.status_code in (400, 413, 415):
        raise BadAudio("The transcriber refused the recording.")
    if answer.status_code != 200:
        raise Unreachable(f"The transcriber answered {answer.status_code}.")
    try:
        told: dict[str, Any] = answer.json()
        segments = [
            Segment(float(s["start"]), float(s["end"]), str(s["text"]).strip())
            for s in told.get("segments") or ()
        ]
        text = str(told["text"]).strip()
    except (ValueError, KeyError, TypeError):
        raise Unreachable("The transcriber's answer cannot be read.") from None
    language = str(told.get("language") or "")
    # Only our own says so; another's server would hear the same again.
    closer = str(told.get("closer") or "")
    return Transcript(text, segments, language, seconds, str(told.get("model") or model), closer)
