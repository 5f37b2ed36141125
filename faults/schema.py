"""`python -m faults.schema [EXAMPLES [SEED [PHASES]]]`: schemathesis against a real gateway.

It is signed in, on loopback, bounded in number. Three runs: everything that leaves the caller
signed in, in all phases; then what ends a sign-in or revokes a key; then what erases the
account, each with a user of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.gateway import Gateway

CONFIG = Path(__file__).parents[1] / "schemathesis.toml"
OPEN = {"rate_limit": "", "rate_limit_address": "", "rate_limit_sign_in": ""}
ENDS = ["end_session", "end_sessions", "revoke", "change_user"]
ERASES = ["erase_data"]
PHASES = "examples,coverage,fuzzing,stateful"


def main(examples: int, seed: int = 1, phases: str = PHASES) -> int:
    """Run it; 0 if nothing was found in any run."""
    program = shutil.which(
        "schemathesis", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    )
    if program is None:
        print("schemathesis is not installed: `pip install schemathesis`", file=sys.stderr)
        return 2
    total, failed, runs = 0, 0, _runs() if phases == PHASES else _runs()[:1]
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), **OPEN).wait().ready()
        try:
            for name, which in runs:
                key = gateway.key(f"{name}@example.org", role="admin")
                command = [
                    program, "--config-file", str(CONFIG), "run", f"{gateway.url}/openapi.json",
                    "--header", f"Authorization: Bearer {key}",
                    "--checks", "all",
                    "--phases", phases,
                    "--max-examples", str(examples),
                    "--seed", str(seed),
                    "--request-timeout", "30",
                    "--continue-on-failure",
                    *which,
                ]  # fmt: skip
                done = subprocess.run(command, capture_output=True, text=True)
                print(done.stdout, done.stderr)
                failed += done.returncode != 0
                found = re.search(r"(\d+) generated", done.stdout)
                total += int(found[1]) if found else 0
            alive = gateway.process.poll() is None
        finally:
            gateway.stop()
    print(f"{total} cases, {failed} of {len(runs)} runs with findings, alive: {alive}")
    return 1 if failed or not alive else 0


def _runs() -> list[tuple[str, list[str]]]:
    """The name of each run's user, and what is chosen. A stream has no end, so it is in none."""
    kept = "|".join(["stream_event", *ENDS, *ERASES])
    ends = [part for name in ENDS for part in ("--include-operation-id", name)]
    erases = [part for name in ERASES for part in ("--include-operation-id", name)]
    return [
        ("all", ["--exclude-operation-id-regex", f"^({kept})$"]),
        ("ends", ends),
        ("erases", erases),
    ]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3] or ["100"]), *sys.argv[3:4]))
