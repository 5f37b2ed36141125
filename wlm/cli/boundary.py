"""The error boundary: from an exception to a message, a hint and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


def guard(command: Callable[[], Any], argv: list[str] | None = None) -> int:
    """Call ``command`` and return the exit code. With ``--json`` the error is JSON on stdout."""
    from wlm import log
    from wlm.errors import WlmError

    log.to_stderr()
    argv = sys.argv if argv is None else argv
    try:
        result = command()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        # The reader has gone (`wlm … | head`); keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except WlmError as error:
        return report(error, as_json="--json" in argv)
    except Exception as error:  # noqa: BLE001 - the outermost frame
        return report(_internal(error), as_json="--json" in argv)
    return result if isinstance(result, int) else 0


def report(error: Any, *, as_json: bool) -> int:
    """Print an error and return its exit code."""
    if as_json:
        print(json.dumps({"error": error.as_dict()}, ensure_ascii=False))  # noqa: T201
    print(f"wlm: {error.message}", file=sys.stderr)  # noqa: T201
    if error.hint:
        print(f"     {error.hint}", file=sys.stderr)  # noqa: T201
    return int(error.exit_code)


def _internal(error: Exception) -> Any:
    """An error that WLM did not expect, as one that it can show without personal data."""
    from wlm.errors import StorageFault, WlmError

    if isinstance(error, OSError) and error.strerror:
        return StorageFault(f"{error.strerror}: {error.filename or 'a file'}.")
    if os.environ.get("WLM_LOG_LEVEL", "").lower() == "debug":
        import traceback

        traceback.print_exception(error)
    return WlmError(
        f"Internal error ({type(error).__name__}). What was accepted before is kept.",
        hint="WLM_LOG_LEVEL=debug shows where; please report it.",
    )
