"""The bell for many machines: a short list in Redis, and a channel."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from wlm.errors import BadSetting, EnvironmentFault
from wlm.events.bell import ENOUGH, LONGEST_NOTE, notes

log = logging.getLogger(__name__)
_RING, _TELL = "wlm:ring", "wlm:tell"
_PATIENCE = 2.0
_PAUSE = 1.0


class RedisBell:
    """A ``Bell`` on Redis. While Redis is away it is tried once a second, and skipped else."""

    def __init__(self, url: str) -> None:
        self._redis = client(url, _PATIENCE)
        self._url = url
        self._away_until = 0.0

    def ring(self, event_id: str, times: int = 1) -> None:
        """Wake as many worker threads."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.lpush(_RING, *[event_id] * times)
        pipe.ltrim(_RING, 0, ENOUGH - 1)
        self._try(pipe.execute)

    def tell(self, ids: Iterable[str]) -> None:
        """Wake those that wait."""
        pipe = self._redis.pipeline(transaction=False)
        for note in notes(ids):
            pipe.publish(_TELL, note)
        self._try(pipe.execute)

    def rings(self) -> RedisRings:
        """Listen as a worker."""
        return RedisRings(self._url)

    def tales(self) -> RedisTales:
        """Listen as one that waits."""
        return RedisTales(self._url)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _try(self, call: Any) -> None:
        from redis.exceptions import RedisError

        if time.monotonic() < self._away_until:
            return
        try:
            call()
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + _PAUSE
            log.warning("Redis is away (%s); workers look for work themselves", _name(error))


class RedisRings:
    """A worker's ear: each ring is taken by one thread of one worker."""

    def __init__(self, url: str) -> None:
        self._redis = client(url, None)
        self._closed = threading.Event()

    def next(self, timeout: float) -> str | None:
        """Wait in Redis; while it is away, say now and then that there may be work."""
        from redis.exceptions import RedisError

        try:
            found = self._redis.brpop([_RING], timeout=max(timeout, 0.1))
        except (RedisError, OSError) as error:
            log.debug("Redis is away (%s)", _name(error))
            self._closed.wait(min(timeout, 0.5))
            return ""  # nobody can ring now, so look
        return found[1].decode("ascii", "replace")[:64] if found else None

    def close(self) -> None:
        """Close the connections."""
        self._closed.set()
        self._redis.close()


class RedisTales:
    """The ear of one that waits; it hears every tale."""

    def __init__(self, url: str) -> None:
        self._redis = client(url, None)
        self._channel: Any = None

    def next(self, timeout: float) -> str | None:
        """Wait for a message; subscribes again after Redis was away."""
        from redis.exceptions import RedisError

        try:
            if self._channel is None:
                channel = self._redis.pubsub(ignore_subscribe_messages=True)
                channel.subscribe(_TELL)
                self._channel = channel
            message = self._channel.get_message(timeout=timeout)
        except (RedisError, OSError, ValueError) as error:
            log.debug("Redis is away (%s)", _name(error))
            self._channel = None
            time.sleep(min(timeout, 0.5))
            return None
        return message["data"].decode("ascii", "replace")[:LONGEST_NOTE] if message else None

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(Exception):
            self._redis.close()


def client(url: str, patience: float | None) -> Any:
    """A client that fails quickly; the rows do not need it."""
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise EnvironmentFault(
            "The client for Redis is not installed.", hint="`pip install 'wlm[redis]'`."
        ) from None
    try:
        return Redis.from_url(
            url,
            socket_connect_timeout=_PATIENCE,
            socket_timeout=patience or 10.0,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise BadSetting(
            "Setting 'queue_url' is no Redis URL.", hint="Such as redis://localhost:6379/0."
        ) from None


def _name(error: BaseException) -> str:
    return type(error).__name__
