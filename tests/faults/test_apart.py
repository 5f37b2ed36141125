"""A short run of two users at one gateway; `python -m faults.apart` is the long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from faults import apart
from wlm import config
from wlm.server.app import create_app
from wlm.server.policy import SCOPES
from wlm.server.service import Service

Connect = dict[str, httpx.Client]


@pytest.fixture
def clients(home: Path) -> Iterator[Connect]:
    flags = {"rate_limit": "", "rate_limit_address": ""}
    service = Service(settings := config.load(flags))
    app = create_app(settings, service=service)
    made = {}
    service.accounts.users.add(apart.THIRD)
    for name in apart.WORDS:
        user = service.accounts.users.add(f"{name}@example.org")
        key = service.accounts.keys.create(user.owner, "test", SCOPES)[1]
        made[name] = httpx.Client(
            transport=httpx.WSGITransport(app),
            base_url="http://gateway.test",
            headers={"Authorization": f"Bearer {key}"},
        )
    yield made
    service.close()


def people(clients: Connect) -> tuple[apart.User, apart.User]:
    words = apart.WORDS
    return (
        apart.User("anna", clients["anna"], words["anna"], 1),
        apart.User("ben", clients["ben"], words["ben"], 2),
    )


def test_nothing_of_one_user_comes_to_another(clients: Connect) -> None:
    found = apart.run(people(clients), 80)
    assert found["leaks"] == [] and found["failed"] == 0
    assert min(found["own_ids"]) > 10


def test_it_would_be_seen(clients: Connect) -> None:
    clients["ben"] = clients["anna"]
    assert apart.run(people(clients), 20)["leaks"]
