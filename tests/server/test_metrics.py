"""What several processes count is one number, whatever becomes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from wlm.server.metrics import FOLDER

PROGRAM = """
import os, signal, sys
from wlm.server.metrics import Metrics

def child(role, requests, inside):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        made = Metrics(role)
        for _ in range(requests):
            made.answered("GET", "/v1/skills", 200, 0.01)
        made.inside.set(inside)
        os.write(write, b".")
        signal.pause()
    os.read(read, 1)
    return pid

def told():
    text = Metrics("gateway").exposition().decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
    found = {name: float(value) for name, _, value in lines}
    kind = 'method="GET",role="%s",route="/v1/skills",status="200"'
    print(*(found["wlm_http_requests_total{" + kind % role + "}"] for role in ROLES),
          *(found.get('wlm_work_in_progress{role="%s"}' % role, 0.0) for role in ROLES),
          found['wlm_http_request_seconds_count{role="gateway",route="/v1/skills"}'])

ROLES = ("gateway", "transcriber")
one, two = child("gateway", 3, 1), child("gateway", 4, 2)
three = child("transcriber", 5, 7)
told()
os.kill(two, signal.SIGKILL)
os.waitpid(two, 0)
told()
four = child("gateway", 6, 4)  # in its place
told()
for pid in (one, three, four):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
told()
"""


def test_counts_of_all_processes_add_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, FOLDER: str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.splitlines() == [
        "7.0 5.0 3.0 7.0 7.0",  # counted by gateways, by the transcriber; now inside; the histogram
        "7.0 5.0 1.0 7.0 7.0",  # what a dead one counted stays, what it said of now goes
        "13.0 5.0 5.0 7.0 13.0",
        "13.0 5.0 0.0 0.0 13.0",
    ], done.stderr
