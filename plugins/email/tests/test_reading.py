"""How a mail is heard: quotations, signatures, HTML, charsets that lie, and broken forms."""

from __future__ import annotations

import time

import pytest
from wlm_email.charsets import decode
from wlm_email.heard import newest, spoken
from wlm_email.markup import html_to_text
from wlm_email.mime import attached, parse, taken_apart


def body(text: bytes, content_type: str = "text/plain; charset=utf-8", head: bytes = b"") -> str:
    raw = b"From: a@b.example\r\nContent-Type: " + content_type.encode() + b"\r\n" + head
    return parse(raw + b"\r\n" + text, "1", seen=True).text


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Noon is fine.\n\nOn Fri, 20 Nov 2026 at 10:00, Tom <t@x> wrote:\n> old\n> older",
         "Noon is fine."),
        ("Noon is fine.\n\nOn Fri, 20 Nov 2026 at 10:00, Tom Baker\n<t@x.example> wrote:\n\n> old",
         "Noon is fine."),
        ("Passt.\n\nAm 20.11.2026 um 10:00 schrieb Tom Baker:\n> alt", "Passt."),
        ("Vale.\n\nEl vie, 20 nov 2026 a las 10:00, Tom escribió:\n> viejo", "Vale."),
        ("> Noon?\n\nYes.\n\n> With Bob?\n\nNo.", "Yes. No."),
        ("Fine\n\n-----Original Message-----\nFrom: Tom\nSent: Friday\nTo: Me\n\nold", "Fine."),
        ("Fine\n\nFrom: Tom\nSent: Friday\nTo: Me\nSubject: Noon\n\nold", "Fine."),
        ("Fine\n\n-- \nAnna Berg\n+49 30 123", "Fine."),
        ("Fine\n\nSent from my iPhone", "Fine."),
        ("Fine\n\nThis e-mail and any attachments are confidential and intended for you only.",
         "Fine."),
        ("Look: https://x.example/a?b=c and <https://y.example>.", "Look: a link and a link."),
        ("---------- Forwarded message ----------\nFrom: Tom\nDate: Friday\nSubject: Noon\n"
         "To: Me\n\nShall we?", "Shall we?"),
        ("For you.\n\nBegin forwarded message:\n\nFrom: Tom\nSubject: x\n\nLong story",
         "For you. A mail is passed on below."),
        ("On Monday we meet. Here is what Tom wrote:\nCome early.",
         "On Monday we meet. Here is what Tom wrote: Come early."),
        ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nNoon.\n"
         "-----BEGIN PGP SIGNATURE-----\nabc\n-----END PGP SIGNATURE-----", "Noon."),
        ("> all of it is quoted", "all of it is quoted."),
        ("First\n\nSecond", "First. Second."),
        ("", ""),
    ],
)  # fmt: skip
def test_what_is_heard(text, heard):
    assert spoken(text, 900) == heard


def test_a_long_text_is_cut_at_a_word():
    assert spoken("word " * 300, 20) == "word word word word … The rest is in the display."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Hello<br>you</p><p>Bye</p>", "Hello\nyou\n\nBye"),
        ("<div style='display:none'>Preview</div><p>Hello</p>", "Hello"),
        ("<span style='font-size:0'>x</span>Hello<span hidden>y</span>", "Hello"),
        ("<p style='font-size:0.9em'>Hello</p>", "Hello"),
        ("<p>Yes</p><blockquote><p>Noon?</p></blockquote>", "Yes\n\n> Noon?"),
        ("<p>Yes</p><div class='gmail_quote'>On Friday, Tom wrote:<br>Noon?</div>",
         "Yes\n\n> On Friday, Tom wrote:\n> Noon?"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<table><tr><td>Sum</td><td>400</td></tr></table>", "Sum 400"),
        ("<head><style>p{}</style><p>Hello", "Hello"),
        ("<script>if (a<b) steal()</script>Hello", "Hello"),
        ("a &amp; b &#8364; &nope;", "a & b € &nope;"),
        ("<!-- x --><p>Hello</p><![if mso]>y<![endif]>", "Hello\n\ny"),
    ],
)  # fmt: skip
def test_the_text_of_html(markup, text):
    assert html_to_text(markup) == text


def test_endless_html_takes_no_time():
    started = time.monotonic()
    for markup in ("<div>" * 100_000, "<" * 100_000, "</p>" * 100_000, "<a b='" * 50_000):
        html_to_text(markup)
    assert time.monotonic() - started < 60  # a hang, not a speed


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        ("“Grüße”".encode("cp1252"), "iso-8859-1", "“Grüße”"),
        ("Grüße".encode("latin-1"), "klingon", "Grüße"),
        ("你好，龍馬".encode("gb18030"), "gb2312", "你好，龍馬"),
        ("안녕하세요 똠방".encode("cp949"), "ks_c_5601-1987", "안녕하세요 똠방"),
        ("こんにちは①".encode("cp932"), "shift_jis", "こんにちは①"),
        ("日本語".encode("iso2022_jp"), "ISO-2022-JP", "日本語"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("שלום".encode("cp1255"), "iso-8859-8-i", "שלום"),
        (b"Hi Mom -+Jjo--+ACE-", "unicode-1-1-utf-7", "Hi Mom -☺-!"),
        (b"plain", "unicode_escape", "plain"),
        (b"plain", "base64", "plain"),
        (b"plain", "\x00", "plain"),
        (b"plain", None, "plain"),
        ("Grüße".encode(), '"UTF-8"; format=flowed', "Grüße"),
    ],
)
def test_charsets(raw, charset, text):
    assert decode(raw, charset) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3?= =?utf-8?q?=9Fe?=", "Grüße"),  # cut within a character
        (b"=?gb2312?b?xOO6w6Os/Mg=?=", "你好，"),
        (b"Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"Gr\xfc\xdfe", "Grüße"),
        (b"=?utf-8?b?!!!?= x", "x"),
        (b"=?klingon?q?Gr=FC?=", "Grü"),
        (b"=?utf-8?q?a?=\r\n b", "a b"),
        (b"=?utf-8?q?=1B[2J=E2=80=AE?=x", "[2J x"),
    ],
)
def test_subjects(value, text):
    told = parse(b"Subject: " + value + b"\r\n\r\nx", "1", seen=True).subject
    assert told.startswith(text)


def test_names_may_hold_commas_and_lie():
    raw = b'From: =?utf-8?q?Berg=2C_Anna?= <a@x.example>\r\nTo: "b@y.example" <c@z.example>\r\n\r\n'
    mail = parse(raw, "1", seen=True)
    assert (mail.name, mail.address) == ("Berg, Anna", "a@x.example")
    assert mail.to == (("b@y.example", "c@z.example"),)


def test_the_plainest_alternative_that_says_something():
    parts = (b'--x\r\nContent-Type: text/plain\r\n\r\n%s\r\n--x\r\nContent-Type: text/html\r\n\r\n'
             b"<p>rich</p>\r\n--x--\r\n")  # fmt: skip
    assert body(parts % b"plain", "multipart/alternative; boundary=x") == "plain"
    assert body(parts % b"  ", "multipart/alternative; boundary=x") == "rich"


def test_texts_around_a_picture_are_all_read():
    parts = (b"--x\r\n\r\nbefore\r\n--x\r\nContent-Type: image/png; name=a.png\r\n\r\nPNG\r\n"
             b"--x\r\nContent-Type: text/plain\r\n\r\nafter\r\n--x--\r\n")  # fmt: skip
    mail = parse(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts, "1", seen=True)
    assert (mail.text, mail.attachments) == ("before\n\nafter", ("a.png",))


def test_flowed_lines_go_on():
    assert body(b"one \r\ntwo\r\n\r\n> q \r\nthree", "text/plain; format=flowed") == (
        "one two\n\n> q\nthree"
    )


def test_encrypted_mails_say_so():
    for kind in ("multipart/encrypted; boundary=x", "application/pkcs7-mime"):
        raw = b"Content-Type: " + kind.encode() + b"\r\n\r\n--x\r\n\r\nx"
        mail = parse(raw, "1", seen=True)
        assert (mail.text, mail.note) == ("", "The mail is encrypted, so it cannot be read here.")


def test_a_mail_within_a_mail_is_a_file():
    raw = (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee\r\n--x\r\n"
           b"Content-Type: message/rfc822\r\n\r\nSubject: Old\r\n\r\nsecret\r\n"
           b"--x--\r\n")  # fmt: skip
    mail = parse(raw, "1", seen=True)
    assert (mail.text, mail.attachments) == ("see", ("Old.eml",))
    ((name, kind, data),) = attached(taken_apart(raw), 1000)
    assert (name, kind) == ("Old.eml", "application/octet-stream")
    assert b"secret" in data


def test_deep_nesting_and_long_heads_are_survived():
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(300)
    )
    parse(deep + b"\r\nx", "1", seen=True)
    assert len(parse(b"Subject: " + b"x " * 100_000 + b"\r\n\r\n", "1", seen=True).subject) <= 1000


def test_newest_keeps_paragraphs():
    assert newest("Hi,\n\nNoon?\nOr one?\n\nAnna") == "Hi,\nNoon? Or one?\nAnna."
