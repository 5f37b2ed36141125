"""Who may enter, and as whom; API keys."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.server.auth.conftest import Clock
from wlm.errors import NotAllowed, NotFound, NotSignedIn, UsageError
from wlm.server.auth.accounts import Accounts
from wlm.store.accounts.tables import api_keys, audit_log
from wlm.store.accounts.users import Person, User

ISSUER = "https://id.example.org"


def enter(accounts: Accounts, name: str, *, email: str | None = "", issuer: str = ISSUER) -> User:
    address = f"{name}@example.org" if email == "" else email
    who = Person(issuer, name, address, name.title())
    return accounts.sign_in(who, device="test", address="127.0.0.1").user


def test_the_first_is_admin_and_the_next_must_be_asked_in(accounts: Accounts) -> None:
    assert enter(accounts, "anna", email=None).role == "admin"
    with pytest.raises(NotAllowed, match="not a user"):
        enter(accounts, "ben")
    refused = accounts.audit.page()[0]
    assert (refused.action, refused.outcome, refused.actor) == ("sign_in", "not_allowed", None)
    invited = accounts.invite("Ben@Example.org", role="guest", actor="host")
    assert invited.state == "invited"
    ben = enter(accounts, "ben")
    assert (ben.owner, ben.role, ben.state) == (invited.owner, "guest", "active")


def test_of_two_first_users_one_is_admin(accounts: Accounts) -> None:
    def come(name: str) -> str:
        try:
            return enter(accounts, name).role
        except NotAllowed:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        roles = sorted(pool.map(come, (f"user{n}" for n in range(8))))
    assert roles == ["admin", *["refused"] * 7]


def test_an_address_that_is_not_verified_opens_nothing(accounts: Accounts) -> None:
    enter(accounts, "anna")
    accounts.invite("ben@example.org", role="admin", actor="host")
    with pytest.raises(NotAllowed):
        enter(accounts, "ben", email=None)


def test_an_address_is_no_identity(make: Callable[..., Accounts]) -> None:
    accounts = make(sign_in_domains="example.org")
    enter(accounts, "anna")
    ben = enter(accounts, "ben")
    # The address went to somebody else at the same company, or another issuer claims it.
    heir = enter(accounts, "ben2", email="ben@example.org")
    assert heir.owner != ben.owner
    assert enter(accounts, "ben", issuer="https://other.example.org").owner not in (
        ben.owner, heir.owner,
    )  # fmt: skip
    renamed = enter(accounts, "ben", email="benjamin@example.org")
    assert (renamed.owner, renamed.email) == (ben.owner, "benjamin@example.org")


def test_lists_of_domains_and_addresses(make: Callable[..., Accounts]) -> None:
    accounts = make(sign_in_domains="example.org, example.com", sign_in_emails="eve@elsewhere.net")
    enter(accounts, "anna")
    assert enter(accounts, "ben").role == "user"
    assert enter(accounts, "eve", email="eve@elsewhere.net").role == "user"
    for email in ("x@sub.example.org", "x@notexample.org", "example.org", "x@elsewhere.net", None):
        with pytest.raises(NotAllowed):
            enter(accounts, "mallory", email=email)


def test_there_is_always_an_administrator(accounts: Accounts) -> None:
    anna = enter(accounts, "anna")
    with pytest.raises(UsageError, match="only administrator"):
        accounts.disable(anna.owner, disabled=True, actor=anna.owner)
    with pytest.raises(UsageError, match="only administrator"):
        accounts.set_role(anna.owner, "user", actor=anna.owner)
    accounts.invite("ben@example.org", role="admin", actor=anna.owner)
    assert accounts.set_role(anna.owner, "user", actor=anna.owner).role == "user"
    with pytest.raises(UsageError, match="already"):
        accounts.invite("ben@example.org", role="user", actor="host")
    for email in ("", "ben", "@example.org", "a b@example.org", "ben@", "x" * 330 + "@a.b"):
        with pytest.raises(UsageError, match="no e-mail address"):
            accounts.invite(email, role="user", actor="host")


def test_users_come_in_pages(accounts: Accounts) -> None:
    for n in range(5):
        accounts.invite(f"user{n}@example.org", role="user", actor="host")
    first = accounts.users.page(limit=3)
    rest = accounts.users.page(limit=3, before=first[-1].owner)
    assert len({user.owner for user in first + rest}) == 5


def test_a_key_works_until_it_is_revoked(accounts: Accounts, clock: Clock) -> None:
    anna = accounts.invite("anna@example.org", role="admin", actor="host")
    key, text = accounts.keys.create(anna.owner, "laptop", ["ask"])
    verified = accounts.keys.verify(text)
    assert (verified.key.id, verified.key.owner, verified.role) == (key.id, anna.owner, "admin")
    assert verified.key.scopes == ["ask"]
    assert [k.id for k in accounts.keys.list(anna.owner)] == [key.id]
    assert accounts.keys.list(anna.owner)[0].used_at is not None
    with pytest.raises(NotFound):
        accounts.keys.revoke("somebody else", key.id)
    accounts.keys.revoke(anna.owner, key.id)
    with pytest.raises(NotSignedIn, match="not valid"):
        accounts.keys.verify(text)
    assert accounts.keys.list(anna.owner) == []


def test_a_key_expires_and_dies_with_its_user(accounts: Accounts, clock: Clock) -> None:
    anna = accounts.invite("anna@example.org", role="admin", actor="host")
    ben = accounts.invite("ben@example.org", role="user", actor="host")
    until = clock() + timedelta(days=1)
    _, short = accounts.keys.create(anna.owner, "short", [], expires_at=until)
    _, bens = accounts.keys.create(ben.owner, "ben", [])
    accounts.keys.verify(short)
    clock.go(days=2)
    with pytest.raises(NotSignedIn):
        accounts.keys.verify(short)
    with pytest.raises(UsageError, match="expired already"):
        accounts.keys.create(anna.owner, "late", [], expires_at=until)
    accounts.keys.verify(bens)
    accounts.disable(ben.owner, disabled=True, actor="host")
    with pytest.raises(NotSignedIn):
        accounts.keys.verify(bens)


def test_what_is_no_key(accounts: Accounts) -> None:
    anna = accounts.invite("anna@example.org", role="admin", actor="host")
    _, text = accounts.keys.create(anna.owner, "laptop", [])
    assert len(text) == 5 + 10 + 32 + 6
    for position in range(5, len(text)):
        wrong = "a" if text[position] != "a" else "b"
        with pytest.raises(NotSignedIn, match="missing or mistyped"):
            accounts.keys.verify(text[:position] + wrong + text[position + 1 :])
    for broken in ("wlmk_", text[:-1], text + "0", text.replace("wlmk", "wlmx"), "é" * 53, ""):
        with pytest.raises(NotSignedIn):
            accounts.keys.verify(broken)
    from wlm.store.accounts.keys import _checksum

    # Well formed, of an id that is there and of one that is not.
    for body in (text[:15] + "0" * 32, "wlmk_" + "0" * 42):
        with pytest.raises(NotSignedIn, match="not valid"):
            accounts.keys.verify(body + _checksum(body))


def test_no_key_lies_in_the_database_or_the_log(accounts: Accounts) -> None:
    anna = accounts.invite("anna@example.org", role="admin", actor="host")
    _, text = accounts.keys.create(anna.owner, "laptop", ["ask"])
    with accounts.store.read() as connection:
        kept = repr(connection.execute(select(api_keys)).all())
        kept += repr(connection.execute(select(audit_log)).all())
    assert text[15:] not in kept and "anna@example.org" not in kept
