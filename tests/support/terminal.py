"""`wlm …` as a user types it, in this process: what a new process would only do more slowly."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple
from unittest import mock

from wlm.cli import boundary, main


class Said(NamedTuple):
    """A command's exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        assert self.out, self.err
        return json.loads(self.out)


def wlm(environment: Mapping[str, str], *arguments: str) -> Said:
    """What the command does in that environment, its error boundary included."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict("os.environ", environment, clear=True),
        mock.patch.object(sys, "argv", ["wlm", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _own_log(),
    ):
        code = boundary.guard(main._command)
    return Said(code, _text(out), _text(err))


def _text(written: io.TextIOWrapper) -> str:
    written.seek(0)
    return written.read()


@contextlib.contextmanager
def _own_log() -> Any:
    """A command sends the log to its stderr; the tests' own is as before afterwards."""
    logger = logging.getLogger("wlm")
    before = logger.handlers[:], logger.propagate, logger.level
    logger.handlers = []
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before[:2]
        logger.setLevel(before[2])
