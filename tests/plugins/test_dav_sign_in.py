"""A calendar and an address book that take no password but a token: a real issuer, a real server.

In front of Radicale stands a door that asks the issuer whose the token is.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from wlm_meeting.skill import Meeting
from wlm_people.skill import People

from tests.support.bearer import BearerDoor
from tests.support.oidc import Browser, Issuer
from tests.support.radicale import Radicale
from wlm.errors import ProviderAway, ProviderError
from wlm.plugins import Context
from wlm.plugins.connecting import Client, connect
from wlm.plugins.grants import SCOPES, Grants
from wlm.plugins.http import Http
from wlm.plugins.testing import context, run

ANNA = "anna@example.org"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer({"wlm": {}}) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[Radicale]:
    with Radicale() as running:
        yield running


@pytest.fixture
def door(issuer: Issuer, server: Radicale) -> Iterator[BearerDoor]:
    def owner(token: str) -> str:
        told = httpx.get(f"{issuer.url}/me", headers={"authorization": f"Bearer {token}"})
        return str(told.json().get("email", ""))

    with BearerDoor(server, ANNA, owner) as open_:
        yield open_


def let_in(issuer: Issuer, ctx: Context, who: str = "anna") -> Grants:
    """Connect as a user does at the issuer's pages."""

    def agree(page: str) -> None:
        httpx.get(Browser(issuer.url).authorize(page, who))

    client = Client("google", issuer.url, "wlm", "secret-of-wlm", tuple(SCOPES["google"]))
    grant = connect(
        Http(), client, lambda page: threading.Thread(target=agree, args=[page]).start(), 60
    )
    grants = Grants(ctx.data_dir, ctx.user, Http())
    grants.keep(grant)
    return grants


def made(skill: Any, folder: Path, **settings: Any) -> Context:
    return context(skill, folder, settings={"sync_minutes": 0, **settings}, offline=False)


def test_a_calendar_is_kept_in_step_with_a_token(
    issuer: Issuer, server: Radicale, door: BearerDoor, tmp_path: Path
) -> None:
    server.make_calendar("work")
    url = f"{door.url}{server.user}/work/"
    ctx = made(Meeting(), tmp_path, caldav_url=url, caldav_sign_in="google")
    run(Meeting(), "create", ctx, title="lunch", start="2026-11-24T12:00:00+01:00")
    with pytest.raises(ProviderError, match="not connected") as none:
        run(Meeting(), "sync", ctx)
    assert none.value.hint == "Run `wlm connect google`."
    assert door.seen == []
    grants = let_in(issuer, ctx)
    assert run(Meeting(), "sync", ctx).data["sync"]["pushed"] == 1
    assert len(server.names("work")) == 1

    first = grants.get("google")
    assert first is not None
    grants.keep(dataclasses.replace(first, access_token="worthless"))  # looks fresh
    run(Meeting(), "create", ctx, title="dinner", start="2026-11-24T19:00:00+01:00")
    assert run(Meeting(), "sync", ctx).data["sync"]["pushed"] == 1
    assert "worthless" in door.seen
    assert len(server.names("work")) == 2


def test_contacts_are_kept_in_step_with_a_token(
    issuer: Issuer, server: Radicale, door: BearerDoor, tmp_path: Path
) -> None:
    server.make_book("people")
    url = f"{door.url}{server.user}/people/"
    ctx = made(People(), tmp_path, carddav_url=url, carddav_sign_in="google")
    let_in(issuer, ctx)
    run(People(), "add", ctx, who="Tom Baker", phone="+49 30 1234567")
    assert run(People(), "sync", ctx).data["sync"]["pushed"] == 1
    assert len(server.names("people")) == 1


def test_what_was_left_out_and_who_is_another_is_told(
    issuer: Issuer, server: Radicale, door: BearerDoor, tmp_path: Path
) -> None:
    url = f"{door.url}{server.user}/work/"
    ctx = made(Meeting(), tmp_path, caldav_url=url, caldav_sign_in="google")
    grants = let_in(issuer, ctx)
    grant = grants.get("google")
    assert grant is not None
    grants.keep(dataclasses.replace(grant, scopes=(SCOPES["google"]["mail"],)))
    with pytest.raises(ProviderError, match="not asked for your calendar"):
        run(Meeting(), "sync", ctx)
    let_in(issuer, ctx, "tom")
    with pytest.raises(ProviderError, match="refuses the sign-in") as told:
        run(Meeting(), "sync", ctx)
    assert not isinstance(told.value, ProviderAway)
