"""Here or at a gateway: the one place where that is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wlm import config

if TYPE_CHECKING:
    from wlm.sdk.assistant import Assistant
    from wlm.sdk.client import Client


def assistant(**settings: Any) -> Assistant | Client:
    """A ``Client`` where the setting ``server_url`` names a gateway, else an ``Assistant``."""
    if config.load(settings).config.server_url:
        from wlm.sdk.client import Client

        return Client(**settings)
    from wlm.sdk.assistant import Assistant

    return Assistant(**settings)
