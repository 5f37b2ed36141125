"""A word that wakes WLM up: microWakeWord's small networks, from the extra ``wake``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wlm.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class WakeWord:
    """Listens for one wake word, frame by frame.

    Raises ``EnvironmentFault`` where the extra is not installed and ``UsageError`` where
    there is no such word; the hint lists those that there are. ``name`` is the word as
    it is written in commands.
    """

    def __init__(self, name: str) -> None:
        try:
            from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model
        except (ImportError, OSError):
            raise EnvironmentFault(
                "Wake words are not installed.", hint="`pip install 'wlm[wake]'`."
            ) from None
        known = {model.value: model for model in Model}
        word = name.strip().lower().replace(" ", "_")
        if word not in known:
            raise UsageError(f"There is no wake word {name!r}.", hint=f"One of {', '.join(known)}.")
        self.name = word
        self._features = MicroWakeWordFeatures()
        self._model = MicroWakeWord.from_builtin(known[word])

    def heard(self, frame: NDArray[np.float32]) -> bool:
        """Whether the wake word ended in ``frame`` (mono, 16 kHz)."""
        pcm = (np.clip(frame, -1, 1) * 32767).astype("<i2").tobytes()
        # Every feature is fed, so that the network's state stays whole.
        hits = [self._model.process_streaming(f) for f in self._features.process_streaming(pcm)]
        return any(hits)
