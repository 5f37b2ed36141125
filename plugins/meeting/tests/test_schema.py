"""The table as migrated is the table as declared."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from wlm_meeting.skill import Meeting

from plugins.meeting.tests.talk import Talk


def test_migrations_make_what_is_declared(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    files = sorted((Meeting.folder() / Meeting.migrations).glob("[0-9]*.py"))
    with engine.begin() as connection:
        migration = MigrationContext.configure(connection)
        with Operations.context(migration):
            for number, file in enumerate(files, 1):
                module: dict[str, object] = {}
                exec(compile(file.read_text("utf-8"), file, "exec"), module)
                assert module["revision"] == file.name[:4] == f"{number:04}"
                module["upgrade"]()  # type: ignore[operator]
        assert compare_metadata(migration, Meeting.tables) == []
    engine.dispose()


def test_names_belong_to_the_skill_and_rows_to_somebody() -> None:
    assert Meeting.tables is not None
    for table in Meeting.tables.tables.values():
        assert table.name.startswith("meeting_")
        assert "owner" in table.c


def test_a_look_at_a_month_reads_by_the_index(talk: Talk) -> None:
    with talk.ports.store.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM meeting_entries WHERE owner = 'a' AND repeats = 0 "
            "AND ends_at >= '2026-01-01' AND starts_at < '2026-02-01'"
        ).fetchall()
    assert "ix_meeting_entries_span" in str(plan)
