"""A transaction whose thread does not come back is undone by another thread."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, update

from tests.support import postgres
from wlm.errors import StorageFault
from wlm.store import connections
from wlm.store.engine import Store

tables = MetaData()
notes = Table("cut_notes", tables, Column("text", String(64)), Column("id", Integer))


class Writer(threading.Thread):
    """Writes a row, waits, writes another one, and keeps what that raised."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.raised: list[str] = []
        self.start()
        assert self.inside.wait(30)

    def run(self) -> None:
        """The transaction."""
        try:
            with self.store.write() as connection:
                connection.execute(insert(notes).values(text="first"))
                self.inside.set()
                self.go_on.wait(30)
                try:
                    with self.store.write():
                        connection.execute(insert(notes).values(text="second"))
                except Exception as error:
                    self.raised.append(type(error).__name__)
        except StorageFault:
            self.raised.append("StorageFault")

    def end(self) -> list[str]:
        """Let it come back; what was raised in it."""
        self.go_on.set()
        self.join(30)
        return self.raised


@pytest.fixture
def db(store: Store) -> Store:
    with store.write() as connection:
        tables.create_all(connection)
    return store


def texts(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(notes.c.text)).scalars())


def test_what_it_wrote_is_undone_and_others_write(db: Store) -> None:
    hung = Writer(db)
    assert db.cut(hung.ident or 0)
    assert not db.cut(hung.ident or 0)
    with db.write() as connection:
        connection.execute(insert(notes).values(text="another"))
    assert texts(db) == ["another"]
    raised = hung.end()
    assert len(raised) == 2 and raised[1] == "StorageFault"
    with db.write() as connection:
        connection.execute(insert(notes).values(text="last"))
    assert texts(db) == ["another", "last"]


def test_it_takes_no_turn_of_another_with_it(db: Store) -> None:
    hung = Writer(db)
    db.cut(hung.ident or 0)
    other = Writer(db)
    hung.end()
    assert other.end() == []
    assert texts(db) == ["first", "second"]


def test_who_has_left_is_not_cut(db: Store) -> None:
    gone = Writer(db)
    assert gone.end() == []
    assert not db.cut(gone.ident or 0)
    assert texts(db) == ["first", "second"]


def test_what_another_keeps_locked_is_waited_for_with_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "LOCK_SECONDS", 0.05)
    store = Store(postgres.server().database())
    with store.write() as connection:
        tables.create_all(connection)
        connection.execute(insert(notes).values(text="first"))
    change = update(notes).values(text="second")
    with store._engine.begin() as other:
        other.execute(change)
        with (
            pytest.raises(StorageFault, match="keeps it locked") as caught,
            store.write() as connection,
        ):
            connection.execute(change)
    assert caught.value.retryable
    with store.write() as connection:
        connection.execute(change)
    assert texts(store) == ["second"]
    store.close()
