"""Answers that all processes give again: in Redis, sealed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any

from wlm.events.bell_redis import client

log = logging.getLogger(__name__)
_NAME = "wlm:answer:"
_NONCE = 12
_PAUSE = 1.0
_PATIENCE = 0.5


class RedisShelf:
    """A ``Shelf`` in Redis. Each text is sealed with ``secret`` (32 bytes), and bound to its key.

    While Redis is away it is tried once a second, and nothing is found or kept else.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._redis = client(url, _PATIENCE)
        self._seal = AESGCM(secret)
        self._away_until = 0.0

    def get(self, key: str) -> str | None:
        """What was put there, while it holds. What does not open was not put there by us."""
        from cryptography.exceptions import InvalidTag

        sealed = self._try(lambda: self._redis.get(_NAME + key))
        if not sealed:
            return None
        try:
            opened = self._seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], key.encode())
        except (InvalidTag, ValueError):
            log.warning("an answer in Redis does not open: it was changed or moved")
            return None
        return opened.decode()

    def put(self, key: str, text: str, seconds: float) -> None:
        """Keep it so long."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._seal.encrypt(nonce, text.encode(), key.encode())
        self._try(lambda: self._redis.set(_NAME + key, sealed, px=max(1, round(seconds * 1000))))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _try(self, call: Callable[[], Any]) -> Any:
        from redis.exceptions import RedisError

        if time.monotonic() < self._away_until:
            return None
        try:
            return call()
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + _PAUSE
            log.warning("Redis is away (%s); answers are made anew", type(error).__name__)
            return None
