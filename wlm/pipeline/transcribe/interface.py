"""What a transcriber is; every engine has this one face."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from wlm.errors import Cancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wlm.types import Segment, Transcript

SAMPLE_RATE = 16_000

UNSPACED = frozenset({"zh", "ja", "yue"})
"""Languages that write no spaces between words."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What to know beside the samples.

    ``language`` is ISO 639-1; empty or auto: detect it. ``vocabulary`` are words that are
    likely to be said. ``progress`` is called with seconds done; what it raises ends the
    work. ``heard`` is called with segments in order, as soon as they are known; an engine
    may leave that out. ``draft``: the words are replaced soon, so a first impression will do,
    and doubt costs no second look. ``closely``: what was heard at first led to nothing, so the
    most careful look there is will do, with other weights where the first transcript named some
    (``Transcript.closer``); who names none is not asked. Once ``cancelled`` is set nobody waits
    any more: the transcriber stops at the next window and raises ``Cancelled``.
    """

    language: str = "en"
    vocabulary: Sequence[str] = ()
    progress: Callable[[float], None] | None = None
    heard: Callable[[Sequence[Segment]], None] | None = None
    draft: bool = False
    closely: bool = False
    cancelled: threading.Event | None = None

    @property
    def known(self) -> str:
        """The language without a region, such as en; empty: to be detected."""
        language = self.language.lower().replace("_", "-").split("-")[0]
        return "" if language == "auto" else language

    def check(self) -> None:
        """Raise ``Cancelled`` if nobody waits any more."""
        if self.cancelled is not None and self.cancelled.is_set():
            raise Cancelled()


class Transcriber(Protocol):
    """Turns samples into a transcript. Safe to call from several threads."""

    model: str

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcript:
        """The words in ``samples`` (mono, 16 kHz, -1 to 1); empty text if nobody spoke."""
        ...
