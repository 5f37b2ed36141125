"""Recordings that are none, or not what they say: made, never taken from elsewhere."""

from __future__ import annotations

import gzip
import io
import random
import struct
import wave
import zipfile
from collections.abc import Iterator

import numpy as np

FORMS = {"flac": "flac", "ogg": "libopus", "mp3": "libmp3lame", "mp4": "aac", "matroska": "libopus"}


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    """A tone that swells, so that it can be told from silence."""
    at = np.arange(int(seconds * rate)) / rate
    return (np.sin(at * 880) * np.sin(at * 3) * 12_000).astype("<i2")


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    """A sound WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def encoded(form: str, samples: np.ndarray, rate: int = 48_000) -> bytes:
    """The samples in another container."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="ipod" if form == "mp4" else form) as container:
        stream = container.add_stream(FORMS[form], rate=rate)
        stream.layout = "mono"
        for start in range(0, len(samples), rate):
            piece = samples[start : start + rate][np.newaxis]
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def hostile(rng: random.Random) -> Iterator[tuple[str, bytes, bool]]:
    """Name, content, and whether a decoder may rightly find sound in it."""
    good = {"wav": wav(tone(3)), **{form: encoded(form, tone(3, 48_000)) for form in FORMS}}
    for form, content in good.items():
        yield from _cut(form, content)
        yield from _damaged(form, content, rng)
    yield from _lies(good)
    yield from _bombs()
    yield from _others(good["wav"])
    for number in range(40):
        head = rng.choice(
            [b"RIFF", b"fLaC", b"OggS", b"ID3\x03", b"\x1aE\xdf\xa3", b"\xff\xfb\x90", b""]
        )
        yield f"noise {number}", head + rng.randbytes(rng.choice([1, 7, 64, 5_000])), True


def _cut(form: str, content: bytes) -> Iterator[tuple[str, bytes, bool]]:
    for share in (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
        # Ogg, MP3 and Matroska are made to be cut anywhere: what there is is whole.
        may = form in ("ogg", "mp3", "matroska")
        yield f"{form} cut off at {share:.1%}", content[: int(len(content) * share)], may


def _damaged(form: str, content: bytes, rng: random.Random) -> Iterator[tuple[str, bytes, bool]]:
    for number in range(12):
        changed = bytearray(content)
        for _ in range(2**number // 2 + 1):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        yield f"{form} with {2**number // 2 + 1} bytes changed", bytes(changed), True
    for start in (0, 4, 8, 16, 24, 32):
        changed = bytearray(content)
        changed[start : start + 4] = b"\xff\xff\xff\xff"
        yield f"{form} with ones at {start}", bytes(changed), True
    yield f"{form} backwards", content[::-1], True
    yield f"{form} without its head", content[64:], True
    yield f"{form} twice", content + content, True


def _lies(good: dict[str, bytes]) -> Iterator[tuple[str, bytes, bool]]:
    sound = tone(1).tobytes()

    def riff(
        *, channels: int = 1, rate: int = 16_000, bits: int = 16, form: int = 1, size: int = -1,
        align: int = 2, whole: int = -1,
    ) -> bytes:  # fmt: skip
        size = len(sound) if size < 0 else size
        whole = 36 + len(sound) if whole < 0 else whole
        head = struct.pack(
            "<4sI4s4sIHHIIHH4sI", b"RIFF", whole & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, form,
            channels, rate, rate * align & 0xFFFFFFFF, align, bits, b"data", size & 0xFFFFFFFF,
        )  # fmt: skip
        return head + sound

    for channels in (0, 255, 65_535):
        yield f"wav of {channels} channels", riff(channels=channels), True
    for rate in (0, 1, 7, 2**31 - 1, 2**32 - 1):
        yield f"wav at {rate} Hz", riff(rate=rate), True
    for bits in (0, 1, 7, 12, 33, 64, 65_535):
        yield f"wav of {bits} bits", riff(bits=bits), True
    for form in (0, 2, 17, 85, 0x1234, 0xFFFE, 0xFFFF):
        yield f"wav of form {form}", riff(form=form), True
    yield "wav that claims a megabyte", riff(size=10**6), False
    yield "wav that claims 2 GB, as one that is written on and on", riff(size=2**31), True
    yield "wav that claims nothing", riff(size=0), True
    yield "wav that claims to be endless", riff(size=2**32 - 1), True
    for align in (0, 1, 3, 65_535):
        yield f"wav aligned at {align}", riff(align=align), True
    yield "144 bytes that claim 1.6 hours", riff(rate=8_000, size=92_160_000)[:144], False
    flac = bytearray(good["flac"])
    flac[21:26] = bytes([flac[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])
    yield "flac that claims 2^36 samples", bytes(flac), False
    yield "flac of metadata alone", b"fLaC" + b"\x04\xff\xff\xff" + b"x" * 10_000, False
    yield "ID3 that never ends", b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + b"\x00" * 10_000, False
    yield "ogg of one page again and again", good["ogg"][:200] * 100, True
    for size in (0, 1, 7, 8, 2**31, 2**32 - 1):
        box = struct.pack(">I4s", size, b"ftyp") + b"M4A " + struct.pack(">I4s", size, b"moov")
        yield f"mp4 with boxes of {size}", box * 50, False
    deep = b"".join(struct.pack(">I4s", 8 * (400 - n), b"moov") for n in range(400))
    yield "mp4 of boxes in boxes", struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0) + deep, False
    yield (
        "matroska of unknown sizes",
        b"\x1a\x45\xdf\xa3" + b"\x01" + b"\xff" * 7 + b"\x00" * 500,
        False,
    )


def _bombs() -> Iterator[tuple[str, bytes, bool]]:
    hours = np.zeros(48_000 * 300, np.int16)
    for form in ("flac", "ogg", "matroska"):
        yield f"five minutes in a small {form}", encoded(form, hours), False
    yield "hours of 8-bit silence", _small_wav(3_900_000, 8_000), False
    packed = gzip.compress(bytes(50_000_000))
    yield "gzip of 50 MB", packed, False
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.wav", bytes(20_000_000))
    yield "zip of 20 MB", zipped.getvalue(), False
    yield "zeros", bytes(3_000_000), False
    yield "more than may come", bytes(6_000_000), False


def _small_wav(size: int, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(b"\x80" * size)
    return out.getvalue()


def _others(sound: bytes) -> Iterator[tuple[str, bytes, bool]]:
    page = b"<html><script>alert(1)</script></html>"
    texts = {
        "a page": page,
        "a playlist of a file": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "a playlist of an address": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a\n",
        "a list to join": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "a session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "a manifest": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
        "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "a document": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
        "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
        "another program": b"MZ" + bytes(500),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(300),
        "a picture that moves": b"GIF89a\x01\x00\x01\x00" + bytes(100),
        "a script": b"#!/bin/sh\nid\n",
        "a pickle": b"\x80\x04\x95" + bytes(30),
        "a database": b"SQLite format 3\x00" + bytes(200),
        "subtitles": b"1\n00:00:00,000 --> 00:00:01,000\nhi\n",
        "MIDI": b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60" + bytes(50),
        "AMR": b"#!AMR\n" + bytes(100),
        "nothing": b"",
        "a byte": b"R",
        "raw samples": sound[44:],
    }
    for name, content in texts.items():
        yield name, content, False
        yield f"RIFF and {name}", b"RIFF" + content, False
        yield f"WAVE and {name}", b"RIFF\x00\x01\x00\x00WAVE" + content, False
        yield f"a recording and {name}", sound + content, True
    yield "a recording in a page", page + sound, False
    yield "a recording in an ID3 tag", b"ID3\x03\x00\x00\x00\x00\x10\x00" + sound, True
