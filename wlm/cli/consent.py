"""Ask before what cannot be undone."""

from __future__ import annotations

import sys

import typer


def sure(question: str, *, yes: bool) -> None:
    """Go on only with a yes: ``--yes``, or typed by a person. Raises ``UsageError`` otherwise."""
    if yes:
        return
    from wlm.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("This cannot be undone; nothing was changed.", hint="Add --yes to do it.")
    if not typer.confirm(question, err=True):
        raise UsageError("Nothing was changed.", hint="")
