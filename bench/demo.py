"""`make demo`: a recorded spoken request through the whole path, offline, and what changed.

Everything lies in ``.wlm-demo`` in this folder, so a real calendar is not touched.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "samples" / "lunch_with_anna.flac"


def main() -> int:
    """Listen to the recording, do it, show it; 0 if the calendar holds one more meeting."""
    start = time.perf_counter()
    os.environ.setdefault("WLM_HOME", str(ROOT / ".wlm-demo"))
    os.environ.setdefault("WLM_OFFLINE", "true")
    from wlm import Assistant
    from wlm.types import State

    with Assistant() as assistant:
        before = len(assistant.events(states=[State.SUCCEEDED], limit=1000))
        turn = assistant.voice(RECORDING, conversation=None)
        after = assistant.events(states=[State.SUCCEEDED], limit=1000)
        agenda = assistant.ask("what's on my calendar tomorrow")
    print(f"recording   {RECORDING.relative_to(ROOT)}")
    print(f"heard       {turn.text}")
    for action in turn.actions:
        route = action.route
        print(f"understood  {route.intent} ({route.confidence:.2f}, {route.router})")
        for name, value in route.slots.items():
            print(f"              {name}: {value}")
        print(f"done        event {action.event.id} {action.event.state}")
        print(f"reply       {action.reply.speech}")
    print("calendar    " + agenda.actions[0].reply.display.replace("\n", "\n            "))
    for stage, ms in turn.timings_ms.items():
        print(f"{stage:<11} {ms:>7.0f} ms")
    print(f"in all      {(time.perf_counter() - start) * 1000:>7.0f} ms")
    return 0 if len(after) > before else 1


if __name__ == "__main__":
    sys.exit(main())
