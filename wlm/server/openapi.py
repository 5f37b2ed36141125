"""``/openapi.json``, made from what the routes state, and a page to read it."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

from flask import Blueprint, Flask, Response, current_app, json
from pydantic import BaseModel, TypeAdapter
from werkzeug.routing import Rule

from wlm.server import idempotency, uploads
from wlm.server.access import needed, public
from wlm.server.contract import Answer, Contract, needs_body, stated
from wlm.server.policy import SCOPES
from wlm.server.problems import MEDIA_TYPE

blueprint = Blueprint("openapi", __name__)

_REF = "#/components/schemas/{model}"
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
_CACHE = "wlm.openapi"


class Problem(Answer):
    """RFC 9457. ``code`` is stable; ``hint`` says what to do next."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    request_id: str
    retryable: bool


@blueprint.get("/openapi.json")
@public
def specification() -> Response:
    """This API as OpenAPI 3.1."""
    answer = Response(_cached("json"), mimetype="application/json")
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@blueprint.get("/docs")
@public
def page() -> Response:
    """This API as a page to read."""
    answer = Response(_cached("html"), mimetype="text/html")
    answer.headers["Cache-Control"] = "public, max-age=300"
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return answer


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of ``app``."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, view in operations(app):
        path = _ARGUMENT.sub(r"{\1}", rule.rule)
        operation = _operation(rule, method, view, schemas)
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WLM",
            "version": version("wlm"),
            "description": "Say it, and it is done.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (`wlmk_…`) or an access token.",
                }
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


def operations(app: Flask) -> Iterator[tuple[Rule, str, Callable[..., Any]]]:
    """Every route, method and view that the document tells of."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: (r.rule, r.endpoint)):
        view = app.view_functions[rule.endpoint]
        if stated(view) is None or rule.websocket:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, view


def _operation(
    rule: Rule, method: str, view: Callable[..., Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    contract = stated(view) or Contract()
    doc = inspect.getdoc(view) or ""
    scope = needed(view)
    operation: dict[str, Any] = {
        "operationId": view.__name__,
        "summary": doc.partition("\n")[0],
        "tags": [rule.endpoint.partition(".")[0]],
        "parameters": list(_parameters(rule, method, contract, schemas)),
        "responses": _responses(method, scope, contract, schemas),
    }
    if rest := doc.partition("\n")[2].strip():
        operation["description"] = rest
    if scope is None:
        operation["security"] = []
    else:
        operation["x-scope"] = scope
    if contract.body is not None:
        content = {"application/json": {"schema": _schema(contract.body, schemas)}}
        operation["requestBody"] = {"required": needs_body(contract.body), "content": content}
    if contract.upload is not None:
        operation["requestBody"] = _upload(contract.upload, schemas)
    return operation


def _parameters(
    rule: Rule, method: str, contract: Contract, schemas: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for name in _ARGUMENT.findall(rule.rule):
        shape = {"type": "string", "minLength": 1, "pattern": r"^[^\x00/]+$"}
        yield {"name": name, "in": "path", "required": True, "schema": shape}
    if contract.query is not None:
        made = contract.query.model_json_schema(ref_template=_REF)
        schemas.update(made.pop("$defs", {}))
        for name, shape in made["properties"].items():
            described = shape.pop("description", "")
            yield {"name": name, "in": "query", "description": described, "schema": shape}
    if method == "POST":
        yield {
            "name": idempotency.HEADER,
            "in": "header",
            "description": "The same key with the same request: it is done once.",
            "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
        }
    for name in contract.headers:
        yield {"name": name, "in": "header", "schema": {"type": "string"}}


def _responses(
    method: str, scope: str | None, contract: Contract, schemas: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, gives in {contract.status: contract.gives, **contract.also}.items():
        empty = gives is None and status == 200
        found["204" if empty else str(status)] = _response(gives, contract, schemas)
    problem = {MEDIA_TYPE: {"schema": _schema(Problem, schemas)}}
    if method == "GET":
        found["304"] = {"description": "Not changed since the ETag given."}
    found["4XX"] = {"description": "The request is refused.", "content": problem}
    found["5XX"] = {"description": "The gateway, or what is behind it, failed.", "content": problem}
    return found


def _response(gives: Any, contract: Contract, schemas: dict[str, Any]) -> dict[str, Any]:
    if gives is None:
        return {"description": "Done."}
    if isinstance(gives, str):
        content: dict[str, Any] = {gives: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": _schema(gives, schemas)}}
        for media_type in contract.media_types:
            content[media_type] = {"schema": {"type": "string"}}
    return {"description": "Done.", "content": content}


def _upload(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    made = model.model_json_schema(ref_template=_REF)
    schemas.update(made.pop("$defs", {}))
    made["properties"][uploads.FIELD] = {"type": "string", "format": "binary"}
    made["required"] = [*made.get("required", ()), uploads.FIELD]
    return {"required": True, "content": {"multipart/form-data": {"schema": made}}}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """A reference to the schema of a type, which is added to ``schemas``."""
    made: dict[str, Any] = _closed(
        TypeAdapter(kind).json_schema(ref_template=_REF, mode="serialization")
    )
    schemas.update(made.pop("$defs", {}))
    name = getattr(kind, "__name__", None)
    if name is None or "anyOf" in made or "$ref" in made:
        return made
    schemas[name] = made
    return {"$ref": _REF.format(model=name)}


def _closed(schema: Any) -> Any:
    """The schema, where names must fit a pattern, without other names."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "patternProperties" in schema else {}
    return {**{name: _closed(part) for name, part in schema.items()}, **closed}


def _cached(form: str) -> str:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    made: dict[str, str] = app.extensions.setdefault(_CACHE, {})
    if form not in made:
        document = describe(app)
        made["json"] = json.dumps(document)
        made["html"] = _as_page(document)
    return made[form]


def _as_page(document: dict[str, Any]) -> str:
    """The document as one page, with nothing from elsewhere."""
    parts = [_HEAD, "<h1>WLM</h1><p>Errors are problem documents (RFC 9457) with a stable "
             "<code>code</code>. Send <code>Authorization: Bearer …</code>. "
             "<a href='/openapi.json'>OpenAPI 3.1</a></p>"]  # fmt: skip
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(_as_section(path, method, operation))
    parts.append("<h2>Scopes</h2><dl>")
    parts += [f"<dt><code>{n}</code></dt><dd>{html.escape(t)}</dd>" for n, t in SCOPES.items()]
    parts.append("</dl><h2>Shapes</h2>")
    for name, schema in document["components"]["schemas"].items():
        shown = html.escape(json.dumps(schema, indent=2))
        parts.append(f"<details id='{name}'><summary>{name}</summary><pre>{shown}</pre></details>")
    return "".join(parts)


def _as_section(path: str, method: str, operation: dict[str, Any]) -> str:
    scope = operation.get("x-scope", "public")
    rows = "".join(
        f"<tr><td><code>{p['name']}</code></td><td>{p['in']}</td>"
        f"<td>{html.escape(p.get('description', ''))}</td></tr>"
        for p in operation["parameters"]
    )
    body = "".join(
        f"<p>Body, {media}: {_link(content['schema'])}</p>"
        for media, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    gives = "".join(
        f"<li>{status}: {', '.join(_link(c['schema']) for c in told.get('content', {}).values())}"
        for status, told in operation["responses"].items()
    )
    return (
        f"<section><h3><b>{method.upper()}</b> <code>{html.escape(path)}</code></h3>"
        f"<p>{html.escape(operation['summary'])} <i>{scope}</i></p>"
        f"<p>{html.escape(operation.get('description', ''))}</p>"
        f"<table>{rows}</table>{body}<ul>{gives}</ul></section>"
    )


def _link(schema: dict[str, Any]) -> str:
    if reference := schema.get("$ref", ""):
        name = reference.rpartition("/")[2]
        return f"<a href='#{name}'>{name}</a>"
    return f"<code>{html.escape(json.dumps(schema))}</code>"


_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>WLM API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #ccc;padding:.2rem 0}h3{margin:.6rem 0 0}code,pre{font-size:.9em}
pre{overflow:auto;background:#f4f4f4;padding:.6rem}td{padding:0 1rem 0 0;vertical-align:top}
p{margin:.2rem 0}i{color:#666}</style>
"""
