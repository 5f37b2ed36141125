"""What people say to the address book, and what they hear."""

from __future__ import annotations

from datetime import datetime

import pytest
from wlm_people.book import Book
from wlm_people.contact import Contact, Point
from wlm_people.skill import People
from wlm_people.tables import details, names, words

from wlm.errors import BadRequest
from wlm.plugins import Context, Person
from wlm.plugins.testing import asked, context, recorded, retry, run


def day(text: str) -> dict[str, str]:
    return {"start": f"{text}T00:00:00+01:00", "end": f"{text}T23:59:59+01:00"}


@pytest.fixture
def known(book: Book) -> Book:
    book.add(
        Contact(
            "anna-b",
            "Anna Berg",
            company="Acme Corporation",
            role="designer",
            birthday="1990-12-03",
            phones=(Point("+49 151 2345678", "mobile"), Point("030 555 1234", "work")),
            emails=(Point("anna.berg@acme.example"),),
            relations=("boss",),
            groups=("choir",),
        ),
        Contact("anna-l", "Anna Lund", birthday="--02-29", nicknames=("Lundi",)),
        Contact("tom", "Thomas Baker", company="Acme Corporation", role="account manager"),
        Contact("zoe", "Zoë Sørensen", phones=(Point("0170 111111"),), relations=("sister",)),
        Contact("john-1", "John Smith", company="Initech"),
        Contact("john-2", "John Smith", company="Globex"),
    )
    return book


# --- find


@pytest.mark.parametrize(
    ("who", "contact"),
    [
        ("Anna Berg", "anna-b"),
        ("berg", "anna-b"),
        ("Anna B.", "anna-b"),
        ("A. Lund", "anna-l"),
        ("lundi", "anna-l"),
        ("Tom", "tom"),
        ("Tom Baker's", "tom"),
        ("Baker, Tom", "tom"),
        ("zoe sorensen", "zoe"),
        ("Zoey", "zoe"),
        ("my boss", "anna-b"),
        ("my sis", "zoe"),
        ("our account manager", "tom"),
        ("John Smith from Globex", "john-2"),
        ("my sister Zoe", "zoe"),
    ],
)
def test_people_are_found_by_what_they_are_called(known, say, who, contact):
    reply = say("find", who=who)
    assert reply.data["person"]["id"] == contact
    assert reply.data["remember"]["person"]["id"] == contact


def test_a_number_is_read_in_groups(known, say):
    reply = say("find", who="Zoe", detail="phone")
    assert reply.speech == "Zoë Sørensen's number is 0 1 7 0, 1 1 1, 1 1 1."
    assert "0170 111111" in reply.display
    assert reply.data["phone"] == [{"value": "0170 111111", "kind": ""}]


def test_several_numbers_and_one_kind(known, say):
    reply = say("find", who="Anna Berg", detail="phone")
    assert reply.speech == (
        "Anna Berg has 2 numbers: mobile plus 4 9, 1 5 1, 2 3 4, 5 6 7 8 "
        "and work 0 3 0, 5 5 5, 1 2 3 4."
    )
    one = say("find", who="Anna Berg", kind="work")
    assert one.speech == "Anna Berg's work number is 0 3 0, 5 5 5, 1 2 3 4."
    none = say("find", who="Anna Berg", detail="phone", kind="home")
    assert none.speech.startswith("I have no home number for Anna Berg. There is mobile plus")


def test_other_details(known, say):
    assert say("find", who="Anna Berg", detail="email").speech == (
        "Anna Berg's e-mail address is anna dot berg at acme dot example."
    )
    assert say("find", who="Tom", detail="company").speech == (
        "Thomas Baker works at Acme Corporation."
    )
    assert say("find", who="Tom", detail="role").data["role"] == "account manager"
    assert say("find", who="Tom", detail="address").speech == (
        "I have no address for Thomas Baker."
    )
    born = say("find", who="Anna Berg", detail="birthday")
    assert born.speech == "Anna Berg was born on 3 December 1990 and is 35 years old."
    assert born.data["next"] == "2026-12-03"
    leap = say("find", who="Lundi", detail="birthday")
    assert (leap.data["next"], leap.data["age"]) == ("2027-02-28", None)


def test_a_card_shows_all_that_is_known(known, say):
    display = say("find", who="Anna Berg").display.splitlines()
    assert display[:2] == ["Anna Berg", "  designer at Acme Corporation"]
    assert "  birthday  3 December 1990" in display


def test_who_works_there(known, say):
    for company in ("Acme", "acme corporation", "Akme"):
        reply = say("find", company=company)
        assert {p["id"] for p in reply.data["people"]} == {"anna-b", "tom"}
    assert reply.speech.startswith("2 people work at Acme Corporation: ")
    alone = say("find", company="Acme", role="designer")
    assert alone.data["remember"]["person"]["id"] == "anna-b"
    assert say("find", group="choir").data["people"][0]["id"] == "anna-b"
    with pytest.raises(BadRequest):
        say("find", company="Umbrella")


def test_whose_number_is_it(known, say):
    assert say("find", phone="+49 (0)170 111111".replace("(0)", "")).speech == (
        "That is Zoë Sørensen's number."
    )
    assert say("find", email="Anna.Berg@ACME.example").data["person"]["id"] == "anna-b"
    with pytest.raises(BadRequest):
        say("find", phone="999999")


def test_whose_birthday_is_it(known, say):
    coming = say("find", detail="birthday").data["people"]
    assert [p["id"] for p in coming] == ["anna-b", "anna-l"]
    assert say("find", when=day("2026-12-03")).speech == (
        "Birthdays: Anna Berg on Thursday, 3 December."
    )
    none = say("find", when=day("2026-12-04"))
    assert none.speech == "Nobody in your address book has a birthday then."


def test_coming_birthdays(known, say):
    people = say("find", when={**day("2026-11-22"), "end": "2027-03-01T00:00:00+01:00"})
    assert [(p["id"], p["on"]) for p in people.data["people"]] == [
        ("anna-b", "2026-12-03"),
        ("anna-l", "2027-02-28"),
    ]


def test_she_is_the_one_last_spoken_of(known, say):
    say("find", who="Anna Berg")
    assert say("find", who="her", detail="phone").data["person"]["id"] == "anna-b"
    assert say("find", detail="email").data["person"]["id"] == "anna-b"
    assert say("find", who="Anna").data["person"]["id"] == "anna-b"  # one of two, but just named


def test_two_of_a_name_are_asked_about(known, skill, ctx):
    question = asked(skill, "find", ctx, who="Anna", detail="phone")
    assert question.slot == "who"
    assert question.text == "Which Anna: Anna Berg or Anna Lund?"
    reply = run(skill, "find", ctx, who=question.candidates[1]["value"], detail="birthday")
    assert reply.data["person"]["id"] == "anna-l"
    labels = [c["label"] for c in asked(skill, "find", ctx, who="John Smith").candidates]
    assert labels == ["John Smith at Initech", "John Smith at Globex"]


def test_those_looked_up_more_come_first(known, skill, ctx, say):
    other = context(skill, ctx.data_dir)
    run(skill, "find", other, who="Anna Lund")
    assert asked(skill, "find", ctx, who="Anna").candidates[0]["label"] == "Anna Lund"
    assert list(skill.vocabulary(ctx)["person"])[:2] == ["Anna Lund", "Lundi"]


def test_a_like_name_is_asked_about_and_a_strange_one_refused(known, skill, ctx, say):
    near = asked(skill, "find", ctx, who="Anna Schmidt")
    assert near.text.startswith("I know no Anna Schmidt. Did you mean Anna")
    assert {c["label"] for c in near.candidates} == {"Anna Berg", "Anna Lund"}
    for who in ("Zebedee", "my plumber", "him", "?!", "x" * 5000, "a " * 3000):
        with pytest.raises(BadRequest) as error:
            say("find", who=who)
        assert who not in str(error.value) + error.value.hint


def test_an_empty_book_says_so(say):
    assert say("find").speech.startswith("Your address book is empty.")


def test_how_many(known, say):
    assert say("find").speech == "There are 6 people in your address book."


# --- add


def test_add_and_find(say):
    reply = say(
        "add", who="kofi mensah", phone="0151 234567", email="kofi@mail.example", company="Acme",
        role="engineer", birthday=day("1985-05-01"), kind="mobile", relation="friend",
    )  # fmt: skip
    assert reply.speech == "I added Kofi Mensah."
    assert reply.data["added"] is True
    found = say("find", who="coffee mensa")
    assert found.data["person"]["birthday"] == "1985-05-01"
    assert found.data["person"]["phones"] == [{"value": "0151 234567", "kind": "mobile"}]


def test_a_birthday_to_come_has_no_year(say):
    say("add", who="Ada Day", birthday=day("2027-03-31"))
    assert say("find", who="Ada Day").data["person"]["birthday"] == "--03-31"


def test_the_same_again_is_noticed(known, book, say):
    again = say("add", who="anna berg", phone="0151 2345678")
    assert again.data["added"] is False and again.data["changes"] == []
    more = say("add", who="ANNA BERG", phone="040 99999", kind="home")
    assert more.speech == (
        "Anna Berg was there already. Anna Berg's home phone number is now 0 4 0, 9 9 9, 9 9."
    )
    assert len(book.get("anna-b").phones) == 3
    assert len(book.where()) == 6


def test_another_of_the_name_at_another_company(known, book, say):
    assert say("add", who="Anna Berg", company="Initech").data["added"] is True
    assert len(book.called("anna berg")) == 2


def test_a_number_that_somebody_has(known, say):
    reply = say("add", who="Flatmate", phone="0170 111111")
    assert reply.speech == "I added Flatmate. The same number is kept for Zoë Sørensen."


@pytest.mark.parametrize("slots", [{"email": "no address"}, {"phone": "1"}, {"email": "a@b"}])
def test_what_is_no_address_changes_nothing(known, book, say, slots):
    before = book.where()
    for intent, who in (("add", "New One"), ("update", "Tom")):
        with pytest.raises(BadRequest, match="nothing was changed"):
            say(intent, who=who, **slots)
    assert book.where() == before


def test_add_happens_once(skill, ctx, book):
    run(skill, "add", ctx, who="Kofi Mensah")
    assert retry(skill, "add", ctx, who="Kofi Mensah").speech == "I added Kofi Mensah."
    assert len(book.where()) == 1


# --- update


def test_what_was_before_is_said(known, say):
    reply = say("update", who="Zoe", phone="0171 222222")
    assert reply.speech == (
        "Zoë Sørensen's phone number is now 0 1 7 1, 2 2 2, 2 2 2; it was 0 1 7 0, 1 1 1, 1 1 1."
    )
    assert reply.data["changes"][0]["before"] == "0170 111111"
    assert say("find", phone="0171 222222").data["person"]["id"] == "zoe"
    with pytest.raises(BadRequest):
        say("find", phone="0170 111111")


def test_which_number_is_asked(known, skill, ctx, say):
    question = asked(skill, "update", ctx, who="Anna Berg", phone="040 1234")
    assert question.slot == "kind"
    assert [c["value"] for c in question.candidates] == ["mobile", "work"]
    done = say("update", who="Anna Berg", phone="040 1234", kind="work")
    assert done.data["changes"][0]["before"] == "030 555 1234"


@pytest.mark.parametrize(
    ("slots", "find", "contact"),
    [
        ({"nickname": "Tomcat"}, {"who": "tomcat"}, "tom"),
        ({"company": "Initrode"}, {"company": "initrode"}, "tom"),
        ({"role": "janitor"}, {"role": "janitor"}, "tom"),
        ({"relation": "brother"}, {"who": "my brother"}, "tom"),
        ({"group": "band"}, {"group": "band"}, "tom"),
        ({"name": "tom becker-stein"}, {"who": "Tom Becker Stein"}, "tom"),
    ],
)
def test_what_is_new_finds_them_and_what_was_does_not(known, ctx, say, slots, find, contact):
    say("update", who="Thomas Baker", **slots)
    assert say("find", **find).data["person"]["id"] == contact
    if "name" in slots:
        assert ctx.db.select(words, words.c.word == "baker") == []
        assert ctx.db.select(names, names.c.word == "baker") == []


def test_an_update_happens_once(known, skill, ctx, book):
    first = run(skill, "update", ctx, who="Thomas", name="Tim Baker")
    again = retry(skill, "update", ctx, who="Thomas", name="Tim Baker")
    assert first.speech == again.speech == "Thomas Baker is now called Tim Baker."


def test_nothing_to_change(known, say):
    with pytest.raises(BadRequest, match="not said"):
        say("update", who="Tom")
    same = say("update", who="Tom", company="Acme Corporation")
    assert same.speech == "That is how it was with Thomas Baker already."


# --- for other skills


def test_resolve(known, skill, ctx):
    assert skill.resolve(ctx, "person", "Zoe") == [
        Person("Zoë Sørensen", id="zoe", phone="0170 111111")
    ]
    assert skill.resolve(ctx, "person", "my boss")[0].email == "anna.berg@acme.example"
    assert [p.id for p in skill.resolve(ctx, "person", "Anna")] == ["anna-b", "anna-l"]
    assert skill.resolve(ctx, "person", "Zebedee") == []
    assert skill.resolve(ctx, "place", "Zoe") == []


def test_books_are_apart(known, skill, ctx, tmp_path):
    other = context(skill, tmp_path, user="other")
    assert skill.resolve(other, "person", "Zoe") == []
    assert run(skill, "find", other).data["count"] == 0
    run(skill, "add", other, who="Zoe Other")
    assert skill.resolve(ctx, "person", "Zoe")[0].id == "zoe"


def test_nothing_is_left_of_who_is_removed(known, ctx):
    for contact in known.where():
        known.remove(contact.id)
    assert [ctx.db.select(table) for table in (details, names, words)] == [[], [], []]


def test_a_name_in_another_script(say):
    say("add", who="Анна Каренина", phone="111111")
    assert say("find", who="анна", detail="phone").data["phone"]


def test_reading_emits_nothing(known, say, ctx: Context):
    say("find", who="Zoe")
    assert recorded(ctx).emitted == []


def test_the_age_is_right_on_the_day(known, skill, tmp_path):
    then = context(skill, tmp_path, now=datetime(2026, 12, 3, 8))  # noqa: DTZ001 - zone of ctx
    assert run(skill, "find", then, who="Anna Berg", detail="birthday").speech == (
        "Anna Berg was born on 3 December 1990 and is 36 years old. That is today."
    )


def test_declaration_is_sound():
    specs = People.intents()
    verbs = ["find", "add", "update", "remove", "merge", "unmerge", "restore", "sync"]
    assert list(specs) == [f"people.{verb}" for verb in verbs]
    assert [spec.effect for spec in specs.values()] == [
        "read",
        *["write"] * 2,
        "send",
        *["write"] * 4,
    ]
