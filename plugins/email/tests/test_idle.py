"""New mail is told of as it comes: the server is a real Dovecot."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme
from wlm_email import idle
from wlm_email.account import account
from wlm_email.skill import Email

from plugins.email.tests.letters import NOW, mail
from tests.support.dovecot import BINARY, MISSING, Dovecot
from wlm.errors import ProviderAway
from wlm.plugins import Noticed
from wlm.plugins.testing import context, run

pytestmark = pytest.mark.skipif(BINARY is None, reason=MISSING)


@pytest.fixture
def settings(mailbox) -> dict:
    """Nothing is sent, so no SMTP server is needed."""
    return {
        "imap_host": "127.0.0.1", "imap_port": mailbox.port, "imap_security": "none",
        "smtp_security": "none", "user": mailbox.user, "password": mailbox.password,
    }  # fmt: skip


def noticed(watch: Iterator[Noticed | None]) -> Noticed:
    """What it comes upon next; it says often enough that it waits."""
    return next(each for each in watch if each is not None)


def test_mail_is_noticed_as_it_comes_and_what_came_meanwhile_too(ctx, mailbox) -> None:
    mailbox.put(mail(subject="Old"))
    watch = idle.watch(account(ctx), None)
    begin = noticed(watch)
    assert begin.intent == "", "what lay there before is no news"
    assert next(watch) is None
    mailbox.put(mail())
    came = noticed(watch)
    assert (came.intent, came.key) == ("email.arrived", f"{came.mark['place']}:{came.mark['last']}")
    reply = run(Email(), "arrived", ctx, **came.slots)
    assert reply.speech == "New mail from Anna Berg: Lunch."
    assert reply.data["remember"]["email"]["slots"]["sender"]["email"] == "anna@work.example"
    assert next(watch) is None
    watch.close()

    mailbox.put(mail(subject="Two", number=2), mail(subject="Three", number=3))
    more = noticed(idle.watch(account(ctx), came.mark))
    reply = run(Email(), "arrived", ctx, **more.slots)
    assert reply.speech.startswith("2 new mails.") and "Two." in reply.speech
    assert "me@home.example" not in str(more), "what is kept of it names nobody"
    client = mailbox.client()
    client.select("INBOX")
    client.store("1:*", "+FLAGS", r"\Seen")
    client.logout()
    assert run(Email(), "arrived", ctx, **came.slots).speech == "", "it was read meanwhile"


def test_another_mailbox_begins_anew(ctx, mailbox, settings, tmp_path) -> None:
    mark = noticed(idle.watch(account(ctx), None)).mark
    mailbox.fresh()
    mailbox.put(mail(), mail(number=2))
    other = context(
        Email(), tmp_path, now=NOW, settings={**settings, "user": mailbox.user}, offline=False
    )
    first = noticed(idle.watch(account(other), mark))
    assert first.intent == "" and first.mark != mark


def test_a_server_without_idle_is_asked_now_and_then(ctx, mailbox, monkeypatch) -> None:
    monkeypatch.setattr(idle, "_ASK_SECONDS", 0.2)
    monkeypatch.setattr(idle, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(
        idle._Box, "can_idle", property(lambda _: False, lambda *_: None), raising=False
    )
    watch = idle.watch(account(ctx), None)
    noticed(watch)
    mailbox.put(mail())
    assert noticed(watch).intent == "email.arrived"


def test_a_server_that_goes_ends_the_watch(settings, tmp_path) -> None:
    with Dovecot() as server:
        there = {**settings, "imap_port": server.port, "user": server.user}
        ctx = context(Email(), tmp_path, now=NOW, settings=there, offline=False)
        watch = idle.watch(account(ctx), None)
        noticed(watch)
        assert next(watch) is None
    with pytest.raises(ProviderAway):
        for _ in range(20):
            next(watch)


def test_it_is_off_unless_it_is_turned_on(ctx, settings, tmp_path) -> None:
    assert not Email().watches(ctx)
    on = {**settings, "tell_new": True}
    assert Email().watches(context(Email(), tmp_path, settings=on, offline=False))
    assert not Email().watches(context(Email(), tmp_path, settings=on, offline=True))
    assert not Email().watches(context(Email(), tmp_path, settings={"tell_new": True}))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A Dovecot that speaks TLS, with the file of the authority that vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key, bundle = (folder / name for name in ("cert.pem", "key.pem", "ca.pem"))
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(bundle))
    with Dovecot(str(certificate), str(key)) as server:
        yield server, bundle


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_is_noticed_over_tls(sealed, settings, tmp_path, monkeypatch, security) -> None:
    server, bundle = sealed
    server.fresh()
    monkeypatch.setattr(idle, "_LOOK_SECONDS", 0.3)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    there = {
        **settings, "imap_host": "localhost", "imap_security": security, "user": server.user,
        "imap_port": server.tls_port if security == "tls" else server.port,
    }  # fmt: skip
    ctx = context(Email(), tmp_path, now=NOW, settings=there, offline=False)
    watch = idle.watch(account(ctx), None)
    noticed(watch)
    assert next(watch) is None
    server.put(mail())
    assert noticed(watch).intent == "email.arrived"
    assert isinstance(account_socket(watch), ssl.SSLSocket)
    watch.close()


def account_socket(watch) -> object:
    """What the watch listens to."""
    return watch.gi_frame.f_locals["opened"].client.socket()
