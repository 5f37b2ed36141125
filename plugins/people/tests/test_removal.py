"""People are taken out, merged where they are there twice, and put back."""

from __future__ import annotations

import pytest
from wlm_people.book import Book
from wlm_people.contact import Contact, Point
from wlm_people.skill import People

from wlm.errors import BadRequest
from wlm.plugins.testing import asked, context, recorded, run


@pytest.fixture
def ctx(tmp_path):
    return context(People(), tmp_path)


def _names(ctx) -> list[str]:
    return sorted(contact.name for contact in Book(ctx).where())


def _undo(ctx) -> str:
    intent, slots = recorded(ctx).undos[-1]
    return run(People(), intent, ctx, **slots).speech


def test_somebody_is_taken_out_and_put_back_with_all_that_was_known(ctx) -> None:
    run(People(), "add", ctx, who="Tom Baker", phone="+49 30 1234567", company="Acme")
    run(People(), "add", ctx, who="Anna Berg")
    before = Book(ctx).called("tom baker")
    assert run(People(), "remove", ctx, who="Tom Baker").speech == (
        "Tom Baker is out of your address book."
    )
    assert _names(ctx) == ["Anna Berg"]
    assert Book(ctx).known(["baker", "acme"]) == set()
    assert _undo(ctx) == "Undone: Tom Baker is as before."
    assert Book(ctx).called("tom baker") == before
    assert "1234567" in run(People(), "find", ctx, who="Tom", detail="phone").display.replace(
        " ", ""
    )


def test_an_undone_removal_is_not_undone_again(ctx) -> None:
    run(People(), "add", ctx, who="Tom Baker")
    run(People(), "remove", ctx, who="Tom Baker")
    _undo(ctx)
    with pytest.raises(BadRequest):
        _undo(ctx)
    assert _names(ctx) == ["Tom Baker"]


def test_nobody_is_taken_out_for_a_stranger(ctx) -> None:
    run(People(), "add", ctx, who="Tom Baker")
    with pytest.raises(BadRequest):
        run(People(), "remove", ctx, who="Zoe Quill")
    assert _names(ctx) == ["Tom Baker"]


def test_removal_never_runs_without_a_yes() -> None:
    assert People.intents()["people.remove"].effect == "send"


def test_a_birthday_of_a_stranger_offers_to_add_them(ctx) -> None:
    question = asked(People(), "update", ctx, who="Tom Baker", nickname="Tommy")
    assert question.text == "There is no Tom Baker in the address book. Add them?"
    refused = run(People(), "update", ctx, who="Tom Baker", nickname="Tommy", unknown="leave it")
    assert refused.speech == "Nothing was changed."
    assert _names(ctx) == []
    run(People(), "update", ctx, who="Tom Baker", nickname="Tommy", unknown="add them")
    assert Book(ctx).called("tom baker")[0].nicknames == ("Tommy",)


def _twins(ctx) -> None:
    run(People(), "add", ctx, who="Anna Berg", email="anna@work.example", company="Acme")
    run(People(), "add", ctx, who="A. Berg", email="Anna@Work.example", phone="+49 30 7654321")
    run(People(), "add", ctx, who="Tom Baker", phone="+49 30 7654321")  # the same house


def test_two_with_one_address_are_merged_and_put_back(ctx) -> None:
    _twins(ctx)
    before = {contact.id: contact for contact in Book(ctx).where()}
    assert run(People(), "merge", ctx).speech == "I merged 2 entries of Anna Berg."
    assert _names(ctx) == ["Anna Berg", "Tom Baker"]
    (anna,) = Book(ctx).called("anna berg")
    assert [point.value for point in anna.emails] == ["anna@work.example"]
    assert [point.value for point in anna.phones] == ["+49 30 7654321"]
    assert anna.company == "Acme"
    assert _undo(ctx) == "Undone: Anna Berg and A. Berg as before."
    assert {contact.id: contact for contact in Book(ctx).where()} == before


def test_merged_and_changed_since_is_not_undone(ctx) -> None:
    _twins(ctx)
    run(People(), "merge", ctx)
    intent, slots = recorded(ctx).undos[-1]
    run(People(), "update", ctx, who="Anna Berg", company="Other")
    with pytest.raises(BadRequest):
        run(People(), intent, ctx, **slots)
    assert _names(ctx) == ["Anna Berg", "Tom Baker"]


def test_namesakes_whom_something_tells_apart_are_left_alone(ctx) -> None:
    run(People(), "add", ctx, who="Anna Berg", company="Acme", phone="+49 30 1111111")
    run(People(), "add", ctx, who="Anna Berg", company="Bolt", phone="+49 30 2222222")
    assert run(People(), "merge", ctx).speech == "Nobody is in your address book twice."
    merged = run(People(), "merge", ctx, who="Anna Bergs")  # named: whoever says so knows it
    assert merged.speech == "I merged 2 entries of Anna Berg."


def test_who_share_a_telephone_and_were_born_on_two_days_are_two(ctx) -> None:
    home = (Point("+49 30 1111111"),)
    Book(ctx).add(
        Contact("1", "Anna Berg", company="Acme", birthday="1950-03-01", phones=home),
        Contact("2", "A. Berg", company="Bolt", birthday="1980-07-02", phones=home),
    )
    assert run(People(), "merge", ctx).speech == "Nobody is in your address book twice."
    assert _names(ctx) == ["A. Berg", "Anna Berg"]


def test_several_who_are_there_twice_are_asked_about(ctx) -> None:
    _twins(ctx)
    run(People(), "add", ctx, who="Li Wang", email="li@home.example")
    run(People(), "add", ctx, who="Wang Li", email="li@home.example")
    assert asked(People(), "merge", ctx).text.startswith("2 people are there more than once: ")
    assert run(People(), "merge", ctx, who="everybody").speech.startswith("I merged 2 entries of ")
    assert len(_names(ctx)) == 3


def test_who_is_not_there_twice_is_refused(ctx) -> None:
    run(People(), "add", ctx, who="Anna Berg")
    with pytest.raises(BadRequest):
        run(People(), "merge", ctx, who="Anna Berg")
