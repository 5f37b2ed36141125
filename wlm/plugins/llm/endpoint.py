"""The one door to a language model: chat completions of any OpenAI-compatible endpoint.

Every failure becomes one of two errors, here and nowhere else:

    ProviderAway    no connection, a timeout, 408, 409, 425, 429, 5xx
    ProviderError   another 4xx (a wrong key, an unknown model), a body that cannot be read

Messages name the status, never the address, the key or what was said.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from typing import Any

from wlm.errors import BadSetting, ProviderAway, ProviderError

_MOST_BYTES = 1_000_000
_AWAY = frozenset({408, 409, 425, 429})
LATE = "The language model did not answer within the time limit."


class Endpoint:
    """An endpoint and the model there. Safe to use from several threads."""

    def __init__(self, base_url: str, api_key: str, model: str) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self.model = model
        self.ready = False
        """Whether the client library is loaded, which takes a second once."""

    def chat(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a chat completion, as JSON.

        ``seconds`` bounds each wait for the server and the whole body; a server that trickles
        its headers can take longer, so whoever must not wait runs this in a thread
        (``late.by``). Raises ``ProviderAway`` or ``ProviderError``.
        """
        try:
            return self._chat(request, time.monotonic() + seconds)
        except Exception as error:  # noqa: BLE001 - mapped; the library has errors of two others
            raise _failure(error, self.model) from None

    def _chat(self, request: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        client, self.ready = self._client, True
        create = client.chat.completions.with_streaming_response.create
        left = max(0.05, deadline - time.monotonic())
        body = bytearray()
        with create(model=self.model, timeout=left, **request) as response:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise ProviderError("The language model's answer is too large.")
                if time.monotonic() > deadline:
                    raise ProviderAway(LATE)
        answer = json.loads(bytes(body))
        if not isinstance(answer, dict):
            raise ProviderError("The language model's answer is no chat completion.")
        return answer

    @functools.cached_property
    def _client(self) -> Any:
        import openai

        return openai.OpenAI(
            base_url=self._base_url,
            # A server of one's own needs no key; without one the library would take
            # OPENAI_API_KEY and send it to whatever address is set here.
            api_key=self._api_key or "none",
            max_retries=0,
            http_client=openai.DefaultHttpxClient(follow_redirects=False),
        )


def has_library() -> bool:
    """Whether the client library is installed; imports nothing."""
    import importlib.util

    return importlib.util.find_spec("openai") is not None


def require_library() -> None:
    """Raise ``BadSetting`` where the client library is not installed; imports nothing."""
    if not has_library():
        raise BadSetting(
            "Setting 'router' asks for a language model, and its client is not installed.",
            hint="`pip install 'wlm[llm]'`, or `wlm config set router local`.",
        )


def tokens(body: dict[str, Any]) -> tuple[int, int]:
    """Prompt and completion tokens as the endpoint counted them; 0 where it does not say."""
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    first, second = (c if isinstance(c, int) and 0 <= c < 10_000_000 else 0 for c in counts)
    return first, second


def _failure(error: Exception, model: str) -> ProviderError:
    import openai

    if isinstance(error, ProviderError):
        return error
    if isinstance(error, openai.APIStatusError):
        return _status(error, model)
    if isinstance(error, openai.APITimeoutError):
        return ProviderAway(LATE)
    if isinstance(error, ValueError | RecursionError):
        return ProviderError("The language model's answer is not JSON.")
    return ProviderAway(
        "The language model's endpoint cannot be reached, or broke off.",
        hint="Check WLM_LLM_BASE_URL and that the server runs.",
    )


def _status(error: Any, model: str) -> ProviderError:
    status = int(error.status_code)
    if status in _AWAY or status >= 500:
        return ProviderAway(f"The language model's endpoint answered {status}.")
    if status in (401, 403):
        return ProviderError(
            f"The language model's endpoint refuses the key ({status}).",
            hint="Set WLM_LLM_API_KEY.",
        )
    if status == 404:
        return ProviderError(
            f"The language model's endpoint knows no model {model!r}, or is none (404).",
            hint="Check WLM_LLM_MODEL, and that WLM_LLM_BASE_URL ends where the API does (…/v1).",
        )
    return Refused(f"The language model's endpoint refused the request ({status}).", _named(error))


class Refused(ProviderError):
    """The endpoint refused the request's form; ``named`` are the parameters it complained of."""

    def __init__(self, message: str, named: frozenset[str]) -> None:
        super().__init__(message)
        self.named = named


_DOUBTFUL = ("temperature", "max_tokens", "tool_choice", "tools", "response_format")


def _named(error: Any) -> frozenset[str]:
    said = f"{getattr(error, 'param', '')} {error}"
    return frozenset(name for name in _DOUBTFUL if name in said)
