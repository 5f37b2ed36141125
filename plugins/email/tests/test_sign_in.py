"""A mailbox that takes no password but a token: real Dovecot and SMTP, a real issuer, a browser."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from wlm_email.skill import Email

from tests.support.dovecot import BINARY, MISSING, Dovecot
from tests.support.oidc import Browser, Issuer
from tests.support.smtp_server import SmtpServer
from wlm.errors import ProviderAway, ProviderError
from wlm.plugins import Context, Person
from wlm.plugins.connecting import Client, connect
from wlm.plugins.grants import Grants
from wlm.plugins.http import Http
from wlm.plugins.testing import context, run

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # loopback only
ANNA = "anna@example.org"
TOM = Person("Tom", "c2", "tom@home.example")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    outlook = {"redirect": "http://localhost/callback"}
    with Issuer({"wlm": {}, "outlook": outlook}) as running:
        yield running


def whose(issuer: Issuer, token: str) -> str:
    told = httpx.get(f"{issuer.url}/me", headers={"authorization": f"Bearer {token}"})
    return str(told.json().get("email", ""))


@pytest.fixture(scope="module")
def box(issuer: Issuer) -> Iterator[Dovecot]:
    if BINARY is None:
        pytest.skip(MISSING)
    with Dovecot(userinfo=f"{issuer.url}/me") as running:
        yield running


@pytest.fixture
def server(issuer: Issuer) -> Iterator[SmtpServer]:
    with SmtpServer("nobody", "x", owner_of=lambda token: whose(issuer, token)) as running:
        yield running


def made(
    box: Dovecot, server: SmtpServer, folder: Path, user: str = ANNA, sign_in: str = "google"
) -> Context:
    settings = {
        "imap_host": "127.0.0.1", "imap_port": box.port, "imap_security": "none",
        "smtp_port": server.port, "smtp_security": "none", "user": user, "sign_in": sign_in,
    }  # fmt: skip
    return context(Email(), folder, settings=settings, offline=False)


def let_in(
    issuer: Issuer, ctx: Context, provider: str = "google", client_id: str = "wlm"
) -> Grants:
    """Connect as anna does at the issuer's pages."""

    def agree(page: str) -> None:
        httpx.get(Browser(issuer.url).authorize(page, "anna"))

    client = Client(provider, issuer.url, client_id, f"secret-of-{client_id}", ("mail",))
    grant = connect(
        Http(), client, lambda page: threading.Thread(target=agree, args=[page]).start(), 60
    )
    grants = Grants(ctx.data_dir, ctx.user, Http())
    grants.keep(grant)
    return grants


def test_mail_is_read_and_sent_with_a_token(issuer, box, server, letter, tmp_path):
    ctx = made(box, server, tmp_path)
    with pytest.raises(ProviderError, match="not connected") as none:
        run(Email(), "list", ctx)
    assert none.value.hint == "Run `wlm connect google`."
    let_in(issuer, ctx)
    box.user = ANNA
    box.put(letter())
    assert "Lunch" in run(Email(), "list", ctx).speech
    run(Email(), "send", ctx, to=[TOM], body="I'm late", subject="Lunch")
    assert [mail[1] for mail in server.mails] == [["tom@home.example"]]


def test_a_token_that_ran_out_or_is_refused_is_renewed(issuer, box, server, tmp_path):
    ctx = made(box, server, tmp_path)
    grants = let_in(issuer, ctx)
    first = grants.get("google")
    assert first is not None
    grants.keep(dataclasses.replace(first, expires_at=time.time() - 1))
    run(Email(), "list", ctx)
    second = grants.get("google")
    assert second is not None
    assert second.access_token != first.access_token
    assert second.expires_at > time.time()
    grants.keep(dataclasses.replace(second, access_token="worthless"))  # looks fresh
    run(Email(), "list", ctx)
    third = grants.get("google")
    assert third is not None
    assert third.access_token not in ("worthless", second.access_token)
    grants.keep(dataclasses.replace(third, access_token="worthless"))
    run(Email(), "send", ctx, to=[TOM], body="Hello")
    assert len(server.mails) == 1


def test_one_that_was_taken_back_says_what_to_do(issuer, box, server, tmp_path):
    ctx = made(box, server, tmp_path)
    grants = let_in(issuer, ctx)
    grant = grants.get("google")
    assert grant is not None
    form = {"token": grant.refresh_token, "client_id": "wlm", "client_secret": "secret-of-wlm"}
    httpx.post(grant.revocation_endpoint, data=form).raise_for_status()
    for intent, slots in (("list", {}), ("send", {"to": [TOM], "body": "Hello"})):
        with pytest.raises(ProviderError, match="no longer lets WLM in") as told:
            run(Email(), intent, ctx, **slots)
        assert not isinstance(told.value, ProviderAway)
        assert told.value.hint == "Run `wlm connect google`."
    assert server.mails == []


def test_what_was_left_out_is_not_used(issuer, box, server, tmp_path):
    ctx = made(box, server, tmp_path)
    grants = let_in(issuer, ctx)
    grant = grants.get("google")
    assert grant is not None
    grants.keep(dataclasses.replace(grant, scopes=("openid",)))
    with pytest.raises(ProviderError, match="not asked for your mail"):
        run(Email(), "list", ctx)


def test_somebody_elses_mailbox_is_not_opened(issuer, box, server, tmp_path):
    ctx = made(box, server, tmp_path, user="tom@example.org")
    let_in(issuer, ctx)
    for intent, slots in (("list", {}), ("send", {"to": [TOM], "body": "Hello"})):
        with pytest.raises(ProviderError, match="refuses the sign-in") as told:
            run(Email(), intent, ctx, **slots)
        assert "anna" not in f"{told.value} {told.value.hint}"
    assert server.mails == []


def test_outlooks_mail_is_read_and_sent_with_a_token(issuer, box, server, letter, tmp_path):
    """Two scopes make one service, and the browser comes back by another name."""
    ctx = made(box, server, tmp_path, sign_in="microsoft")
    with pytest.raises(ProviderError, match="not connected to Microsoft") as none:
        run(Email(), "list", ctx)
    assert none.value.hint == "Run `wlm connect microsoft`."
    grants = let_in(issuer, ctx, "microsoft", "outlook")
    grant = grants.get("microsoft")
    assert grant is not None
    assert grant.services == ["mail"]
    box.user = ANNA
    box.put(letter(subject="Budget"))
    assert "Budget" in run(Email(), "list", ctx).speech
    run(Email(), "send", ctx, to=[TOM], body="I'm late", subject="Lunch")
    assert [mail[1] for mail in server.mails] == [["tom@home.example"]]
    grants.keep(dataclasses.replace(grant, scopes=grant.scopes[:1]))
    with pytest.raises(ProviderError, match="not asked for your mail"):
        run(Email(), "list", ctx)
