"""WLM: say it, and it is done.

from wlm import Assistant

with Assistant() as assistant:
    turn = assistant.ask("what meetings do I have tomorrow")
    print(turn.reply.speech)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wlm.errors import WlmError
    from wlm.sdk.assistant import Assistant
    from wlm.sdk.async_client import AsyncClient
    from wlm.sdk.client import Client
    from wlm.types import Action, Event, Reply, Route, Turn

__all__ = [
    "Action",
    "Assistant",
    "AsyncClient",
    "Client",
    "Event",
    "Reply",
    "Route",
    "Turn",
    "WlmError",
    "__version__",
]

_HOMES = {
    "Assistant": "wlm.sdk.assistant",
    "AsyncClient": "wlm.sdk.async_client",
    "Client": "wlm.sdk.client",
    "WlmError": "wlm.errors",
    **dict.fromkeys(("Action", "Event", "Reply", "Route", "Turn"), "wlm.types"),
}


def __getattr__(name: str) -> Any:
    # Late, so that `wlm --version` pays for nothing that it does not use.
    if name == "__version__":
        from importlib.metadata import version

        return version("wlm")
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'wlm' has no attribute {name!r}")
