"""`python -m wlm.pipeline.route.prepare LANGUAGE CACHE PLUGINS`: train the local router.

For a process that may not stop for it: one that answers requests starts this, and looks for what
it leaves in the folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wlm.pipeline.route.local import LocalRouter
from wlm.plugins import manager

_NICE = 5
"""It is waited for, but those that are served meanwhile go first."""


def command(language: str, cache: Path, plugins: str) -> list[str]:
    """What such a process runs."""
    return [sys.executable, "-m", "wlm.pipeline.route.prepare", language, str(cache), plugins]


def main(language: str, cache: str, plugins: str) -> int:
    """Train it unless it is there; 0 once it is, 1 if it cannot be kept."""
    os.nice(_NICE)
    router = LocalRouter.train(manager.load(plugins).intents, language, Path(cache))
    return 0 if router.kept in ("cache", "shipped", "trained") else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
