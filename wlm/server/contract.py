"""What a route takes and gives, stated once: checked at run time, and written in OpenAPI."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from flask import Response, json, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from typing_extensions import TypeAliasType
from werkzeug.exceptions import UnsupportedMediaType

from wlm.errors import UsageError
from wlm.server import kept
from wlm.server.access import owner
from wlm.types import jsonable

_MARK = "__wlm_contract__"
PLAIN = r"^[^\x00]*$"
"""Text without NUL, which not every database can hold."""
TELLING = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""Text in which there is something to be read."""
CURSOR = r"^[0-9A-Za-z]{1,64}$"

Plain = Annotated[str, Field(pattern=PLAIN)]
Json = TypeAliasType("Json", "bool | int | float | Plain | list[Json] | dict[Plain, Json] | None")
"""Any JSON value that can be stored."""
_SHOWN = 5


def _time(value: Any) -> Any:
    """A time from its text. No bare number is one: a client that sends it means something else."""
    if not isinstance(value, str):
        return value
    if not _DATE.match(value):
        raise ValueError("a time is of the form 2026-11-22T10:00:00+01:00")
    return datetime.fromisoformat(value)


_DATE = re.compile(r"\d{4}-\d\d-\d\d")
Moment = Annotated[datetime, BeforeValidator(_time)]
"""A time in ISO 8601; without an offset, it is in the gateway's zone."""


def whole(value: Any) -> Any:
    """To JSON, 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
    ``media_types`` are what the view may give beside JSON. ``version`` gives a text that is
    another one after any change to the answer, for less than the answer costs.
    """

    query: type[Form] | None = None
    body: type[Form] | None = None
    upload: type[Form] | None = None
    gives: Any = None
    status: int = 200
    also: Mapping[int, Any] = dataclasses.field(default_factory=dict)
    headers: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    version: Callable[..., str | None] | None = None


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
    version: Callable[..., str | None] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """State what a view takes and gives.

    ``query`` and ``body`` are checked and given to the view by these names (``upload`` the
    view reads itself). What the view returns becomes JSON, unless it is a ``Response``.
    ``version`` is asked first, with the view's arguments: where the client has that version,
    or its answer is kept here, the view is not called.
    """
    more = also or {}
    stated = Contract(query, body, upload, gives, status, more, headers, media_types, version)

    def wrap(view: Callable[..., Any]) -> Callable[..., Response]:
        @functools.wraps(view)
        def call(**arguments: Any) -> Response:
            if query is not None:
                arguments["query"] = read_query(query)
            if body is not None:
                arguments["body"] = read_body(body)

            def make() -> Response:
                result = view(**arguments)
                return result if isinstance(result, Response) else answer(result, status)

            tag = _tag(version, arguments) if version is not None else None
            if tag is None:
                return make()
            if request.if_none_match.contains_weak(tag):
                made = Response(status=304)
            else:
                made = kept.answered(owner(), tag, make)
            made.set_etag(tag, weak=True)
            return made

        setattr(call, _MARK, stated)  # `wraps` keeps the scope that the view states
        return call

    return wrap


def _tag(version: Callable[..., str | None], arguments: Mapping[str, Any]) -> str | None:
    """The ETag of what would be answered, taken before it is: at worst it is older."""
    found = version(**arguments)
    if found is None:
        return None
    asked = f"{owner()}\n{request.full_path}\n{found}"
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


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
        many = field is not None and is_list(field.annotation)
        if len(given) > 1 and not many:
            raise UsageError(f"{name[:40]!r} is given more than once.", hint="See /docs.")
        values[name] = given if many else given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, "query") from None


def read_body(model: type[Form]) -> Any:
    """The JSON body as a model; it may be left out where the model needs nothing."""
    raw = request.get_data(cache=False)
    if request.mimetype != "application/json" and (raw or request.mimetype or needs_body(model)):
        raise UnsupportedMediaType
    try:
        return model.model_validate_json(raw or b"{}", strict=True)
    except ValidationError as error:
        raise invalid(error, "body") from None


def is_list(annotation: Any) -> bool:
    """Whether a field holds several values."""
    return typing.get_origin(annotation) is list


def needs_body(model: type[Form]) -> bool:
    """Whether there is a field without a default."""
    return any(field.is_required() for field in model.model_fields.values())


def invalid(error: ValidationError, where: str) -> UsageError:
    """The refusal of a form: which fields, and what is wrong with them, never their values."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    told = [f"{'.'.join(str(p) for p in e['loc'])[:60] or where}: {e['msg']}" for e in found]
    return UsageError(
        f"The {where} is not of the right form: {'; '.join(told[:_SHOWN])}.", hint="See /docs."
    )
