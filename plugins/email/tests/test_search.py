"""Words in a large mailbox: stretch by stretch, within a time, and said how far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from wlm_email import imap, search
from wlm_email.account import account
from wlm_email.say import as_far_as
from wlm_email.search import MOST, Reach, Search
from wlm_email.skill import Email

from wlm.plugins.testing import run

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # loopback only


class Folder:
    """What a server without an index of texts does: so many mails a second are read."""

    def __init__(self, total: int, hits: dict[int, str], *, rate: float, heads: float = 1e9):
        self.total, self.hits, self.rate, self.heads = total, hits, rate, heads
        self.now = 0.0
        self.asked: list[tuple[int, int, str]] = []
        self.breaks_at = 0

    def ask(self, stretch: str, criteria: Sequence[Any]) -> list[str]:
        """UIDs are the numbers here; ``hits`` says where the words of a mail stand."""
        what = " ".join(map(str, criteria))
        where = "text" if "TEXT" in what else "head"
        if stretch.startswith("UID"):
            return [uid for uid in stretch[4:].split(",") if "phrase" in self.hits[int(uid)]]
        first, last = map(int, stretch.split(":"))
        if first <= self.breaks_at:
            raise TimeoutError
        self.asked.append((first, last, where))
        self.now += (last - first + 1) / (self.rate if where == "text" else self.heads)
        wanted = ("head", "text") if where == "text" else ("head",)
        return [
            str(number)
            for number, stands in self.hits.items()
            if first <= number <= last and stands.split()[0] in wanted
        ]

    def search(self, query: str = "zeppelin") -> Search:
        return Search(self.ask, self.total, [], query, lambda: self.now)


def test_a_quick_server_is_asked_about_all_in_a_few_commands():
    folder = Folder(100_000, {5: "text", 99_000: "head"}, rate=1e9)
    made = folder.search()
    assert made.run() == ["99000", "5"]
    assert made.reach.whole
    assert len(folder.asked) < 7
    assert [stretch[0] - 1 for stretch in folder.asked[:-1]] == [s[1] for s in folder.asked[1:]]


def test_a_slow_one_is_asked_about_the_newest_and_the_heads_of_the_rest():
    folder = Folder(100_000, {5: "text", 6: "head", 99_000: "text"}, rate=4_000, heads=100_000)
    made = folder.search()
    assert made.run() == ["99000", "6"]
    assert 20_000 < made.reach.read < 40_000
    assert made.reach.heads == 100_000
    assert folder.now < search.TEXT_SECONDS + 2 + search.HEAD_SECONDS


def test_a_very_slow_one_is_left_in_time_and_says_how_far():
    folder = Folder(100_000, {}, rate=300, heads=1_000)
    made = folder.search()
    assert made.run() == []
    assert made.reach.read < made.reach.heads < 100_000
    assert folder.now < search.TEXT_SECONDS + search.HEAD_SECONDS + 4
    assert as_far_as(made.reach).startswith(" I searched the newest ")


def test_older_ones_are_not_looked_for_once_there_are_enough():
    folder = Folder(100_000, dict.fromkeys(range(99_000, 100_001), "text"), rate=1e9)
    made = folder.search()
    assert len(made.run()) >= MOST
    assert not made.reach.whole
    assert {where for _, _, where in folder.asked} == {"text"}


def test_the_whole_phrase_counts_more_than_its_words():
    folder = Folder(2_000, {1_990: "text", 300: "text phrase"}, rate=1e9)
    assert folder.search("zeppelin over Rome").run() == ["300"]
    folder.hits = {1_990: "text", 300: "text"}
    assert folder.search("zeppelin over Rome").run() == ["1990", "300"]


def test_one_that_stops_answering_gives_what_was_found():
    folder = Folder(100_000, {99_900: "text"}, rate=1e9)
    folder.breaks_at = 90_000
    made = folder.search()
    assert made.run() == ["99900"]
    assert made.reach.broke
    assert as_far_as(made.reach).startswith(" The server stopped answering: I searched the newest")
    folder.hits = {}
    with pytest.raises(TimeoutError):
        folder.search().run()


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        (Reach(10, 10, 10), ""),
        (Reach(90_000, 20_000, 90_000),
         " I searched the newest 20,000 of 90,000 mails, and the 70,000 before them by sender and "
         "subject."),
        (Reach(90_000, 20_000, 50_000),
         " I searched the newest 20,000 of 90,000 mails, and the 30,000 before them by sender and "
         "subject, and not the 40,000 before them."),
        (Reach(90_000, 500, 500), " I searched the newest 500 of 90,000 mails."),
    ],
)  # fmt: skip
def test_how_far_is_said(reach, said):
    assert as_far_as(reach) == said


def test_a_real_server_by_stretches_and_by_heads_alone(ctx, mailbox, letter, monkeypatch):
    old = letter(
        "Anna Weiß <anna@w.example>", "The Kühlschrank", "It costs 400.", Message_ID="<o@x>"
    )
    plan = letter("Tom <tom@x.example>", "Hello", "The Kühlschrank and the plan", number=2)
    mailbox.put(old, plan, *(letter(subject=f"No {n}", number=n) for n in range(3, 9)))
    monkeypatch.setattr(search, "_FIRST", 3)
    monkeypatch.setattr(search, "_LEAST", 3)
    monkeypatch.setattr(search, "_TIMES", 1)
    for name in ("TEXT_SECONDS", "HEAD_SECONDS"):  # a machine may be slow
        monkeypatch.setattr(search, name, 600.0)
    for query, found in (
        ("Kühlschrank", 2),
        ("plan Kühlschrank", 1),
        ("anna costs", 1),
        ("zebra yak", 0),
    ):
        told = run(Email(), "search", ctx, query=query)
        assert (told.data["found"], told.data.get("searched")) == (found, None)
    monkeypatch.setattr(search, "TEXT_SECONDS", 0.0)
    told = run(Email(), "search", ctx, query="weiß kühlschrank")
    assert [row["subject"] for row in told.data["mails"]] == ["The Kühlschrank"]
    assert told.data["searched"] == {"mails": 8, "whole": 0, "heads": 8}
    assert "mails, and the 8 before them by sender and subject." in told.display
    told = run(Email(), "read", ctx, query="costs")
    assert told.speech.startswith("There is no such mail. I searched the newest 0 of 8 mails")


def test_a_mailbox_can_be_connected_to_anew(ctx, mailbox, letter):
    mailbox.put(letter())
    with imap.connect(account(ctx)) as box:
        before = box._box
        box._anew()
        assert box._box is not before
        assert [mail.subject for mail in box.search(query="noon").mails] == ["Lunch"]
