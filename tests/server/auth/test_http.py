"""Sign-in, sessions, keys and administration as a client sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.server.auth.conftest import Clock
from tests.support.oidc import Browser, Issuer
from wlm import config
from wlm.plugins.manager import Registry
from wlm.server.app import create_app
from wlm.server.auth.accounts import Accounts
from wlm.server.policy import KEY_DEFAULT
from wlm.server.service import Service

Connect = Callable[..., httpx.Client]


@pytest.fixture
def accounts(app: Flask) -> Accounts:
    found: Service = app.extensions["wlm"]
    return found.accounts


@pytest.fixture
def connect(app: Flask) -> Connect:
    """A client with a bearer credential."""

    def made(credential: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        return httpx.Client(
            transport=httpx.WSGITransport(app, remote_addr="192.0.2.7"),
            base_url="http://127.0.0.1:8765",
            headers={"User-Agent": "test", **headers},
        )

    return made


@pytest.fixture
def sign_in(connect: Connect, issuer: Issuer, clock: Clock) -> Callable[[str], dict[str, Any]]:
    """Sign in over HTTP, at a real issuer; the tokens."""

    def made(name: str) -> dict[str, Any]:
        http = connect()
        begun = http.post("/v1/auth/device", json={"device": f"{name}'s laptop"}).json()
        form = {"login_id": begun["login_id"]}
        pending = http.post("/v1/auth/device/token", json=form)
        assert (pending.status_code, pending.json()["code"]) == (409, "login_pending")
        assert pending.headers["Retry-After"] == "5"
        Browser(issuer.url).approve(begun["user_code"], name)
        clock.go(seconds=6)
        answer = http.post("/v1/auth/device/token", json=form)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(answer.json())

    return made


def key_for(accounts: Accounts, email: str, role: str = "user", *scopes: str) -> str:
    user = accounts.invite(email, role=role, actor="host")
    return accounts.keys.create(user.owner, "test", scopes)[1]


def test_from_sign_in_to_sign_out(connect: Connect, sign_in: Any, clock: Clock) -> None:
    tokens = sign_in("anna")
    assert tokens["user"]["email"] == "anna@example.org" and tokens["user"]["role"] == "admin"
    http = connect(tokens["access_token"])
    told = http.get("/v1/auth/sessions").json()
    assert told["user"]["id"] == tokens["user"]["id"]
    (session,) = told["sessions"]
    assert session["current"] and session["device"] == "anna's laptop"
    assert session["address"] == "192.0.2.7"
    fresh = connect().post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert fresh.json()["session"] == session["id"]
    assert connect(fresh.json()["access_token"]).get("/v1/events").status_code == 200
    other = connect(sign_in("anna")["access_token"])
    ended = other.delete(f"/v1/auth/sessions/{session['id']}")
    assert ended.status_code == 204
    gone = connect().post("/v1/auth/refresh", json={"refresh_token": fresh.json()["refresh_token"]})
    assert (gone.status_code, gone.json()["code"]) == (401, "not_signed_in")
    assert other.request("DELETE", "/v1/auth/sessions", json={}).json() == {"ended": 1}
    assert other.get("/v1/auth/sessions").status_code == 401, "at once"


def test_signing_out_everywhere(connect: Connect, sign_in: Any) -> None:
    first, second = sign_in("anna"), sign_in("anna")
    ben = sign_in("ben")
    http = connect(first["access_token"])
    assert http.request("DELETE", "/v1/auth/sessions", json={"all": True}).json() == {"ended": 2}
    for tokens in (first, second):
        assert connect(tokens["access_token"]).get("/v1/auth/sessions").status_code == 401
    bens = connect(ben["access_token"])
    assert bens.get("/v1/auth/sessions").status_code == 200
    assert bens.delete(f"/v1/auth/sessions/{first['session']}").status_code == 404


def test_credentials_that_are_none(connect: Connect, accounts: Accounts) -> None:
    text = key_for(accounts, "anna@example.org", "admin", "sessions:read")
    assert connect(text).get("/v1/auth/sessions").status_code == 200
    for wrong in ("x", text[:-1], "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "x" * 9000):
        answer = connect(wrong).get("/v1/auth/sessions")
        assert answer.status_code == 401, wrong
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for header in ("Basic YTpi", "Bearer", "Bearer ", text, f"bearer{text}"):
        answer = connect().get("/v1/auth/sessions", headers={"Authorization": header})
        assert answer.status_code == 401, header
    lower = connect().get("/v1/auth/sessions", headers={"Authorization": f"bearer {text}"})
    assert lower.status_code == 200


def test_keys(connect: Connect, sign_in: Any, accounts: Accounts, clock: Clock) -> None:
    http = connect(sign_in("anna")["access_token"])
    made = http.post("/v1/keys", json={"name": "robot"})
    assert made.status_code == 201 and made.json()["scopes"] == sorted(KEY_DEFAULT)
    robot = connect(made.json()["key"])
    assert robot.get("/v1/events").status_code == 200
    assert robot.get("/v1/keys").status_code == 403
    listed = http.get("/v1/keys").json()["keys"]
    assert [key["id"] for key in listed] == [made.json()["id"]] and "key" not in listed[0]
    assert http.delete(f"/v1/keys/{made.json()['id']}").status_code == 204
    assert robot.get("/v1/events").status_code == 401, "at once"
    assert http.delete(f"/v1/keys/{made.json()['id']}").status_code == 404
    short = http.post("/v1/keys", json={"name": "short", "days": 1}).json()["key"]
    assert connect(short).get("/v1/events").status_code == 200
    clock.go(days=2)
    accounts.tell()  # the gateway may remember a credential for some seconds
    assert connect(short).get("/v1/events").status_code == 401


def test_a_key_makes_no_stronger_key(connect: Connect, accounts: Accounts) -> None:
    weak = connect(key_for(accounts, "ben@example.org", "user", "keys:write", "ask"))
    answer = weak.post("/v1/keys", json={"name": "x", "scopes": ["events:read"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert weak.post("/v1/keys", json={"name": "x"}).json()["scopes"] == ["ask"]
    answer = weak.post("/v1/keys", json={"name": "x", "scopes": ["admin:everything"]})
    assert answer.status_code == 400
    # A key that says it is an admin's does not make its user one.
    false = connect(key_for(accounts, "eve@example.org", "user", "admin:users", "admin:audit"))
    assert false.get("/v1/admin/users").status_code == 403
    assert false.get("/v1/admin/audit").status_code == 403


def test_a_repeated_request_makes_one_key(connect: Connect, accounts: Accounts) -> None:
    http = connect(key_for(accounts, "anna@example.org", "admin", "keys:read", "keys:write"))
    header = {"Idempotency-Key": "one"}
    first = http.post("/v1/keys", json={"name": "robot"}, headers=header).json()
    again = http.post("/v1/keys", json={"name": "robot"}, headers=header).json()
    assert again["id"] == first["id"] and first["key"] and again["key"] is None
    assert len(http.get("/v1/keys").json()["keys"]) == 2


def test_users_do_not_see_each_other(connect: Connect, accounts: Accounts) -> None:
    scopes = ("keys:read", "keys:write", "sessions:read")
    anna = connect(key_for(accounts, "anna@example.org", "user", *scopes))
    ben = connect(key_for(accounts, "ben@example.org", "user", *scopes))
    annas = anna.get("/v1/keys").json()["keys"][0]["id"]
    assert ben.delete(f"/v1/keys/{annas}").status_code == 404
    assert annas not in ben.get("/v1/keys").text
    assert "anna" not in ben.get("/v1/auth/sessions").text


def test_administration(connect: Connect, sign_in: Any, accounts: Accounts) -> None:
    admin = connect(sign_in("anna")["access_token"])
    ben = admin.post("/v1/admin/users", json={"email": "Ben@example.org"}).json()
    assert (ben["email"], ben["role"], ben["state"]) == ("ben@example.org", "user", "invited")
    tokens = sign_in("ben")
    assert tokens["user"]["id"] == ben["id"]
    bens = connect(tokens["access_token"])
    assert bens.get("/v1/admin/users").status_code == 403
    path = f"/v1/admin/users/{ben['id']}"
    assert admin.patch(path, json={"role": "admin"}).json()["role"] == "admin"
    assert bens.get("/v1/admin/users").status_code == 200
    assert admin.patch(path, json={"disabled": True}).json()["state"] == "disabled"
    assert bens.get("/v1/admin/users").status_code == 401
    assert admin.patch(path, json={}).json()["state"] == "disabled", "nothing is changed"
    assert admin.patch(path, json={"role": "root"}).status_code == 400
    assert admin.patch("/v1/admin/users/nobody", json={"disabled": True}).status_code == 404
    alone = admin.get("/v1/auth/sessions").json()["user"]["id"]
    assert admin.patch(f"/v1/admin/users/{alone}", json={"role": "user"}).status_code == 409
    page = admin.get("/v1/admin/users", params={"limit": 1}).json()
    rest = admin.get("/v1/admin/users", params={"limit": 5, "cursor": page["next"]}).json()
    assert [user["id"] for user in page["users"] + rest["users"]] == [ben["id"], alone]
    assert rest["next"] is None
    records = admin.get("/v1/admin/audit").json()["records"]
    actions = [record["action"] for record in records]
    assert actions.count("user.change") == 2 and "sign_in" in actions and "user.create" in actions
    assert "example.org" not in str(records)
    only = admin.get("/v1/admin/audit", params={"actor": ben["id"]}).json()["records"]
    assert {record["actor"] for record in only} == {ben["id"]}


def test_a_browser_keeps_its_refresh_token_from_scripts(connect: Connect, issuer: Issuer) -> None:
    http = connect()
    begun = http.get("/v1/auth/browser")
    assert begun.status_code == 302
    back = Browser(issuer.url).authorize(begun.headers["Location"], "anna")
    stranger = connect().get(str(back))
    assert stranger.status_code == 400, "another browser did not begin this"
    done = http.get(str(back))
    assert (done.status_code, done.headers["Location"]) == (302, "/")
    cookie = next(c for c in done.headers.get_list("Set-Cookie") if c.startswith("wlm_refresh="))
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/v1/auth/refresh"):
        assert attribute in cookie
    tokens = http.post("/v1/auth/refresh", json={}).json()
    assert tokens["refresh_token"] is None
    assert connect(tokens["access_token"]).get("/v1/auth/sessions").status_code == 200
    form = http.post("/v1/auth/refresh", content="{}", headers={"Content-Type": "text/plain"})
    assert form.status_code == 415, "a form of another site cannot do this"
    assert connect().post("/v1/auth/refresh", json={}).status_code == 401
    assert connect().get("/v1/auth/browser/callback").status_code == 400


def test_the_published_keys_verify_our_tokens(connect: Connect, sign_in: Any) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    token = sign_in("anna")["access_token"]
    answer = connect().get("/.well-known/jwks.json")
    keys = KeySet.import_key_set(answer.json())
    assert jwt.decode(token, keys, algorithms=["ES256"]).claims["aud"] == "wlm"
    assert "d" not in answer.json()["keys"][0]
    assert "max-age" in answer.headers["Cache-Control"]


def test_without_a_client_the_hint_says_what_to_do(home: Path) -> None:
    settings = config.load()
    service = Service(settings, registry=Registry())
    app = create_app(settings, service=service)
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://x") as http:
        answer = http.post("/v1/auth/device", json={})
    service.close()
    assert answer.status_code == 404
    assert "wlm keys create --user" in answer.json()["hint"]
