"""Skills' settings at a gateway: each user's own, and the host's only where it shares them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.conftest import by_header
from tests.support.dovecot import BINARY, MISSING, Dovecot
from tests.support.http_server import HttpServer
from wlm import Assistant, config
from wlm.errors import BadSetting, ProviderError
from wlm.plugins.manager import Registry
from wlm.plugins.own_settings import OwnSettings, kept_to_the_host
from wlm.server.app import create_app
from wlm.server.service import Service

PASSWORD = "correct-horse"
EMAIL = "/v1/skills/email/settings"
Open = Callable[..., Any]


@pytest.fixture
def house(settings: config.Settings, registry: Registry) -> Iterator[Open]:
    """Makes gateways with other settings, on one database; a mailbox is set on the host."""
    made: list[Service] = []

    def open_(**changes: str) -> Callable[[str], httpx.Client]:
        changed = settings.config.model_copy(update={"shared_skills": "", **changes})
        made.append(Service(settings._replace(config=changed), registry=registry))
        app = create_app(settings, service=made[-1], authenticators=[by_header])

        def client(name: str) -> httpx.Client:
            transport = httpx.WSGITransport(app)
            headers = {"X-Caller": name}
            return httpx.Client(transport=transport, base_url="http://x", headers=headers)

        return client

    yield open_
    for service in made:
        service.close()


def put(client: httpx.Client, path: str = EMAIL, **values: Any) -> httpx.Response:
    return client.put(path, json={"values": values})


def asked(client: httpx.Client, text: str) -> dict[str, Any]:
    (action,) = client.post("/v1/ask", json={"text": text}).json()["actions"]
    found: dict[str, Any] = action
    return found


def test_the_hosts_mailbox_is_nobody_elses(house: Open) -> None:
    tom = house()("user-tom")
    shown = tom.get(EMAIL).json()
    assert (shown["imap_host"], shown["user"], shown["password"]) == ("", "", None)
    reply = asked(tom, "do I have new mail")["reply"]
    assert "No mailbox is set up" in reply["speech"]
    shared = house(shared_skills="email")("user-tom").get(EMAIL).json()
    assert shared["user"] == "me@example.org" and shared["password"] == "**********"
    part = house(shared_skills="email.imap_host")("user-tom").get(EMAIL).json()
    assert (part["imap_host"], part["user"], part["password"]) == ("127.0.0.1", "", None)


def test_each_user_has_their_own(house: Open, home: Path) -> None:
    client = house()
    anna, tom = client("user-anna"), client("user-tom")
    done = put(anna, user="anna@home.example", password=PASSWORD, imap_port=1143)
    assert done.status_code == 200 and done.json()["password"] == "**********"
    assert (anna.get(EMAIL).json()["imap_port"], tom.get(EMAIL).json()["imap_port"]) == (1143, 993)
    assert tom.get(EMAIL).json()["password"] is None
    exported = anna.get("/v1/me/data").text
    assert "anna@home.example" in exported and PASSWORD not in exported
    for path in (path for path in home.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        assert PASSWORD.encode() not in raw and b"anna@home.example" not in raw, path
    put(anna, user=None, password=None)
    assert anna.get(EMAIL).json()["user"] == "" and anna.get(EMAIL).json()["password"] is None
    assert anna.get(EMAIL).json()["imap_port"] == 1143
    assert anna.delete("/v1/me/data").json()["rows"]["skill_values"] == 1


def test_two_mailboxes_at_one_gateway(house: Open) -> None:
    if BINARY is None:
        pytest.skip(MISSING)
    client = house(skill_networks="127.0.0.0/8")
    with Dovecot() as dovecot:
        for name in ("anna", "tom"):
            letter = EmailMessage()
            letter["From"], letter["Subject"] = "Ben <ben@work.example>", f"For {name} alone"
            letter.set_content("Hello.")
            dovecot.fresh().put(letter)
            at = {"imap_host": "127.0.0.1", "imap_port": dovecot.port, "imap_security": "none"}
            mine = {"user": dovecot.user, "password": dovecot.password}
            assert put(client(f"user-{name}"), **at, **mine).is_success
        for name, other in (("anna", "tom"), ("tom", "anna")):
            heard = str(asked(client(f"user-{name}"), "do I have new mail")["reply"])
            assert f"For {name} alone" in heard and f"For {other} alone" not in heard


@pytest.mark.parametrize(
    "values",
    [
        {"imap_host": "127.0.0.1", "imap_port": 9, "imap_security": "none"},
        {"imap_host": "localhost", "imap_port": 9},
        {"imap_host": "::ffff:10.0.0.1", "imap_port": 9},
    ],
)
def test_ones_own_settings_do_not_lead_inside(house: Open, values: dict[str, Any]) -> None:
    anna = house(offline=False)("user-anna")
    put(anna, **values, user="anna@home.example", password=PASSWORD)
    action = asked(anna, "do I have new mail")
    assert action["event"]["state"] in ("failed", "dead")
    assert "not on the public internet" in action["reply"]["speech"]


def test_what_a_skill_fetches_is_guarded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WLM_SHARED_SKILLS", "weather")
    with HttpServer() as server:
        server.route("/shared", body=b"y")
        monkeypatch.setenv("WLM_SKILL_WEATHER__FORECAST_URL", f"{server.url}/shared")
        with Assistant(owner="anna") as anna:
            anna.configure_skill("meeting", {"caldav_url": f"{server.url}/own"})
            with pytest.raises(ProviderError, match="not on the public internet"):
                anna.engine.context("anna", "meeting").http.get(f"{server.url}/own")
            anna.configure_skill("weather", {"units": "imperial"})
            fetched = anna.engine.context("anna", "weather").http.get(f"{server.url}/shared")
            assert fetched.content == b"y", "what the host shares may be inside"


def test_a_shared_password_does_not_go_where_a_user_says(house: Open) -> None:
    anna = house(shared_skills="email")("user-anna")
    shown = put(anna, imap_host="mail.evil.example").json()
    assert (shown["user"], shown["password"]) == ("me@example.org", None)
    assert put(anna, imap_host=None).json()["password"] == "**********"


@pytest.mark.parametrize(
    ("skill", "field", "value"),
    [
        ("people", "ldap_ca_file", "/etc/shadow"),
        ("news", "allow_private", True),
        ("email", "colour", "red"),
        ("email", "imap_port", 70_000),
        ("email", "password", 5),
    ],
)
def test_what_cannot_be_set(house: Open, skill: str, field: str, value: Any) -> None:
    answer = put(house()("user-anna"), f"/v1/skills/{skill}/settings", **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_setting")


def test_who_may_set(house: Open) -> None:
    client = house()
    codes = [put(client(who), user="a@b.example").status_code for who in ("guest", "user", "admin")]
    assert codes == [403, 200, 200]


def test_what_is_set_here_and_not_shared_is_named(settings: config.Settings) -> None:
    changed = settings.config.model_copy(update={"shared_skills": "email.user"})
    kept = kept_to_the_host(settings._replace(config=changed))
    assert kept == ["email.imap_host", "email.password"]


def test_the_kept_secret_of_the_host_is_shared_when_it_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WLM_SHARED_SKILLS", "email")
    with Assistant() as here:
        here.configure_skill("email", {"user": "me@example.org", "password": PASSWORD})
        own = OwnSettings(here.store, here.registry, here.settings)
        assert own.in_force("anna", "email").values["password"] == PASSWORD


def test_another_owner_in_a_program_has_their_own(home: Path) -> None:
    with Assistant() as here, Assistant(owner="anna") as anna:
        here.configure_skill("weather", {"home": "Lima"})
        assert anna.skill_settings("weather")["home"] == ""
        assert anna.configure_skill("weather", {"home": "Oslo"})["home"] == "Oslo"
        assert here.skill_settings("weather")["home"] == "Lima"
        with pytest.raises(BadSetting):
            anna.configure_skill("weather", {"forecast_url": "http://127.0.0.1:9"})
