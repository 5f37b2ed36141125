"""The testing kit itself: a small skill of its own, run on a real database."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, MetaData, String, Table

from wlm.errors import UsageError
from wlm.plugins import (
    Context,
    Passage,
    Person,
    Place,
    Reply,
    Skill,
    Slot,
    Summary,
    ToModel,
    intent,
)
from wlm.plugins.testing import asked, context, recorded, retry, run

tables = MetaData()
notes = Table(
    "notes_note",
    tables,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("text", String, nullable=False),
)


class Notes(Skill):
    """Notes, for these tests."""

    tables = tables

    class Settings(BaseModel):
        """One setting."""

        shout: bool = False
        summaries: bool = False

    to_model = ToModel("notes", allowed_by="summaries")

    @intent(examples=["note {text}"], effect="write")
    def add(self, ctx: Context, text: str, fail: str = "") -> Reply:
        """Keep a note."""

        def work() -> str:
            ctx.db.insert(notes, {"id": f"{ctx.event_id}-1", "text": text})
            if fail == "inside":
                raise RuntimeError("inside")
            return f"{ctx.event_id}-1"

        key = ctx.once("add", work)
        ctx.emit("notes.show", {}, run_at=ctx.now, key="show")
        if fail == "after" and ctx.attempt == 1:
            raise RuntimeError("after")
        return Reply("Kept.", data={"id": key, "remember": {"note": key}})

    @intent(examples=["show my notes"])
    def show(self, ctx: Context, by: Person | None = None, where: Place | None = None) -> Reply:
        """Read the notes."""
        assert isinstance(ctx.settings, self.Settings)
        texts = [row["text"] for row in ctx.db.select(notes)]
        said = ", ".join(texts).upper() if ctx.settings.shout else ", ".join(texts)
        return Reply(
            said or "Nothing.",
            data={"by": by.id if by else None, "last": ctx.memory.get("note"), "count": len(texts)},
        )

    @intent(examples=["sum up my notes"])
    def gist(self, ctx: Context) -> Reply:
        """Sum the notes up."""
        summary = ctx.summarise([Passage(row["text"]) for row in ctx.db.select(notes)])
        return Reply(summary.text or summary.why)

    @intent(examples=["number {n}"])
    def number(
        self, ctx: Context, n: Annotated[int, Slot("a number")] = 0, name: Person | None = None
    ) -> str:
        """Return no reply, which is wrong."""
        return "wrong"

    def resolve(self, ctx: Context, kind: str, text: str) -> list[Person]:
        """Knows Zoe."""
        return [Person("Zoe", id="z")] if (kind, text) == ("person", "Zoe") else []


@pytest.fixture
def skill() -> Notes:
    return Notes()


def test_each_run_is_an_event_of_one_conversation(skill, tmp_path):
    ctx = context(skill, tmp_path)
    first = run(skill, "add", ctx, text="milk")
    second = run(skill, "notes.add", ctx, text="bread")
    assert first.data["id"] != second.data["id"]
    shown = run(skill, "show", ctx)
    assert shown.speech == "milk, bread"
    assert shown.data["last"] == second.data["id"]


def test_users_of_one_database_do_not_see_each_other(skill, tmp_path):
    run(skill, "add", context(skill, tmp_path, user="one"), text="milk")
    assert run(skill, "show", context(skill, tmp_path, user="two")).data["count"] == 0
    assert run(skill, "show", context(skill, tmp_path, user="one")).data["count"] == 1


def test_a_retry_writes_and_emits_once(skill, tmp_path):
    ctx = context(skill, tmp_path)
    with pytest.raises(RuntimeError, match="after"):
        run(skill, "add", ctx, text="milk", fail="after")
    retry(skill, "add", ctx, text="milk", fail="after")
    assert run(skill, "show", ctx).speech == "milk"
    (child,) = recorded(ctx).emitted
    assert (child.intent, child.run_at) == ("notes.show", ctx.now)
    assert ctx.cancel(child.id) and not ctx.cancel(child.id) and not ctx.cancel("other")
    assert recorded(ctx).cancelled == [child.id]


def test_work_that_fails_leaves_nothing(skill, tmp_path):
    ctx = context(skill, tmp_path)
    with pytest.raises(RuntimeError, match="inside"):
        run(skill, "add", ctx, text="milk", fail="inside")
    assert run(skill, "show", ctx).data["count"] == 0


def test_missing_slot_asks(skill, tmp_path):
    question = asked(skill, "add", context(skill, tmp_path))
    assert (question.slot, question.kind) == ("text", "input")


def test_people_are_resolved_as_in_the_engine(skill, tmp_path):
    annas = [Person("Anna Berg", id="1"), Person("Anna Lund", id="2")]
    ctx = context(skill, tmp_path, candidates={"anna": annas, "Tom": annas[1:]})
    question = asked(skill, "show", ctx, by="Anna")
    assert [c["label"] for c in question.candidates] == ["Anna Berg", "Anna Lund"]
    assert question.candidates[0]["value"]["id"] == "1"
    assert run(skill, "show", ctx, by=question.candidates[0]["value"]).data["by"] == "1"
    assert run(skill, "show", ctx, by="tom").data["by"] == "2"
    assert run(skill, "show", ctx, by="Zoe").data["by"] == "z"
    assert run(skill, "show", ctx, by="Nobody").data["by"] is None
    assert run(skill, "show", ctx, where="tom").data["by"] is None  # a person is no place


def test_asked_needs_a_question(skill, tmp_path):
    with pytest.raises(AssertionError, match="Nothing"):
        asked(skill, "show", context(skill, tmp_path))


def test_wrong_use_is_named(skill, tmp_path):
    ctx = context(skill, tmp_path)
    with pytest.raises(UsageError, match="no intent"):
        run(skill, "sing", ctx)
    with pytest.raises(UsageError, match="no slot 'colour'"):
        run(skill, "show", ctx, colour="red")
    with pytest.raises(UsageError, match="not a number"):
        run(skill, "number", ctx, n="many")
    with pytest.raises(TypeError, match="not a Reply"):
        run(skill, "number", ctx, n=3)
    with pytest.raises(TypeError, match="zone"):
        ctx.emit("notes.show", {}, run_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of it


def test_time_zone_and_settings(skill, tmp_path):
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    ctx = context(
        skill, tmp_path, now=noon, timezone="Asia/Tokyo", settings={"shout": True}, memory={"a": 1}
    )
    assert ctx.now == noon and ctx.now.hour == 21 and ctx.memory == {"a": 1}
    run(skill, "add", ctx, text="milk")
    assert run(skill, "show", ctx).speech == "MILK"
    assert context(skill, tmp_path).now.isoformat() == "2026-11-22T09:00:00+01:00"


def test_it_needs_no_pytest(tmp_path: Path):
    code = "import sys, wlm.plugins.testing as t; print({'pytest', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=tmp_path)
    assert done.stdout.strip() == b"set()", done.stderr


def test_settings_are_asked_for_as_what_they_are(skill, tmp_path):
    class Others(BaseModel):
        shout: bool = False

    ctx = context(skill, tmp_path)
    assert ctx.settings_as(type(ctx.settings)) is ctx.settings
    with pytest.raises(TypeError, match="another skill's"):
        ctx.settings_as(Others)


def test_a_language_model_says_what_the_test_says(skill, tmp_path):
    ctx = context(skill, tmp_path, settings={"summaries": True})
    run(skill, "add", ctx, text="milk")
    assert run(skill, "gist", ctx).speech == "unset"
    recorded(ctx).summary = "You need milk."
    assert run(skill, "gist", ctx).speech == "You need milk."
    assert recorded(ctx).summed == [[Passage("milk")]]
    recorded(ctx).summary = lambda given: Summary(why="away" if given else "empty")
    assert run(skill, "gist", ctx).speech == "away"
    forbidden = context(skill, tmp_path)
    recorded(forbidden).summary = "You need milk."
    assert run(skill, "gist", forbidden).speech == "not_allowed"
    assert not recorded(forbidden).summed
