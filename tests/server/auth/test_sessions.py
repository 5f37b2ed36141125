"""Sessions, refresh tokens and their reuse; access tokens and the keys that sign them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import select, text

from tests.server.auth.conftest import Clock
from wlm.errors import NotFound, NotSignedIn
from wlm.server.auth.accounts import Accounts, Tokens
from wlm.store.accounts.tables import refresh_tokens, signing_keys
from wlm.store.accounts.users import Person

ANNA = Person("https://id.example.org", "anna", "anna@example.org", "Anna")


def signed_in(accounts: Accounts, who: Person = ANNA) -> Tokens:
    return accounts.sign_in(who, device="test", address="127.0.0.1")


def refresh(accounts: Accounts, token: str) -> Tokens:
    return accounts.refresh(token, address="127.0.0.1")


def test_a_session_gives_tokens_until_it_ends(accounts: Accounts, clock: Clock) -> None:
    first = signed_in(accounts)
    owner = first.user.owner
    claims = accounts.access.verify(first.access_token)
    assert (claims.owner, claims.session) == (owner, first.session)
    clock.go(seconds=601)
    with pytest.raises(NotSignedIn, match="expired"):
        accounts.access.verify(first.access_token)
    second = refresh(accounts, first.refresh_token)
    assert second.session == first.session and second.refresh_token != first.refresh_token
    assert [session.id for session in accounts.sessions.list(owner)] == [first.session]
    assert accounts.sessions.live(first.session) == (owner, "admin")
    accounts.sessions.end(owner, first.session)
    assert accounts.sessions.live(first.session) is None
    with pytest.raises(NotSignedIn):
        refresh(accounts, second.refresh_token)
    with pytest.raises(NotFound):
        accounts.sessions.end(owner, first.session)


def test_a_session_that_is_not_used_is_over(accounts: Accounts, clock: Clock) -> None:
    tokens = signed_in(accounts)
    for _ in range(13):
        clock.go(days=29)
        if clock.offset.days > 365:
            break
        tokens = refresh(accounts, tokens.refresh_token)
    with pytest.raises(NotSignedIn):  # used all the time, and a year old
        refresh(accounts, tokens.refresh_token)
    assert accounts.sessions.live(tokens.session) is None
    clock.go(days=8)
    assert accounts.sessions.prune() == 1
    with accounts.store.read() as connection:
        assert connection.execute(select(refresh_tokens)).all() == []


def test_a_stolen_token_ends_its_session_and_no_other(accounts: Accounts, clock: Clock) -> None:
    tokens, other = signed_in(accounts), signed_in(accounts)
    owner = tokens.user.owner
    successor = refresh(accounts, tokens.refresh_token)
    clock.go(seconds=11)
    with pytest.raises(NotSignedIn, match="used before"):
        refresh(accounts, tokens.refresh_token)
    with pytest.raises(NotSignedIn):
        refresh(accounts, successor.refresh_token)
    assert [session.id for session in accounts.sessions.list(owner)] == [other.session]
    assert accounts.audit.page(actor=owner)[0].action == "session.reuse"


def test_a_repeat_within_the_grace_gives_the_same_successor(
    accounts: Accounts, clock: Clock
) -> None:
    tokens = signed_in(accounts)
    first = refresh(accounts, tokens.refresh_token)
    clock.go(seconds=5)
    again = refresh(accounts, tokens.refresh_token)
    assert again.refresh_token == first.refresh_token
    refresh(accounts, first.refresh_token)  # now the successor is used, so the grace is over
    with pytest.raises(NotSignedIn, match="used before"):
        refresh(accounts, tokens.refresh_token)


def test_many_who_refresh_at_once_stay_signed_in(accounts: Accounts) -> None:
    tokens = signed_in(accounts)
    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(lambda _: refresh(accounts, tokens.refresh_token), range(16)))
    assert len({grant.refresh_token for grant in given}) == 1
    assert refresh(accounts, given[0].refresh_token).session == tokens.session


def test_no_token_lies_in_the_database(accounts: Accounts) -> None:
    tokens = signed_in(accounts)
    successor = refresh(accounts, tokens.refresh_token)
    with accounts.store.read() as connection:
        kept = repr(connection.execute(select(refresh_tokens)).all())
        kept += repr(connection.execute(select(signing_keys)).all())
    private = accounts.access.keys.current().private
    assert private is not None and private["d"] not in kept
    assert tokens.refresh_token not in kept and successor.refresh_token not in kept


def test_a_disabled_user_gets_nothing(accounts: Accounts) -> None:
    signed_in(accounts)  # the first is the administrator
    accounts.invite("ben@example.org", role="user", actor="host")
    ben = Person(ANNA.issuer, "ben", "ben@example.org", "Ben")
    tokens = signed_in(accounts, ben)
    accounts.disable(tokens.user.owner, disabled=True, actor="host")
    assert accounts.sessions.live(tokens.session) is None
    with pytest.raises(NotSignedIn):
        refresh(accounts, tokens.refresh_token)
    with pytest.raises(Exception, match="disabled"):
        signed_in(accounts, ben)
    accounts.disable(tokens.user.owner, disabled=False, actor="host")
    assert signed_in(accounts, ben).user.owner == tokens.user.owner


def _forged(accounts: Accounts, kind: str) -> str:
    key = accounts.access._signing_key()
    good = signed_in(accounts).access_token
    header = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
    claims = dict(jwt.decode(good, key, algorithms=["ES256"]).claims)
    stranger = ECKey.generate_key("P-256", {"kid": key.kid})

    def encoded(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    match kind:
        case "none":
            return f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{encoded(claims)}."
        case "hmac with the public key":
            public = OctKey.import_key(json.dumps(key.as_dict(private=False)))
            return jwt.encode({**header, "alg": "HS256"}, claims, public, algorithms=["HS256"])
        case "another key":
            return jwt.encode(header, claims, stranger, algorithms=["ES256"])
        case "an unknown key":
            return jwt.encode({**header, "kid": "x"}, claims, stranger, algorithms=["ES256"])
        case "changed":
            parts = good.split(".")
            return ".".join([parts[0], encoded({**claims, "sub": "someone"}), parts[2]])
        case "another type":
            return jwt.encode({**header, "typ": "JWT"}, claims, key, algorithms=["ES256"])
        case "another audience":
            return jwt.encode(header, {**claims, "aud": "x"}, key, algorithms=["ES256"])
        case "another issuer":
            return jwt.encode(header, {**claims, "iss": "x"}, key, algorithms=["ES256"])
        case "no end":
            del claims["exp"]
            return jwt.encode(header, claims, key, algorithms=["ES256"])
    return kind


@pytest.mark.parametrize(
    "kind",
    [
        "none", "hmac with the public key", "another key", "an unknown key", "changed",
        "another type", "another audience", "another issuer", "no end", "", "a.b.c", "é.é.é",
    ],
)  # fmt: skip
def test_a_forged_access_token_is_refused(accounts: Accounts, kind: str) -> None:
    with pytest.raises(NotSignedIn):
        accounts.access.verify(_forged(accounts, kind))


def test_signing_keys_rotate_without_a_gap(
    accounts: Accounts, make: Callable[..., Accounts], clock: Clock
) -> None:
    other = make()  # another gateway on the same database
    before = signed_in(accounts).access_token
    known = {key["kid"] for key in other.access.jwks()["keys"]}
    assert len(known) == 2, "the next key is published before it signs"
    accounts.access.keys.rotate()
    accounts.access._signing = None
    after = signed_in(accounts).access_token
    assert {k.kid: k.state for k in accounts.access.keys.published()}.keys() > known
    for token in (before, after):
        assert other.access.verify(token) and accounts.access.verify(token)
    header = jwt.decode(after, accounts.access._signing_key(), algorithms=["ES256"]).header
    assert header["kid"] in known
    clock.go(hours=2)
    states = [key.state for key in accounts.access.keys.published()]
    assert sorted(states) == ["current", "next"], "a retired key is not published for ever"
    clock.go(days=31)
    assert accounts.access.keys.current().kid != header["kid"], "it rotates by itself"
    with accounts.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM signing_keys")).scalar() == 3


def test_a_published_key_is_public(accounts: Accounts) -> None:
    signed_in(accounts)
    for key in accounts.access.jwks()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_one_of_many_asks_the_issuer_and_one_finishes(accounts: Accounts, clock: Clock) -> None:
    made = {"device": "laptop", "address": "::1", "interval": 5, "lasts": 60}
    login_id = accounts.logins.begin("the device code", **made)  # type: ignore[arg-type]
    clock.go(seconds=6)
    with ThreadPoolExecutor(8) as pool:
        turns = list(pool.map(lambda _: accounts.logins.take_turn(login_id), range(8)))
        assert sorted(turn.due for turn in turns) == [False] * 7 + [True]
        assert turns[0].device_code == "the device code"
        done = list(pool.map(lambda _: accounts.logins.finish(turns[0]), range(8)))
    assert sorted(done) == [False] * 7 + [True]
    with accounts.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM device_logins")).scalar() == 0
