"""Writers of several processes stand in line; a second lock object is as good as a process."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wlm.store import writer_lock as module
from wlm.store.writer_lock import WriterLock


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file, locked as by another process."""
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield file
    finally:
        os.close(file)


def is_locked(path: Path) -> bool:
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "wlm.db")


def test_who_stands_in_line_is_next(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 60.0)
    order = []

    def write(name: str) -> None:
        with WriterLock(database).held(60):
            order.append(name)

    with locked(Path(f"{database}-writer.lock")) as writer:
        first = threading.Thread(target=write, args=["first"])
        first.start()
        while not is_locked(Path(f"{database}-next.lock")):
            first.join(0.001)
        fcntl.flock(writer, fcntl.LOCK_UN)
        write("by chance here when it was free")
    first.join(60)
    assert order == ["first", "by chance here when it was free"]


def test_the_turn_is_given_back_after_an_error_too(database: str) -> None:
    lock = WriterLock(database)
    with pytest.raises(ZeroDivisionError), lock.held(1):
        assert is_locked(Path(f"{database}-writer.lock")) and not is_locked(
            Path(f"{database}-next.lock")
        )
        raise ZeroDivisionError
    assert not is_locked(Path(f"{database}-writer.lock"))
    lock.close()
    with lock.held(1):
        assert is_locked(Path(f"{database}-writer.lock")), "opened again"


@pytest.mark.parametrize("kept", ["next", "writer"])
def test_a_process_that_keeps_its_turn_is_not_waited_for_for_ever(
    database: str, kept: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    lock, done = WriterLock(database), []
    with locked(Path(f"{database}-{kept}.lock")):
        with lock.held(1):
            done.append("SQLite's own lock is what is left")
        assert "keeps its turn" in caplog.text
    with lock.held(1):
        assert is_locked(Path(f"{database}-writer.lock")), "the next time it is asked again"
    assert done


def test_where_files_cannot_be_locked_sqlite_waits_by_itself(database: str) -> None:
    Path(f"{database}-writer.lock").mkdir()
    lock, done = WriterLock(database), 0
    for _ in range(2):
        with lock.held(1):
            done += 1
    assert done == 2 and not is_locked(Path(f"{database}-next.lock"))


def test_a_forked_process_has_a_place_of_its_own(database: str) -> None:
    lock = WriterLock(database)
    with lock.held(1):
        pass  # the files are open, and the child inherits them
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        with lock.held(1):
            os.write(writes, b"x")
            threading.Event().wait()
    try:
        assert os.read(reads, 1) == b"x"
        fcntl.flock(lock._files.writer, fcntl.LOCK_UN)  # type: ignore[union-attr]
        assert is_locked(Path(f"{database}-writer.lock")), (
            "the parent's file says nothing of the child's"
        )
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reads)
        os.close(writes)
    with lock.held(1):
        assert is_locked(Path(f"{database}-writer.lock")), "a killed process gives it back"
