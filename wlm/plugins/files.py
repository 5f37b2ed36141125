"""Files that a skill's commands bring in and out: read within a limit, written whole."""

from __future__ import annotations

import sys
from pathlib import Path

from wlm.errors import NotFound, StorageFault, TooLarge

MOST_BYTES = 50_000_000


def read(file: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """What is in ``file``; ``-`` is standard input. Raises ``NotFound`` or ``TooLarge``."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(most_bytes + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(most_bytes + 1)
    except OSError as error:
        raise NotFound(
            f"The file cannot be read ({error.strerror}); nothing was changed.",
            hint="Check its name and whether you may read it.",
        ) from None
    if len(data) > most_bytes:
        raise TooLarge(
            f"The file is larger than {most_bytes // 1_000_000} MB; nothing was changed.",
            hint="Split it and bring in the parts.",
        )
    return data


def write(file: Path, data: bytes) -> None:
    """Write ``data`` to ``file``; ``-`` is standard output. Raises ``StorageFault``."""
    if str(file) == "-":
        sys.stdout.buffer.write(data)
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise StorageFault(
            f"The file could not be written ({error.strerror}); what WLM keeps is unchanged.",
            hint="Name another file, or - for standard output.",
        ) from None
