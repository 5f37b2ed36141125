"""`wlm connect`, a process of its own, with a real issuer and a user at its pages."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.http_server import HttpServer
from tests.support.oidc import Browser, Issuer
from wlm.errors import BadSetting, NotAllowed, ProviderError
from wlm.plugins.connecting import Client, connect
from wlm.plugins.http import Http


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer({"wlm": {}}) as running:
        yield running


@pytest.fixture
def client(issuer: Issuer) -> Client:
    return Client("google", issuer.url, "wlm", "secret-of-wlm", ("mail",))


def wlm(issuer: Issuer, *arguments: str) -> subprocess.Popen[str]:
    more = {
        "WLM_GOOGLE_ISSUER": issuer.url,
        "WLM_GOOGLE_CLIENT_ID": "wlm",
        "WLM_GOOGLE_CLIENT_SECRET": "secret-of-wlm",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    return subprocess.Popen(
        [sys.executable, "-c", "from wlm.cli.main import run; run()", *arguments],
        env={**os.environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told(issuer: Issuer, *arguments: str) -> dict:
    out, err = wlm(issuer, *arguments).communicate(timeout=120)
    assert out, err
    return json.loads(out)


def test_connect_list_and_remove(issuer: Issuer, home: Path) -> None:
    process = wlm(issuer, "connect", "google", "--no-browser", "--json")
    assert process.stderr is not None
    page = next(line.strip() for line in process.stderr if line.startswith("http"))
    asked = parse_qs(urlsplit(page).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert "https://mail.google.com/" in asked["scope"][0].split()
    back = Browser(issuer.url).authorize(page, "anna")
    strange = back.copy_merge_params({"state": "of-somebody-else"})
    assert httpx.get(strange).status_code == 400
    assert httpx.get(back.join("/favicon.ico")).status_code == 404
    assert httpx.get(back).status_code == 200
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    services = ["mail", "calendar", "contacts"]
    account = {"provider": "google", "address": "anna@example.org", "services": services}
    assert json.loads(out) == {**account, "left_out": [], "kept": "file"}

    assert told(issuer, "connect", "list", "--json") == {"accounts": [account]}
    secret = next(path for path in home.rglob("*connect*google") if path.is_file())
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    kept = json.loads(secret.read_text("utf-8"))
    assert told(issuer, "connect", "remove", "google", "--json")["revoked"] is True
    bearer = {"authorization": f"Bearer {kept['access_token']}"}
    assert httpx.get(f"{issuer.url}/me", headers=bearer).status_code == 401
    assert told(issuer, "connect", "list", "--json") == {"accounts": []}
    assert not secret.exists()


def answering(*answers: dict[str, str]) -> tuple[Callable[[str], None], list[int]]:
    """Sends the browser back with each answer; the statuses of what it is shown."""
    shown: list[int] = []

    def send(page: str) -> None:
        asked = parse_qs(urlsplit(page).query)
        for answer in answers:
            query = {"state": asked["state"][0], **answer}
            shown.append(httpx.get(asked["redirect_uri"][0], params=query).status_code)

    def show(page: str) -> None:
        threading.Thread(target=send, args=[page]).start()

    return show, shown


def test_another_issuers_code_is_not_taken_and_no_is(client: Client) -> None:
    show, shown = answering(
        {"code": "x", "iss": "https://evil.example"},
        {"code": "x", "state": ""},
        {"error": "access_denied", "iss": client.issuer},
    )
    with pytest.raises(NotAllowed, match="You said no"):
        connect(Http(), client, show, 60)
    assert shown[:2] == [400, 400]


def test_nobody_agrees(client: Client) -> None:
    with pytest.raises(NotAllowed, match="Nobody agreed in time"):
        connect(Http(), client, lambda _: None, 0)


def test_a_code_that_the_issuer_never_gave_is_refused(client: Client) -> None:
    show, _ = answering({"code": "x"})
    with pytest.raises(ProviderError, match="does not take the code"):
        connect(Http(), client, show, 60)


@pytest.mark.parametrize("change", [{"client_id": ""}, {"issuer": "http://accounts.example"}])
def test_what_is_set_wrongly_is_named(client: Client, change: dict) -> None:
    with pytest.raises(BadSetting):
        connect(Http(), client._replace(**change), lambda _: None, 1)


def test_no_account_is_connected_through_a_gateway(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be kept here, and never used there."""
    from typer.testing import CliRunner

    from wlm.cli.connect import app
    from wlm.errors import BadRequest

    monkeypatch.setenv("WLM_SERVER_URL", "https://wlm.example")
    for command in (["google", "--no-browser"], ["microsoft"], ["list"], ["remove", "google"]):
        done = CliRunner().invoke(app, command)
        assert isinstance(done.exception, BadRequest)
        assert "through a gateway" in done.exception.message


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("{{tenantid}}", NotAllowed),  # its own form: one place for each organisation
        ("common", NotAllowed),
        ("other", ProviderError),
    ],
)
def test_microsofts_document_names_a_place_for_each_organisation(
    told: str, error: type[Exception]
) -> None:
    with HttpServer() as web:
        issuer = f"{web.url}/common/v2.0"
        document = {
            "issuer": f"{web.url}/{told.format()}/v2.0",
            "authorization_endpoint": f"{web.url}/authorize",
            "token_endpoint": f"{web.url}/token",
        }
        body = json.dumps(document).encode()
        web.route("/common/v2.0/.well-known/openid-configuration", body=body)
        client = Client("microsoft", issuer, "wlm", "", ("mail",))
        pages: list[str] = []
        with pytest.raises(error):
            connect(Http(), client, pages.append, 0)
    asked = [parse_qs(urlsplit(page).query) for page in pages]
    assert [urlsplit(each["redirect_uri"][0]).hostname for each in asked] == (
        ["localhost"] if error is NotAllowed else []
    )
