"""What a route takes and gives, stated once: checked at run time, and written in OpenAPI."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, json, request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from wlm.errors import UsageError
from wlm.types import jsonable

_MARK = "__wlm_contract__"
_SHOWN = 5


class Form(BaseModel):
    """What a client sends: nothing that we do not know, nothing of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(frozen=True)


@dataclasses.dataclass(frozen=True)
class Contract:
    """One operation.

    ``gives`` is a model, a dataclass of ``wlm.types``, or a media type for what is no JSON.
    ``upload`` are the fields of a multipart form. ``also`` are further answers by status.
    ``media_types`` are what the view may give beside JSON.
    """

    query: type[Form] | None = None
    body: type[Form] | None = None
    upload: type[Form] | None = None
    gives: Any = None
    status: int = 200
    also: Mapping[int, Any] = dataclasses.field(default_factory=dict)
    headers: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()


def contract(
    *,
    query: type[Form] | None = None,
    body: type[Form] | None = None,
    upload: type[Form] | None = None,
    gives: Any = None,
    status: int = 200,
    also: Mapping[int, Any] | None = None,
    headers: tuple[str, ...] = (),
    media_types: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """State what a view takes and gives.

    ``query`` and ``body`` are checked and given to the view by these names (``upload`` the
    view reads itself). What the view returns becomes JSON, unless it is a ``Response``.
    """
    stated = Contract(query, body, upload, gives, status, also or {}, headers, media_types)

    def wrap(view: Callable[..., Any]) -> Callable[..., Response]:
        @functools.wraps(view)
        def call(**arguments: Any) -> Response:
            if query is not None:
                arguments["query"] = read_query(query)
            if body is not None:
                arguments["body"] = read_body(body)
            result = view(**arguments)
            return result if isinstance(result, Response) else answer(result, status)

        setattr(call, _MARK, stated)  # `wraps` keeps the scope that the view states
        return call

    return wrap


def stated(view: Callable[..., Any]) -> Contract | None:
    """The contract of a view, if it has one."""
    return getattr(view, _MARK, None)


def answer(result: Any, status: int = 200) -> Response:
    """A value as JSON; ``None`` is an empty answer."""
    if result is None:
        return Response(status=204 if status == 200 else status)
    if isinstance(result, BaseModel):
        text = result.model_dump_json()
    else:
        text = json.dumps(jsonable(result))
    return Response(text, status, mimetype="application/json")


def read_query(model: type[Form]) -> Any:
    """The query string as a model; a name that it lacks, or gives twice, is an error."""
    values: dict[str, Any] = {}
    for name, given in request.args.lists():
        field = model.model_fields.get(name)
        many = field is not None and typing.get_origin(field.annotation) is list
        if len(given) > 1 and not many:
            raise UsageError(f"{name[:40]!r} is given more than once.", hint="See /docs.")
        values[name] = given if many else given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "query") from None


def read_body(model: type[Form]) -> Any:
    """The JSON body as a model."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    raw = request.get_data(cache=False)
    try:
        made = model.model_validate_json(raw or b"{}", strict=True)
    except ValidationError as error:
        raise invalid(error, "body") from None
    if b"\\u0000" in raw and "\0" in repr_of_text(made.model_dump()):
        raise UsageError("The body holds a NUL character.", hint="Send text without it.")
    return made


def invalid(error: ValidationError, where: str) -> UsageError:
    """The refusal of a form: which fields, and what is wrong with them, never their values."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    told = [f"{'.'.join(str(p) for p in e['loc'])[:60] or where}: {e['msg']}" for e in found]
    return UsageError(
        f"The {where} is not of the right form: {'; '.join(told[:_SHOWN])}.", hint="See /docs."
    )


def repr_of_text(value: Any) -> str:
    """All text in a JSON value, keys included, joined."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "".join(f"{repr_of_text(k)}{repr_of_text(v)}" for k, v in value.items())
    return "".join(map(repr_of_text, value)) if isinstance(value, list | tuple) else ""
