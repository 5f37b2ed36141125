"""Transactions, and what goes wrong with a database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from wlm import config
from wlm.errors import StorageFault
from wlm.store.columns import UtcTime
from wlm.store.engine import Store
from wlm.store.migrate import open_store
from wlm.store.owned import OwnedTables

tables = MetaData()
notes = Table(
    "notes",
    tables,
    Column("id", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("text", String(64)),
    Column("at", UtcTime),
)
loose = Table("loose", tables, Column("id", Integer, primary_key=True))


@pytest.fixture
def db(store: Store) -> Store:
    with store.write() as connection:
        tables.create_all(connection)
    return store


def test_a_transaction_is_whole_or_not_at_all(db: Store) -> None:
    mine = OwnedTables(db, "me")
    with pytest.raises(ZeroDivisionError), mine.transaction():
        mine.insert(notes, {"text": "a"})
        assert len(mine.select(notes)) == 1
        _ = 1 / 0
    assert mine.select(notes) == []


def test_rows_have_owners(db: Store) -> None:
    mine, yours = OwnedTables(db, "me"), OwnedTables(db, "you")
    mine.insert(
        notes, {"id": 1, "text": "a", "owner": "you"}, {"id": 2, "text": "b", "owner": "you"}
    )
    assert yours.select(notes) == []
    assert yours.update(notes, {"text": "x"}) == yours.delete(notes, notes.c.id == 1) == 0
    assert mine.update(notes, {"text": "c", "owner": "you"}, notes.c.id == 2) == 1
    rows = mine.select(notes, order_by=notes.c.id.desc(), limit=1)
    assert [(row["text"], row["owner"]) for row in rows] == [("c", "me")]
    columns = (notes.c.text, notes.c.id)
    assert mine.values(columns, order_by=notes.c.id, limit=1) == [("a", 1)]
    assert yours.values(columns) == []
    assert mine.delete(notes) == 2
    mine.insert(notes)
    with pytest.raises(TypeError, match="no owner"):
        mine.select(loose)


def test_times_are_aware(db: Store) -> None:
    mine = OwnedTables(db, "me")
    moment = datetime.fromisoformat("2026-10-25T02:30:00.000001+01:00")
    mine.insert(notes, {"id": 1, "at": moment})
    (row,) = mine.select(notes, notes.c.at == moment)
    assert row["at"] == moment and row["at"].tzinfo is UTC
    with pytest.raises(StatementError, match="needs a zone"):
        mine.insert(notes, {"id": 2, "at": datetime(2026, 1, 1)})  # noqa: DTZ001


def test_many_writers_lose_no_update(db: Store) -> None:
    OwnedTables(db, "me").insert(notes, {"id": 1, "text": "0"})

    def work() -> None:
        for _ in range(25):
            with db.write() as connection:
                query = select(notes.c.text).where(notes.c.id == 1).with_for_update()
                value = int(connection.execute(query).scalar_one())
                connection.execute(update(notes).values(text=str(value + 1)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (row,) = OwnedTables(db, "me").select(notes)
    assert row["text"] == "100"


def test_a_reader_does_not_wait_for_a_writer(db: Store) -> None:
    with db.write() as connection:
        connection.execute(insert(notes).values(id=1, owner="me"))
        seen: list[int] = []
        reader = threading.Thread(
            target=lambda: seen.append(len(OwnedTables(db, "me").select(notes)))
        )
        reader.start()
        reader.join()
    assert seen == [0]


def test_a_broken_constraint_is_a_bug_and_no_storage_fault(db: Store) -> None:
    OwnedTables(db, "me").insert(notes, {"id": 1})
    with pytest.raises(IntegrityError):
        OwnedTables(db, "me").insert(notes, {"id": 1})


def sqlite_file(home: Path) -> Path:
    return config.load().paths.data / "wlm.db"


def test_no_database(home: Path) -> None:
    sqlite_file(home).parent.mkdir(parents=True)
    sqlite_file(home).write_text("This is a letter, and a long one, to nobody in particular." * 20)
    before = sqlite_file(home).read_bytes()
    with pytest.raises(StorageFault, match="not a WLM database"):
        open_store(config.load())
    assert sqlite_file(home).read_bytes() == before


def test_a_damaged_database(home: Path) -> None:
    open_store(config.load()).close()
    raw = bytearray(sqlite_file(home).read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    sqlite_file(home).write_bytes(raw)
    with pytest.raises(StorageFault, match="damaged"):
        open_store(config.load())


def test_a_locked_database_says_so_and_may_be_tried_again(home: Path) -> None:
    store = open_store(config.load())
    with store.write() as connection:
        tables.create_all(connection)
    other = sqlite3.connect(sqlite_file(home), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFault, match="locked") as caught, store.write():
        pass
    assert caught.value.retryable
    other.close()
    store.close()


def test_threads_take_turns_at_writing_and_do_not_wait_for_ever(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(config.load())
    with store.write() as connection:
        tables.create_all(connection)
    inside, told = threading.Event(), list[str]()

    def write() -> None:
        inside.set()
        try:
            with store.write() as connection:
                connection.execute(insert(loose))
            told.append("written")
        except StorageFault as fault:
            told.append(f"{'locked' in fault.message} {fault.retryable}")

    def beside() -> threading.Thread:
        inside.clear()
        thread = threading.Thread(target=write)
        thread.start()
        assert inside.wait(30)
        return thread

    with store.write():
        waits = beside()
        assert not told
    waits.join(30)
    monkeypatch.setattr("wlm.store.engine.BUSY_SECONDS", 0.01)
    with store.write(), store.write():
        beside().join(30)
    assert told == ["written", "True True"]
    with store.read() as connection:
        assert len(connection.execute(select(loose)).all()) == 1
    store.close()


def test_a_full_database(home: Path) -> None:
    store = open_store(config.load())
    with store.write() as connection:
        tables.create_all(connection)
    with pytest.raises(StorageFault, match="full") as caught, store.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count={pages}"))
        for number in range(10_000):
            connection.execute(insert(notes).values(id=number, owner="me", text="x" * 64))
    assert "Free" in caught.value.hint
    assert OwnedTables(store, "me").select(notes) == []
    store.close()


def test_a_home_that_is_no_folder(home: Path) -> None:
    (home / "data").write_text("")
    with pytest.raises(StorageFault, match="cannot be made"):
        open_store(config.load())


def test_a_home_that_may_not_be_written(home: Path) -> None:
    program = (
        "import os\n"
        "from wlm import config; from wlm.store.migrate import open_store\n"
        "settings = config.load()\n"
        "os.geteuid() or os.setuid(65534)  # root may write anywhere\n"
        "open_store(settings)"
    )
    home.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    home.chmod(0o700)
    assert "StorageFault" in done.stderr and "Permission denied" in done.stderr


def test_a_server_that_is_not_there(home: Path) -> None:
    url = f"postgresql://nobody:secret@/none?host={home}"
    with pytest.raises(StorageFault, match="cannot be reached") as caught:
        open_store(config.load({"database_url": url}))
    assert caught.value.retryable and "secret" not in str(caught.value)
