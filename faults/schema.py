"""`python -m faults.schema [CASES]`: schemathesis against a real gateway, as a signed-in user.

It needs schemathesis itself (`pip install schemathesis`), which is no dependency of ours: it
brings a good deal, and this runs by hand. Everything is on loopback and bounded in number.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.gateway import Gateway

OPEN = {"rate_limit": "", "rate_limit_address": "", "rate_limit_sign_in": ""}


def main(cases: int) -> int:
    """Run it; the exit code is schemathesis's."""
    program = shutil.which("schemathesis")
    if program is None:
        print("schemathesis is not installed: `pip install schemathesis`", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), **OPEN).wait()
        try:
            key = gateway.key("fuzz@example.org")
            command = [
                program, "run", f"{gateway.url}/openapi.json",
                "--header", f"Authorization: Bearer {key}",
                "--max-examples", str(cases),
                "--request-timeout", "30",
                "--continue-on-failure",
                "--exclude-path-regex", "stream|auth",  # a stream has no end; a session would
            ]  # fmt: skip
            return subprocess.run(command).returncode
        finally:
            gateway.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
