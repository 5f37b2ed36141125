"""Recordings that are kept with their turn, where the user wants that: sealed like the turn.

A file is the key's id and then chunks of 64 KiB, each sealed for its owner, turn, place in the
file and whether it is the last: chunks that are moved, left out or cut off do not open.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wlm.errors import MasterKeyFault, NotFound
from wlm.pipeline.transcribe.interface import SAMPLE_RATE

if TYPE_CHECKING:
    from wlm.pipeline.audio import Audio
    from wlm.store.engine import Store

CHUNK = 65_536
"""Bytes that are sealed at a time."""
_LENGTH = struct.Struct("<I")
_TABLE = "recordings"


def keep(store: Store, data: Path, owner: str, turn: str, audio: Audio) -> Path:
    """Write 16-bit WAV to ``data/recordings/TURN.sealed``."""
    import numpy as np

    folder = data / "recordings"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, temporary = folder / f"{turn}.sealed", folder / f"{turn}.tmp"
    samples = (np.clip(audio.samples, -1, 1) * 32767).astype("<i2")
    plain = io.BytesIO()
    with wave.open(plain, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples.tobytes())
    temporary.touch(mode=0o600)
    with temporary.open("wb") as file:
        for sealed in _sealed(store, owner, turn, plain.getvalue()):
            file.write(_LENGTH.pack(len(sealed)) + sealed)
    return temporary.replace(path)


def fetch(store: Store, data: Path, owner: str, turn: str) -> bytes:
    """The WAV that was kept with a turn. Raises ``NotFound``, ``MasterKeyFault``."""
    try:
        with (data / "recordings" / f"{turn}.sealed").open("rb") as file:
            chunks = list(_chunks(file))
    except FileNotFoundError:
        raise NotFound(
            "No recording was kept with that turn.", hint="`wlm config set keep_recordings true`."
        ) from None
    if not chunks:
        raise MasterKeyFault("The recording is damaged.", hint="Restore a backup.")
    last = len(chunks) - 1
    return b"".join(
        store.vault.open(owner, _TABLE, _place(number, number == last), turn, chunk)
        for number, chunk in enumerate(chunks)
    )


def _sealed(store: Store, owner: str, turn: str, plain: bytes) -> Iterator[bytes]:
    pieces = [plain[start : start + CHUNK] for start in range(0, len(plain), CHUNK)]
    with store.write() as connection:
        seal = store.vault.sealer(connection, owner)
    for number, piece in enumerate(pieces):
        place = _place(number, number == len(pieces) - 1)
        yield seal(_TABLE, place, turn, piece).encode()


def _chunks(file: BinaryIO) -> Iterator[str]:
    while head := file.read(_LENGTH.size):
        body = b""
        if len(head) == _LENGTH.size:
            body = file.read(min(_LENGTH.unpack(head)[0], 2 * CHUNK))
        if len(head) < _LENGTH.size or len(body) != _LENGTH.unpack(head)[0]:
            raise MasterKeyFault("The recording is damaged.", hint="Restore a backup.")
        yield body.decode("ascii", "replace")


def _place(number: int, last: bool) -> str:
    return f"{number}{'.' if last else ''}"
