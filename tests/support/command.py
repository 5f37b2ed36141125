"""The `wlm` command in a process of its own, without what each start of Python costs.

A page of commands starts the program thirty times. One process imports it; each run is a fork
of that process, before which nothing of WLM has run: its own arguments, environment, folder
and streams. What a cold start imports and costs is measured elsewhere, by real starts.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

IMPORTED = [
    "wlm.cli.main",
    "wlm.cli.ask",
    "wlm.sdk.assistant",
    "wlm.sdk.client",
    "wlm.events.engine",
    "wlm.pipeline.route.local",
    "wlm.store.migrate",
    "rich.console",
    "rich.table",
]


@functools.cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *IMPORTED])
    return context


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    seconds: float = 120,
) -> subprocess.CompletedProcess[str]:
    """`wlm` with these arguments, run to its end in ``folder``; nothing is typed into it.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``seconds``; it is ended.
    """
    with tempfile.TemporaryDirectory() as streams:
        out, err = Path(streams, "out"), Path(streams, "err")
        process = _forks().Process(
            target=_wlm, args=(list(arguments), dict(environment), str(folder), str(out), str(err))
        )
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["wlm", *arguments], seconds)
        texts = [path.read_text("utf-8") if path.exists() else "" for path in (out, err)]
    return subprocess.CompletedProcess(["wlm", *arguments], process.exitcode or 0, *texts)


def _wlm(
    arguments: list[str], environment: dict[str, str], folder: str, out: str, err: str
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    flags = os.O_WRONLY | os.O_CREAT
    for stream, path, mode in ((0, os.devnull, os.O_RDONLY), (1, out, flags), (2, err, flags)):
        opened = os.open(path, mode, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(stream, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - until it ends
        for stream, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    sys.argv = ["wlm", *arguments]
    from wlm.cli.main import run as program

    program()
