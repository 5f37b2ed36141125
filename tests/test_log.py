"""The log: one JSON line a record, personal data masked, exception texts left out."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from wlm.log import BatchHandler, JsonFormatter, mask


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("mail to anna.berg@example.org failed", "anna.berg"),
        ("called +49 30 5550 1234 twice", "5550"),
        ("header Authorization: Bearer abc.def.ghi", "abc.def"),
        ("key wlmk_0123456789_abcdef was used", "0123456789"),
    ],
)
def test_personal_data_is_masked(text: str, hidden: str) -> None:
    assert hidden not in mask(text)


def test_ids_and_figures_stay() -> None:
    text = "event 01m82tr3bha9a2kfqxk633a84m failed after 3 attempts in 12 ms"
    assert mask(text) == text


def test_a_record_is_one_json_line_without_the_exceptions_text() -> None:
    try:
        raise KeyError("Anna's number")
    except KeyError:
        record = logging.LogRecord("wlm.x", 30, "f", 1, "failed\nat %s", ("run",), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "Anna" not in line
    shown = json.loads(line)
    assert (shown["level"], shown["logger"], shown["error"]) == ("warning", "wlm.x", "KeyError")
    assert shown["message"] == "failed\nat run"


LOGGED = """
import logging, os, sys
from wlm import log
log.to_stderr()
log.show_requests()
told = logging.getLogger("wlm.access")
told.info("one")
if os.fork() == 0:
    told.info("two")
    sys.exit()
os.wait()
logging.getLogger("wlm").warning("at once")
told.info("three")
"""


def test_lines_of_requests_are_written_each_once_however_a_process_ends() -> None:
    done = subprocess.run([sys.executable, "-c", LOGGED], capture_output=True, text=True)
    said = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert sorted(said) == ["at once", "one", "three", "two"]


def test_a_batch_is_written_without_being_asked_for() -> None:
    read, write = os.pipe()
    with os.fdopen(read) as lines, os.fdopen(write, "w") as stream:
        handler = BatchHandler(stream)
        for _ in range(2):  # the second batch, too
            for number in range(3):
                handler.handle(logging.makeLogRecord({"msg": f"line {number}"}))
            told = [json.loads(lines.readline())["message"] for _ in range(3)]
            assert told == ["line 0", "line 1", "line 2"]
