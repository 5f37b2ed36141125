"""PortAudio, with its failures in words: the one module that imports sounddevice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from wlm.errors import EnvironmentFault, NoMicrophone


class Device(NamedTuple):
    """A sound device: its number, how many channels go in and out, its usual rate in Hz."""

    number: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate: int
    default_input: bool
    default_output: bool

    def __str__(self) -> str:
        roles = [
            role
            for role, channels, default in (
                ("microphone", self.inputs, self.default_input),
                ("loudspeaker", self.outputs, self.default_output),
            )
            if channels
            for role in [f"{role} (default)" if default else role]
        ]
        return f"{self.number} {self.name} ({self.host}): {', '.join(roles)}, {self.rate} Hz"


def portaudio() -> Any:
    """The module ``sounddevice``. Raises ``EnvironmentFault`` where PortAudio is missing."""
    try:
        with _quiet():  # ALSA complains on stderr about every device that is not there
            import sounddevice
    except OSError:
        raise EnvironmentFault(
            "The sound library PortAudio is missing.",
            hint="Install it (Debian: `apt install libportaudio2`, macOS: `brew install "
            "portaudio`); `wlm listen --file F.wav` works without.",
        ) from None
    return sounddevice


def list_devices() -> list[Device]:
    """Every sound device. Raises ``NoMicrophone`` where none records."""
    sound = _for_recording()
    hosts = sound.query_hostapis()
    first_in, first_out = sound.default.device
    devices = [
        Device(
            index,
            info["name"],
            hosts[info["hostapi"]]["name"],
            info["max_input_channels"],
            info["max_output_channels"],
            round(info["default_samplerate"]),
            index == first_in,
            index == first_out,
        )
        for index, info in enumerate(sound.query_devices())
    ]
    if not any(device.inputs for device in devices):
        raise NoMicrophone("There is no microphone.", hint=_PLUG_IN)
    return devices


def open_microphone(device: str | int | None, heard: Any) -> tuple[Any, int]:
    """A started input stream that calls ``heard`` (PortAudio's callback), and its rate in Hz.

    Asks for mono at 16 kHz; takes what the device can do where it cannot. Raises
    ``NoMicrophone``.
    """
    sound = _for_recording()
    try:
        info = sound.query_devices(device, "input")
    except (sound.PortAudioError, ValueError):
        message = "There is no microphone." if device is None else "There is no such microphone."
        raise NoMicrophone(message, hint=_PLUG_IN) from None
    usual = round(info["default_samplerate"])
    error: Exception | None = None
    for rate, channels in ((16_000, 1), (usual, 1), (usual, min(2, info["max_input_channels"]))):
        try:
            with _quiet():
                stream = sound.InputStream(
                    samplerate=rate,
                    blocksize=rate * 32 // 1000,
                    device=device,
                    channels=channels,
                    dtype="float32",
                    callback=heard,
                )
                stream.start()
        except sound.PortAudioError as failed:
            error = failed
        else:
            return stream, rate
    raise NoMicrophone(
        "The microphone is there but cannot be opened.",
        hint="Another program may hold it, or access is not allowed; see `wlm doctor audio`.",
    ) from error


def play(samples: Any, rate: int) -> None:
    """Play mono samples to the end; Ctrl-C stops at once. Raises ``EnvironmentFault``."""
    sound = portaudio()
    try:
        with _quiet():
            sound.play(samples, rate)
        sound.wait()
    except (sound.PortAudioError, ValueError):
        raise EnvironmentFault(
            "There is no loudspeaker that can be opened.",
            hint="Leave out --speak, or see `wlm doctor audio`.",
        ) from None
    finally:
        sound.stop()


_PLUG_IN = "Plug one in (`wlm doctor audio` lists devices), or use `wlm listen --file F.wav`."


def _for_recording() -> Any:
    try:
        return portaudio()
    except EnvironmentFault as error:
        raise NoMicrophone(error.message, hint=error.hint) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep C libraries from writing to stderr."""
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
