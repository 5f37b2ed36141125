"""Regular expressions that cost nothing until they are used.

Most requests use few of the hundred patterns that tell requests apart, and compiling them all
is a thirtieth of a short command.
"""

from __future__ import annotations

import functools
import re
from typing import Any, cast


class _Pattern:
    """Stands for a compiled pattern, and compiles it at the first question."""

    def __init__(self, text: str, flags: int) -> None:
        self._text, self._flags = text, flags

    @functools.cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._text, self._flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """As ``re.compile``; an error in ``text`` shows at the first use."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
