"""`make demo`: a recorded spoken request through the whole path, offline, and what changed.

Everything lies in ``.wlm-demo`` in this folder, made anew at each run, so a real calendar is
not touched. With ``WLM_HOME`` set, that home is used, and kept.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wlm import Assistant, Turn

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "samples" / "lunch_with_anna.flac"


def main() -> int:
    """Listen to the recording, do it, show it; 0 if the calendar then holds the meeting."""
    start = time.perf_counter()
    if "WLM_HOME" not in os.environ:
        os.environ["WLM_HOME"] = str(ROOT / ".wlm-demo")
        shutil.rmtree(ROOT / ".wlm-demo", ignore_errors=True)
    os.environ["WLM_OFFLINE"] = "true"
    from wlm import Assistant

    with Assistant() as assistant:
        before = meetings(assistant)
        turn = assistant.voice(RECORDING)
        after = meetings(assistant)
    show(turn)
    print(f"calendar    {len(before)} meetings tomorrow before, {len(after)} after")
    print(f"in all      {(time.perf_counter() - start) * 1000:>7.0f} ms")
    made = [action.reply.data.get("meeting", {}).get("id") for action in turn.actions]
    return 0 if made and set(made) <= after else 1


def meetings(assistant: Assistant) -> set[str]:
    """Ids of tomorrow's meetings, asked for as a user would."""
    (action,) = assistant.ask("what meetings do I have tomorrow").actions
    return {meeting["id"] for meeting in action.reply.data["meetings"]}


def show(turn: Turn) -> None:
    """What was heard, understood and done, and how long each stage took."""
    print(f"recording   {RECORDING.relative_to(ROOT)}")
    print(f"heard       {turn.text}")
    for action in turn.actions:
        route = action.route
        print(f"understood  {route.intent} ({route.confidence:.2f}, {route.router})")
        for name, value in route.slots.items():
            print(f"              {name}: {value}")
        print(f"done        event {action.event.id} {action.event.state}")
        print(f"reply       {action.reply.speech}")
    for stage, ms in turn.timings_ms.items():
        print(f"{stage:<11} {ms:>7.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
