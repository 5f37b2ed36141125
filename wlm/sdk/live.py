"""Live audio to a gateway, over its WebSocket: frames go up, words and turns come down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from wlm.errors import EnvironmentFault, NotSignedIn, Unreachable
from wlm.sdk.calls import of_problem, problem
from wlm.sdk.session import TokenProvider
from wlm.types import Transcript, Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from websockets.asyncio.client import ClientConnection

    from wlm.pipeline.partials import Partial

    Frames = AsyncIterable[NDArray[np.float32]] | Iterable[NDArray[np.float32]]

_PIECE = 16_000
"""Samples in one message: the gateway takes up to half a million."""
_OPEN_SECONDS = 10.0
_LONGEST_MESSAGE = 1 << 24  # bytes; a turn that lists a month of meetings is a long one


async def listen(
    server: str,
    tokens: TokenProvider,
    frames: Frames,
    query: dict[str, str],
    on_level: Callable[[float], None] | None,
) -> AsyncIterator[Partial | Transcript | Turn]:
    """What the gateway hears and does, in order; see ``AsyncClient.listen``."""
    try:
        from websockets.exceptions import WebSocketException
    except ImportError:
        raise EnvironmentFault(
            "Live audio needs the package websockets.", hint="`pip install 'wlm[server]'`."
        ) from None

    address = f"{server.replace('http', 'ws', 1)}/v1/listen?{urlencode(query)}"
    connection = await _connected(server, address, tokens)
    failed: list[Exception] = []
    sender = asyncio.create_task(_send(connection, frames, failed))
    try:
        async for message in connection:
            value = _value(message)
            if isinstance(value, float):
                if on_level is not None:
                    on_level(value)
            elif value is not None:
                yield value
    except WebSocketException as error:
        raise _away(server, error) from None
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        await connection.close()
    if failed:
        raise failed[0]


async def _connected(server: str, address: str, tokens: TokenProvider) -> ClientConnection:
    """An open connection, with a fresh token where the first one was refused. Raises what the
    gateway refuses with, or ``Unreachable``."""
    token = await asyncio.to_thread(tokens.token)
    try:
        return await _opened(server, address, token)
    except NotSignedIn:
        fresh = await asyncio.to_thread(tokens.renewed, token)
        if fresh is None:
            raise
    return await _opened(server, address, fresh)


async def _opened(server: str, address: str, token: str) -> ClientConnection:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    try:
        return await connect(
            address,
            additional_headers={"Authorization": f"Bearer {token}"},
            user_agent_header="wlm",
            open_timeout=_OPEN_SECONDS,
            max_size=_LONGEST_MESSAGE,
        )
    except InvalidStatus as refused:
        told = refused.response
        answer = httpx.Response(
            told.status_code, headers=list(told.headers.raw_items()), content=bytes(told.body)
        )
        raise problem(answer) from None
    except (OSError, WebSocketException) as error:
        raise _away(server, error) from None


def _away(server: str, error: Exception) -> Unreachable:
    return Unreachable(f"{server} cannot be reached ({type(error).__name__}).")


async def _send(connection: ClientConnection, frames: Frames, failed: list[Exception]) -> None:
    """Send the sound as it comes, and say that it has ended. Where the frames fail, hang up; who
    reads is told by ``failed``."""
    import numpy as np
    from websockets.exceptions import ConnectionClosed

    try:
        async for frame in _each(frames):
            whole = (np.clip(frame, -1.0, 1.0) * 32767).astype("<i2")
            for start in range(0, len(whole), _PIECE):
                await connection.send(whole[start : start + _PIECE].tobytes())
        await connection.send(json.dumps({"type": "end"}))
    except ConnectionClosed:
        return  # the gateway has heard enough; or who reads finds out why it went
    except Exception as error:  # noqa: BLE001 - the caller's own, of any kind
        failed.append(error)
        await connection.close()


async def _each(frames: Frames) -> AsyncIterator[NDArray[np.float32]]:
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
        return
    blocks = iter(frames)
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block


def _value(message: str | bytes) -> float | Partial | Transcript | Turn | None:
    """What a message tells: a level, words, or a turn. Raises the error that it tells of."""
    from wlm.pipeline.partials import Partial

    try:
        told: Any = json.loads(message)
        match told["type"]:
            case "level":
                return float(told["dbfs"])
            case "partial":
                return Partial(told["text"], told["stable"], told["seconds"])
            case "final":
                return Transcript(told["text"], seconds=told["seconds"])
            case "turn":
                return Turn.from_dict(told["turn"])
            case "error":
                raise of_problem(told["code"], told["message"], told["hint"])
    except (ValueError, KeyError, TypeError):
        raise Unreachable(
            "What answered is no gateway of this version of WLM.", hint="Check WLM_SERVER_URL."
        ) from None
    return None
