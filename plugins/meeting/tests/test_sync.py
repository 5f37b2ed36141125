"""In step with a real CalDAV server: every pair of changes, faults in between, subscriptions."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, utc
from wlm_meeting.sync import run as syncing
from wlm_meeting.sync.content import digest, understand
from wlm_meeting.tables import kept

from plugins.meeting.tests.talk import BERLIN, Talk, at, day
from tests.support.cutter import Cutter
from tests.support.http_server import Answer, HttpServer
from tests.support.radicale import Radicale
from tests.support.two_sides import check_settled, sync_through_cuts
from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins.sync.both_ways import Synced
from wlm.plugins.sync.remotes import Remotes
from wlm.types import new_id

_NAMES = (f"cal{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[Radicale]:
    with Radicale() as running:
        yield running


def account(url: str, **more: Any) -> dict[str, Any]:
    return {
        "caldav_url": url,
        "caldav_user": Radicale.user,
        "caldav_password": Radicale.password,
        "sync_minutes": 0,
        **more,
    }


def ics(
    uid: str, title: str, *lines: str, start: str = "20261201T090000Z", more: str = ""
) -> bytes:
    text = "\n".join(
        [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//phone//EN",
            "BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", f"DTSTART:{start}",
            "DURATION:PT30M", f"SUMMARY:{title}", *lines, "END:VEVENT", more + "END:VCALENDAR", "",
        ]
    )  # fmt: skip
    return text.replace("\n", "\r\n").encode()


class Pair:
    """Our calendar and one at the server."""

    def __init__(self, server: Radicale, folder: Path, url: str = "") -> None:
        self.server = server
        self.name = next(_NAMES)
        there = server.make_calendar(self.name)
        self.talk = Talk(folder, settings=account(url or there), offline=False)

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.talk.ctx)

    def sync(self) -> Synced:
        return syncing.sync(self.talk.ctx)

    def put(self, uid: str, title: str, *lines: str, **more: str) -> None:
        self.server.put(f"{self.name}/{uid}.ics", ics(uid, title, *lines, **more))

    def here(self) -> dict[str, str]:
        """Titles by UID."""
        return {e.uid: e.title for e in self.calendar.all() if not e.recurrence}

    def there(self) -> dict[str, str]:
        """The same at the server."""
        found = {}
        for name in self.server.names(self.name):
            data = self.server.get(f"{self.name}/{name}").decode()
            remote = understand(data, self.calendar)
            found[remote.uid] = remote.thing[0].title if remote.thing else ""
        return found

    def digests(self) -> tuple[dict[str, str], dict[str, str]]:
        """What both sides say, by UID."""
        here: dict[str, list[Entry]] = {}
        for entry in self.calendar.all():
            here.setdefault(entry.uid, []).append(entry)
        there = {}
        for name in self.server.names(self.name):
            remote = understand(self.server.get(f"{self.name}/{name}").decode(), self.calendar)
            there[remote.uid] = digest(remote.thing)
        return {uid: digest(family) for uid, family in here.items()}, there


@pytest.fixture
def pair(server: Radicale, tmp_path: Path) -> Pair:
    return Pair(server, tmp_path)


def test_what_is_made_here_goes_there_and_back(pair: Pair) -> None:
    pair.talk("create", title="lunch", start=at("2026-11-23 12:00"))
    assert [e.intent for e in pair.talk.ports.emitted] == ["meeting.sync"]
    pair.put("visit", "Visit")
    reply = pair.talk("sync")
    assert reply.data["sync"] == {
        "taken": 1, "dropped": 0, "pushed": 1, "removed": 0, "left_out": 0, "conflicts": []
    }  # fmt: skip
    assert pair.here() == pair.there()
    assert sorted(pair.here().values()) == ["Visit", "lunch"]
    assert pair.sync() == Synced()
    assert pair.talk("sync").speech == "Your calendars are in step; nothing had changed."


def test_changes_on_one_side_reach_the_other(pair: Pair) -> None:
    pair.talk("create", title="review", start=at("2026-11-24 10:00"))
    pair.put("visit", "Visit")
    pair.sync()
    pair.talk("update", title="review", start=at("2026-11-24 11:00"))
    pair.put("visit", "Visit of the auditor")
    assert (done := pair.sync()) == Synced(taken=1, pushed=1), done
    assert "Visit of the auditor" in pair.here().values()
    pair.talk("cancel", title="review")
    pair.server.delete(f"{pair.name}/visit.ics")
    assert pair.sync() == Synced(dropped=1, removed=1)
    assert pair.here() == pair.there() == {}


def test_changed_on_both_sides_keeps_both(pair: Pair) -> None:
    pair.put("visit", "Visit")
    pair.sync()
    pair.talk("update", title="Visit", start=at("2026-12-02 15:00"))
    pair.put("visit", "Visit of the auditor")
    done = pair.sync()
    assert done.conflicts == [("Visit of the auditor", "changed on both sides; both are kept")], (
        done
    )
    assert sorted(pair.here().values()) == ["Visit (your version)", "Visit of the auditor"]
    assert pair.here() == pair.there()
    (conflict,) = Remotes(pair.talk.ctx, kept).reported()
    assert conflict["title"] == "Visit of the auditor"


def test_the_same_change_on_both_sides_is_no_conflict(pair: Pair) -> None:
    pair.put("visit", "Visit")
    pair.sync()
    (entry,) = pair.calendar.all()
    pair.calendar.change(entry, title="Audit")
    pair.put("visit", "Audit")
    assert pair.sync() == Synced()
    assert pair.here() == pair.there() == {"visit": "Audit"}


def test_deleted_on_one_side_and_changed_on_the_other_is_kept(pair: Pair) -> None:
    pair.put("a", "Alpha")
    pair.put("b", "Beta")
    pair.sync()
    pair.talk("cancel", title="Alpha")
    pair.put("a", "Alpha two")
    pair.server.delete(f"{pair.name}/b.ics")
    (beta,) = [e for e in pair.calendar.all() if e.title == "Beta"]
    pair.calendar.change(beta, title="Beta two")
    done = pair.sync()
    assert sorted(done.conflicts) == [
        ("Alpha two", "deleted here, changed there; it is kept"),
        ("Beta two", "changed here, deleted there; it is kept"),
    ]
    assert pair.here() == pair.there()
    assert sorted(pair.here().values()) == ["Alpha two", "Beta two"]


def test_what_we_do_not_know_of_a_meeting_stays_with_it(pair: Pair) -> None:
    pair.put(
        "visit",
        "Visit",
        "CLASS:PRIVATE",
        "X-PHONE-COLOUR:teal",
        "ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED:mailto:anna@example.org",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:soon",
        "TRIGGER:-PT15M",
        "END:VALARM",
    )
    pair.sync()
    pair.talk("update", title="Visit", start=at("2026-12-02 15:00"))
    assert pair.sync() == Synced(pushed=1)
    data = pair.server.get(f"{pair.name}/visit.ics").decode()
    for line in ("CLASS:PRIVATE", "X-PHONE-COLOUR:teal", "PARTSTAT=ACCEPTED", "TRIGGER:-PT15M"):
        assert line in data, line
    assert data.count("BEGIN:VEVENT") == 1


def test_a_changed_occurrence_crosses_both_ways(pair: Pair) -> None:
    moved = "\r\n".join(
        [
            "BEGIN:VEVENT", "UID:s", "DTSTAMP:20261101T000000Z", "RECURRENCE-ID:20261208T090000Z",
            "DTSTART:20261208T110000Z", "DURATION:PT30M", "SUMMARY:Series", "END:VEVENT", "",
        ]
    )  # fmt: skip
    pair.put("s", "Series", "RRULE:FREQ=WEEKLY;COUNT=5", more=moved)
    pair.sync()
    assert pair.talk.shown("2026-12-08") == [("12-08 12:00", "Series")]
    pair.talk("cancel", title="Series", when=day("2026-12-15"))
    assert pair.sync() == Synced(pushed=1)
    again = understand(pair.server.get(f"{pair.name}/s.ics").decode(), pair.calendar)
    assert len(again.thing) == 2
    assert again.thing[0].exdates
    assert pair.sync() == Synced()


def test_what_cannot_be_kept_stays_at_the_server(pair: Pair) -> None:
    pair.put("odd", "Odd", "RRULE:FREQ=SECONDLY")
    data = pair.server.get(f"{pair.name}/odd.ics")
    assert pair.sync().left_out == 1
    assert pair.here() == {}
    assert pair.sync() == Synced()
    assert pair.server.get(f"{pair.name}/odd.ics") == data


def test_a_cancelled_meeting_goes(pair: Pair) -> None:
    pair.put("visit", "Visit")
    pair.sync()
    pair.put("visit", "Visit", "STATUS:CANCELLED")
    done = pair.sync()
    assert (done.dropped, done.conflicts) == (
        1,
        [("Visit", "cancelled there; it is taken out here, too")],
    )
    assert pair.here() == {}
    assert pair.sync() == Synced()


def test_reminders_stay_here(pair: Pair) -> None:
    pair.talk("remind", title="call the bank", start=at("2026-11-23 12:00"))
    assert pair.sync() == Synced()
    assert pair.there() == {}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"caldav_password": "wrong"}, ProviderError, "does not take this user name"),
        ({"caldav_calendar": "nowhere"}, BadRequest, "no such calendar"),
        ({"caldav_url": "http://192.0.2.1/"}, BadRequest, "in the clear"),
        ({"caldav_url": "http://127.0.0.1:1/"}, ProviderAway, "cannot be reached"),
        ({"caldav_url": ""}, BadRequest, "No calendar elsewhere"),
        ({"caldav_user": ""}, BadRequest, "a user and a password"),
    ],
)
def test_what_is_set_up_wrongly_is_said(
    server: Radicale, tmp_path: Path, change: dict[str, str], error: type[Exception], words: str
) -> None:
    talk = Talk(tmp_path, settings=account(server.url) | change, offline=False)
    with pytest.raises(error) as caught:
        syncing.sync(talk.ctx)
    assert words in str(caught.value)
    assert Radicale.password not in str(caught.value)


def test_a_server_that_is_away_is_said_and_the_last_state_is_used(
    server: Radicale, tmp_path: Path
) -> None:
    with Cutter(server.port) as relay:
        name = next(_NAMES)
        server.make_calendar(name)
        url = f"{relay.url}{Radicale.user}/{name}/"
        talk = Talk(tmp_path, settings=account(url, sync_minutes=5), offline=False)
        server.put(f"{name}/v.ics", ics("v", "Visit"))
        assert "Visit" in talk("list", when=day("2026-12-01")).speech
        relay.cuts = iter(["refuse"] * 9)
        talk.ctx = dataclasses.replace(talk.ctx, now=talk.ctx.now + timedelta(hours=1))
        reply = talk("list", when=day("2026-12-01"))
    assert "Visit" in reply.speech
    assert "cannot be read now; this is as it was" in reply.speech


# --- any edits, any faults ----------------------------------------------------------------


class Sides:
    """Random edits on either side, each with a title that nothing else has."""

    def __init__(self, pair: Pair, rng: random.Random) -> None:
        self.pair = pair
        self.rng = rng
        self.number = itertools.count()

    def mark(self) -> str:
        return f"m{next(self.number)}"

    def here(self) -> None:
        """An edit in our calendar."""
        calendar = self.pair.calendar
        masters = [e for e in calendar.all() if not e.recurrence]
        alone = ["rename", "move", "delete", "skip", "detach"]
        kind = self.rng.choice(["new", "series", *alone, "divide", "end"])
        if kind in ("new", "series") or not masters:
            calendar.add(self._entry("FREQ=DAILY;COUNT=6" if kind == "series" else ""))
            return
        entry = self.rng.choice(masters)
        if kind == "delete":
            calendar.remove(entry)
        elif kind in ("skip", "detach", "divide", "end") and entry.repeats:
            around = (calendar.now, calendar.now + timedelta(days=60))
            if found := calendar.of_series(entry, *around):
                occurrence = self.rng.choice(found)
                wall = datetime.fromisoformat(occurrence.entry.recurrence or str(occurrence.wall))
                if kind == "skip":
                    calendar.skip(occurrence)
                elif kind in ("divide", "end"):  # it and all that follow
                    after = calendar.divide(entry, wall, drop=kind == "end")
                    if after is not None:
                        calendar.change(after, title=self.mark())
                elif occurrence.entry.repeats:
                    single = calendar.detach(occurrence)
                    calendar.change(single, title=self.mark())
        else:
            later = entry.local_start + timedelta(hours=self.rng.randrange(1, 5))
            values = {} if kind == "rename" or entry.repeats else {"local_start": later}
            calendar.change(entry, title=self.mark(), **values)

    def _entry(self, rrule: str) -> Entry:
        id_, now = new_id(), utc(self.pair.calendar.now)
        wall = datetime(2026, 12, self.rng.randrange(1, 28), self.rng.randrange(24))  # noqa: DTZ001
        times = {"starts_at": now, "ends_at": now, "created_at": now, "changed_at": now}
        entry = Entry(id_, f"{id_}@wlm", self.mark(), wall, 3600, BERLIN.key, rrule=rrule, **times)
        return entry.timed()

    def there(self) -> None:
        """An edit by another client of the server."""
        names = self.pair.server.names(self.pair.name)
        kind = self.rng.choice(["new", "series", "rename", "delete", "except", "move"])
        if kind in ("new", "series") or not names:
            rule = ["RRULE:FREQ=DAILY;COUNT=6"] if kind == "series" else []
            self.pair.put(new_id(), self.mark(), *rule)
            return
        path = f"{self.pair.name}/{self.rng.choice(names)}"
        data = self.pair.server.get(path).decode()
        if kind == "delete":
            self.pair.server.delete(path)
        elif kind == "except" and "RRULE" in data and "DTSTART:" in data:
            start = data.partition("DTSTART:")[2][:15]
            gone = f"{start[:7]}{int(start[7]) + 1}{start[8:]}Z"
            self.pair.server.put(path, self._titled(data, f"EXDATE:{gone}"))
        else:
            self.pair.server.put(path, self._titled(data))

    def _titled(self, data: str, *more: str) -> bytes:
        """With a new title in its first event."""
        head, _, rest = data.partition("SUMMARY:")
        tail = rest.partition("\r\n")[2]
        lines = "".join(f"{line}\r\n" for line in more if line[:6] not in data)
        return f"{head}SUMMARY:{self.mark()}\r\n{lines}{tail}".encode()


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_any_edits_on_both_sides_and_a_server_that_drops_connections(
    server: Radicale, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = random.Random(seed)
    with Cutter(server.port) as relay:
        pair = Pair(server, tmp_path_factory.mktemp("sync"))
        url = f"{relay.url}{Radicale.user}/{pair.name}/"
        pair.talk = Talk(pair.talk.folder, settings=account(url), offline=False)
        sides = Sides(pair, rng)
        for _ in range(3):
            base, _ = pair.digests()
            for _ in range(rng.randrange(1, 6)):
                rng.choice([sides.here, sides.there])()
            ours, theirs = pair.digests()
            titles = {e.title for e in pair.calendar.all() if ours[e.uid] != base.get(e.uid)}
            sync_through_cuts(relay, rng, pair.sync)
            here, there = pair.digests()
            assert here == there
            check_settled(base, ours, theirs, here)
            after = " ".join(e.title for e in pair.calendar.all())
            assert all(title in after for title in titles), "an edit of ours was lost"
            assert pair.sync() == Synced()


# --- subscriptions ------------------------------------------------------------------------


def test_a_subscription_is_shown_followed_and_never_written(tmp_path: Path) -> None:
    with HttpServer() as web:
        body = [ics("game", "Football")]

        def answer(request: Any) -> Answer:
            tag = f'"{hash(body[0])}"'
            if request.headers.get("if-none-match") == tag:
                return Answer(304, headers={"etag": tag})
            return Answer(200, body[0], {"etag": tag})

        web.dynamic("/team.ics", answer)
        options: dict[str, Any] = {"subscriptions": f"{web.url}/team.ics", "sync_minutes": 0}
        talk = Talk(tmp_path, settings=options, offline=False)
        assert syncing.sync(talk.ctx) == Synced(taken=1)
        assert syncing.sync(talk.ctx) == Synced()
        assert "Football" in talk("list", when=day("2026-12-01")).speech
        for intent, slots in (
            ("update", {"start": at("2026-12-01 18:00")}),
            ("cancel", {}),
        ):
            with pytest.raises(BadRequest, match="only read"):
                talk(intent, title="Football", **slots)
        body[0] = ics("game", "Football, moved", start="20261202T090000Z")
        assert syncing.sync(talk.ctx) == Synced(taken=1)
        assert "moved" in talk("list", when=day("2026-12-02")).speech
        body[0] = b"<html>gone</html>"
        with pytest.raises(BadRequest):
            syncing.sync(talk.ctx)
        assert "moved" in talk("list", when=day("2026-12-02")).speech
        given_up = Talk(tmp_path, settings={"subscriptions": f"{web.url}/other.ics"}, offline=False)
        web.route("/other.ics", body=ics("x", "Other"))
        syncing.sync(given_up.ctx)
        assert [e.title for e in given_up.calendar.all()] == ["Other"]


def test_what_was_answered_reaches_the_server_and_a_move_asks_there_too(
    server: Radicale, tmp_path: Path
) -> None:
    url = server.make_calendar("invited")
    settings_ = account(url, invite_as="me@home.example")
    talk = Talk(tmp_path, settings=settings_, offline=False)
    anna = {"name": "Anna", "email": "anna@work.example"}
    talk("create", title="lunch", start=at("2026-11-24T12:00"), people=[anna])
    asked = next(c for c in talk.ports.emitted if c.intent == "email.invite").slots["calendar"]
    talk("sync")
    reply = asked.replace("METHOD:REQUEST", "METHOD:REPLY").replace("NEEDS-ACTION", "ACCEPTED")
    assert talk("answered", calendar=reply, sender="anna@work.example").speech.startswith("Anna")

    def there() -> str:
        (name,) = server.names("invited")
        return server.get(f"invited/{name}").decode().replace("\r\n ", "")

    talk("sync")
    assert "PARTSTAT=ACCEPTED" in there()
    talk("update", title="lunch", start=at("2026-11-24T13:00"))
    talk("sync")
    assert "PARTSTAT=NEEDS-ACTION" in there()
    assert talk("list", title="lunch").data["meetings"][0]["answers"] == {}
    assert talk("sync").speech.endswith("nothing had changed.")
