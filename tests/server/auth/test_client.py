"""`wlm login` and what follows, over real HTTP, against a real issuer; tokens that are shared."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from typer.testing import CliRunner

from tests.server.auth.conftest import Clock
from tests.support.oidc import Browser, Issuer
from wlm import config
from wlm.cli import account, admin, keys
from wlm.errors import BadSetting, NotAllowed, NotSignedIn, Unreachable
from wlm.sdk.calls import call, checked
from wlm.sdk.login import Prompt, SignedIn, sign_in, sign_out
from wlm.sdk.session import BearerAuth, KeyToken, Session, provider
from wlm.server.auth.accounts import Accounts
from wlm.server.service import Service

run = CliRunner().invoke


@pytest.fixture
def accounts(app: Flask) -> Accounts:
    found: Service = app.extensions["wlm"]
    return found.accounts


@pytest.fixture
def laptop(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From here on, settings are those of the user's own machine."""
    monkeypatch.setenv("WLM_HOME", str(tmp_path / "laptop"))
    return tmp_path / "laptop"


def enter(gateway: str, issuer: Issuer, clock: Clock, name: str = "anna", **flags: Any) -> SignedIn:
    """Sign in as a person does: the code goes to the browser, the terminal waits."""
    prompts: list[Prompt] = []

    def pause(seconds: float) -> None:
        if len(prompts) == 1:
            Browser(issuer.url).approve(prompts[0].code, name)
            prompts.append(prompts[0])
        clock.go(seconds=seconds + 1)

    return sign_in(config.load(flags), gateway, prompts.append, sleep=pause)


def test_in_and_out(gateway: str, issuer: Issuer, clock: Clock, laptop: Path) -> None:
    done = enter(gateway, issuer, clock)
    assert (done.server, done.user["email"], done.kept) == (gateway, "anna@example.org", "file")
    settings = config.load()
    assert settings.config.server_url == gateway
    assert settings.sources["server_url"] == "login"
    assert "anna@example.org (admin)" in run(_app(account.whoami), []).stdout
    for file in laptop.rglob("*"):
        assert not file.stat().st_mode & 0o077 or file.is_dir() or file.name == "profiles.toml"
    assert run(_app(account.logout), []).stdout == "Signed out.\n"
    assert config.load().config.server_url == ""
    assert run(_app(account.logout), []).stdout == "You were not signed in.\n"
    assert "without a gateway" in run(_app(account.whoami), []).stdout
    with pytest.raises(NotSignedIn):
        Session(settings).token()


def test_a_user_who_refuses(gateway: str, issuer: Issuer, clock: Clock, laptop: Path) -> None:
    def pause(seconds: float) -> None:
        Browser(issuer.url).deny(prompts[0].code)
        clock.go(seconds=seconds + 1)

    prompts: list[Prompt] = []
    with pytest.raises(NotAllowed, match="denied"):
        sign_in(config.load(), gateway, prompts.append, sleep=pause)
    assert config.load().config.server_url == ""


def test_a_user_who_does_nothing(gateway: str, clock: Clock, laptop: Path) -> None:
    waited: list[float] = []
    with pytest.raises(NotSignedIn, match="expired"):
        sign_in(config.load(), gateway, lambda _: None, sleep=waited.append)
    assert sum(waited) >= 600


def test_profiles_do_not_meet(
    gateway: str, issuer: Issuer, clock: Clock, laptop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(gateway, issuer, clock, "anna")
    enter(gateway, issuer, clock, "ben", profile="work")
    assert "anna@" in run(_app(account.whoami), []).stdout
    assert "ben@" in run(_app(account.whoami), ["--profile", "work"]).stdout
    monkeypatch.setenv("WLM_PROFILE", "work")
    assert "ben@" in run(_app(account.whoami), []).stdout
    sign_out(config.load())
    monkeypatch.delenv("WLM_PROFILE")
    assert "anna@" in run(_app(account.whoami), []).stdout
    assert isinstance(run(_app(account.whoami), ["--server", "https://x"]).exception, NotSignedIn)


def test_processes_share_one_sign_in(
    gateway: str, issuer: Issuer, clock: Clock, laptop: Path, accounts: Accounts
) -> None:
    done = enter(gateway, issuer, clock)
    clock.go(seconds=700)
    later = lambda: clock().timestamp()  # noqa: E731
    settings = config.load()
    sessions = [Session(settings, clock=later) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda session: session.token(), sessions))
    assert len(set(tokens)) == 1, "one refreshed, the others took what it got"
    (session,) = accounts.sessions.list(done.user["id"])
    assert (session.used_at - session.created_at).total_seconds() > 600
    program = (
        "from wlm import config; from wlm.sdk.session import Session;"
        "import time; print(Session(config.load(), clock=lambda: time.time() + 1500).token())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = {process.communicate()[0] for process in running}
    assert all(told) and accounts.sessions.list(done.user["id"]), "nobody was taken for a thief"


def test_a_refused_token_is_renewed_once(
    gateway: str, issuer: Issuer, clock: Clock, laptop: Path
) -> None:
    enter(gateway, issuer, clock)
    auth = BearerAuth(provider(config.load()))
    with httpx.Client(base_url=gateway, auth=auth) as http:
        assert http.get("/v1/auth/sessions").status_code == 200
        clock.go(seconds=700)  # the gateway's clock runs ahead of ours
        assert http.post("/v1/keys", json={"name": "x"}).status_code == 201

    async def later() -> int:
        async with httpx.AsyncClient(base_url=gateway, auth=auth) as client:
            clock.go(seconds=700)
            return (await client.get("/v1/auth/sessions")).status_code

    assert asyncio.run(later()) == 200


def test_an_ended_sign_in_is_forgotten(
    gateway: str, issuer: Issuer, clock: Clock, laptop: Path, accounts: Accounts
) -> None:
    done = enter(gateway, issuer, clock)
    accounts.end_all(done.user["id"])
    session = Session(config.load())
    with pytest.raises(NotSignedIn):
        session.renewed(session.token())
    with pytest.raises(NotSignedIn, match="not signed in"):
        Session(config.load()).token()


def test_a_gateway_that_is_away(laptop: Path, gateway: str, issuer: Issuer, clock: Clock) -> None:
    enter(gateway, issuer, clock)
    away = httpx.MockTransport(lambda request: (_ for _ in ()).throw(httpx.ConnectError("no")))
    with pytest.raises(Unreachable, match="could not be told"):
        sign_out(config.load(), transport=away)
    assert config.load().config.server_url == ""
    with pytest.raises(Unreachable):
        call("http://127.0.0.1:1", "GET", "/")


@pytest.mark.parametrize("url", ["http://wlm.example.org", "wlm.example.org", "ftp://x", "http://"])
def test_no_token_goes_over_the_open_network(url: str) -> None:
    with pytest.raises(BadSetting):
        checked(url)
    assert checked("http://192.168.1.5:8765/") == "http://192.168.1.5:8765"
    assert checked("https://wlm.example.org") == "https://wlm.example.org"


def test_a_key_instead_of_a_sign_in(laptop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WLM_API_KEY", "wlmk_x")
    found = provider(config.load())
    assert isinstance(found, KeyToken) and found.token() == "wlmk_x"
    assert found.renewed("wlmk_x") is None


def test_the_host_needs_no_sign_in(gateway: str, home: Path, accounts: Accounts) -> None:
    """On the gateway's machine: the first administrator and a key, without a browser."""
    made = json.loads(
        run(admin.app, ["users", "add", "Anna@Example.org", "--role", "admin", "--json"]).stdout
    )
    assert made["role"] == "admin"
    created = run(keys.app, ["create", "robot", "--user", "anna@example.org", "--json"])
    key = json.loads(created.stdout)
    answer = httpx.get(f"{gateway}/v1/events", headers={"Authorization": f"Bearer {key['key']}"})
    assert answer.status_code == 200
    assert key["id"] in run(keys.app, ["list", "--user", "anna@example.org"]).stdout
    run(keys.app, ["revoke", key["id"], "--user", made["id"]])
    assert json.loads(run(keys.app, ["list", "--user", made["id"], "--json"]).stdout)["keys"] == []
    run(admin.app, ["users", "add", "ben@example.org"])
    assert "disabled" in run(admin.app, ["users", "disable", "ben@example.org"]).stdout
    assert "invited" in run(admin.app, ["users", "enable", "ben@example.org"]).stdout
    assert "guest" in run(admin.app, ["users", "role", "ben@example.org", "guest"]).stdout
    listed = json.loads(run(admin.app, ["users", "list", "--json"]).stdout)["users"]
    assert {user["email"] for user in listed} == {"anna@example.org", "ben@example.org"}
    assert "key.revoke" in run(admin.app, ["audit"]).stdout
    refused = run(admin.app, ["users", "add", "x@example.org", "--role", "root"])
    assert "no role" in str(refused.exception)
    stronger = run(keys.app, ["create", "--user", "ben@example.org", "--scope", "admin:users"])
    assert isinstance(stronger.exception, NotAllowed)


def test_keys_of_ones_own(gateway: str, issuer: Issuer, clock: Clock, laptop: Path) -> None:
    assert isinstance(run(keys.app, ["list"]).exception, NotSignedIn)
    enter(gateway, issuer, clock)
    key = json.loads(run(keys.app, ["create", "robot", "--scope", "ask", "--json"]).stdout)
    assert key["scopes"] == ["ask"] and key["key"].startswith("wlmk_")
    assert key["id"] in run(keys.app, ["list"]).stdout
    assert run(keys.app, ["revoke", key["id"]]).exit_code == 0
    assert key["id"] not in run(keys.app, ["list"]).stdout


def test_the_command_itself(gateway: str, issuer: Issuer, laptop: Path, app: Flask) -> None:
    wlm = str(Path(sys.executable).with_name("wlm"))
    environment = {**os.environ, "WLM_HOME": str(laptop)}
    command = [wlm, "login", "--server", gateway, "--no-browser", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        code = process.stderr.readline().rpartition(" ")[2].strip()
        Browser(issuer.url).approve(code, "anna")
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(told)["user"]["email"] == "anna@example.org"
    who = subprocess.run([wlm, "whoami"], env=environment, capture_output=True, text=True)
    assert (who.returncode, who.stdout[:16]) == (0, "anna@example.org")
    out = subprocess.run([wlm, "logout"], env=environment, capture_output=True, text=True)
    assert out.returncode == 0
    again = subprocess.run(
        [wlm, "whoami", "--server", gateway, "--json"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert again.returncode == 6
    assert json.loads(again.stdout)["error"]["code"] == "not_signed_in"


def _app(command: Any) -> Any:
    import typer

    made = typer.Typer()
    made.command()(command)
    return made
