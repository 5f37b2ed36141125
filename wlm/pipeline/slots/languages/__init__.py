"""Languages other than English: tables that bring their times to the one time grammar.

A language is a module here with a ``LANGUAGE``. Its ``rules`` say how a piece of a time is
said and what that is in English; numbers, days and months in them are looked up in its
tables. So there is one grammar and one place where zones, ranges and DST are thought of.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wlm.pipeline.slots.languages.tables import Language

KNOWN = ("de", "es")


def language(code: str) -> Language | None:
    """The tables of a language; ``None`` for English and for what is not there."""
    if code not in KNOWN:
        return None
    module = importlib.import_module(f"wlm.pipeline.slots.languages.{code}")
    found: Language = module.LANGUAGE
    return found
