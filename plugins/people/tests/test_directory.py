"""People of an organisation's directory, from a real slapd."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from wlm_people.skill import People

from tests.support.slapd import BASE, MISSING, READY, Slapd
from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Person
from wlm.plugins.testing import asked, context, run

pytestmark = pytest.mark.skipif(not READY, reason=MISSING)

PEOPLE = [
    ("aberg", "Anna Berg", {"title": "designer", "mail": "anna.berg@acme.example", "l": "Köln",
                            "telephoneNumber": "+49 30 1234", "manager": "bmiller"}),
    ("bmiller", "Robert Miller", {"mail": "bob@acme.example", "title": "head of design"}),
    ("tbaker", "Tom Baker", {"mail": "tom.baker@acme.example"}),
    ("tbaxter", "Tom Baxter", {"mail": "tom.baxter@acme.example"}),
    ("star", "Star (the) * Man", {"mail": "star@acme.example"}),
]  # fmt: skip


def ldif() -> str:
    entries = []
    for uid, name, more in PEOPLE:
        facts = {**more}
        if "manager" in facts:
            facts["manager"] = f"uid={facts['manager']},ou=people,{BASE}"
        facts |= {"objectClass": "inetOrgPerson", "uid": uid, "cn": name}
        facts |= {"givenName": name.split()[0], "sn": name.split()[-1]}
        lines = [f"dn: uid={uid},ou=people,{BASE}", *(f"{k}: {v}" for k, v in facts.items())]
        entries.append("\n".join(lines))
    return "\n\n".join(entries) + "\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with Slapd(ldif()) as running:
        yield running


@pytest.fixture
def ctx(server, tmp_path):
    return context(People(), tmp_path, settings=server.settings, offline=False)


def test_somebody_of_the_directory_is_found(ctx) -> None:
    reply = run(People(), "find", ctx, who="Anna Berg")
    assert reply.speech.startswith("Anna Berg, designer: the number is plus 4 9, 3 0, 1 2 3 4")
    assert run(People(), "find", ctx, who="her", detail="email").speech == (
        "Anna Berg's work e-mail address is anna dot berg at acme dot example."
    )


@pytest.mark.parametrize("said", ["anna", "berg", "Anna Burg", "ana berg"])
def test_parts_of_names_and_what_sounds_alike(ctx, said: str) -> None:
    assert run(People(), "find", ctx, who=said).data["person"]["name"] == "Anna Berg"


def test_who_is_annas_manager(ctx) -> None:
    reply = run(People(), "find", ctx, who="Anna", detail="manager")
    assert reply.speech == "Anna Berg's manager is Robert Miller."


def test_several_are_asked_about(ctx) -> None:
    question = asked(People(), "find", ctx, who="Tom", detail="email")
    assert [each["label"] for each in question.candidates] == ["Tom Baker", "Tom Baxter"]
    chosen = question.candidates[1]["value"]
    assert "baxter" in run(People(), "find", ctx, who=chosen, detail="email").speech


def test_the_address_book_comes_first(ctx) -> None:
    run(People(), "add", ctx, who="Anna Berg", phone="0151 234567")
    assert "0 1 5 1, 2 3 4" in run(People(), "find", ctx, who="Anna").speech


def test_what_was_said_is_no_filter(ctx) -> None:
    for said in ("*", "a*)(uid=*", "\\2a", "x)(|(cn=*"):
        with pytest.raises(BadRequest):
            run(People(), "find", ctx, who=said)
    assert run(People(), "find", ctx, who="Star").data["person"]["name"] == "Star (the) * Man"


def test_other_skills_get_its_people(ctx) -> None:
    (person,) = People().resolve(ctx, "person", "Anna Berg")
    assert (person.name, person.email) == ("Anna Berg", "anna.berg@acme.example")


def test_the_directory_is_not_changed(ctx) -> None:
    person = Person("Anna Berg", id=f"ldap:uid=aberg,ou=people,{BASE}")
    with pytest.raises(BadRequest, match="not in your address book"):
        run(People(), "update", ctx, who=person, phone="0151 234567")


def test_a_limit_of_the_server_gives_what_came_before_it(tmp_path) -> None:
    with Slapd(ldif(), most=1) as server:
        ctx = context(People(), tmp_path, settings=server.settings, offline=False)
        assert run(People(), "find", ctx, who="Tom").data["person"]["name"].startswith("Tom")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"ldap_password": "wrong"}, ProviderError),
        ({"ldap_user": ""}, ProviderError),  # who does not sign in may not read
        ({"ldap_ca_file": ""}, ProviderAway),  # a certificate that nobody vouches for
        ({"ldap_filter": "(broken"}, ProviderError),
    ],
)
def test_wrong_settings_are_named(server, tmp_path, wrong, error) -> None:
    ctx = context(People(), tmp_path, settings={**server.settings, **wrong}, offline=False)
    with pytest.raises(error) as caught:
        run(People(), "find", ctx, who="Anna")
    assert "Anna" not in str(caught.value)


def test_a_directory_that_is_away(server, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    settings = {**server.settings, "ldap_url": f"ldap://127.0.0.1:{closed}"}
    ctx = context(People(), tmp_path, settings=settings, offline=False)
    with pytest.raises(ProviderAway):
        run(People(), "find", ctx, who="Anna")
    assert People().resolve(ctx, "person", "Anna") == []
    offline = context(People(), tmp_path, settings=server.settings, offline=True)
    with pytest.raises(ProviderAway):
        run(People(), "find", offline, who="Anna")


def test_what_the_address_book_knows_is_offered_while_the_directory_is_away(
    server, tmp_path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    settings = {**server.settings, "ldap_url": f"ldap://127.0.0.1:{closed}"}
    ctx = context(People(), tmp_path, settings=settings, offline=False)
    with pytest.raises(ProviderAway, match=r"nobody .* address book\. The directory cannot"):
        run(People(), "find", ctx, who="Anna")
    run(People(), "add", ctx, who="Waldemar Berg", phone="0151 234567")
    assert "0 1 5 1" in run(People(), "find", ctx, who="Waldemar").speech  # nobody else is asked
    near = asked(People(), "find", ctx, who="Wilhelm Berg")
    assert near.text.startswith("The directory cannot be reached")
    assert "Waldemar Berg" in near.text


def test_a_directory_that_says_nothing(server, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("wlm_people.directory._SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {**server.settings, "ldap_url": f"ldap://127.0.0.1:{silent.getsockname()[1]}"}
        ctx = context(People(), tmp_path, settings=settings, offline=False)
        with pytest.raises(ProviderAway):
            run(People(), "find", ctx, who="Anna")
