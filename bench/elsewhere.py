"""What people ask of assistants elsewhere: requests of 691 intents that no skill of WLM serves.

The files in ``bench/data/elsewhere`` were written for WLM, to teach its encoder what makes two
requests the same (``bench/tune_encoder.py``) without showing it those that it is measured on.
"""

from __future__ import annotations

import json
from pathlib import Path

from wlm.pipeline.route.normalise import normalise

FOLDER = Path(__file__).parent / "data" / "elsewhere"
MISHEARD = FOLDER / "misheard.jsonl"


def requests() -> dict[str, list[str]]:
    """Plain texts by intent; an intent is named after its file (the domain) and its heading."""
    found: dict[str, list[str]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for block in path.read_text("utf-8").split("\n\n"):
            head, *lines = block.strip().splitlines()
            found[f"{path.stem}/{head.removeprefix('# ')}"] = [normalise(x, "en") for x in lines]
    return found


def misheard() -> list[tuple[str, str]]:
    """Plain texts as they were said, and as Whisper wrote them down (``bench/mishear.py``)."""
    rows = map(json.loads, MISHEARD.read_text("utf-8").splitlines())
    pairs = [(normalise(row["said"], "en"), normalise(row["heard"], "en")) for row in rows]
    return [(said, heard) for said, heard in pairs if heard and heard != said]
