"""What this machine has learnt of an endpoint: control questions, faults, what it can do.

One small JSON file in the cache folder for each endpoint, model and set of declarations.
It holds counts and no word that anybody said. Processes share it; one that is overwritten
in a race loses a count and nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

from wlm.pipeline.route.llm.question import Protocol
from wlm.pipeline.route.llm.trust import WINDOW, Mark, Unsure, standing

_FAILURES = 3
_PAUSE = 30.0
_LONGEST_PAUSE = 600.0
_PLAIN = 2


@dataclasses.dataclass
class Standing:
    """``marks``: results of control questions. ``unsure``: whether it agreed where the local
    router was unsure, and how likely that was. ``failures`` in a row open the circuit until
    ``closed_until`` (seconds since 1970). ``protocol`` is what the endpoint has shown to
    understand, ``called`` whether it ever made a tool call, ``dropped`` parameters that it
    refuses.
    """

    path: Path
    marks: list[Mark] = dataclasses.field(default_factory=list)
    unsure: list[Unsure] = dataclasses.field(default_factory=list)
    failures: int = 0
    closed_until: float = 0.0
    protocol: Protocol = "tools"
    called: bool = False
    plain: int = 0
    dropped: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Standing:
        """What is kept at ``path``; a new one if there is nothing, or nothing readable."""
        made = cls(path)
        with contextlib.suppress(OSError, ValueError, TypeError):
            kept = json.loads(path.read_text("utf-8"))
            for field in dataclasses.fields(cls)[1:]:
                value = kept.get(field.name)
                if type(value) is type(getattr(made, field.name)):
                    setattr(made, field.name, value)
            made.unsure = [Unsure(*item) for item in made.unsure]
        return made

    @property
    def open(self) -> bool:
        """Whether the endpoint failed so often that it is left alone for now."""
        return time.time() < self.closed_until

    @property
    def known(self) -> Literal["probation", "trusted", "distrusted"]:
        """Whether its word counts."""
        return standing(self.marks, self.unsure)

    def failed(self) -> None:
        """Count a failure; after three in a row pause, each time twice as long."""
        self.failures += 1
        if self.failures >= _FAILURES:
            pause = _PAUSE * 2.0 ** min(self.failures - _FAILURES, 8)
            self.closed_until = time.time() + min(pause, _LONGEST_PAUSE)
        self._save()

    def answered(self, *, called: bool, plain: bool, protocol: Protocol) -> None:
        """Count a usable answer by ``protocol``: a call, or talk (``plain``)."""
        before = dataclasses.replace(self)
        self.failures, self.closed_until = 0, 0.0
        self.called = self.called or called
        if protocol != "tools":
            # Twice it only talked and then answered in JSON: it ignores tools.
            self.plain += 0 if self.called else 1
            if self.plain >= _PLAIN:
                self.protocol = protocol
        if before != self:
            self._save()

    def dropping(self, names: frozenset[str]) -> None:
        """Remember parameters that the endpoint refuses."""
        self.dropped = sorted({*self.dropped, *names})
        self._save()

    def add(self, mark: Mark) -> None:
        """Keep the result of a control question."""
        self.marks = [*self.marks, mark][-WINDOW:]
        self._save()

    def add_unsure(self, agreed: bool, expected: float) -> None:
        """Keep whether it agreed about a request of which the local router is unsure."""
        self.unsure = [*self.unsure, Unsure(agreed, round(expected, 3))][-WINDOW:]
        self._save()

    def _save(self) -> None:
        kept: dict[str, Any] = dataclasses.asdict(self)
        kept.pop("path")
        with contextlib.suppress(OSError):  # a folder that cannot be written costs memory only
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".standing-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            Path(temporary).replace(self.path)
