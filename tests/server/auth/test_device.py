"""The device flow: against a real issuer, and in Google's dialect."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.auth.conftest import Clock, client_of
from tests.support.google import Google
from tests.support.oidc import Browser, Issuer
from wlm import config
from wlm.errors import (
    BadSetting,
    LoginPending,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ProviderError,
    Unreachable,
    UsageError,
)
from wlm.server.auth import browser, device, idtoken
from wlm.server.auth.accounts import Accounts
from wlm.server.auth.issuer import Issuer as Client
from wlm.store.engine import Store

Make = Callable[..., Accounts]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what the issuer says does not depend on the database."""
    return f"sqlite:///{tmp_path / 'data' / 'wlm.db'}"


def begin(accounts: Accounts) -> device.Started:
    return device.begin(accounts, device="laptop", address="127.0.0.1")


def test_signing_in(make: Make, issuer: Issuer, clock: Clock) -> None:
    accounts = make(**client_of(issuer))
    started = begin(accounts)
    assert started.verification_uri == f"{issuer.url}/device"
    assert started.user_code in (started.verification_uri_complete or "")
    with pytest.raises(LoginPending) as early:  # too early: the issuer is not even asked
        device.poll(accounts, started.login_id)
    assert early.value.retry_after == started.interval == 5
    clock.go(seconds=6)
    with pytest.raises(LoginPending):
        device.poll(accounts, started.login_id)
    Browser(issuer.url).approve(started.user_code, "anna")
    clock.go(seconds=6)
    tokens = device.poll(accounts, started.login_id)
    assert (tokens.user.email, tokens.user.name) == ("anna@example.org", "Name of anna")
    assert accounts.access.verify(tokens.access_token).owner == tokens.user.owner
    assert accounts.sessions.list(tokens.user.owner)[0].device == "laptop"
    with pytest.raises(NotSignedIn, match="expired or was used"):
        device.poll(accounts, started.login_id)


def test_a_user_who_refuses(make: Make, issuer: Issuer, clock: Clock) -> None:
    accounts = make(**client_of(issuer))
    started = begin(accounts)
    Browser(issuer.url).deny(started.user_code)
    clock.go(seconds=6)
    with pytest.raises(NotAllowed, match="denied"):
        device.poll(accounts, started.login_id)
    assert accounts.users.count() == 0
    with pytest.raises(NotSignedIn):
        device.poll(accounts, started.login_id)


def test_a_login_that_expired_at_the_issuer(make: Make, issuer: Issuer, clock: Clock) -> None:
    accounts = make(**client_of(issuer, "hasty"))
    started = begin(accounts)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        clock.go(seconds=6)
        try:
            device.poll(accounts, started.login_id)
        except LoginPending:
            time.sleep(0.2)
        except NotSignedIn as error:
            assert "expired" in error.message
            return
    pytest.fail("it never expired")


def test_a_login_that_expired_here(make: Make, issuer: Issuer, clock: Clock) -> None:
    accounts = make(**client_of(issuer))
    started = begin(accounts)
    Browser(issuer.url).approve(started.user_code, "anna")
    clock.go(seconds=started.expires_in + 1)
    with pytest.raises(NotSignedIn, match="expired"):
        device.poll(accounts, started.login_id)
    with pytest.raises(NotSignedIn, match="expired"):
        device.poll(accounts, "wlml_nonsense")


def test_a_wrong_client_secret(make: Make, issuer: Issuer) -> None:
    accounts = make(**{**client_of(issuer), "google_client_secret": "wrong"})
    with pytest.raises(ProviderError, match="invalid_client"):
        begin(accounts)


def test_an_address_that_is_only_at_userinfo(make: Make, clock: Clock) -> None:
    with Issuer({"wlm": {}}, spare=True) as spare:
        accounts = make(**client_of(spare))
        started = begin(accounts)
        Browser(spare.url).approve(started.user_code, "anna")
        clock.go(seconds=6)
        assert device.poll(accounts, started.login_id).user.email == "anna@example.org"


def test_an_address_that_is_not_verified(make: Make, issuer: Issuer, clock: Clock) -> None:
    accounts = make(**client_of(issuer))
    started = begin(accounts)
    Browser(issuer.url).approve(started.user_code, "stranger")
    clock.go(seconds=6)
    assert device.poll(accounts, started.login_id).user.email is None


def an_id_token(issuer: Issuer, client: str = "wlm") -> tuple[Client, str]:
    """A client of the issuer and an ID token that the issuer gave to it."""
    made = Client(issuer.url, client, f"secret-of-{client}")
    metadata = made.metadata()
    body = made.post(metadata.device_authorization_endpoint, {"scope": device.SCOPE}).body
    Browser(issuer.url).approve(body["user_code"], "anna")
    form = {"grant_type": device.GRANT, "device_code": body["device_code"]}
    return made, made.post(metadata.token_endpoint, form).body["id_token"]


def _part(token: str, index: int, **changes: Any) -> str:
    parts = token.split(".")
    raw = parts[index] + "=" * (-len(parts[index]) % 4)
    value = {**json.loads(base64.urlsafe_b64decode(raw)), **changes}
    parts[index] = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return ".".join(parts)


def test_what_is_wrong_with_an_id_token(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    client, token = an_id_token(issuer)
    _, strangers = an_id_token(issuer, "other")
    assert idtoken.verify(client, token)["sub"] == "anna"
    now = time.time()
    unsigned = _part(token, 0, alg="none").rpartition(".")[0] + "."
    cases: dict[str, tuple[object, float, str | None]] = {
        "another audience": (strangers, now, None),
        "expired": (token, now + 600 + 61, None),
        "from the future": (token, now - 3600, None),
        "alg none": (unsigned, now, None),
        "alg of a shared secret": (_part(token, 0, alg="HS256"), now, None),
        "another subject": (_part(token, 1, sub="root"), now, None),
        "another issuer": (_part(token, 1, iss="https://evil.example"), now, None),
        "an unknown key": (_part(token, 0, kid="nobody's"), now, None),
        "no token": (None, now, None),
        "not a token": ("abc", now, None),
        "too long": ("a" * 20_000, now, None),
        "a nonce that is missing": (token, now, "expected"),
    }
    with caplog.at_level(logging.WARNING):
        for name, (wrong, at, nonce) in cases.items():
            with pytest.raises(NotSignedIn, match="could not be verified"):
                idtoken.verify(client, wrong, nonce=nonce, clock=lambda at=at: at)
                pytest.fail(name)
    assert "anna" not in caplog.text
    assert idtoken.verify(client, token, clock=lambda: now + 600 + 30), "clocks may differ a bit"


def test_keys_that_were_rotated(make: Make, clock: Clock) -> None:
    with Issuer({"wlm": {}}) as rotating:
        accounts = make(**client_of(rotating), sign_in_domains="example.org")
        seconds = [0.0]
        accounts.issuer._clock = lambda: seconds[0]

        def sign_in() -> str:
            started = begin(accounts)
            Browser(rotating.url).approve(started.user_code, "anna")
            clock.go(seconds=6)
            return device.poll(accounts, started.login_id).user.owner

        first = sign_in()
        rotating.restart()
        with pytest.raises(NotSignedIn):  # it looked at the keys just now: no storm of look-ups
            sign_in()
        seconds[0] += 11
        assert sign_in() == first


def test_a_browser_signs_in(make: Make, issuer: Issuer, clock: Clock) -> None:
    accounts = make(**client_of(issuer), public_url="http://127.0.0.1:8765")

    def back(started: browser.Started, **changes: str) -> Any:
        url = Browser(issuer.url).authorize(started.url, "anna")
        query = {"error": "", **dict(url.params), **changes}
        return browser.finish(
            accounts,
            query.get("cookie", started.cookie),
            state=query["state"],
            code=query["code"],
            error=query["error"],
            device="browser",
            address="127.0.0.1",
        )

    assert back(browser.begin(accounts)).user.email == "anna@example.org"
    other = browser.begin(accounts)
    for wrong in (
        {"state": "x"},
        {"cookie": other.cookie},  # another browser's
        {"cookie": ""},
        {"cookie": "w1.x.y"},
        {"code": "x"},
    ):
        with pytest.raises((NotSignedIn, UsageError)):
            back(browser.begin(accounts), **wrong)
    late = browser.begin(accounts)
    clock.go(seconds=601)
    with pytest.raises(UsageError, match="too long ago"):
        back(late)
    with pytest.raises(BadSetting, match="own address"):
        browser.begin(make(**client_of(issuer)))


# Google, and what an issuer may do wrong.


@pytest.fixture
def at_google(store: Store, settings: config.Settings, clock: Clock) -> Callable[..., Any]:
    def made(google: Any, **values: Any) -> Accounts:
        given = {"google_client_id": "client", "google_client_secret": "hush", **values}
        changed = settings._replace(config=settings.config.model_copy(update=given))
        return Accounts(store, changed, clock=clock, transport=httpx.MockTransport(google))

    return made


def test_googles_dialect(at_google: Any, clock: Clock) -> None:
    google = Google(
        "authorization_pending", "slow_down", "slow_down", "authorization_pending",
        {"email": "anna@gmail.com", "email_verified": True},
    )  # fmt: skip
    accounts = at_google(google)
    started = begin(accounts)
    assert started.verification_uri == "https://www.google.com/device"
    waits = []
    for _ in range(4):
        clock.go(seconds=30)
        with pytest.raises(LoginPending) as pending:
            device.poll(accounts, started.login_id)
        waits.append(pending.value.retry_after)
    assert waits == [5, 10, 15, 15], "five seconds more for each slow_down"
    clock.go(seconds=14)
    with pytest.raises(LoginPending):
        device.poll(accounts, started.login_id)
    assert len(google.forms) == 4, "and the issuer is not asked before that"
    clock.go(seconds=2)
    assert device.poll(accounts, started.login_id).user.email == "anna@gmail.com"
    assert google.forms[0]["client_secret"] == "hush"


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "Anna@Gmail.com", "email_verified": True}, "anna@gmail.com"),
        ({"email": "a@firm.test", "email_verified": True, "hd": "firm.test"}, "a@firm.test"),
        ({"email": "a@firm.test", "email_verified": True}, None),
        ({"email": "a@firm.test", "email_verified": True, "hd": "other.test"}, None),
        ({"email": "anna@gmail.com", "email_verified": False}, None),
        ({"email": "anna@gmail.com", "email_verified": "true"}, None),
        ({"email": "gmail.com", "email_verified": True}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_which_addresses_google_vouches_for(claims: dict[str, Any], email: str | None) -> None:
    google = Google()
    client = Client(
        "https://accounts.google.com", "client", "hush", transport=httpx.MockTransport(google)
    )
    answer = {"id_token": google.token(**claims)}
    assert idtoken.person(client, answer).email == email


def test_parties_of_a_token() -> None:
    google = Google()
    client = Client(
        "https://accounts.google.com", "client", "hush", transport=httpx.MockTransport(google)
    )
    assert idtoken.verify(client, google.token(aud=["client", "x"]))
    for wrong in ({"azp": "x"}, {"aud": ["client", "x"], "azp": None}, {"aud": ["x"]}, {"sub": ""}):
        with pytest.raises(NotSignedIn):
            idtoken.verify(client, google.token(**wrong))


def test_refusals_of_google(at_google: Any, clock: Clock) -> None:
    cases: list[tuple[str, type[Exception]]] = [
        ("access_denied", NotAllowed),
        ("expired_token", NotSignedIn),
        ("invalid_client", ProviderError),
        ("Robert'); DROP TABLE users;--", ProviderError),
        ("temporarily_unavailable", Unreachable),
    ]
    for error, expected in cases:
        accounts = at_google(Google(error))
        started = begin(accounts)
        clock.go(seconds=6)
        with pytest.raises(expected) as caught:
            device.poll(accounts, started.login_id)
        assert "DROP" not in str(caught.value)
    spent = Google()
    spent.quota = True
    with pytest.raises(Unreachable, match="no more for now"):
        begin(at_google(spent))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(500), Unreachable),
        (httpx.Response(404, json={}), ProviderError),
        (httpx.Response(200, content=b"<html>"), ProviderError),
        (httpx.Response(200, content=b"[" * 100_000), ProviderError),
        (httpx.Response(200, content=b"[]"), ProviderError),
        (httpx.Response(200, content=b'"' + b"a" * 2_000_000), ProviderError),
        (httpx.Response(200, json={"issuer": "https://evil.example"}), ProviderError),
        (httpx.Response(200, json={"issuer": "https://accounts.google.com"}), ProviderError),
        (
            httpx.Response(
                200,
                json={
                    "issuer": "https://accounts.google.com",
                    "token_endpoint": "http://accounts.google.com/token",
                },
            ),
            BadSetting,
        ),
        (httpx.Response(302, headers={"location": "https://evil.example"}), ProviderError),
    ],
)
def test_an_issuer_that_misbehaves(answer: httpx.Response, expected: type[Exception]) -> None:
    client = Client(
        "https://accounts.google.com",
        "client",
        "x",
        transport=httpx.MockTransport(lambda _: answer),
    )
    with pytest.raises(expected):
        client.metadata()


@pytest.mark.parametrize("url", ["http://id.example.org", "ftp://x", "", "//x", "https://"])
def test_an_issuer_must_be_reached_safely(url: str) -> None:
    with pytest.raises(BadSetting):
        Client(url, "client", "secret")


def test_without_a_client_nobody_signs_in(accounts: Accounts) -> None:
    with pytest.raises(NotFound, match="no OAuth client"):
        begin(accounts)
