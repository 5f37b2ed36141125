"""Files as the decoder reads them: recognised by their first bytes, counted as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from wlm.errors import BadAudio, NotFound, TooLarge

HEAD = 65_536  # bytes looked at to recognise a format


def recognise(head: bytes) -> str | None:
    """The container whose file starts with ``head``, by FFmpeg's name; None: no known one.

    Samples without a header are refused: nothing tells their rate or width.
    """
    match head[:4]:
        case b"RIFF" | b"RF64" if head[8:12] == b"WAVE":
            return "wav"
        case b"fLaC":
            return "flac"
        case b"OggS":
            return "ogg"
        case b"\x1a\x45\xdf\xa3":
            return "matroska"
        case b"FORM" if head[8:12] in (b"AIFF", b"AIFC"):
            return "aiff"
        case _ if head[4:8] == b"ftyp":
            return "mp4"
        case _ if head[:3] == b"ID3":
            return _after_id3(head)
    return _sync_word(head)


def _after_id3(head: bytes) -> str:
    """MP3, unless what follows the tag says otherwise (FLAC and AAC may carry one too)."""
    size = 0
    for byte in head[6:10]:  # seven bits each
        size = size << 7 | byte & 0x7F
    body = head[10 + size : 14 + size]
    return "flac" if body == b"fLaC" else _sync_word(body) or "mp3"


def _sync_word(head: bytes) -> str | None:
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "aac"
    layer_3 = head[1] & 0xE6 == 0xE2 and head[1] & 0x18 != 0x08
    return "mp3" if layer_3 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3 else None


def open_file(path: Path, max_bytes: int) -> BinaryIO:
    """The file, opened. Raises ``NotFound``, ``BadAudio`` or ``TooLarge``, by its size alone."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise BadAudio(f"{path.name} is a folder, not a recording.")
        if size > max_bytes:
            raise _too_many_bytes(max_bytes)
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise NotFound(f"There is no file {path.name!r}.", hint="Check the path.") from None
    except OSError as error:
        raise BadAudio(f"{path.name} cannot be read: {error.strerror}.") from None


def _too_many_bytes(limit: int) -> TooLarge:
    return TooLarge(
        f"The recording is larger than {limit / 1e6:,.1f} MB.",
        hint="Raise the limit (`wlm config set max_audio_bytes N`), or compress or split it.",
    )


class Reader:
    """A file as PyAV reads it, counting bytes; works for pipes, which cannot seek."""

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._file = file
        self._max = max_bytes
        self._at = 0
        self._end = 0  # the furthest byte seen
        self.head = self._read_whole(HEAD)
        self._pending = self.head
        if file.seekable():
            self._start = file.tell() - len(self.head)
            self.seek = self._seek
            self.tell = lambda: self._at
            self.seek(0)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes. Raises ``TooLarge`` past the limit."""
        if self._pending:
            data, self._pending = self._pending[:size], self._pending[size:]
        else:
            data = self._file.read(size)
        self._at += len(data)
        self._end = max(self._end, self._at)
        if self._end > self._max:
            raise _too_many_bytes(self._max)
        return data

    def _seek(self, offset: int, whence: int = 0) -> int:
        self._pending = b""
        base = (self._start, self._start + self._at, 0)[whence]
        self._at = self._file.seek(base + offset, 2 if whence == 2 else 0) - self._start
        return self._at

    def _read_whole(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self._file.read(size - len(data))):
            data += more
        return data

    def ends_early(self, form: str) -> bool:
        """Whether the file is shorter than its container says, where FFmpeg does not tell."""
        if form == "wav":
            if self.head[:4] != b"RIFF":
                return False
            size = int.from_bytes(self.head[4:8], "little") + 8
            # Writers that cannot seek back leave a placeholder: 0, or close to 2 or 4 GiB.
            return any(self._end < end < 0x7FFF_0000 for end in (size, _end_of_sound(self.head)))
        if form == "ogg" and hasattr(self, "seek"):
            self.seek(max(0, self.seek(0, 2) - HEAD))
            tail = self.read(HEAD)
            return not _last_page(tail[max(0, tail.rfind(b"OggS")) :])
        return False


def _end_of_sound(head: bytes) -> int:
    """Where the samples of a WAV file end by its own word; 0 if that is not in its head."""
    at = 12
    while at + 8 <= len(head):
        size = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            return at + 8 + size
        at += 8 + size + size % 2
    return 0


def _last_page(page: bytes) -> bool:
    """Whether an Ogg page is whole and is flagged as its stream's last."""
    if len(page) < 27 or not page[5] & 4:
        return False
    lengths = page[27 : 27 + page[26]]
    return len(page) >= 27 + page[26] + sum(lengths)
