"""vCard files as programs write them, whole and broken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from wlm_people.book import Book
from wlm_people.card import from_lines
from wlm_people.contact import Contact, Point
from wlm_people.lines import read
from wlm_people.tables import contacts, details, names, words
from wlm_people.vcards import Imported, export_vcards, import_vcards, to_vcard

from wlm.errors import UsageError
from wlm.plugins.testing import context, recorded, run


def card(*lines: str, version: str = "3.0") -> bytes:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


def only(book: Book) -> Contact:
    (contact,) = book.where()
    return contact


def test_a_card_of_an_old_telephone(ctx, book):
    data = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;",
        "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg =",
        "M=C3=BCller",
        "TEL;WORK;VOICE:030 11111",
        "TEL;CELL;PREF:+49 151 22222",
        "TEL;HOME;FAX:030 33333",
        "EMAIL;INTERNET:joerg@example.org",
        "ADR;HOME;ENCODING=QUOTED-PRINTABLE:;;Hauptstr. 1=0D=0AHinterhaus;Berlin;;10115;Germany",
        "TITLE:Head of sales, north",
        "PHOTO;ENCODING=BASE64;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD",
        " AAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkS",
        "",
        version="2.1",
    )
    assert import_vcards(ctx, data) == Imported(1, 0, 0)
    contact = only(book)
    assert (contact.name, *contact.parts) == ("Jörg Müller", "Jörg", "Müller")
    assert contact.phones == (
        Point("+49 151 22222", "mobile"),
        Point("030 11111", "work"),
        Point("030 33333", "fax"),
    )
    assert contact.addresses[0].value.split("\n")[1:] == ["Hinterhaus", "Berlin 10115", "Germany"]
    assert contact.role == "Head of sales, north"


def test_a_card_of_a_computer(ctx, book):
    data = card(
        "UID:urn:uuid:1",
        "N:Berg;Anna;Maria;Dr.;",
        "FN:Dr. Anna Berg",
        "ORG:Acme\\, Inc.;Design",
        "TITLE:Designer",
        "item1.TEL;TYPE=VOICE:+49 1111",
        "item1.X-ABLabel:Handy",
        "item2.EMAIL;type=INTERNET:x@example.org",
        "item2.X-ABLABEL:_$!<Other>!$_",
        "BDAY;VALUE=date:1990-03-31",
        "CATEGORIES:friends,work",
        "NICKNAME:Annie,Ann",
        "NOTE:one\\ntwo\\; with\\, stuff\\\\",
    )
    import_vcards(ctx, data)
    contact = only(book)
    assert contact.company == "Acme, Inc., Design"
    assert contact.phones == (Point("+49 1111", "handy"),)
    assert contact.emails == (Point("x@example.org", ""),)
    assert contact.birthday == "1990-03-31"
    assert (contact.groups, contact.nicknames) == (("friends", "work"), ("Annie", "Ann"))
    assert contact.notes == "one\ntwo; with, stuff\\"


def test_a_card_of_version_4(ctx, book):
    data = card(
        "N:Doe;Jane;;;",
        "FN:Jane",
        "  Doe",
        'TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1-555-555-5555;ext=5555',
        "BDAY:--0203",
        'ADR;TYPE=home;LABEL="5 Rose Lane":;;5 Rose Lane;Bath;;BA1;UK',
        "EMAIL:mailto:jane@example.org",
        version="4.0",
    )
    import_vcards(ctx, data)
    contact = only(book)
    assert contact.name == "Jane Doe"
    assert contact.phones == (Point("+1-555-555-5555 ext 5555", "home"),)
    assert contact.birthday == "--02-03"
    assert contact.emails == (Point("jane@example.org", ""),)
    assert book.with_detail("phone", "555555555") == [contact]


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("BDAY:19900331", "1990-03-31"),
        ("BDAY:1990-03-31T00:00:00Z", "1990-03-31"),
        ("BDAY:--03-31", "--03-31"),
        ("BDAY:2004-02-29", "2004-02-29"),
        ("BDAY:--0229", "--02-29"),
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-31", "--03-31"),
        ("BDAY:1990-13-31", ""),
        ("BDAY:in spring", ""),
        ("BDAY:1990", ""),
    ],
)
def test_birthdays(ctx, book, line, stored):
    import_vcards(ctx, card("FN:A B", line))
    assert only(book).birthday == stored


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["N:Berg;Anna;;;"], "Anna Berg"),
        (["FN:", "N:Berg;Anna;;;"], "Anna Berg"),
        (["FN: ", "NICKNAME:Annie"], "Annie"),
        (["ORG:Plumbers Ltd", "TEL:123"], "Plumbers Ltd"),
        (["EMAIL:a@example.org"], "a@example.org"),
        (["TEL:12345"], "12345"),
        (["FN:Baker, Tom"], "Baker, Tom"),
    ],
)
def test_somebody_without_a_proper_name(ctx, book, lines, name):
    assert import_vcards(ctx, card(*lines)).added == 1
    assert only(book).name == name


@pytest.mark.parametrize(
    "lines",
    [
        ["NOTE:nobody"],
        ["FN:...", "NOTE:nobody"],
        ["KIND:group", "FN:Friends", "MEMBER:urn:uuid:1"],
        ["X-ADDRESSBOOKSERVER-KIND:group", "FN:Friends"],
    ],
)
def test_cards_of_nobody_are_skipped(ctx, book, lines):
    assert import_vcards(ctx, card(*lines) + card("FN:Anna Berg")) == Imported(1, 0, 1)
    assert only(book).name == "Anna Berg"


@pytest.mark.parametrize(
    "line",
    [
        "this is no line",
        ";;:x",
        "TEL;TYPE=:12345",
        "PHOTO;ENCODING=b:!!!!damaged",
        "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=X-UNKNOWN:J=F6rg",
        "NOTE;ENCODING=QUOTED-PRINTABLE:=ZZ",
        "X-EVIL;" + "A=b;" * 500 + ":x",
        "\0",
        "ADR:;;",
        "N:",
    ],
)
def test_odd_lines_spoil_neither_card_nor_file(ctx, book, line):
    data = card("FN:Odd One", line, "EMAIL:odd@example.org") + card("FN:Anna Berg")
    assert import_vcards(ctx, data).added == 2
    assert {c.name for c in book.where()} == {"Odd One", "Anna Berg"}
    assert book.called("odd one")[0].emails == (Point("odd@example.org", ""),)


def test_charsets(ctx, book):
    lines = "BEGIN:VCARD\nVERSION:2.1\nFN{}:Jörg Groß\nEND:VCARD\n"
    for data in (
        lines.format("").encode("utf-8-sig"),
        lines.format("").encode("utf-16"),
        lines.format("").encode("cp1252"),
        lines.format(";CHARSET=ISO-8859-15").encode("iso-8859-15"),
        lines.format("").replace("\n", "\r").encode(),
    ):
        import_vcards(ctx, data)
        assert only(book).name == "Jörg Groß"
    import_vcards(
        ctx, lines.format(";CHARSET=KOI8-R").replace("Jörg Groß", "Анна").encode("koi8-r")
    )
    assert {c.name for c in book.where()} == {"Jörg Groß", "Анна"}


def test_twice_is_once(ctx, book):
    data = (
        card("UID:1", "FN:Anna Berg", "TEL;TYPE=CELL:+49 151 1234567")
        + card("FN:Tom Baker", "EMAIL:tom@example.org")
        + card("FN:No Number")
        + card("UID:1", "FN:Anna Berg", "TEL:0151 1234567")
    )
    assert import_vcards(ctx, data) == Imported(3, 0, 0, 1)
    before = book.where()
    assert import_vcards(ctx, data) == Imported(0, 0, 0, 4)
    assert book.where() == before


def test_what_is_new_is_added_and_nothing_is_lost(skill, ctx, book, say):
    import_vcards(ctx, card("UID:1", "FN:Anna Berg", "TEL;TYPE=CELL:0151 1", "TITLE:Designer"))
    say("update", who="Anna Berg", email="anna@example.org")
    done = import_vcards(ctx, card("UID:1", "FN:Anna Lund", "TEL;TYPE=WORK:030 2", "TITLE:Boss"))
    assert done == Imported(0, 1, 0)
    contact = only(book)
    assert (contact.name, contact.role) == ("Anna Lund", "Boss")
    assert [p.value for p in (*contact.phones, *contact.emails)] == [
        "0151 1",
        "030 2",
        "anna@example.org",
    ]
    assert run(skill, "find", ctx, who="Lund").data["person"]["id"] == contact.id


def test_two_of_a_name_stay_two(ctx, book):
    data = card("FN:John Smith", "TEL:111111") + card("FN:John Smith", "TEL:222222")
    assert import_vcards(ctx, data).added == 2
    assert import_vcards(ctx, data).added == 0
    bare = card("UID:a", "FN:Jo Doe") + card("UID:b", "FN:Jo Doe")
    assert import_vcards(ctx, bare).added == 2
    assert import_vcards(ctx, bare) == Imported(0, 0, 0, 2)


def test_a_file_without_cards(ctx):
    for data in (b"", b"hello", b"BEGIN:VCARD\nFN:Cut off", b"\xff\xfe\x00"):
        with pytest.raises(UsageError, match="no vCard"):
            import_vcards(ctx, data)


def test_all_or_nothing(ctx, book):
    """The database refuses a card of the second part; the first part is not kept either."""
    many = b"".join(card(f"FN:Person {n}", f"TEL:{n:06}") for n in range(500))
    refuse = (
        "CREATE TRIGGER refuse BEFORE INSERT ON people_contact WHEN NEW.name = 'Person 450' "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    with recorded(ctx).store.write() as connection:
        connection.exec_driver_sql(refuse)
    with pytest.raises(DBAPIError):
        import_vcards(ctx, many)
    assert book.where() == []
    with recorded(ctx).store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER refuse")
    assert import_vcards(ctx, many).added == 500


def test_what_is_too_long_is_cut_or_kept_whole(ctx, book):
    data = card("UID:" + "u" * 900, "FN:Long " + "x" * 3000, "NICKNAME:" + "ß" * 3000,
                "TEL;TYPE=" + "k" * 900 + ":" + "1" * 3000, "NOTE:" + "z " * 9000)  # fmt: skip
    assert import_vcards(ctx, data).added == 1
    assert import_vcards(ctx, data) == Imported(0, 0, 0, 1)
    rows = {table: ctx.db.select(table) for table in (contacts, details, names, words)}
    for table, found in rows.items():
        for column in table.columns:
            if (most := getattr(column.type, "length", None)) is not None:
                assert max(len(row[column.name]) for row in found) <= most, column


def test_nothing_personal_is_logged(ctx, caplog, capfd):
    import_vcards(ctx, card("FN:Anna Berg", "secret nonsense line"))
    out = capfd.readouterr()
    assert "secret" not in caplog.text + out.out + out.err


_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn", "Zl", "Zp")), min_size=1, max_size=40
).map(lambda s: " ".join(s.split()))


@settings(deadline=None)
@given(
    name=_text.map(lambda s: f"A {s}".strip()),
    role=_text,
    notes=st.lists(_text, max_size=3).map("\n".join),
    nickname=_text.map(lambda s: f"B {s}".strip()),
    street=_text.map(lambda s: f"C {s}".strip()),
)
def test_out_and_in_again(name, role, notes, nickname, street):
    contact = Contact(
        "c1",
        name,
        uid="u1",
        role=role,
        notes=notes.strip(),
        birthday="--02-29",
        phones=(Point("+49 151 1", "mobile"), Point("030 2", "work"), Point("4")),
        emails=(Point("a+b@example.org", "home"),),
        addresses=(Point(f"{street}\nBath", "home"),),
        nicknames=(nickname,),
        relations=("boss",),
        groups=("choir", "a, b"),
    )
    text = to_vcard(contact)
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    read_back = from_lines(read(text.replace("\r\n", "\n")))
    assert read_back is not None
    back = read_back.onto(Contact("c1", ""))
    assert back.having(given="", family="") == contact


def test_export_goes_into_another_book(skill, ctx, tmp_path):
    run(skill, "add", ctx, who="Zoë Sørensen", phone="0151 1234567", kind="mobile", group="choir")
    run(skill, "add", ctx, who="Anna Berg", email="anna@example.org", relation="boss")
    data = export_vcards(ctx)
    other = context(skill, tmp_path, user="other")
    assert import_vcards(other, data) == Imported(2, 0, 0)
    assert import_vcards(other, data) == import_vcards(ctx, data) == Imported(0, 0, 0, 2)
    assert run(skill, "find", other, who="my boss", detail="email").data["email"]
    assert export_vcards(other).count(b"BEGIN:VCARD") == 2


@given(st.text(max_size=200) | st.text('BEGINVCARD:;=,"\\\n A-', max_size=200))
def test_no_text_breaks_the_reader(text):
    from_lines(read(text))


def test_hostile_lines_take_linear_time(ctx):
    """Each would keep a backtracking reader busy for years."""
    for line in (
        "X;" + "A=b;" * 20_000 + ":x",
        "N:" + ";" * 20_000,
        "X" + ";A=b,c" * 20_000,
        'X;A="' * 20_000,
        "NOTE;ENCODING=QUOTED-PRINTABLE:" + "=\n" * 20_000,
        "CATEGORIES:" + "\\," * 20_000,
    ):
        assert import_vcards(ctx, card("FN:Anna Berg", line)).skipped == 0
