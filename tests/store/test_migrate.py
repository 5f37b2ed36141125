"""Migrations upwards, on SQLite and Postgres, of the core and of skills."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    inspect,
    select,
    text,
)

from tests.support import lab
from wlm import config
from wlm.errors import BadSetting, NewerDatabase, StorageFault
from wlm.plugins import Skill
from wlm.plugins.manager import Registry, load
from wlm.store import tables
from wlm.store.accounts import tables as account_tables
from wlm.store.engine import Store
from wlm.store.master import MasterKeyStore
from wlm.store.migrate import CORE_SCHEMA, Schema, check, open_store, skill_schema, upgrade
from wlm.store.vault import Vault

assert account_tables.core is tables.core, "the core's tables are all defined"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
# For each revision of the core: rows of a database that stood there, which the next
# revisions must bring along. A new revision needs an entry, empty only if it changed no table.
SAMPLES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "0001": [
        (
            "turns",
            {
                "id": "t1", "owner": "local", "conversation": "c", "text": "hello",
                "decision": "{}", "actions": "[]", "reply": '{"speech": "hi"}',
                "timings_ms": "{}", "created_at": NOW,
            },
        ),
        (
            "events",
            {
                "id": "e1", "owner": "local", "state": "queued", "skill": "lab",
                "intent": "lab.say", "slots": "{}", "confidence": 1.0, "router": "local",
                "effect": "read", "attempts": 0, "max_attempts": 1, "priority": 0,
                "confirmed": False, "begun": False, "root": "e1", "depth": 0,
                "created_at": NOW, "run_at": NOW,
            },
        ),
        (
            "event_log",
            {"event_id": "e1", "owner": "local", "at": NOW, "state": "queued", "attempt": 0},
        ),
        (
            "effects",
            {"event_id": "e1", "key": "k", "owner": "local", "result": "1", "created_at": NOW},
        ),
    ],
    "0002": [
        (
            "idempotency_keys",
            {"owner": "local", "key": "k", "fingerprint": "f", "subject": "t1", "done": True,
             "created_at": NOW},
        ),
    ],
    "0003": [
        (
            "schedules",
            {
                "id": "s1", "owner": "local", "state": "active", "title": "briefing",
                "rrule": "FREQ=DAILY", "starts": "2026-11-23T08:00:00", "zone": "Europe/Berlin",
                "excluded": "[]", "lead_seconds": 0, "steps": "[]", "confirmed": False,
                "catch_up_seconds": 0, "next_at": NOW, "handled_at": NOW, "created_at": NOW,
            },
        ),
        (
            "firings",
            {
                "schedule_id": "s1", "occurrence": NOW, "owner": "local", "at": NOW,
                "outcome": "fired", "missed": 0, "events": "[]",
            },
        ),
        ("notices", {"owner": "local", "event_id": "e1", "state": "succeeded", "created_at": NOW}),
        (
            "deliveries",
            {"notice_id": 1, "channel": "terminal", "owner": "local", "state": "pending"},
        ),
    ],
    "0004": [
        (
            "users",
            {
                "owner": "u1", "email": "a@example.org", "name": "", "role": "admin",
                "state": "active", "created_at": NOW,
            },
        ),
        ("identities", {"issuer": "i", "subject": "s", "owner": "u1", "created_at": NOW}),
        (
            "sessions",
            {
                "id": "s1", "owner": "u1", "device": "d", "address": "::1",
                "created_at": NOW, "used_at": NOW, "expires_at": NOW,
            },
        ),
        (
            "refresh_tokens",
            {"hash": "h", "session": "s1", "owner": "u1", "created_at": NOW},
        ),
        (
            "api_keys",
            {
                "id": "k1", "owner": "u1", "name": "n", "hash": "h", "scopes": "[]",
                "created_at": NOW,
            },
        ),
        (
            "signing_keys",
            {"kid": "k", "state": "next", "public": "{}", "private": "x", "created_at": NOW},
        ),
        (
            "device_logins",
            {
                "hash": "h", "device_code": "x", "device": "d", "address": "::1", "interval": 5,
                "poll_at": NOW, "created_at": NOW, "expires_at": NOW,
            },
        ),
        (
            "audit_log",
            {"id": "l1", "at": NOW, "action": "sign_in", "outcome": "ok", "detail": "{}"},
        ),
    ],
    "0005": [
        (
            "events",
            {
                "id": "e2", "owner": "local", "state": "queued", "skill": "lab",
                "intent": "lab.say", "slots": "{}", "confidence": 1.0, "router": "local",
                "effect": "write", "attempts": 0, "max_attempts": 1, "priority": 0,
                "confirmed": False, "begun": False, "root": "e2", "depth": 0,
                "created_at": NOW, "run_at": NOW, "refers": '{"meeting": {"id": "m1"}}',
                "undo": '{"intent": "lab.back", "slots": {}}',
            },
        ),
    ],
    "0006": [],
    "0007": [
        (
            "llm_calls",
            {
                "id": "c1", "owner": "local", "key": "k", "answered": True, "answer": "x",
                "tokens_in": 1, "tokens_out": 1, "created_at": NOW,
            },
        ),
    ],
    "0008": [
        ("tickets", {"id": 1, "served": 7}),
        # ("breakers", …) are counted anew: see 0015.
    ],
    "0009": [
        (
            "corrections",
            {"id": "x1", "owner": "local", "key": "k", "text": "go", "intent": "none",
             "created_at": NOW},
        ),
    ],
    "0010": [],
    "0011": [
        (
            "skill_values",
            {"owner": "anna", "skill": "email", "name": "user", "value": "sealed",
             "secret": False, "changed_at": NOW},
        ),
    ],
    "0012": [],
    "0013": [],
    "0014": [],
    "0015": [
        (
            "breakers",
            {"skill": "lab", "provider": "far", "owner": "", "own": False, "failures": 3,
             "open_until": NOW},
        ),
        (
            "permits",
            {"skill": "lab", "provider": "far", "number": 1, "holder": "h", "worker": "w",
             "until": NOW},
        ),
    ],
    "0016": [
        (
            "watches",
            {"owner": "local", "skill": "email", "holder": None, "worker": None, "until": None,
             "mark": '{"last": 1}'},
        ),
    ],
    "0017": [
        (
            "shares",
            {"id": "s1", "owner": "anna", "skill": "meeting", "grantee": "ben", "access": "read",
             "created_at": NOW},
        ),
        (
            "account_choices",
            {"owner": "ben", "skill": "meeting", "share": "s1", "created_at": NOW},
        ),
    ],
}  # fmt: skip

FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table(
        "toy_things",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_toy_things"),
    )
    op.create_table(
        "toy_parts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("thing", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_toy_parts"),
        sa.ForeignKeyConstraint(["thing"], ["toy_things.id"], ondelete="CASCADE", name="fk_toy"),
    )
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    with op.batch_alter_table("toy_things") as batch:
        batch.add_column(sa.Column("size", sa.Integer(), nullable=False, server_default="7"))
    with op.batch_alter_table("toy_things") as batch:
        batch.alter_column("size", server_default=None)
"""
BROKEN = (
    SECOND
    + """
    op.execute("DELETE FROM no_such_table")
"""
)


class Toy(Skill):
    """A skill with two migrations."""

    tables = MetaData()


things = Table(
    "toy_things",
    Toy.tables,
    Column("id", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("size", Integer, nullable=False),
)


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Any:
    (tmp_path / "data").mkdir(exist_ok=True)
    made = Store(database_url)
    made.vault = Vault(made, MasterKeyStore(tmp_path / "data", ""))
    yield made
    made.close()


@pytest.fixture
def toy(tmp_path: Path) -> Schema:
    """The toy's branch, with its first revision alone."""
    folder = tmp_path / "a folder with 100% odd names" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_things.py").write_text(FIRST)
    return Schema("toy", Toy.tables, folder)


def differences(store: Store, schema: Schema) -> list[Any]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    import wlm.store.indexes  # noqa: F401  the schema is whole

    options = {"version_table": schema.version_table, "compare_type": True}
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, schema.tables))


def checks(store: Store, names: list[str]) -> dict[str, set[str]]:
    with store.read() as connection:
        looked = inspect(connection)
        return {t: {str(c["name"]) for c in looked.get_check_constraints(t)} for t in names}


def test_the_core_migrates_to_what_its_tables_say(empty: Store, tmp_path: Path) -> None:
    assert check(empty, [CORE_SCHEMA]).found == {"": None}
    assert upgrade(empty, [CORE_SCHEMA]) == [""]
    assert differences(empty, CORE_SCHEMA) == []
    assert upgrade(empty, [CORE_SCHEMA]) == [], "nothing is left to do"
    # Alembic does not compare these.
    declared = {
        table.name: {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
        for table in tables.core.sorted_tables
    }
    assert checks(empty, list(declared)) == declared


@pytest.mark.parametrize("name", [s.skill.name for s in load().skills.values() if s.skill.tables])
def test_a_skill_migrates_to_what_its_tables_say(empty: Store, name: str) -> None:
    schema = skill_schema(load().skills[name].skill)
    assert schema is not None
    upgrade(empty, [schema])
    assert differences(empty, schema) == []
    assert check(empty, [schema]).pending == []


def test_every_step_brings_its_data_along(empty: Store, tmp_path: Path) -> None:
    files = sorted(CORE_SCHEMA.folder.glob("0*.py"))
    assert [file.name[:4] for file in files] == list(SAMPLES)
    stage = tmp_path / "stage"
    stage.mkdir()
    rows: list[tuple[str, dict[str, Any]]] = []
    for file in files:
        shutil.copy(file, stage)
        upgrade(empty, [CORE_SCHEMA._replace(folder=stage)])
        with empty.write() as connection:
            for table, row in SAMPLES[file.name[:4]]:
                marks = ", ".join(f":{name}" for name in row)
                query = text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})")
                stored = {
                    k: v.replace(tzinfo=None) if isinstance(v, datetime) and empty.sqlite else v
                    for k, v in row.items()
                }
                if table == "skill_values":  # a table that came after the step that seals
                    stored["value"] = json.dumps(empty.vault.seal_json(
                        row["owner"], table, "value", "email\x1fuser", row["value"]
                    ))  # fmt: skip
                connection.execute(query, stored)
                rows.append((table, row))
    with empty.read() as connection:
        for table in tables.core.sorted_tables:
            if table.name in ("master_keys", "data_keys"):
                continue  # the step that seals makes them
            wanted = sum(name == table.name for name, _ in rows)
            assert len(connection.execute(select(table)).all()) == wanted


def test_a_step_of_a_skill_keeps_rows_and_what_refers_to_them(empty: Store, toy: Schema) -> None:
    upgrade(empty, [toy])
    with empty.write() as connection:
        connection.execute(text("INSERT INTO toy_things VALUES (1, 'local')"))
        connection.execute(text("INSERT INTO toy_parts VALUES (1, 'local', 1)"))
    (toy.folder / "0002_size.py").write_text(SECOND)
    assert check(empty, [toy]).pending == ["toy"]
    assert upgrade(empty, [toy]) == ["toy"]
    with empty.read() as connection:
        assert connection.execute(select(things)).all() == [(1, "local", 7)]
        assert connection.execute(text("SELECT thing FROM toy_parts")).scalars().all() == [1]
        if empty.sqlite:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_step_that_fails_leaves_the_database_as_it_was(empty: Store, toy: Schema) -> None:
    upgrade(empty, [toy])
    (toy.folder / "0002_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match=r"no_such_table|lacks a table"):
        upgrade(empty, [toy])
    assert check(empty, [toy]).found == {"toy": "0001"}
    with empty.read() as connection:
        names = {c["name"] for c in inspect(connection).get_columns("toy_things")}
    assert names == {"id", "owner"}


def test_a_newer_database_is_left_alone(settings: config.Settings, toy: Schema) -> None:
    store = open_store(settings)
    with store.write() as connection:
        connection.execute(text("UPDATE schema_version SET version_num = '0999'"))
    store.close()
    with pytest.raises(NewerDatabase, match="0999"):
        open_store(settings)
    again = Store(settings.database_url)
    assert check(again, [CORE_SCHEMA]).newer == [""]
    assert check(again, [CORE_SCHEMA]).found == {"": "0999"}
    again.close()


def test_branches_do_not_know_each_other(settings: config.Settings, toy: Schema) -> None:
    store = open_store(settings)
    upgrade(store, [toy])
    assert check(store, [CORE_SCHEMA]).pending == [], "a plugin that was removed breaks nothing"
    assert check(store, [CORE_SCHEMA, toy]).found == {"": CORE_SCHEMA.newest, "toy": "0001"}
    store.close()


@pytest.mark.parametrize("fault", ["broken", "newer", "none", "numbers"])
def test_a_faulty_skill_takes_down_nothing_but_itself(
    settings: config.Settings, toy: Schema, fault: str
) -> None:
    class Faulty(Toy):
        """Its folder is not where its module is."""

        name = "toy"

        @classmethod
        def folder(cls) -> Path:
            return toy.folder.parent

    registry = Registry()
    registry.add("toy", Faulty)
    if fault == "broken":
        (toy.folder / "0002_broken.py").write_text(BROKEN)
    elif fault == "none":
        (toy.folder / "0001_things.py").unlink()
    elif fault == "numbers":
        (toy.folder / "0003_gap.py").write_text(SECOND.replace('"0002"', '"0003"'))
    else:
        store = open_store(settings, registry)
        with store.write() as connection:
            connection.execute(text("UPDATE schema_version_toy SET version_num = '0009'"))
        store.close()
    store = open_store(settings, registry)
    assert check(store, [CORE_SCHEMA]).pending == []
    assert registry.skills == {}
    assert [(f.plugin, f.stage) for f in registry.faults] == [("toy", "migrate")]
    store.close()


def test_processes_that_start_at_once_migrate_once(database_url: str, home: Path) -> None:
    program = (
        "from wlm import config; from wlm.store.migrate import CORE_SCHEMA, check, open_store\n"
        "import sys, wlm.store.upgrade\n"
        "settings = config.load({'database_url': sys.argv[1]})\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(check(open_store(settings), [CORE_SCHEMA]).found[''])"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate()[0].strip() for process in processes]
    assert told == [CORE_SCHEMA.newest] * 2


def test_an_up_to_date_database_opens_without_alembic(home: Path) -> None:
    program = (
        "import sys; from wlm import config; from wlm.store.migrate import open_store;"
        "open_store(config.load()).close();"
        "print('alembic' in sys.modules, 'sqlalchemy.orm' in sys.modules)"
    )
    told = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert told[0].stdout.startswith("True") and told[1].stdout == "False False\n"


def test_the_folder_is_private(home: Path) -> None:
    settings = config.load()
    settings.paths.data.mkdir(mode=0o755, parents=True)
    open_store(settings).close()
    assert stat.S_IMODE(settings.paths.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((settings.paths.data / "wlm.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_a_url_that_names_no_database(url: str) -> None:
    with pytest.raises(BadSetting, match="database_url"):
        Store(url)


def test_a_skill_without_tables_has_no_branch() -> None:
    class Bare(Skill):
        """Nothing."""

    assert skill_schema(Bare()) is None
    lab_schema = skill_schema(lab.Lab())
    assert lab_schema is not None
    with pytest.raises(StorageFault, match="no migrations"):
        _ = lab_schema.newest


def test_tables_have_owners() -> None:
    of_the_host = {
        "master_keys",
        "signing_keys",
        "device_logins",
        "audit_log",
        "tickets",
        "permits",
    }
    ownerless = {table.name for table in tables.core.sorted_tables if "owner" not in table.c}
    assert ownerless == of_the_host
