"""Denied by default: the walk over every route, and what a missing scope does."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from flask import Flask

from wlm import config
from wlm.server import access
from wlm.server.app import create_app
from wlm.server.policy import POLICY, SCOPES, allowed, is_role
from wlm.server.problems import MEDIA_TYPE

CALLERS = {
    "nobody": None,
    "admin": allowed("admin"),
    "user": allowed("user"),
    "guest": allowed("guest"),
    "bare key": frozenset[str](),
}


def by_header(request: object) -> access.Principal | None:
    """Whoever ``X-Test-Caller`` names; the tests' only way in."""
    name = request.headers.get("X-Test-Caller")  # type: ignore[attr-defined]
    scopes = CALLERS.get(name or "nobody")
    return None if scopes is None else access.Principal(f"owner-{name}", scopes, "key", "k1")


@pytest.fixture
def app(home: object) -> Iterator[Flask]:
    made = create_app(config.load(), authenticators=[by_header])
    yield made
    made.extensions["wlm"].close()


def client(app: Flask, caller: str = "nobody") -> httpx.Client:
    return httpx.Client(
        transport=httpx.WSGITransport(app),
        base_url="http://test",
        headers={"X-Test-Caller": caller},
    )


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_with_every_kind_of_caller(app: Flask, caller: str) -> None:
    scopes = CALLERS[caller]
    with client(app, caller) as http:
        for rule in app.url_map.iter_rules():
            need = access.needed(app.view_functions[rule.endpoint])
            path = rule.build(dict.fromkeys(rule.arguments, "1"), append_unknown=False)
            assert path is not None
            for method in rule.methods or ():
                status = http.request(method, path[1]).status_code
                where = f"{method} {rule}"
                if need is None:
                    assert status not in (401, 403), where
                elif scopes is None:
                    assert status == 401, where
                elif need not in scopes:
                    assert status == 403, where
                else:
                    assert status not in (401, 403), where
                assert status < 500, where


def test_a_route_without_a_scope_cannot_be_served(home: object) -> None:
    app = Flask("bare")
    app.add_url_rule("/hole", "hole", lambda: "everything")
    with pytest.raises(LookupError, match="states neither"):
        access.guard(app, [])


def test_a_route_that_is_added_later_is_no_hole(app: Flask) -> None:
    app.add_url_rule("/late", "late", lambda: "everything")
    with client(app, "admin") as http:
        assert http.get("/late").status_code == 500


def test_a_view_may_ask_for_scopes_of_the_policy_alone() -> None:
    with pytest.raises(ValueError, match="no scope"):
        access.scope("everything")


def test_refusals_are_problem_documents(app: Flask) -> None:
    with client(app) as http:
        answer = http.get("/v1/events/1")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["www-authenticate"].startswith("Bearer")
    problem = answer.json()
    assert problem["code"] == "not_signed_in"
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_roles_have_known_scopes_only() -> None:
    assert all(scopes <= set(SCOPES) for scopes in POLICY.values())
    assert POLICY["guest"] <= POLICY["user"] <= POLICY["admin"]
    assert allowed("user", ["ask", "admin:users"]) == {"ask"}
    assert is_role("admin") and not is_role("root")
