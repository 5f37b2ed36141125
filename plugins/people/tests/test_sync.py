"""In step with a real CardDAV server: changes, conflicts, faults, and what we do not know."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wlm_people.book import Book
from wlm_people.contact import Contact, Point
from wlm_people.skill import People
from wlm_people.sync import run as syncing
from wlm_people.sync.content import Contacts

from tests.support.cutter import Cutter
from tests.support.radicale import Radicale
from tests.support.two_sides import check_settled, sync_through_cuts
from wlm.errors import BadRequest, ProviderError
from wlm.plugins import Context
from wlm.plugins.sync.both_ways import Synced
from wlm.plugins.testing import context, recorded, run
from wlm.types import new_id

_NAMES = (f"book{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[Radicale]:
    with Radicale() as running:
        yield running


def account(url: str, **more: Any) -> dict[str, Any]:
    return {
        "carddav_url": url,
        "carddav_user": Radicale.user,
        "carddav_password": Radicale.password,
        "sync_minutes": 0,
        **more,
    }


def card(uid: str, name: str, *lines: str) -> bytes:
    family, _, given = name.partition(" ")
    text = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"N:{family};{given};;;", f"FN:{name}"]
    return "\r\n".join([*text, *lines, "END:VCARD", ""]).encode()


class Pair:
    """Our address book and one at the server."""

    def __init__(self, server: Radicale, folder: Path, relay: str = "") -> None:
        self.server = server
        self.name = next(_NAMES)
        url = server.make_book(self.name)
        if relay:
            url = f"{relay}{Radicale.user}/{self.name}/"
        self.skill = People()
        self.ctx: Context = context(self.skill, folder, settings=account(url), offline=False)

    def say(self, intent: str, **slots: Any) -> Any:
        return run(self.skill, intent, self.ctx, **slots)

    def sync(self) -> Synced:
        return syncing.sync(self.ctx)

    def put(self, uid: str, name: str, *lines: str) -> None:
        self.server.put(f"{self.name}/{uid}.vcf", card(uid, name, *lines))

    def here(self) -> dict[str, str]:
        """What everybody says here, by UID."""
        ours = Contacts(self.ctx)
        return {uid: ours.digest(contact) for uid, contact in ours.all().items()}

    def there(self) -> dict[str, str]:
        """The same at the server."""
        ours, found = Contacts(self.ctx), {}
        for name in self.server.names(self.name):
            read = ours.read(self.server.get(f"{self.name}/{name}").decode())
            found[read.uid] = ours.digest(read.thing)
        return found

    def names(self) -> list[str]:
        return sorted(contact.name for contact in Book(self.ctx).where())


@pytest.fixture
def pair(server: Radicale, tmp_path: Path) -> Pair:
    return Pair(server, tmp_path)


def test_contacts_cross_both_ways(pair: Pair) -> None:
    pair.say("add", who="Anna Berg", phone="+49 30 1234567", company="Acme")
    assert [e.intent for e in recorded(pair.ctx).emitted] == ["people.sync"]
    pair.put("tom", "Tom Baker", "TEL;TYPE=CELL:+44 20 7946 0000", "BDAY:--0331")
    assert pair.sync() == Synced(taken=1, pushed=1)
    assert pair.here() == pair.there()
    assert "7 9 4 6" in pair.say("find", who="Tom", detail="phone").speech
    assert pair.say("sync").speech == "Your address books are in step; nothing had changed."


def test_changes_and_deletions_reach_the_other_side(pair: Pair) -> None:
    pair.put("tom", "Tom Baker", "TEL:+44 20 7946 0000")
    pair.put("eve", "Eve Stone", "TEL:+44 20 7946 0001")
    pair.sync()
    pair.say("update", who="Tom Baker", company="Acme")
    pair.put("eve", "Eve Stone", "TEL:+44 20 7946 0009")
    assert pair.sync() == Synced(taken=1, pushed=1)
    assert b"ORG:Acme" in pair.server.get(f"{pair.name}/tom.vcf")
    pair.server.delete(f"{pair.name}/tom.vcf")
    assert pair.sync() == Synced(dropped=1)
    assert pair.names() == ["Eve Stone"]
    Book(pair.ctx).remove(next(iter(Book(pair.ctx).where())).id)
    assert pair.sync() == Synced(removed=1)
    assert pair.server.names(pair.name) == []


def test_changed_on_both_sides_keeps_both(pair: Pair) -> None:
    pair.put("tom", "Tom Baker", "TEL:+44 20 7946 0000")
    pair.sync()
    pair.say("update", who="Tom Baker", company="Acme")
    pair.put("tom", "Tom Baker", "TEL:+44 20 7946 0000", "ORG:Globex")
    done = pair.sync()
    assert done.conflicts == [("Tom Baker", "changed on both sides; both are kept")]
    assert pair.names() == ["Tom Baker", "Tom Baker (your version)"]
    assert pair.here() == pair.there()
    assert pair.sync() == Synced()


def test_what_we_do_not_know_of_somebody_stays(pair: Pair) -> None:
    pair.put(
        "tom",
        "Tom Baker",
        "PHOTO;ENCODING=b;TYPE=PNG:aGVsbG8=",
        "ADR;TYPE=HOME:;;1 High Street;London;;N1 9GU;UK",
        "item1.TEL:+44 20 7946 0000",
        "item1.X-ABLabel:boat",
        "item2.URL:https://example.org",
        "item2.X-ABLabel:blog",
        "IMPP:xmpp:tom@example.org",
    )
    pair.sync()
    pair.say("update", who="Tom Baker", company="Acme")
    assert pair.sync() == Synced(pushed=1)
    data = pair.server.get(f"{pair.name}/tom.vcf").decode()
    for line in (
        "PHOTO;ENCODING=b;TYPE=PNG:aGVsbG8=",
        "ADR;TYPE=HOME:;;1 High Street;London;;N1 9GU;UK",
        "item1.TEL:+44 20 7946 0000",
        "item2.X-ABLabel:blog",
        "IMPP:xmpp:tom@example.org",
        "ORG:Acme",
    ):
        assert line.casefold() in data.casefold(), line
    assert data.count("FN:") == data.count("TEL:") == 1


def test_groups_and_cards_without_a_name_stay_at_the_server(pair: Pair) -> None:
    pair.put("team", "Team", "X-ADDRESSBOOKSERVER-KIND:group")
    assert pair.sync().left_out == 1
    assert pair.names() == []
    assert pair.sync() == Synced()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"carddav_password": "wrong"}, ProviderError, "does not take this user name"),
        ({"carddav_book": "nowhere"}, BadRequest, "no such address book"),
        ({"carddav_url": ""}, BadRequest, "No address book elsewhere"),
        ({"carddav_user": ""}, BadRequest, "a user and a password"),
    ],
)
def test_what_is_set_up_wrongly_is_said(
    server: Radicale, tmp_path: Path, change: dict[str, str], error: type[Exception], words: str
) -> None:
    wrong = account(server.url) | change
    ctx = context(People(), tmp_path, settings=wrong, offline=False)
    with pytest.raises(error, match=words):
        syncing.sync(ctx)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_any_edits_on_both_sides_and_a_server_that_drops_connections(
    server: Radicale, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = random.Random(seed)
    marks = (f"mark{number}" for number in itertools.count())

    def edit_here() -> None:
        book = Book(pair.ctx)
        people = book.where()
        if not people or rng.random() < 0.4:
            name = f"Ann {next(marks)}"
            book.add(Contact(new_id(), name, phones=(Point("+49 30 1234567", "home"),)))
        elif rng.random() < 0.3:
            book.remove(rng.choice(people).id)
        else:
            book.save(rng.choice(people).having(notes=next(marks), nicknames=("Nan", "Ännchen")))

    def edit_there() -> None:
        names = server.names(pair.name)
        if not names or rng.random() < 0.4:
            pair.put(new_id(), f"Bob {next(marks)}", "ADR:;;1 Long Road;Ely;;CB7;UK")
        elif rng.random() < 0.3:
            server.delete(f"{pair.name}/{rng.choice(names)}")
        else:
            path = f"{pair.name}/{rng.choice(names)}"
            data = server.get(path).decode()
            server.put(path, data.replace("END:VCARD", f"NOTE:{next(marks)}\r\nEND:VCARD").encode())

    with Cutter(server.port) as relay:
        pair = Pair(server, tmp_path_factory.mktemp("sync"), relay.url)
        for _ in range(3):
            base = pair.here()
            for _ in range(rng.randrange(1, 6)):
                rng.choice([edit_here, edit_there])()
            ours, theirs = pair.here(), pair.there()
            sync_through_cuts(relay, rng, pair.sync)
            here = pair.here()
            assert here == pair.there()
            check_settled(base, ours, theirs, here)
            assert pair.sync() == Synced()


def test_who_is_not_found_may_be_at_a_server_that_is_away(server: Radicale, tmp_path: Path) -> None:
    with Cutter(server.port) as relay:
        pair = Pair(server, tmp_path, relay.url)
        pair.ctx = context(
            pair.skill,
            tmp_path,
            settings=account(f"{relay.url}{Radicale.user}/{pair.name}/", sync_minutes=1),
            offline=False,
            now=datetime(2026, 11, 26, 9, tzinfo=UTC),
        )
        relay.cuts = itertools.repeat("refuse")
        with pytest.raises(BadRequest, match=r"nobody .* could not be read yet"):
            pair.say("find", who="Tom")
        relay.cuts = iter(())
        pair.put("tom", "Tom Baker", "TEL:+44 20 7946 0000")
        pair.sync()
        relay.cuts = itertools.repeat("refuse")
        pair.ctx = dataclasses.replace(pair.ctx, now=pair.ctx.now + timedelta(hours=2))
        known = pair.say("find", who="Tom").speech
        assert "7 9 4 6" in known and "this is as it was Thursday 10:00" in known
        for slots in ({"who": "Zoe Chen"}, {"company": "Acme"}):
            with pytest.raises(BadRequest, match=r"[Nn]obody .*this is as it was Thursday 10:00"):
                pair.say("find", **slots)


# what is deleted, merged and undone here


def test_who_is_deleted_here_is_gone_there_until_that_is_undone(pair: Pair) -> None:
    pair.put("tom", "Tom Baker", "TEL:+44 20 7946 0000")
    pair.sync()
    pair.say("remove", who="Tom Baker")
    undo, slots = recorded(pair.ctx).undos[-1]
    assert pair.sync().removed == 1
    assert (pair.names(), pair.there()) == ([], {})
    pair.say(undo.partition(".")[2], **slots)
    pair.sync()
    assert pair.names() == ["Tom Baker"]
    assert pair.here() == pair.there() and list(pair.there()) == ["tom"]


def test_two_who_are_merged_here_are_one_there_until_that_is_undone(pair: Pair) -> None:
    pair.put("a1", "Anna Berg", "TEL:+49 30 1234567")
    pair.put("a2", "Anna Berg", "TEL:+49 30 1234567", "EMAIL:anna@work.example")
    pair.sync()
    assert pair.say("merge").data["merged"][0]["entries"] == 2
    undo, slots = recorded(pair.ctx).undos[-1]
    pair.sync()
    assert pair.here() == pair.there() and len(pair.there()) == 1
    (kept,) = pair.server.names(pair.name)
    assert "anna@work.example" in pair.server.get(f"{pair.name}/{kept}").decode()
    pair.say(undo.partition(".")[2], **slots)
    pair.sync()
    assert pair.names() == ["Anna Berg", "Anna Berg"]
    assert pair.here() == pair.there() and set(pair.there()) == {"a1", "a2"}


def test_a_merge_of_one_who_was_changed_there_loses_nothing(pair: Pair) -> None:
    pair.put("a1", "Anna Berg", "TEL:+49 30 1234567")
    pair.put("a2", "Anna Berg", "TEL:+49 30 1234567")
    pair.sync()
    pair.say("merge")
    pair.put("a2", "Anna Berg", "TEL:+49 30 1234567", "EMAIL:new@work.example")
    for _ in range(2):
        pair.sync()
    assert pair.here() == pair.there()
    everything = [
        pair.server.get(f"{pair.name}/{n}").decode() for n in pair.server.names(pair.name)
    ]
    assert any("new@work.example" in each for each in everything)
