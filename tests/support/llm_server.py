"""A stand-in for a language model: a real HTTP server that speaks chat completions.

with LlmServer(lambda asked: [("weather__forecast", {"place": "Oslo"})]) as llm:
    … base_url=llm.url …
    assert llm.asked[0].text == "will it rain in Oslo"

What it answers is a function of what it is asked: calls, a text, or a whole body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

from tests.support.http_server import Answer, HttpServer, Request

Call = tuple[str, Any]
"""A function's name and its arguments; a string stands for arguments as they are sent."""
PATH = "/v1/chat/completions"


class Asked(NamedTuple):
    """One question: the utterance, the functions offered, the whole request."""

    text: str
    functions: list[str]
    request: dict[str, Any]
    key: str

    @property
    def system(self) -> str:
        """The system message."""
        return str(self.request["messages"][0]["content"])


Says = Callable[[Asked], "Sequence[Call] | str | Answer"]


class LlmServer:
    """Answers as ``says`` says. ``tools``: whether it can make calls, or only JSON, or talk."""

    def __init__(self, says: Says, *, tools: bool = True, schema: bool = True) -> None:
        self.says = says
        self.asked: list[Asked] = []
        self._tools = tools
        self._schema = schema
        self._server = HttpServer()
        self._server.dynamic(PATH, self._answer)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *fault: object) -> None:
        self._server.__exit__(*fault)

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{self._server.url}/v1"

    def trickle(self) -> Answer:
        """An answer that comes byte by byte and never ends."""
        return Answer(headers={"content-type": "application/json"}, chunks=self._drip())

    def _drip(self) -> Callable[[], Iterator[bytes]]:
        return self._server.drip(b" ", 0.05)

    def _answer(self, request: Request) -> Answer:
        body = json.loads(request.body)
        names = [tool["function"]["name"] for tool in body.get("tools", ())]
        if not names and "response_format" in body:
            names = [
                action["properties"]["intent"]["const"].replace(".", "__")
                for action in _schema(body)["properties"]["actions"]["items"]["anyOf"]
            ]
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        asked = Asked(body["messages"][-1]["content"], names, body, key)
        self.asked.append(asked)
        said = self.says(asked)
        if isinstance(said, Answer):
            return said
        return _ok(self._message(body, said))

    def _message(self, body: dict[str, Any], said: Sequence[Call] | str) -> dict[str, Any]:
        if isinstance(said, str):
            return {"role": "assistant", "content": said}
        if "tools" not in body and "response_format" not in body:  # calls that nobody offered
            return {"role": "assistant", "content": None, "tool_calls": _calls(said)}
        if "tools" in body:
            if not self._tools or not said:
                return {"role": "assistant", "content": "I cannot do that."}
            return {"role": "assistant", "content": None, "tool_calls": _calls(said)}
        if not self._schema:
            return {"role": "assistant", "content": "I can talk about that."}
        actions = [
            {
                "intent": name.replace("__", "."),
                "said": slots.get("said", ""),
                "slots": {key: value for key, value in slots.items() if key != "said"},
            }
            for name, slots in said
        ]
        return {"role": "assistant", "content": json.dumps({"actions": actions})}


def _schema(body: dict[str, Any]) -> Any:
    form = body["response_format"]
    return form["schema"] if "schema" in form else form["json_schema"]["schema"]


def _calls(said: Sequence[Call]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": slots if isinstance(slots, str) else json.dumps(slots),
            },
        }
        for number, (name, slots) in enumerate(said)
    ]


def _ok(message: dict[str, Any]) -> Answer:
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stand-in",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920},
    }
    return Answer(200, json.dumps(body).encode(), {"content-type": "application/json"})
