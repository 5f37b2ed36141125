"""`python -m bench.startup`: whole-process start-up, against an empty two-command Typer program.

Each pair is run in turn (A B A B …), so that a machine that drifts does not decide; the
ratio is the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EMPTY = """
import typer
app = typer.Typer()
@app.command()
def one(): pass
@app.command()
def two(): pass
app()
"""
BARS = {"--version": 1.3, "--help": 1.3, "ask": 4.0}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of one whole process."""
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{command} ended {done.returncode}: {done.stderr}")
    return spent


def main() -> None:
    """Measure and print; exit 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    wlm = str(Path(sys.executable).with_name("wlm"))
    with tempfile.TemporaryDirectory() as home:
        empty = Path(home) / "empty.py"
        empty.write_text(EMPTY)
        environment = {**os.environ, "WLM_HOME": home, "WLM_TIMEZONE": "Europe/Berlin"}
        # Installed packages have their bytecode; a checkout writes its own at the first run.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        cases = {
            "--version": [wlm, "--version"],
            "--help": [wlm, "--help"],
            "ask": [wlm, "ask", "what meetings do I have tomorrow"],
        }
        baseline = [sys.executable, str(empty), "--help"]
        results = {}
        for name, command in cases.items():
            seconds(command, environment)  # bytecode, database and router are made once
            pairs = [
                (seconds(command, environment), seconds(baseline, environment)) for _ in range(runs)
            ]
            results[name] = {
                "ms": round(statistics.median(a for a, _ in pairs) * 1000),
                "typer_ms": round(statistics.median(b for _, b in pairs) * 1000),
                "ratio": round(statistics.median(a / b for a, b in pairs), 2),
                "bar": BARS[name],
            }
    for name, row in results.items():
        verdict = "ok" if row["ratio"] <= row["bar"] else "MISSED"
        print(
            f"wlm {name:<10} {row['ms']:>5} ms  empty Typer {row['typer_ms']:>4} ms  "
            f"ratio {row['ratio']:.2f} (bar {row['bar']})  {verdict}"
        )
    print(json.dumps(results))
    sys.exit(any(row["ratio"] > row["bar"] for row in results.values()))


if __name__ == "__main__":
    main()
