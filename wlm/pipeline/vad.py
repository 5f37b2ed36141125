"""Where somebody speaks: Silero VAD, for whole recordings and for a live stream alike.

The network is the ONNX file that faster-whisper brings along; only onnxruntime is
imported, so that the microphone can be watched without loading the recogniser.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wlm.errors import EnvironmentFault

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = 512
"""Samples that one probability stands for: 32 ms at 16 kHz."""

FRAME_SECONDS = FRAME / 16_000
SPEECH = 0.5
"""Probability from which on a frame is speech."""

QUIET = 0.35
"""Probability below which speech may end; between the two the last state holds."""

_CONTEXT = 64
_BATCH = 1_000
"""Frames at a time: half a minute of sound, which takes a tenth of a second or so."""
_SHORTEST = 3
_GAP = 10

State = tuple["NDArray[np.float32]", "NDArray[np.float32]"]
Mark = Literal["silence", "speech", "end"]


@functools.cache
def _session() -> Any:
    spec = importlib.util.find_spec("faster_whisper")
    folder = Path(next(iter(spec.submodule_search_locations or ()))) if spec else Path()
    files = sorted((folder / "assets").glob("silero_vad*.onnx"))
    if not files:
        raise EnvironmentFault(
            "The voice detector's file is missing from faster-whisper.",
            hint="Run `pip install --force-reinstall faster-whisper`.",
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        str(files[-1]), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _fresh() -> State:
    return np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)


def probabilities(
    samples: NDArray[np.float32], check: Callable[[], None] = lambda: None
) -> NDArray[np.float32]:
    """The probability of speech for each started frame of ``samples`` (mono, 16 kHz).

    ``check`` is called now and then; what it raises ends the work.
    """
    if not len(samples):
        return np.zeros(0, np.float32)
    count = -(-len(samples) // FRAME)
    padded = np.zeros(_CONTEXT + count * FRAME, np.float32)
    padded[_CONTEXT : _CONTEXT + len(samples)] = samples
    starts = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + FRAME)[::FRAME]
    state, parts = _fresh(), []
    for i in range(0, count, _BATCH):
        check()
        part, *hidden = _session().run(
            None,
            {"input": np.ascontiguousarray(starts[i : i + _BATCH]), "h": state[0], "c": state[1]},
        )
        state = (hidden[0], hidden[1])
        parts.append(np.asarray(part, np.float32).reshape(-1))
    return np.concatenate(parts)


class _Gate:
    """Turns probabilities into speech and silence, one frame at a time.

    Speech begins once ``_SHORTEST`` frames were loud without a pause of ``_GAP`` between
    them: a click starts nothing, a hesitant word does. ``limit`` quiet frames end it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._loud = self._quiet = self._length = 0

    @property
    def speaking(self) -> bool:
        return self._loud >= _SHORTEST

    @property
    def quiet(self) -> int:
        """Quiet frames since the last loud one, while speaking."""
        return self._quiet if self.speaking else 0

    def step(self, probability: float) -> tuple[int, int] | None:
        """Take one frame. If speech ended with it: how many frames ago it began and ended."""
        if probability >= SPEECH:
            self._loud, self._quiet = self._loud + 1, 0
        elif self._loud and (probability < QUIET or self._quiet):
            self._quiet += 1
        self._length += bool(self._loud)
        if self._quiet < (self._limit if self.speaking else _GAP):
            return None
        return self.stop()

    def stop(self) -> tuple[int, int] | None:
        """End now, as ``step`` does."""
        ended = (self._length, self._quiet) if self.speaking else None
        self._loud = self._quiet = self._length = 0
        return ended


def spans(likely: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Stretches of speech as (first frame, frame after the last).

    Pauses under 0.3 s do not part a stretch; blips under 0.1 s are not speech.
    """
    found: list[tuple[int, int]] = []
    gate = _Gate(_GAP)
    for frame, value in enumerate(likely.tolist(), start=1):
        if ended := gate.step(value):
            found.append((frame - ended[0], frame - ended[1]))
    if ended := gate.stop():
        found.append((len(likely) - ended[0], len(likely) - ended[1]))
    return found


def speech(samples: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Where somebody speaks, as (start, end) in samples; empty if nobody does."""
    return [
        (first * FRAME, min(last * FRAME, len(samples)))
        for first, last in spans(probabilities(samples))
    ]


class Stream:
    """The same detector, fed piece by piece; the probabilities equal those of the whole."""

    def __init__(self) -> None:
        self._state = _fresh()
        self._context = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def feed(self, samples: NDArray[np.float32]) -> list[float]:
        """Probabilities of the frames that ``samples`` (any number) made complete."""
        self._rest = np.concatenate((self._rest, samples.astype(np.float32, copy=False)))
        found = []
        while len(self._rest) >= FRAME:
            frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
            window = np.concatenate((self._context, frame))[None]
            out, h, c = _session().run(
                None, {"input": window, "h": self._state[0], "c": self._state[1]}
            )
            self._state, self._context = (h, c), frame[-_CONTEXT:]
            found.append(float(np.asarray(out).reshape(-1)[0]))
        return found


class Endpointer:
    """Says when speech began and when it has ended for good.

    ``end_silence_ms`` of silence after speech is an end; after an end it starts anew.
    """

    def __init__(self, end_silence_ms: int = 500) -> None:
        self._gate = _Gate(max(1, round(end_silence_ms / 1000 / FRAME_SECONDS)))
        self._stream = Stream()

    @property
    def speaking(self) -> bool:
        """Whether speech has begun and not yet ended."""
        return self._gate.speaking

    @property
    def pause(self) -> float:
        """Seconds of silence since the last word of speech that has not yet ended."""
        return self._gate.quiet * FRAME_SECONDS

    def feed(self, frame: NDArray[np.float32]) -> Mark:
        """``silence`` before speech, ``speech`` from its start on, ``end`` once when it is over.

        ``frame`` is mono, 16 kHz, some 30 ms long (any length will do).
        """
        ended = False
        for probability in self._stream.feed(frame):
            ended = self._gate.step(probability) is not None or ended
        if ended:
            return "end"
        return "speech" if self.speaking else "silence"
