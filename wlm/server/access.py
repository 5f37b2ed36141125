"""Who calls, and whether they may: each route states a scope, or that it is public.

Denied by default: a route that states neither makes ``create_app`` fail, and a request that
no authenticator knows is answered 401 before its body is read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from flask import Flask, Request, g

from wlm.errors import NotAllowed, NotSignedIn
from wlm.server.hooks import hooks
from wlm.server.policy import SCOPES

View = TypeVar("View", bound=Callable[..., Any])

_MARK = "__wlm_access__"
_PUBLIC = "public"


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who a request comes from.

    ``owner`` is the owner of rows, in every query. ``scopes`` is what this very credential
    may do. ``kind`` and ``credential`` (a session's or a key's id) say how they signed in;
    they may be logged, ``owner`` may not be shown to others.
    """

    owner: str
    scopes: frozenset[str]
    kind: Literal["session", "key"]
    credential: str


Authenticator = Callable[[Request], Principal | None]
"""``None``: the request carries no credential of this kind. A bad one raises ``NotSignedIn``."""


def scope(name: str) -> Callable[[View], View]:
    """Say which scope a view needs. Raises ``ValueError`` for one that the policy lacks."""
    if name not in SCOPES:
        raise ValueError(f"{name!r} is no scope of the policy")

    def mark(view: View) -> View:
        setattr(view, _MARK, name)
        return view

    return mark


def public(view: View) -> View:
    """Say that anybody may call a view."""
    setattr(view, _MARK, _PUBLIC)
    return view


def needed(view: Callable[..., Any]) -> str | None:
    """The scope that a view states; ``None`` if it is public. Raises ``LookupError`` if neither."""
    stated = getattr(view, _MARK, None)
    if stated is None:
        raise LookupError(f"view {view.__name__!r} states neither a scope nor that it is public")
    return None if stated == _PUBLIC else str(stated)


def guard(app: Flask, authenticators: Sequence[Authenticator]) -> None:
    """Refuse what is not allowed before any view runs. Call it when all routes are there.

    Raises ``LookupError`` if a route states no scope.
    """
    needs = {name: needed(view) for name, view in app.view_functions.items()}

    @hooks(app).before
    def check(request: Request, known: Any) -> None:
        if request.endpoint is None:
            return  # 404 or 405; Flask raises it when it dispatches
        scope = needs[request.endpoint]  # a route that was added later is an error, not a hole
        if scope is None:
            return
        principal = _identify(authenticators, request)
        if principal is None:
            raise NotSignedIn
        known.principal = principal
        if scope not in principal.scopes:
            raise NotAllowed(f"This needs the scope {scope!r}.")


def principal() -> Principal:
    """Who the current request comes from. Raises ``NotSignedIn`` on a public route."""
    found: Principal | None = g.get("principal")
    if found is None:
        raise NotSignedIn
    return found


def owner() -> str:
    """The owner of the rows that the current request may touch."""
    return principal().owner


def _identify(authenticators: Sequence[Authenticator], request: Request) -> Principal | None:
    found = (authenticate(request) for authenticate in authenticators)
    return next((principal for principal in found if principal is not None), None)
