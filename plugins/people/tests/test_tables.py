"""Address books as tables, in the shapes that programs export."""

from __future__ import annotations

import pytest
from wlm_people.book import Book
from wlm_people.bring import Imported
from wlm_people.contact import Contact, Point
from wlm_people.vcards import import_contacts

from wlm.errors import UsageError

GOOGLE = """\
First Name,Middle Name,Last Name,Nickname,Organization Name,Organization Title,Birthday,Notes,\
Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,\
Phone 1 - Value,Address 1 - Label,Address 1 - Formatted
Anna,Maria,Berg,Annie,Hill & Sons,Head of sales,1980-03-31,"likes tea, not coffee",\
* myContacts ::: Choir,* Work,anna@example.org,Home,berg@example.net ::: b2@example.net,Mobile,\
+49 151 22222,Home,"Hauptstr. 1
10115 Berlin"
,,,,,,,,,,,,,,,,
"""
OLD_GOOGLE = """\
Name,Given Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,\
Phone 1 - Value,Organization 1 - Name,Organization 1 - Title
Tom Baker,Tom,Baker,* myContacts ::: Football,* Home,tom@example.org,Mobile,0171 222222,Mill,Cook
"""
OUTLOOK = """\
"Title","First Name","Last Name","Company","Job Title","Business Street","Business City",\
"Business Postal Code","Business Country/Region","Business Fax","Business Phone","Mobile Phone",\
"E-mail Address","E-mail 2 Address"
"Dr","Zoë","Sørensen","Fjord","Captain","Kai 3","Bergen","5003","Norway","55 11","55 22",\
"90 33","zoe@example.no","zs@example.no"
"""


def only(book: Book) -> Contact:
    (contact,) = book.where()
    return contact


def test_google(ctx, book):
    assert import_contacts(ctx, GOOGLE.encode()) == Imported(1, 0, 0)
    contact = only(book)
    assert contact.name == "Anna Maria Berg"
    assert contact.parts.family == "Berg"
    assert contact.nicknames == ("Annie",)
    assert (contact.company, contact.role) == ("Hill & Sons", "Head of sales")
    assert contact.birthday == "1980-03-31"
    assert contact.notes == "likes tea, not coffee"
    assert contact.groups == ("Choir",)
    assert contact.emails == (
        Point("anna@example.org", "work"),
        Point("berg@example.net", "home"),
        Point("b2@example.net", "home"),
    )
    assert contact.phones == (Point("+49 151 22222", "mobile"),)
    assert contact.addresses == (Point("Hauptstr. 1\n10115 Berlin", "home"),)


def test_google_as_it_was(ctx, book):
    import_contacts(ctx, OLD_GOOGLE.encode())
    contact = only(book)
    assert contact.name == "Tom Baker"
    assert contact.emails == (Point("tom@example.org", "home"),)
    assert contact.phones == (Point("0171 222222", "mobile"),)
    assert (contact.company, contact.role) == ("Mill", "Cook")
    assert contact.groups == ("Football",)


def test_outlook_in_its_own_encoding(ctx, book):
    import_contacts(ctx, OUTLOOK.replace("\n", "\r\n").encode("cp1252"))
    contact = only(book)
    assert contact.name == "Zoë Sørensen"
    assert contact.role == "Captain"
    assert contact.phones == (
        Point("55 11", "fax"),
        Point("55 22", "work"),
        Point("90 33", "mobile"),
    )
    assert [point.value for point in contact.emails] == ["zoe@example.no", "zs@example.no"]
    assert contact.addresses == (Point("Kai 3\nBergen 5003\nNorway", "work"),)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_made_by_hand(ctx, book, delimiter):
    rows = [
        ["Name", "Phone", "E-Mail", "Shoe size"],
        ["Kofi Mensah", "030 1", "k@example.org", "9"],
    ]
    text = "\n".join(delimiter.join(row) for row in rows)
    assert import_contacts(ctx, b"\xef\xbb\xbf" + text.encode()) == Imported(1, 0, 0)
    contact = only(book)
    assert contact.phones == (Point("030 1"),)
    assert contact.emails == (Point("k@example.org"),)


def test_again_changes_nothing_and_a_card_is_the_same_person(ctx, book):
    import_contacts(ctx, GOOGLE.encode())
    assert import_contacts(ctx, GOOGLE.encode()) == Imported(0, 0, 0, 1)
    card = b"BEGIN:VCARD\nFN:Anna Maria Berg\nTEL:+4915122222\nTITLE:Boss\nEND:VCARD\n"
    assert import_contacts(ctx, card) == Imported(0, 1, 0)
    assert only(book).role == "Boss"


def test_rows_of_nobody_are_counted(ctx, book):
    text = "Name,Phone,Notes\n,,only a note\nTom,1234,\n"
    assert import_contacts(ctx, text.encode()) == Imported(1, 0, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\1\2",
        b"just a text\nof two lines",
        b"Date,Amount\n2026-01-01,3\n",
        b'Name\n"' + b"x" * 200_000,
    ],
)
def test_what_is_no_table_of_contacts_changes_nothing(ctx, book, data):
    with pytest.raises(UsageError, match="nothing was changed"):
        import_contacts(ctx, data)
    assert book.where() == []
