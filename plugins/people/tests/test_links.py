"""Who is somebody's manager, and groups; from speech, cards and tables."""

from __future__ import annotations

import pytest
from wlm_people.book import Book
from wlm_people.skill import People
from wlm_people.vcards import export_vcards, import_contacts

from wlm.plugins.testing import context, recorded, run


@pytest.fixture
def ctx(tmp_path):
    ctx = context(People(), tmp_path)
    for name in ("Anna Schmidt", "Bob Miller", "Tom Baker"):
        run(People(), "add", ctx, who=name)
    return ctx


def test_a_manager_is_said_asked_for_and_taken_back(ctx) -> None:
    said = run(People(), "update", ctx, who="Anna", manager="Bob")
    assert said.speech == "Anna Schmidt's manager is now Bob Miller."
    assert run(People(), "find", ctx, who="Anna", detail="manager").speech == (
        "Anna Schmidt's manager is Bob Miller."
    )
    again = run(People(), "update", ctx, who="Anna", manager="Tom Baker")
    assert again.speech.endswith("is now Tom Baker; it was Bob Miller.")
    intent, slots = recorded(ctx).undos[-1]
    run(People(), intent, ctx, **slots)
    assert "Bob Miller" in run(People(), "find", ctx, who="Anna", detail="manager").speech


def test_an_unknown_manager(ctx) -> None:
    reply = run(People(), "find", ctx, who="Tom", detail="manager")
    assert reply.speech == "I do not know the manager of Tom Baker."
    assert reply.display.startswith(reply.speech)  # who reads is told that, too


def test_links_survive_a_card(ctx, tmp_path) -> None:
    run(People(), "update", ctx, who="Anna", manager="Bob")
    card = export_vcards(ctx)
    assert b"X-MANAGER:Bob Miller\r\n" in card
    other = context(People(), tmp_path, user="other")
    import_contacts(other, card)
    anna = next(c for c in Book(other).where() if c.name == "Anna Schmidt")
    assert [(p.kind, p.value) for p in anna.links] == [("manager", "Bob Miller")]


@pytest.mark.parametrize(
    "name", ["X-MS-MANAGER", "X-EVOLUTION-MANAGER", "X-KADDRESSBOOK-X-ManagersName"]
)
def test_other_programs_write_it_otherwise(tmp_path, name: str) -> None:
    ctx = context(People(), tmp_path)
    import_contacts(ctx, f"BEGIN:VCARD\nVERSION:3.0\nFN:Zoe\n{name}:Bob\nEND:VCARD\n".encode())
    assert run(People(), "find", ctx, who="Zoe", detail="manager").speech == "Zoe's manager is Bob."


def test_outlooks_table(tmp_path) -> None:
    ctx = context(People(), tmp_path)
    import_contacts(
        ctx, b"First Name,Last Name,Manager's Name,Assistant's Name\nAnna,Berg,Bob,Cy\n"
    )
    assert "Cy" in run(People(), "find", ctx, who="Anna", detail="assistant").speech


def test_who_works_somewhere_where_that_was_heard_as_a_name(ctx) -> None:
    run(People(), "add", ctx, who="Maria Lopez", company="Acme")
    assert (
        "works at Acme. Maria Lopez" in run(People(), "find", ctx, who="Acme", kind="work").speech
    )
    assert run(People(), "find", ctx, who="Tom").speech.startswith("Tom Baker")


def test_who_works_somewhere_is_no_question_for_a_number(ctx) -> None:
    run(People(), "update", ctx, who="Bob", company="Contoso", phone="030 1234567")
    reply = run(People(), "find", ctx, company="Contoso", kind="work")
    assert reply.speech.startswith("Only one person works at Contoso. Bob Miller")
