"""Train once on a host: who needs the same model at the same time waits for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "router.lock"


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process or thread of this host is in here for ``folder``.

    Where there are no such locks, or the folder cannot be written, nobody waits.
    """
    with contextlib.ExitStack() as stack:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context((folder / LOCK).open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX)  # a process that ends gives it up
        yield
