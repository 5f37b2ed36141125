"""The email skill against a real Dovecot and a real SMTP server."""

from __future__ import annotations

import dataclasses
import logging
import socket
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import keyring
import pytest
import trustme
from keyring.backends import fail
from wlm_email.skill import Email

from plugins.email.tests.letters import NOW, mail
from tests.support.dovecot import BINARY, MISSING, Dovecot
from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Person, TimeRange
from wlm.plugins.context import InDoubt
from wlm.plugins.testing import asked, context, retry, run

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason=MISSING),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),  # loopback only
]

ANNA = Person("Anna Berg", "c1", "anna@work.example")
TOM = Person("Tom", "c2", "tom@home.example")


def sent(postman) -> EmailMessage:
    """The one mail that was handed over."""
    ((_, _, raw),) = postman.mails
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_new_mail_is_what_is_unread(ctx, mailbox):
    mailbox.put(mail(subject="Old"), seen=True)
    mailbox.put(mail(subject="Lunch"), mail("Tom <tom@home.example>", "Match!", ago=timedelta()))
    reply = run(Email(), "list", ctx)
    assert reply.speech == "2 unread mails. From Tom: Match! From Anna Berg: Lunch."
    assert [row["subject"] for row in reply.data["mails"]] == ["Match!", "Lunch"]
    assert all(b"\\Seen" not in flags for flags, _ in mailbox.contents()[1:])  # only looked at


def test_no_new_mail_names_the_last(ctx, mailbox):
    assert run(Email(), "list", ctx).speech == "No new mail."
    mailbox.put(mail(), seen=True)
    assert run(Email(), "list", ctx).speech == (
        "No new mail. The last came today at 08:30: Anna Berg, Lunch."
    )


def test_mail_from_somebody(ctx, mailbox):
    mailbox.put(mail(), mail("Tom <tom@home.example>", "Match"), seen=True)
    mailbox.put(mail('"Berg, Anna" <a.berg@home.example>', "Private"))
    by_name = run(Email(), "list", ctx, sender=Person("Anna Berg"))
    assert {row["subject"] for row in by_name.data["mails"]} == {"Lunch", "Private"}
    by_address = run(Email(), "list", ctx, sender=ANNA)
    assert by_address.speech == "1 mail. From Anna Berg: Lunch."
    assert run(Email(), "list", ctx, sender=Person("Zoe")).speech == "No mail from Zoe."


def test_a_time_is_kept_to_the_minute(ctx, mailbox):
    client = mailbox.client()
    for hours in (2, 5, 30):
        raw = mail(subject=f"{hours} h", ago=timedelta(hours=hours)).as_bytes()
        moment = (NOW - timedelta(hours=hours)).strftime('"%d-%b-%Y %H:%M:%S %z"')
        client.append("INBOX", None, moment, raw)
    client.logout()
    reply = run(
        Email(), "list", ctx, when=TimeRange(NOW - timedelta(hours=6), NOW - timedelta(hours=3))
    )
    assert [row["subject"] for row in reply.data["mails"]] == ["5 h"]


def test_search_is_the_servers_and_knows_words_and_phrases(ctx, mailbox):
    mailbox.put(
        mail(subject="Invoice for the Kühlschrank", text="It costs 400."),
        mail(subject="Hello", text="The invoice is wrong, see the attached plan.", number=2),
        mail(subject="Nothing", text="at all", number=3),
    )
    assert run(Email(), "search", ctx, query="invoice").data["found"] == 2
    assert run(Email(), "search", ctx, query="plan invoice").data["found"] == 1
    assert run(Email(), "search", ctx, query="Kühlschrank").data["found"] == 1
    assert run(Email(), "search", ctx, query="zebra").speech == "I found no such mail."
    assert asked(Email(), "search", ctx).slot == "query"


@pytest.mark.parametrize(
    "query", ['" OR ALL "zebra', 'x" BODY "', "a\r\nA2 DELETE INBOX", "\\", "(((", "*"]
)
def test_a_query_is_never_a_command(ctx, mailbox, query):
    mailbox.put(mail())
    assert run(Email(), "search", ctx, query=query).data["found"] == 0
    assert len(mailbox.contents()) == 1


def test_reading_aloud_marks_as_read(ctx, mailbox):
    mailbox.put(mail(text="Shall we eat at noon?\n\nOn Friday, Tom wrote:\n> old\n\n-- \nAnna"))
    reply = run(Email(), "read", ctx, sender=ANNA)
    assert reply.speech == "From Anna Berg, today at 08:30: Lunch. Shall we eat at noon?"
    assert "> old" in reply.display
    ((flags, _),) = mailbox.contents()
    assert b"\\Seen" in flags


def test_reading_goes_on_with_the_mail_last_spoken_of(ctx, mailbox):
    mailbox.put(
        mail(subject="One", number=1), mail(subject="Two", ago=timedelta(hours=3), number=2)
    )
    run(Email(), "search", ctx, query="Two")
    assert "Two." in run(Email(), "read", ctx).speech
    fresh = dataclasses.replace(ctx, memory={})
    assert "One." in run(Email(), "read", fresh).speech  # the newest unread


def test_html_charsets_and_attachments_are_read_decently(ctx, mailbox):
    message = mail(subject="Grüße")
    message.clear_content()
    message.set_content(
        "<html><head><style>p{}</style><title>x</title></head><body><p>Hello &amp; welcome</p>"
        "<script>steal()</script><p>See <a href='https://a.example/x'>this</a></p></body></html>",
        subtype="html",
    )
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Plan.pdf")
    latin = (
        b"From: =?iso-8859-1?q?J=F6rg?= <j@x.example>\r\nSubject: =?iso-8859-1?q?Stra=DFe?=\r\n"
        b"Date: Sun, 22 Nov 2026 08:00:00 +0100\r\nMessage-ID: <l@x>\r\n"
        b"Content-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    )
    mailbox.put(message, latin)
    reply = run(Email(), "read", ctx, sender=ANNA)
    assert reply.speech == (
        "From Anna Berg, today at 08:30: Grüße. Hello & welcome. See this. It has 1 attachment."
    )
    assert reply.data["mails"][0]["attachments"] == ["Plan.pdf"]
    reply = run(Email(), "read", ctx, sender=Person("Jörg"))
    assert reply.speech == "From Jörg, today at 08:00: Straße. Grüße."


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"garbage without headers",
        b"From: \xff\xfe\r\nSubject: \xff\r\nDate: never\r\n\r\n\xff\xff",
        b"Subject: x\r\nContent-Type: text/plain; charset=klingon\r\n\r\nhello\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts",
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n",
        b"From: a@b\r\nContent-Type: text/html\r\n\r\n<p" + b"<div>" * 20_000,
        b"From: " + b"(" * 500 + b"\r\nTo: @@\r\nMessage-ID: <\r\n\r\nx",
    ],
)
def test_broken_mails_give_what_can_be_read(ctx, mailbox, raw):
    mailbox.put(raw)
    assert run(Email(), "list", ctx).data["found"] == 1
    assert run(Email(), "read", ctx).speech.startswith("From ")


def test_text_of_strangers_has_no_control_characters(ctx, mailbox):
    mailbox.put(
        b'From: "\x1b[2J Bank" <evil@x.example>\r\nSubject: =?utf-8?b?4oCuZXZpbA==?=\r\n'
        b"Message-ID: <e@x>\r\n\r\n\x1b]0;title\x07Pay now\r\n"
    )
    for reply in (run(Email(), "list", ctx), run(Email(), "read", ctx)):
        shown = reply.speech + reply.display
        assert not set("\x1b\x07\u202e") & set(shown)


def test_sending(ctx, mailbox, postman):
    reply = run(Email(), "send", ctx, to=[ANNA, TOM], body="I'm running late")
    message = sent(postman)
    assert reply.speech == "Sent to Anna Berg and Tom."
    assert postman.mails[0][1] == ["anna@work.example", "tom@home.example"]
    assert message["From"].addresses[0].display_name == "Mé"
    assert message["From"].addresses[0].addr_spec == mailbox.user
    assert message["Subject"] == "I'm running late"
    assert message.get_content().strip() == "I'm running late"
    assert message["Message-ID"] == f"<{ctx.ports.event_id}.wlm@home.example>"
    ((flags, copy),) = mailbox.contents("Sent Mail")
    assert b"\\Seen" in flags
    assert message_from_bytes(copy)["Message-ID"] == message["Message-ID"]


def test_a_repeat_is_recognised_and_not_sent_twice(ctx, postman):
    run(Email(), "send", ctx, to=[ANNA], body="Hello")
    reply = retry(Email(), "send", ctx, to=[ANNA], body="Hello")
    assert reply.speech == "It was sent already."
    assert len(postman.mails) == 1
    run(Email(), "send", ctx, to=[ANNA], body="Hello")  # another event, another mail
    assert len(postman.mails) == 2


def test_a_body_cannot_write_headers(ctx, postman):
    run(Email(), "send", ctx, to=[ANNA], body="x", subject="Hi\r\nBcc: evil@x.example")
    assert postman.mails[0][1] == ["anna@work.example"]
    assert sent(postman)["Bcc"] is None
    with pytest.raises(BadRequest):
        bad = Person("X", "c", "x@y.example>\r\nRCPT TO:<evil@x.example")
        run(Email(), "send", ctx, to=[bad], body="x")
    assert len(postman.mails) == 1


def test_a_recipient_without_an_address_is_asked_for(ctx, postman):
    question = asked(Email(), "send", ctx, to=[Person("Kofi")], body="Hello")
    assert (question.slot, "Kofi" in question.text) == ("to", True)
    run(Email(), "send", ctx, to=[Person("kofi@x.example")], body="Hello")
    assert postman.mails[0][1] == ["kofi@x.example"]


def test_answering(ctx, mailbox, postman):
    mailbox.put(mail(Reply_To="evil@x.example", References="<a@b>"))
    original = message_from_bytes(mailbox.contents()[0][1])["Message-ID"]
    reply = run(Email(), "reply", ctx, sender=ANNA, body="Noon is fine")
    message = sent(postman)
    assert reply.speech == "Replied to Anna Berg."
    assert postman.mails[0][1] == ["anna@work.example"]
    assert message["Subject"] == "Re: Lunch"
    assert message["In-Reply-To"] == original
    assert message["References"] == f"<a@b> {original}"


def test_an_answer_goes_to_no_address_that_was_not_confirmed(ctx, mailbox, postman):
    """Names are for the sender to choose, so the address is asked for, then confirmed."""
    mailbox.put(mail(), mail("Anna Berg <evil@x.example>", "Urgent", ago=timedelta(0)))
    question = asked(Email(), "reply", ctx, sender=Person("Anna Berg"), body="Fine")
    assert [choice["label"] for choice in question.candidates] == [
        "Anna Berg, evil@x.example", "Anna Berg, anna@work.example"
    ]  # fmt: skip
    assert postman.mails == []
    run(Email(), "reply", ctx, sender=question.candidates[1]["value"], body="Fine")
    assert postman.mails[0][1] == ["anna@work.example"]
    assert sent(postman)["Subject"] == "Re: Lunch"


def test_answering_the_mail_last_read(ctx, mailbox, postman):
    assert asked(Email(), "reply", ctx, body="Fine").slot == "sender"
    mailbox.put(mail(), mail("Tom <tom@home.example>", "Newer", ago=timedelta(0)))
    mailbox.put(mail(subject="Newest", ago=timedelta(0)))
    run(Email(), "search", ctx, query="Lunch")
    question = asked(Email(), "reply", ctx, body="Fine")
    assert question.text == "To Anna Berg, anna@work.example?"
    run(Email(), "reply", ctx, sender=question.candidates[0]["value"], body="Fine")
    assert sent(postman)["Subject"] == "Re: Lunch"  # not the newest of hers
    with pytest.raises(BadRequest, match="no mail to answer"):
        run(Email(), "reply", ctx, sender=Person("Zoe", "c", "zoe@x.example"), body="Fine")


def test_an_address_within_another_is_not_that_person(ctx, mailbox, postman):
    mailbox.put(mail("Joanna <joanna@work.example>"))
    with pytest.raises(BadRequest, match="no mail to answer"):
        run(Email(), "reply", ctx, sender=ANNA, body="Fine")


def test_a_mail_without_an_id_is_not_gone_on_with(ctx, mailbox):
    mailbox.put(mail())
    mailbox.put(b"From: a@b.example\r\nSubject: Bare\r\n\r\nx\r\n")
    run(Email(), "search", ctx, query="Bare")
    assert asked(Email(), "reply", ctx, body="Fine").text == "Whose mail do you want to answer?"


def test_refused_recipients(ctx, postman):
    postman.refuse["tom@home.example"] = "550 No such user"
    reply = run(Email(), "send", ctx, to=[ANNA, TOM], body="Hello")
    assert reply.speech == "Sent to Anna Berg. The server did not take it for Tom."
    with pytest.raises(BadRequest, match="none of the recipients") as caught:
        run(Email(), "send", ctx, to=[TOM], body="Hello")
    assert "tom@" not in str(caught.value)
    postman.refuse["tom@home.example"] = "451 Later"
    with pytest.raises(ProviderAway):
        run(Email(), "send", ctx, to=[TOM], body="Hello")


@pytest.mark.parametrize(
    ("answer", "retryable"), [("451 Try later", True), ("554 Spam, go away", False)]
)
def test_a_refused_mail(ctx, postman, mailbox, answer, retryable):
    postman.data_answer = answer
    with pytest.raises(ProviderError, match="nothing was sent") as caught:
        run(Email(), "send", ctx, to=[ANNA], body="Hello")
    assert caught.value.retryable is retryable
    assert mailbox.contents("Sent Mail") == []


def test_a_connection_lost_at_the_end_leaves_a_doubt(ctx, postman):
    postman.hang_up = True
    with pytest.raises(InDoubt) as caught:
        run(Email(), "send", ctx, to=[ANNA], body="Hello")
    assert "may have been sent" in caught.value.reason


def test_no_folder_for_copies_is_told_not_raised(settings, tmp_path, postman):
    settings["sent_folder"] = "Nowhere"
    ctx = context(Email(), tmp_path, now=NOW, settings=settings, offline=False)
    reply = run(Email(), "send", ctx, to=[ANNA], body="Hello")
    assert reply.speech == "Sent to Anna Berg. No copy was kept."
    assert len(postman.mails) == 1


def test_a_wrong_password(settings, tmp_path, caplog):
    settings["password"] = "wrong horse"
    ctx = context(Email(), tmp_path, now=NOW, settings=settings, offline=False)
    with caplog.at_level(logging.DEBUG):
        for intent, slots in (("list", {}), ("send", {"to": [ANNA], "body": "x"})):
            with pytest.raises(ProviderError, match="password") as caught:
                run(Email(), intent, ctx, **slots)
            assert caught.value.retryable is False
            assert "configure email" in caught.value.hint
            assert "horse" not in str(caught.value)
    assert "horse" not in caplog.text


def test_the_password_may_lie_in_the_secrets(settings, tmp_path):
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        password = settings.pop("password")
        ctx = context(Email(), tmp_path, now=NOW, settings=settings, offline=False)
        with pytest.raises(BadRequest, match="no password"):
            run(Email(), "list", ctx)
        ctx.secrets.set("password", password)
        assert run(Email(), "list", ctx).speech == "No new mail."
    finally:
        keyring.set_keyring(before)


def test_not_set_up_names_the_command(tmp_path):
    ctx = context(Email(), tmp_path, offline=False)
    for intent, slots in (("list", {}), ("read", {}), ("send", {"to": [ANNA], "body": "x"})):
        with pytest.raises(BadRequest) as caught:
            run(Email(), intent, ctx, **slots)
        assert "wlm skills configure email" in caught.value.hint


def test_away_and_offline(settings, tmp_path):
    offline = context(Email(), tmp_path, settings=settings)
    with pytest.raises(ProviderAway, match="offline"):
        run(Email(), "list", offline)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gone = {**settings, "imap_port": port, "smtp_port": port}
    ctx = context(Email(), tmp_path, settings=gone, offline=False)
    for intent, slots in (("list", {}), ("send", {"to": [ANNA], "body": "x"})):
        with pytest.raises(ProviderAway, match="cannot be reached"):
            run(Email(), intent, ctx, **slots)


def test_a_password_does_not_cross_the_network_in_the_clear(settings, tmp_path):
    settings["imap_host"] = "mail.example"
    ctx = context(Email(), tmp_path, settings=settings, offline=False)
    with pytest.raises(BadRequest, match="in the clear"):
        run(Email(), "list", ctx)


def test_starttls_checks_the_certificate(tmp_path, monkeypatch):
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificate, key, bundle = (str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem"))
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(bundle)
    with Dovecot(certificate, key) as mailbox:
        settings = {
            "imap_host": "localhost", "imap_port": mailbox.port, "imap_security": "starttls",
            "user": mailbox.user, "password": mailbox.password,
        }  # fmt: skip
        ctx = context(Email(), tmp_path, settings=settings, offline=False)
        with pytest.raises(ProviderError, match="certificate"):
            run(Email(), "list", ctx)
        monkeypatch.setenv("SSL_CERT_FILE", bundle)
        assert run(Email(), "list", ctx).speech == "No new mail."
