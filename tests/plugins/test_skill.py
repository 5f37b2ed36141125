"""The skill contract: what is read from a declaration, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlm.errors import BadSetting, SkillMissing, UsageError
from wlm.plugins import (
    Context,
    Duration,
    Email,
    Person,
    Phone,
    Place,
    Recurrence,
    Reply,
    Skill,
    Slot,
    Time,
    TimeRange,
    hookimpl,
    intent,
)
from wlm.plugins.manager import Registry
from wlm.plugins.manager import _unmet as unmet


class Everything(Skill):
    """One slot of every kind."""

    @intent(examples=["do {text} at {time}"], keywords=["everything"], effect="write")
    def verb(
        self,
        ctx: Context,
        time: Time,
        text: Annotated[str, Slot("words", ask="What words?")] = "",
        span: TimeRange | None = None,
        length: Duration | None = None,
        repeat: Recurrence | None = None,
        place: Place | None = None,
        people: list[Person] | None = None,
        number: int | None = None,
        choice: Literal["on", "off"] | None = None,
        email: Email | None = None,
        phone: Phone | None = None,
    ) -> Reply:
        """Take everything."""
        return Reply("ok")

    @intent()
    def inner(self, ctx: Context) -> Reply:
        """Only emitted."""
        return Reply("ok")


def test_the_declaration_is_read_from_the_signature() -> None:
    spec = Everything.intents()["everything.verb"]
    assert {slot.name: slot.kind for slot in spec.slots} == {
        "time": "time", "text": "text", "span": "time_range", "length": "duration",
        "repeat": "recurrence", "place": "place", "people": "person", "number": "number",
        "choice": "choice", "email": "email", "phone": "phone",
    }  # fmt: skip
    assert [slot.name for slot in spec.slots if slot.required] == ["time"]
    assert [slot.name for slot in spec.slots if slot.many] == ["people"]
    assert spec.help == "Take everything."
    assert spec.phrases["en"].keywords == ("everything",)


def test_the_tool_schema_is_closed_and_complete() -> None:
    tool = Everything.intents()["everything.verb"].tool_schema()["function"]
    assert tool["name"] == "everything__verb"
    parameters = tool["parameters"]
    assert parameters["additionalProperties"] is False
    assert parameters["required"] == ["time"]
    assert parameters["properties"]["choice"]["enum"] == ["on", "off"]
    assert parameters["properties"]["people"]["type"] == "array"
    assert parameters["properties"]["text"]["description"] == "words"


MOMENT = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", MOMENT),
        ("text", "lunch"),
        ("span", TimeRange(MOMENT, MOMENT + timedelta(days=1))),
        ("length", timedelta(minutes=90)),
        ("repeat", Recurrence("FREQ=WEEKLY;BYDAY=TU", MOMENT, [TimeRange(MOMENT, MOMENT)])),
        ("place", Place("Paris")),
        ("place", Place("Paris", 48.85, 2.35, "France", "Europe/Paris")),
        ("people", [Person("Anna"), Person("Tom", "id7", "tom@example.org")]),
        ("number", 7),
        ("choice", "off"),
        ("email", Email("a@example.org")),
        ("phone", Phone("+49301234")),
    ],
)
def test_slot_values_round_trip(name: str, value: object) -> None:
    slot = Everything.intents()["everything.verb"].slot(name)
    assert slot is not None
    assert slot.decode(slot.encode(value)) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", "soon"),
        ("time", "2026-01-01T10:00:00"),
        ("span", {"start": "2026-01-01"}),
        ("length", "an hour"),
        ("number", "many"),
        ("choice", "maybe"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: object) -> None:
    slot = Everything.intents()["everything.verb"].slot(name)
    assert slot is not None
    with pytest.raises(UsageError, match=name):
        slot.decode(value)


@given(st.recursive(st.none() | st.booleans() | st.text() | st.floats(), st.lists))
def test_decoding_never_fails_otherwise(value: object) -> None:
    for slot in Everything.intents()["everything.verb"].slots:
        try:
            slot.decode(value)
        except UsageError:
            continue


def test_what_is_no_slot_type_is_named() -> None:
    class Odd(Skill):
        @intent()
        def verb(self, ctx: Context, thing: complex) -> Reply:
            return Reply("no")

    with pytest.raises(TypeError, match=r"Odd\.verb: parameter 'thing'"):
        Odd.intents()


def test_a_mark_for_no_slot_is_named() -> None:
    class Odd(Skill):
        @intent(examples=["do {nothing}"])
        def verb(self, ctx: Context) -> Reply:
            return Reply("no")

    with pytest.raises(ValueError, match="nothing"):
        Odd.intents()


class TestRegistry:
    def test_two_skills_of_one_name_leave_the_first(self) -> None:
        registry = Registry()
        registry.add("one", Everything)
        registry.add("two", type("Everything", (Skill,), {"__doc__": "Another."}))
        assert registry.skills["everything"].skill.__class__ is Everything
        assert [(f.plugin, f.stage) for f in registry.faults] == [("two", "register")]

    def test_a_missing_skill_names_the_cause(self) -> None:
        registry = Registry()
        registry.fault("lamp", "wlm-lamp", "import", RuntimeError("no lamp"))
        with pytest.raises(SkillMissing, match="import: RuntimeError: no lamp"):
            registry.intent("lamp.switch")

    def test_unknown_settings_are_refused(self) -> None:
        registry = Registry()
        registry.add("one", Everything)
        with pytest.raises(BadSetting, match="colour"):
            registry.settings("everything", {"colour": "red"})

    def test_a_hook_that_raises_lets_the_others_run(self) -> None:
        class Good:
            @hookimpl
            def wlm_routers(self) -> dict[str, str]:
                return {"mine": "router"}

        class Bad:
            @hookimpl
            def wlm_routers(self) -> dict[str, str]:
                raise KeyError("inside")

        registry = Registry()
        for name, plugin in (("a", Good()), ("b", Bad()), ("c", Good())):
            registry.add(name, plugin)
        assert len(list(registry.call("wlm_routers"))) == 2
        assert [(f.plugin, f.stage) for f in registry.faults] == [("b", "wlm_routers")]

    def test_a_module_with_skills_needs_no_hook(self, tmp_path: Path) -> None:
        import types

        module = types.ModuleType("lamp_module")
        cls = type("Lamp", (Skill,), {"__doc__": "A lamp.", "__module__": "lamp_module"})
        module.Lamp = cls  # type: ignore[attr-defined]
        import sys

        sys.modules["lamp_module"] = module
        registry = Registry()
        registry.add("lamp", module)
        assert list(registry.skills) == ["lamp"]


@pytest.mark.parametrize(
    ("need", "met"),
    [
        ("wlm<1,>=0.1", True),
        ("wlm>=0.1,<1", True),
        ("wlm", True),
        ("wlm~=0.1", True),
        ("wlm-other>=3", True),
        ("wlm<0.1,>=0.0.1", False),
        ("wlm<10,>=9", False),
        ("wlm==0.2", False),
        ("wlm>=", False),
    ],
)
def test_the_range_of_versions_is_kept(need: str, met: bool) -> None:
    assert (unmet(need, "0.1.0") == "") is met
