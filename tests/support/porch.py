"""`python -m tests.support.porch FILE SECONDS`: watch a file for lines, under a lease of so long.

For tests that kill the process which watches: each line of the file is a visitor, and an event.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue

from tests.support.registries import only
from wlm.events import watches
from wlm.events.engine import Engine
from wlm.plugins import Context, Noticed, Reply, Skill, intent
from wlm.plugins.manager import Registry

LOOK = 0.02


class Porch(Skill):
    """Tells who is at the door."""

    def __init__(self) -> None:
        self.file = Path()
        self.marks: list[JsonValue] = []

    @intent()
    def opened(self, ctx: Context, who: str) -> Reply:
        """Tell who is there."""
        return Reply(f"{who} is at the door.")

    def watches(self, ctx: Context) -> bool:
        return True

    def watch(self, ctx: Context, mark: JsonValue) -> Iterator[Noticed | None]:
        self.marks.append(mark)
        seen = mark if isinstance(mark, int) else 0
        while True:
            lines = self.file.read_text().splitlines()
            for who in lines[seen:]:
                seen += 1
                yield Noticed(seen, "porch.opened", {"who": who}, f"visit {seen}")
            time.sleep(LOOK)
            yield None


def registry(file: Path) -> tuple[Registry, Porch]:
    """A registry with a porch alone, and the porch."""
    made = only(porch=Porch)
    porch = made.skills["porch"].skill
    assert isinstance(porch, Porch)
    porch.file = file
    return made, porch


def watcher(engine: Engine) -> watches.Watches:
    """What a worker has to watch with, that looks often."""
    return watches.Watches(
        engine._store,
        engine._clock,
        engine._registry,
        engine._contexts,
        engine._intake.accept_background,
        look=LOOK,
        pause=LOOK,
    )


def main() -> None:
    from wlm import config
    from wlm.store.migrate import open_store

    watches.LEASE = timedelta(seconds=float(sys.argv[2]))
    settings = config.load()
    watcher(Engine(open_store(settings), registry(Path(sys.argv[1]))[0], settings)).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
