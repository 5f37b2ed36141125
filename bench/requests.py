"""What comes of the requests of ``tests/acceptance/requests``, as a table.

    python -m bench.requests [SKILL…] [--wrong] [--json]

Needs Dovecot, like the test of the same requests. The exit code is 1 if any is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.support.talks import Guest, Said, house, read

FOLDER = Path(__file__).parents[1] / "tests" / "acceptance" / "requests"


def held(skills: list[str]) -> dict[str, list[Said]]:
    """Every request of the files, with what came of it."""
    files = [file for file in sorted(FOLDER.glob("*.txt")) if not skills or file.stem in skills]
    found = {}
    with tempfile.TemporaryDirectory() as home, house(Path(home)) as assistant:
        for file in files:
            guest = Guest(assistant, file.stem)
            found[file.stem] = [said for talk in read(file) for said in guest.hold(talk)]
    return found


def row(said: Said) -> dict[str, str | bool]:
    """One line of the table."""
    acts = [f"{action.route.intent} {action.event.state}" for action in said.turn.actions]
    return {
        "said": said.text,
        "done": ", ".join(acts) or "nothing",
        "reply": said.turn.reply.speech,
        "right": not said.wrong,
        "wrong": said.wrong,
    }


def main() -> None:
    """Print the requests, and how many of them were right."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("skills", nargs="*", help="names of the files; default: all")
    options.add_argument("--wrong", action="store_true", help="only what is wrong")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    found = {skill: [row(said) for said in talk] for skill, talk in held(given.skills).items()}
    right = {skill: sum(bool(one["right"]) for one in rows) for skill, rows in found.items()}
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for skill, rows in found.items():
            print(f"| {skill}: {right[skill]} of {len(rows)} | done | reply |\n|---|---|---|")
            for one in rows:
                if not (given.wrong and one["right"]):
                    mark = "" if one["right"] else "WRONG "
                    print(f"| {mark}{one['said']} | {one['done']} | {one['reply']} |")
                    if one["wrong"] and given.wrong:
                        print(f"    {one['wrong']}")
            print()
    sys.exit(any(right[skill] < len(rows) for skill, rows in found.items()))


if __name__ == "__main__":
    main()
