"""Denied by default: the walk over every route, and what a missing scope does."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.server.conftest import CALLERS, Connect
from wlm.server import access
from wlm.server.policy import POLICY, SCOPES, allowed, is_role
from wlm.server.problems import MEDIA_TYPE


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_with_every_kind_of_caller(app: Flask, connect: Connect, caller: str) -> None:
    scopes = CALLERS[caller]
    with connect(caller) as http:
        for rule in app.url_map.iter_rules():
            built = rule.build(dict.fromkeys(rule.arguments, "1"), append_unknown=False)
            assert built is not None
            for method in () if rule.websocket else rule.methods or ():
                endpoint, _ = app.url_map.bind("").match(built[1], method)
                need = access.needed(app.view_functions[endpoint])
                status = http.request(method, built[1]).status_code
                where = f"{method} {rule}"
                if (endpoint, method) == ("auth.refresh", "POST"):
                    assert status == 401, "public, and nothing without a token of its own"
                elif need is None:
                    assert status not in (401, 403), where
                elif scopes is None:
                    assert status == 401, where
                elif need not in scopes:
                    assert status == 403, where
                else:
                    assert status not in (401, 403), where
                assert status < 500, where


def test_a_route_without_a_scope_cannot_be_served() -> None:
    app = Flask("bare")
    app.add_url_rule("/hole", "hole", lambda: "everything")
    with pytest.raises(LookupError, match="states neither"):
        access.guard(app, [])


def test_a_route_that_is_added_later_is_no_hole(app: Flask, connect: Connect) -> None:
    app.add_url_rule("/late", "late", lambda: "everything")
    with connect("admin") as http:
        assert http.get("/late").status_code == 500


def test_a_view_may_ask_for_scopes_of_the_policy_alone() -> None:
    with pytest.raises(ValueError, match="no scope"):
        access.scope("everything")


def test_refusals_are_problem_documents(connect: Connect) -> None:
    with connect("nobody") as http:
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
