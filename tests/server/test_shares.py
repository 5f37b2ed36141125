"""Accounts that users of a gateway share: explicit, to look or to write, and over at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.server.conftest import Connect

TOMORROW = "what meetings do I have tomorrow"


@pytest.fixture
def pair(app: Flask, connect: Connect) -> tuple[httpx.Client, httpx.Client]:
    """Anna, and Tom whom she shares with."""
    users = app.extensions["wlm"].accounts.users
    for name in ("anna", "tom"):
        users.add(f"{name}@home.example", name=name.title(), owner=f"owner-user-{name}")
    return connect("user-anna"), connect("user-tom")


def asked(client: httpx.Client, text: str) -> dict[str, Any]:
    (action,) = client.post("/v1/ask", json={"text": text}).json()["actions"]
    found: dict[str, Any] = action
    return found


def give(client: httpx.Client, access: str = "read", skill: str = "meeting") -> str:
    body = {"skill": skill, "user": "tom@home.example", "access": access}
    made = client.post("/v1/shares", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def use(client: httpx.Client, share: str | None, skill: str = "meeting") -> httpx.Response:
    return client.put(f"/v1/skills/{skill}/account", json={"share": share})


def failed(action: dict[str, Any], client: httpx.Client) -> str:
    event = client.get(f"/v1/events/{action['event']['id']}").json()["event"]
    assert event["state"] == "failed"
    return str(event["error"]["code"])


def test_a_calendar_is_shared_to_look_then_to_write_then_no_more(
    pair: tuple[httpx.Client, httpx.Client],
) -> None:
    anna, tom = pair
    asked(anna, "schedule Quetzal tomorrow at 10:00")
    assert "Quetzal" not in str(asked(tom, TOMORROW)), "nothing is shared by itself"
    share = give(anna)
    (seen,) = tom.get("/v1/shares").json()["shares"]
    assert (seen["given"], seen["name"], seen["user"]) == (False, "Anna", "anna@home.example")
    assert "owner-user" not in json.dumps(seen), "ids of owners are nobody else's"
    (mine,) = anna.get("/v1/shares").json()["shares"]
    assert (mine["given"], mine["name"], mine["access"]) == (True, "Tom", "read")
    assert "Quetzal" not in str(asked(tom, TOMORROW)), "it is used when he says so"

    assert use(tom, share).json()["share"]["in_use"]
    assert "Quetzal" in str(asked(tom, TOMORROW)["reply"])
    assert failed(asked(tom, "schedule Kumquat tomorrow at 11:00"), tom) == "share_read_only"
    assert "Kumquat" not in str(asked(anna, TOMORROW))
    assert "owner-user-tom" not in anna.get("/v1/me/data").text

    assert give(anna, "write") == share, "one share of an account with each user"
    made = asked(tom, "schedule Kumquat tomorrow at 11:00")
    assert made["event"]["state"] == "succeeded"
    assert "Kumquat" in str(asked(anna, TOMORROW)["reply"])
    tom.post(f"/v1/events/{made['event']['id']}/undo")
    assert "Kumquat" not in str(asked(anna, TOMORROW)["reply"])

    assert anna.delete(f"/v1/shares/{share}").status_code == 204
    assert tom.get("/v1/shares").json()["shares"] == []
    assert failed(asked(tom, TOMORROW), tom) == "share_ended", "and his own is not taken for it"
    assert use(tom, None).json() == {"share": None}
    assert "Quetzal" not in str(asked(tom, TOMORROW)["reply"])


def test_a_reminder_in_a_shared_calendar_is_its_owners(
    pair: tuple[httpx.Client, httpx.Client],
) -> None:
    anna, tom = pair
    use(tom, give(anna, "write"))
    assert asked(tom, "remind me to call Ben in two hours")["event"]["state"] == "succeeded"

    def notices(client: httpx.Client) -> list[str]:
        found = client.get("/v1/events", params={"limit": 20}).json()["events"]
        return [e["state"] for e in found if e["route"]["intent"] == "meeting.notify"]

    assert (notices(anna), notices(tom)) == (["queued"], [])


def test_what_was_asked_with_one_account_is_not_done_with_another(
    pair: tuple[httpx.Client, httpx.Client],
) -> None:
    anna, tom = pair
    use(tom, give(anna, "write"))
    waiting = asked(tom, "schedule a meeting tomorrow")
    assert waiting["event"]["state"] == "waiting_input"
    use(tom, None)
    slots = {"title": "Basilisk", "start": "2030-01-07T10:00:00+01:00"}
    tom.post(f"/v1/events/{waiting['event']['id']}/answer", json={"slots": slots})
    day = "what meetings do I have on 7 january 2030"
    assert "Basilisk" in str(asked(anna, day)["reply"])
    assert "Basilisk" not in str(asked(tom, day)["reply"])


def test_secrets_of_a_shared_account_stay_with_it(
    pair: tuple[httpx.Client, httpx.Client], home: Path
) -> None:
    anna, tom = pair
    secret = {"user": "anna@mail.example", "password": "correct-horse"}
    anna.put("/v1/skills/email/settings", json={"values": secret})
    use(tom, give(anna, "write", "email"), "email")
    asked(tom, "do I have new mail")
    seen = [
        tom.get("/v1/skills/email/settings").text,
        tom.get("/v1/me/data").text,
        tom.get("/v1/shares").text,
        tom.get("/v1/history").text,
    ]
    assert not [text for text in seen if "correct-horse" in text or "anna@mail" in text]


def test_a_share_goes_with_the_account_and_with_the_users(
    app: Flask, pair: tuple[httpx.Client, httpx.Client]
) -> None:
    anna, tom = pair
    anna.put("/v1/skills/email/settings", json={"values": {"user": "anna@mail.example"}})
    give(anna, skill="email")
    anna.put("/v1/skills/email/settings", json={"values": {"user": None}})
    assert anna.get("/v1/shares").json()["shares"] == []
    give(anna)
    tom.delete("/v1/me/data")
    assert anna.get("/v1/shares").json()["shares"] == []
    lines = app.extensions["wlm"].accounts.audit.page()
    told = [(r.action, r.detail.get("skill")) for r in lines if r.action.startswith("share")]
    assert told == [
        ("share.grant", "meeting"),
        ("share.end", "email"),
        ("share.grant", "email"),
    ], "the newest first; what is erased with a user is a line of its own"


def test_who_is_gone_or_disabled_shares_no_more(
    app: Flask, pair: tuple[httpx.Client, httpx.Client]
) -> None:
    anna, tom = pair
    use(tom, give(anna))
    users = app.extensions["wlm"].accounts.users
    users.change("owner-user-anna", disabled=True)
    assert failed(asked(tom, TOMORROW), tom) == "share_ended"
    users.change("owner-user-anna", disabled=False)
    assert asked(tom, TOMORROW)["event"]["state"] == "succeeded"
    anna.delete("/v1/me/data")
    assert failed(asked(tom, TOMORROW), tom) == "share_ended"


def test_what_cannot_be_shared_or_used(
    app: Flask, pair: tuple[httpx.Client, httpx.Client], connect: Connect
) -> None:
    anna, tom = pair
    eve = connect("user-eve")
    share = give(anna)

    def code(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    def post(**body: str) -> tuple[int, str]:
        whole = {"skill": "meeting", "user": "tom@home.example", **body}
        return code(anna.post("/v1/shares", json=whole))

    assert post(user="nobody@home.example") == (404, "not_found")
    assert post(user="anna@home.example") == (400, "usage")
    assert post(skill="nothing") == (404, "skill_missing")
    assert post(access="own") == (400, "usage")
    app.extensions["wlm"].accounts.users.add("kid@home.example", role="guest")
    assert post(user="kid@home.example") == (400, "usage")
    for client in (anna, eve):
        assert code(use(client, share)) == (404, "not_found"), "it was given to Tom"
    assert code(use(tom, share, "people")) == (404, "not_found"), "it is of another skill"
    assert code(eve.delete(f"/v1/shares/{share}")) == (404, "not_found")
    assert tom.delete(f"/v1/shares/{share}").status_code == 204, "he may leave it"


def test_a_share_asked_for_twice_is_one(pair: tuple[httpx.Client, httpx.Client]) -> None:
    anna, _ = pair
    body = {"skill": "meeting", "user": "tom@home.example"}
    made = [
        anna.post("/v1/shares", json=body, headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    ]
    assert made[0] == made[1]
