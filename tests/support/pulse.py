"""A sound card for tests: a PulseAudio server of its own, whose loudspeaker is its microphone.

What is played into the null sink is heard on the sink's monitor, which is the default
source. PortAudio reaches it through ALSA's pulse plug-in. Debian packages: pulseaudio,
pulseaudio-utils, libasound2-plugins, libportaudio2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("pulseaudio", "pactl", "paplay")
SOURCE_OUTPUTS = ("list", "short", "source-outputs")
MODULES = (
    "module-null-sink sink_name=room rate=16000 channels=1 format=s16le",
    "module-native-protocol-unix auth-anonymous=1 socket={socket}",
)


class SoundServer:
    """The server's address and what can be done with it."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "native"
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{self.socket}",
        }

    def start(self) -> None:
        """Start the server as a daemon, so that the call returns when it is ready."""
        modules = [f"--load={module.format(socket=self.socket)}" for module in MODULES]
        options = ["-n", "--daemonize=yes", "--system=false", "--exit-idle-time=-1"]
        self.run("pulseaudio", *options, "--log-level=0", *modules)

    def run(self, *command: str) -> str:
        """Run a program against this server and return what it printed."""
        done = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    def play(self, path: Path) -> None:
        """Play a recording into the room, to its end."""
        self.run("paplay", "--device=room", str(path))

    @contextmanager
    def recorder(self, *command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start a program and wait until it records; it is ended with the context."""
        with subprocess.Popen(
            command,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as program:
            try:
                while program.poll() is None and not self.run("pactl", *SOURCE_OUTPUTS):
                    time.sleep(0.05)  # the server tells nobody when a recorder is there
                yield program
            finally:
                program.kill()


@contextmanager
def sound_server(folder: Path) -> Iterator[SoundServer]:
    """A running server; skipped by name where it is not installed."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(
            f"{missing[0]} is missing: "
            "apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2"
        )
    server = SoundServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.run("pulseaudio", "--kill")
