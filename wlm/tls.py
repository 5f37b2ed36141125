"""Whose certificates are believed, by all that speak HTTP here."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@functools.cache
def context() -> ssl.SSLContext:
    """What httpx would make for each client anew; reading the certificates takes longer than most
    calls."""
    import httpx

    return httpx.create_ssl_context()
