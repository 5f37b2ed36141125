"""`python -m bench.make_router`: train the router of the five skills that come with WLM.

It is shipped, so that a first request waits for no training. Run it after a change of
phrases, features or recipe; a test says when it is missing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from wlm.pipeline.route.local import SHIPPED, LocalRouter
from wlm.plugins.manager import load

SKILLS = "meeting,people,weather,news,email"


def main() -> None:
    """Train, and replace what was shipped."""
    intents = load(SKILLS).intents
    for old in SHIPPED.glob("*.npz"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        router = LocalRouter.train(intents, "en", Path(folder))
        (made,) = Path(folder).glob("router/*.npz")
        SHIPPED.mkdir(exist_ok=True)
        (SHIPPED / made.name).write_bytes(made.read_bytes())
    print(f"{made.name}: {(SHIPPED / made.name).stat().st_size:,} bytes")
    print(router.model.report)


if __name__ == "__main__":
    main()
