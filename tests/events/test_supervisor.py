"""Worker processes are replaced by new ones without a moment in which there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CHILD = """
import signal, sys, time
path = sys.argv[1]

def say(what):
    with open(path, "a") as file:
        file.write(what + "\\n")

def end(*_):
    while open(path).read().count("begun") < 2:  # it works until the other one does
        time.sleep(0.01)
    say("ended")
    sys.exit()

signal.signal(signal.SIGTERM, end)
say("begun")
while True:
    time.sleep(1)
"""
PARENT = f"""
import sys
from wlm.events.supervisor import Supervisor
command = [sys.executable, "-S", "-c", {CHILD!r}, sys.argv[1]]
sys.exit(Supervisor(command, 1, grace=60, quarantine=command).run())
"""


def test_a_reload_begins_with_the_new(tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.touch()
    command = [sys.executable, "-c", PARENT, str(told)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=dict(os.environ)) as parent:

        def until(*lines: str) -> None:
            ends = time.monotonic() + 120
            while told.read_text().split() != list(lines):
                assert time.monotonic() < ends and parent.poll() is None, told.read_text()
                time.sleep(0.01)

        until("begun")
        parent.send_signal(signal.SIGHUP)
        until("begun", "begun", "ended")
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(120) == 0
    assert told.read_text().split() == ["begun", "begun", "ended", "ended"]
