"""`python -m bench.make_router [LANGUAGE…]`: train the router of the five skills of WLM.

It is shipped, so that a first request waits for no training. Run it after a change of
phrases, features or recipe; a test says when it is missing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from wlm.pipeline.route.local import SHIPPED, LocalRouter
from wlm.pipeline.slots.languages import KNOWN
from wlm.plugins.manager import load

SKILLS = "meeting,people,weather,news,email"


def main() -> None:
    """Train, and replace what was shipped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", nargs="*", default=["en", *KNOWN])
    intents = load(SKILLS).intents
    for language in parser.parse_args().language:
        for old in SHIPPED.glob(f"{language}-*.npz"):
            old.unlink()
        with tempfile.TemporaryDirectory() as folder:
            router = LocalRouter.train(intents, language, Path(folder))
            (made,) = Path(folder).glob("router/*.npz")
            SHIPPED.mkdir(exist_ok=True)
            (SHIPPED / made.name).write_bytes(made.read_bytes())
        print(f"{made.name}: {(SHIPPED / made.name).stat().st_size:,} bytes")
        print(router.looks.report)


if __name__ == "__main__":
    main()
