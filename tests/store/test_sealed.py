"""What lies in the database, and what a thief, a swap or a forgetful user leaves of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select, text, update

from tests.support import lab
from wlm import config
from wlm.errors import MasterKeyFault, NotFound
from wlm.events.engine import Engine
from wlm.events.intake import fingerprint
from wlm.pipeline import recordings
from wlm.pipeline.audio import Audio
from wlm.store.corrections import Corrections
from wlm.store.engine import Store
from wlm.store.migrate import open_store
from wlm.store.personal import erase, export, forget
from wlm.store.sealed import sealed_columns
from wlm.store.tables import core, data_keys, effects, schedules, turns
from wlm.store.turns import Turns
from wlm.types import Action, EventRef, Reply, Route, State, Turn, new_id

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = "Zwetschgenkuchen"


def turn_row(owner: str = "anna", **values: Any) -> dict[str, Any]:
    usual = {
        "id": new_id(), "owner": owner, "conversation": "c", "text": SECRET, "decision": {},
        "actions": [{"a": SECRET}], "reply": {"speech": SECRET}, "timings_ms": {},
        "created_at": NOW,
    }  # fmt: skip
    return {**usual, **values}


def raw(store: Store, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def opened(store: Store, query: Any) -> list[dict[str, Any]]:
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def test_which_columns_are_sealed() -> None:
    """A new column that may hold what somebody said belongs here, and in a migration."""
    found = {t.name: {p.column for p in places} for t in core.sorted_tables
             if (places := sealed_columns(t))}  # fmt: skip
    assert found == {
        "turns": {"text", "decision", "actions", "reply"},
        "events": {"slots", "reply", "question", "error", "refers", "undo"},
        "effects": {"result"},
        "schedules": {"title", "steps"},
        "corrections": {"text"},
        "skill_values": {"value"},
    }


def test_rows_are_written_and_read_as_ever(store: Store) -> None:
    one, two, three = turn_row(), turn_row(), turn_row(text="w1.looks.sealed")
    with store.write() as connection:
        connection.execute(insert(turns).values(one))
        connection.execute(insert(turns), [two, three])
        back = connection.execute(
            update(turns).where(turns.c.id == one["id"]).values(text="brand new", reply={"x": None})
            .returning(turns)
        ).mappings().one()  # fmt: skip
    assert (back["text"], back["reply"], back["actions"]) == (
        "brand new",
        {"x": None},
        one["actions"],
    )
    other = turns.alias()
    query = select(other.c.id, other.c.text.label("said"))
    said = {row["said"] for row in opened(store, query)}
    assert said == {"brand new", SECRET, "w1.looks.sealed"}
    kept = str(raw(store, "SELECT * FROM turns"))
    assert SECRET not in kept and "brand new" not in kept and "looks" not in kept


def test_what_is_not_sealed_does_not_get_in(store: Store) -> None:
    rows = [turn_row(), turn_row()]
    with store.write() as connection:
        connection.execute(insert(turns), rows)
    wrong = [
        insert(turns).values([turn_row(), turn_row()]),
        update(turns).where(turns.c.owner == "anna").values(text="for two rows"),
    ]
    for statement in wrong:
        with pytest.raises(TypeError), store.write() as connection:
            connection.execute(statement)
    with pytest.raises(TypeError), store.write() as connection:
        connection.execute(update(turns).where(turns.c.id == "x"), [{"text": "a"}])
    with store.write() as connection:
        none = update(turns).where(turns.c.id == "nobody's").values(text="x")
        assert connection.execute(none).rowcount == 0
    with pytest.raises(Exception, match="not sealed"), store.read() as connection:
        connection.execute(select(turns).where(turns.c.text == SECRET)).all()
    bare = Store(store.url.render_as_string(hide_password=False))
    with pytest.raises(RuntimeError, match="vault"), bare.write() as connection:
        connection.execute(insert(turns).values(turn_row()))
    bare.close()


@pytest.mark.parametrize(
    "place", ["another row", "another column", "another user", "changed", "plain"]
)
def test_a_value_that_was_moved_is_refused(store: Store, place: str) -> None:
    mine, next_, bens = turn_row(), turn_row(), turn_row("ben")
    with store.write() as connection:
        connection.execute(insert(turns), [mine, next_, bens])
        query = text("SELECT text, reply FROM turns WHERE id = :id")
        row = connection.execute(query, {"id": mine["id"]}).one()
        text_, target = {
            "another row": (row.text, next_["id"]),
            "another column": (str(row.reply).strip('"'), mine["id"]),
            "another user": (row.text, bens["id"]),
            "changed": (row.text[:-4] + "AAA=", mine["id"]),
            "plain": ("I was never sealed", mine["id"]),
        }[place]
        put = text("UPDATE turns SET text = :value WHERE id = :id")
        connection.execute(put, {"value": text_, "id": target})
    with pytest.raises(MasterKeyFault):
        opened(store, select(turns).where(turns.c.id == target))
    if place == "another user":
        with store.write() as connection:  # and so it is if the row changes hands
            take = text("UPDATE turns SET owner = 'ben' WHERE id = :id")
            connection.execute(take, {"id": mine["id"]})
        with pytest.raises(MasterKeyFault):
            opened(store, select(turns).where(turns.c.id == mine["id"]))


@pytest.fixture
def busy(settings: config.Settings) -> Iterator[Callable[[], Store]]:
    """A store in which a user has said and done things, with every kind of sealed row."""
    opened_stores = []

    def made() -> Store:
        store = open_store(settings, lab.registry())
        opened_stores.append(store)
        engine = Engine(store, lab.registry(), settings)
        for owner in ("anna", "ben"):
            route = Route("lab", "lab.say", {"text": f"{SECRET} of {owner}"})
            said = Turn(new_id(), "c", f"{SECRET} of {owner}", reply=Reply(f"Re: {SECRET}"))
            event = engine.run(engine.accept(owner, route, turn=said.id, conversation="c").id)
            ref = EventRef(event.id, State.SUCCEEDED)
            whole = Turn(said.id, "c", said.text, [Action(route, ref, Reply(SECRET))], said.reply)
            Turns(store).save(owner, whole, {"why": SECRET})
            with store.write() as connection:
                entry = {"event_id": event.id, "key": "k", "owner": owner, "result": SECRET,
                         "created_at": NOW}  # fmt: skip
                connection.execute(insert(effects).values(entry))
                connection.execute(insert(schedules).values(_schedule(owner)))
        return store

    yield made
    for store in opened_stores:
        store.close()


def _schedule(owner: str) -> dict[str, Any]:
    return {
        "id": new_id(), "owner": owner, "state": "paused", "title": SECRET,
        "rrule": "FREQ=DAILY", "starts": "2026-11-23T08:00:00", "zone": "Europe/Berlin",
        "excluded": [], "lead_seconds": 0, "steps": [{"intent": "lab.say", "slots": SECRET}],
        "confirmed": False, "catch_up_seconds": 0, "handled_at": NOW, "created_at": NOW,
    }  # fmt: skip


def everything(store: Store) -> str:
    """All that lies in the database, as its own tools show it."""
    names = [table.name for table in core.sorted_tables]
    return str([raw(store, f"SELECT * FROM {name}") for name in names])


def test_nothing_that_was_said_lies_in_the_database(busy: Callable[[], Store]) -> None:
    store = busy()
    shown = str(list(export(store, "anna")))
    assert shown.count(SECRET) >= 7, "its owner gets it all"
    assert "data_keys" not in shown
    assert SECRET not in everything(store)


def test_after_forgetting_everything_old_copies_stay_shut(
    busy: Callable[[], Store], settings: config.Settings
) -> None:
    store = busy()
    old = raw(store, "SELECT id, text FROM turns WHERE owner = 'anna'")
    keys = {
        row["id"] for row in opened(store, select(data_keys).where(data_keys.c.owner == "anna"))
    }
    forget(store, "anna")
    assert Turns(store).last("anna") is None
    left = opened(store, select(schedules).where(schedules.c.owner == "anna"))
    assert [row["title"] for row in left] == [SECRET], "a schedule is no history"
    fresh = {
        row["id"] for row in opened(store, select(data_keys).where(data_keys.c.owner == "anna"))
    }
    assert len(fresh) == 1 and not fresh & keys
    with pytest.raises(MasterKeyFault, match="destroyed"):
        store.vault.open("anna", "turns", "text", *old[0])
    assert SECRET in str(list(export(store, "ben"))), "another user's stays"


def test_after_erasure_nothing_is_left_but_that_there_was_somebody(
    busy: Callable[[], Store],
) -> None:
    store = busy()
    erase(store, "anna")
    assert list(export(store, "anna")) == []
    assert raw(store, "SELECT * FROM data_keys WHERE owner = 'anna'") == []
    assert SECRET in str(list(export(store, "ben")))


def test_a_stolen_database_without_the_key(tmp_path: Path, home: Path) -> None:
    settings = config.load()
    store = open_store(settings)
    Turns(store).save("anna", Turn(new_id(), "c", SECRET))
    store.close()
    thief = tmp_path / "thief"
    thief.mkdir()
    for file in settings.paths.data.iterdir():
        if file.is_file():
            shutil.copy(file, thief)
    stolen = config.load({"database_url": f"sqlite:///{thief / 'wlm.db'}"})
    stolen = stolen._replace(paths=stolen.paths._replace(data=thief))
    opened_ = open_store(stolen)
    with pytest.raises(MasterKeyFault, match="not here"):
        Turns(opened_).last("anna")
    with pytest.raises(MasterKeyFault):
        Turns(opened_).save("anna", Turn(new_id(), "c", "x"))
    opened_.close()
    assert not any(
        SECRET.encode() in file.read_bytes() for file in thief.rglob("*") if file.is_file()
    )


def test_no_file_holds_what_was_said(home: Path) -> None:
    """Database, WAL, spool, logs, recordings, a fresh backup: before forgetting and after."""
    settings = config.load()
    store = open_store(settings)
    spoken = Turn(new_id(), "c", SECRET, reply=Reply(SECRET))
    Turns(store).save("anna", spoken, {"why": SECRET})
    tone = np.sin(np.arange(16_000) / 9).astype(np.float32) / 2
    kept = recordings.keep(store, settings.paths.data, "anna", spoken.id, Audio(tone, 1.0))
    plain = recordings.fetch(store, settings.paths.data, "anna", spoken.id)
    backup = home / "backup.db"

    def found() -> list[Path]:
        with (
            sqlite3.connect(settings.paths.data / "wlm.db") as source,
            sqlite3.connect(backup) as to,
        ):
            source.backup(to)
        marks = (SECRET.encode(), SECRET.encode("utf-16-le"), plain[4000:4064])
        files = [file for file in home.rglob("*") if file.is_file()]
        assert kept in files or not kept.exists()
        return [file for file in files if any(mark in file.read_bytes() for mark in marks)]

    assert found() == []
    forget(store, "anna")
    store.scrub()
    assert found() == []
    store.close()


def test_what_was_there_before_is_sealed_and_wiped(home: Path, tmp_path: Path) -> None:
    """From a database of before: nothing is lost, and no page keeps the old text."""
    from wlm.store.migrate import CORE_SCHEMA, upgrade

    settings = config.load()
    settings.paths.data.mkdir(parents=True)
    store = Store(settings.database_url)
    old = tmp_path / "old"
    old.mkdir()
    for file in sorted(CORE_SCHEMA.folder.glob("0*.py")):
        if "sealed" in file.name:
            break
        shutil.copy(file, old)
    upgrade(store, [CORE_SCHEMA._replace(folder=old)])
    reply = json.dumps({"speech": SECRET, "display": SECRET, "data": {}})
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO turns VALUES (:id, 'anna', 'c', :said, '{}', '[]',"
                " :reply, '{}', '2026-11-22 09:00:00')"
            ),
            [{"id": f"t{n:04}", "said": f"{SECRET} {n}", "reply": reply} for n in range(1201)],
        )
    store.close()
    store = open_store(settings)
    said = [turn.text for turn in Turns(store).list("anna", limit=2000)]
    assert sorted(said) == sorted(f"{SECRET} {n}" for n in range(1201))
    assert Turns(store).search("anna", f"{SECRET} 17".lower(), limit=50)
    for file in settings.paths.data.iterdir():
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file.name
    store.close()


def test_reading_goes_on_while_the_key_changes(busy: Callable[[], Store]) -> None:
    store = busy()
    wrong: list[Exception] = []
    stop = threading.Event()
    count = [0]

    def read() -> None:
        try:
            while not stop.is_set():
                for owner in ("anna", "ben"):
                    assert Turns(store).last(owner).text == f"{SECRET} of {owner}"  # type: ignore[union-attr]
                    store.vault._open_keys.clear()
                    count[0] += 1
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    while not count[0] and not wrong:
        stop.wait(0.01)
    for _ in range(3):
        store.vault.rotate(discard=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong and count[0]


def test_who_loads_the_keys_of_before_does_not_stop_their_change(
    busy: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader has the old keys in hand when the new one is saved, and puts them back after it."""
    store = busy()
    vault = store.vault
    load, write = vault._source.load, store.write
    loaded, go_on = threading.Event(), threading.Event()

    def slow_load() -> object:
        keys = load()
        if threading.current_thread() is reader:
            loaded.set()
            assert go_on.wait(30)
        return keys

    def write_after_reader() -> object:
        go_on.set()
        reader.join(30)
        return write()

    reader = threading.Thread(target=vault.check)
    monkeypatch.setattr(vault._source, "load", slow_load)
    reader.start()
    assert loaded.wait(30)
    monkeypatch.setattr(store, "write", write_after_reader)
    version = vault.rotate()
    monkeypatch.undo()
    assert vault.rotate(discard=True) == version + 1
    vault._open_keys.clear()
    for owner in ("anna", "ben"):
        assert Turns(store).last(owner).text == f"{SECRET} of {owner}"  # type: ignore[union-attr]


def test_a_recording_is_sealed_in_its_place(store: Store, tmp_path: Path) -> None:
    loud = Audio(np.random.default_rng(1).uniform(-1, 1, 150_000).astype(np.float32), 9.4)
    file = recordings.keep(store, tmp_path, "anna", "t1", loud)
    assert file.stat().st_mode & 0o777 == 0o600
    wav = recordings.fetch(store, tmp_path, "anna", "t1")
    assert wav[:4] == b"RIFF" and len(wav) == 300_044
    whole = file.read_bytes()
    chunks, start = [], 0
    while start < len(whole):
        end = start + 4 + int.from_bytes(whole[start : start + 4], "little")
        chunks.append(whole[start:end])
        start = end
    assert len(chunks) == 5
    for wrong in (
        chunks[:-1],
        [chunks[1], chunks[0], *chunks[2:]],
        chunks[1:],
        [*chunks, chunks[-1]],
        [whole[:-1]],
        [whole[:2]],
        [b""],
    ):
        file.write_bytes(b"".join(wrong))
        with pytest.raises(MasterKeyFault):
            recordings.fetch(store, tmp_path, "anna", "t1")
    file.write_bytes(whole)
    file.rename(file.with_name("t2.sealed"))
    with pytest.raises(MasterKeyFault):
        recordings.fetch(store, tmp_path, "anna", "t2")
    with pytest.raises(NotFound):
        recordings.fetch(store, tmp_path, "anna", "t1")


def test_what_stands_for_what_was_said_cannot_be_guessed(
    store: Store, settings: config.Settings
) -> None:
    """A thief of the database hashes likely requests, and finds none of them."""
    engine = Engine(store, lab.registry(), settings)
    route = Route("lab", "lab.say", {"text": SECRET})
    event = engine.accept("anna", route, idempotency_key="k1")
    assert engine.accept("anna", route, idempotency_key="k1").id == event.id
    ((kept,),) = raw(store, "SELECT fingerprint FROM events WHERE id = :id", id=event.id)
    assert kept != fingerprint(route) and len(kept) == 64
    with store.write() as connection:
        same = store.vault.fingerprint(connection, "anna", fingerprint(route))
        assert same == kept != store.vault.fingerprint(connection, "tom", fingerprint(route))
    taught = Corrections(store)
    taught.add("anna", "hash of it", SECRET, "lab.say")
    assert taught.intent("anna", "hash of it") == "lab.say"
    assert taught.intent("tom", "hash of it") is None
    assert raw(store, "SELECT count(*) FROM corrections WHERE key = 'hash of it'") == [(0,)]
    assert taught.remove("anna", "hash of it")
    engine.close()
