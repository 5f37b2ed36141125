"""The engine's promises, on SQLite and on Postgres."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.support.lab import Clock, Lab, ledger
from wlm import config
from wlm.errors import NotFound, StorageFault, UsageError
from wlm.events.engine import Engine
from wlm.events.ports import RunOver
from wlm.plugins import Person, Place
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.types import Event, Route, State

ME = "local"


def route(intent: str, **slots: object) -> Route:
    return Route(intent.partition(".")[0], intent, slots)


def do(engine: Engine, intent: str, /, **slots: object) -> Event:
    """Accept and run."""
    return engine.run(engine.accept(ME, route(intent, **slots)).id)


def lines(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(ledger.c.what)).scalars())


def states(engine: Engine, event: Event) -> list[str]:
    return [entry.state.value for entry in engine.history(ME, event.id)]


def test_an_event_succeeds_and_tells_its_story(engine: Engine, clock: Clock) -> None:
    accepted = engine.accept(ME, route("lab.say", text="hi"), conversation="c", turn="t")
    assert accepted.state is State.QUEUED
    done = engine.run(accepted.id)
    assert done.state is State.SUCCEEDED
    assert done.reply is not None and done.reply.speech == "You said hi."
    assert (done.attempts, done.conversation, done.turn) == (1, "c", "t")
    assert done.created_at == done.finished_at == clock.now
    assert states(engine, done) == ["accepted", "queued", "running", "succeeded"]
    assert engine.get(ME, done.id) == done
    assert Event.from_json(done.to_json()) == done


def test_accepting_joins_the_open_transaction(engine: Engine, store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write():
        event = engine.accept(ME, route("lab.say", text="hi"))
        _ = 1 / 0
    with pytest.raises(NotFound):
        engine.get(ME, event.id)
    with store.write(), pytest.raises(RuntimeError):
        engine.run(engine.accept(ME, route("lab.say", text="hi")).id)


def test_nobody_sees_or_touches_the_events_of_another(engine: Engine) -> None:
    event = engine.accept(ME, route("lab.say", text="hi"), conversation="c")
    assert engine.list("other") == []
    assert engine.memory("other", "c") == {}
    for act in (engine.get, engine.cancel, engine.confirm, engine.retry, engine.history):
        with pytest.raises(NotFound):
            act("other", event.id)
    with pytest.raises(NotFound):
        engine.answer("other", event.id, {})
    with pytest.raises(NotFound):
        engine.accept("other", route("lab.say", text="hi"), parent=event.id)
    assert engine.get(ME, event.id) == event


def test_a_missing_slot_is_asked_for(engine: Engine) -> None:
    event = do(engine, "lab.say")
    assert event.state is State.WAITING_INPUT
    assert event.question is not None and event.question.slot == "text"
    assert event.attempts == 0
    answered = engine.answer(ME, event.id, {"text": "hello"})
    assert answered.state is State.QUEUED and answered.question is None
    assert engine.run(event.id).reply.speech == "You said hello."  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="waits for no input"):
        engine.answer(ME, event.id, {"text": "again"})


@pytest.mark.parametrize("answer", ["green", "2", 2, "g"])
def test_a_candidate_is_chosen_by_label_number_or_value(engine: Engine, answer: object) -> None:
    event = do(engine, "lab.ask")
    assert event.question is not None and event.question.text == "Which colour?"
    engine.answer(ME, event.id, {"colour": answer})
    done = engine.run(event.id)
    assert done.reply is not None and done.reply.speech == "Colour g."


def test_names_are_resolved_before_the_handler(engine: Engine, skill: Lab) -> None:
    anna, tom, tim = (
        Person(n, n[:1] + str(i), f"{n}@x.org") for i, n in enumerate(("Anna", "Tom", "Tim"))
    )
    skill.people = {
        "person:Anna": [anna],
        "person:T": [tom, tim],
        "place:Paris": [Place("Paris", 1.0, 2.0)],
    }
    event = do(engine, "lab.send", to=["Anna", "T", "Zoe"], text="hi")
    assert event.state is State.WAITING_INPUT and event.question is not None
    assert event.question.text == "Which T do you mean?"
    assert [c["label"] for c in event.question.candidates] == ["Tom, Tom@x.org", "Tim, Tim@x.org"]
    engine.answer(ME, event.id, {"to": "Tim, tim@x.org"})
    event = engine.run(event.id)
    assert event.state is State.WAITING_CONFIRMATION
    assert [to if isinstance(to, str) else to["id"] for to in event.route.slots["to"]] == [
        "A0",
        "T2",
        "Zoe",
    ]
    gone = do(engine, "lab.go", where="Paris")
    assert gone.route.slots["where"]["latitude"] == 1.0
    assert do(engine, "lab.go", where="boom").state is State.SUCCEEDED
    assert do(engine, "lab.go").state is State.SUCCEEDED


def test_a_send_waits_for_a_yes_to_its_exact_arguments(engine: Engine, store: Store) -> None:
    when = "2026-11-23T12:00:00+00:00"
    event = do(
        engine,
        "lab.send",
        to=[{"name": "Anna", "email": "a@x.org"}],
        text="hi",
        subject="lunch",
        when=when,
    )
    assert event.state is State.WAITING_CONFIRMATION and event.attempts == 0
    assert event.question is not None and event.question.text == (
        "Send hi to Anna (a@x.org)? (subject: lunch; when: Monday 23 November 2026, 13:00)"
    )
    assert engine.run(event.id).state is State.WAITING_CONFIRMATION
    assert lines(store) == []
    assert engine.confirm(ME, event.id).state is State.QUEUED
    assert engine.run(event.id).state is State.SUCCEEDED
    with pytest.raises(UsageError):
        engine.confirm(ME, event.id)
    assert lines(store) == ["line"]


def test_a_yes_given_beforehand_counts_until_the_arguments_change(engine: Engine) -> None:
    said = engine.accept(ME, route("lab.send", to=["Anna"], text="hi"), confirmed=True)
    assert engine.run(said.id).state is State.SUCCEEDED
    short = engine.accept(ME, route("lab.send", text="hi"), confirmed=True)
    assert engine.run(short.id).state is State.WAITING_INPUT
    engine.answer(ME, short.id, {"to": ["Anna"]})
    assert engine.run(short.id).state is State.WAITING_CONFIRMATION


@pytest.mark.parametrize(
    ("policy", "write", "send"),
    [
        ("send", State.SUCCEEDED, State.WAITING_CONFIRMATION),
        ("write", State.WAITING_CONFIRMATION, State.WAITING_CONFIRMATION),
        ("never", State.SUCCEEDED, State.WAITING_CONFIRMATION),
    ],
)
def test_the_policy_says_what_needs_a_yes(
    store: Store,
    registry: Registry,
    settings: config.Settings,
    policy: str,
    write: State,
    send: State,
) -> None:
    flags = {"database_url": settings.config.database_url, "confirm": policy}
    engine = Engine(store, registry, config.load(flags))
    assert do(engine, "lab.write").state is write
    assert do(engine, "lab.send", to=["Anna"], text="hi").state is send
    assert do(engine, "lab.say", text="x").state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("intent", "slots", "code"),
    [
        ("lab.refuse", {}, "refused"),
        ("lab.crash", {}, "skill_failed"),
        ("lab.crash", {"how": "exit"}, "skill_failed"),
        ("lab.nonsense", {"what": "none"}, "skill_failed"),
        ("lab.nonsense", {"what": "text"}, "skill_failed"),
        ("lab.nonsense", {"what": "data"}, "skill_failed"),
        ("lab.nonsense", {"what": "nan"}, "skill_failed"),
        ("lab.nothing", {}, "skill_missing"),
        ("gone.away", {}, "skill_missing"),
        ("lab.say", {"text": "x", "other": 1}, "usage"),
        ("lab.send", {"to": ["A"], "text": "x", "when": "noon"}, "usage"),
    ],
)
def test_a_failure_has_its_cause_and_no_personal_data(
    engine: Engine, intent: str, slots: dict[str, object], code: str
) -> None:
    event = do(engine, intent, **slots)
    assert event.state is State.FAILED and event.error is not None
    assert event.error.code == code and event.error.message
    shown = f"{event.error} {engine.history(ME, event.id)}"
    assert "Anna" not in shown and "secret" not in shown
    assert engine.history(ME, event.id)[-1].code == code


def test_a_skill_that_comes_back_gets_its_event(engine: Engine, registry: Registry) -> None:
    lab = registry.skills.pop("lab")
    event = do(engine, "lab.say", text="hi")
    assert event.error is not None and event.error.code == "skill_missing"
    registry.skills["lab"] = lab
    assert engine.retry(ME, event.id).state is State.QUEUED
    assert engine.run(event.id).state is State.SUCCEEDED


def test_a_retryable_failure_is_tried_again_later_and_its_effect_once(
    engine: Engine, skill: Lab, store: Store, clock: Clock
) -> None:
    skill.failures = 2
    event = do(engine, "lab.flaky", after=100)
    assert event.state is State.RETRYING and event.error is not None and event.error.retryable
    assert event.run_at is not None and event.run_at >= clock.now + timedelta(seconds=100)
    assert engine.run(event.id).attempts == 1, "it is not due"
    assert engine.run_due() == []
    clock.step(seconds=200)
    assert [e.state for e in engine.run_due()] == [State.RETRYING]
    clock.step(seconds=600)
    (done,) = engine.run_due()
    assert done.state is State.SUCCEEDED and done.attempts == 3 and done.error is None
    assert done.reply is not None and done.reply.data == {"result": 1}
    assert lines(store) == ["line"]


def test_after_its_last_attempt_it_is_dead_until_retried_by_hand(
    engine: Engine, skill: Lab, clock: Clock
) -> None:
    skill.failures = 3
    event = do(engine, "lab.flaky")
    for _ in range(2):
        clock.step(hours=1)
        (event,) = engine.run_due()
    assert event.state is State.DEAD and event.attempts == 3
    clock.step(days=1)
    assert engine.run_due() == []
    assert engine.retry(ME, event.id).attempts == 0
    assert engine.run(event.id).state is State.SUCCEEDED


def test_a_retry_need_not_wait_for_its_time(engine: Engine, skill: Lab) -> None:
    skill.failures = 1
    event = do(engine, "lab.flaky")
    assert engine.retry(ME, event.id).state is State.QUEUED
    assert engine.run(event.id).state is State.SUCCEEDED
    with pytest.raises(UsageError, match="only one that failed"):
        engine.retry(ME, event.id)


def test_a_handler_has_its_time_and_what_it_does_later_is_refused(
    engine: Engine, skill: Lab, store: Store
) -> None:
    event = do(engine, "lab.hang")
    assert event.state is State.FAILED and event.error is not None
    assert "0.2 s" in event.error.message
    skill.gate.set()
    assert skill.finished.wait(10)
    assert isinstance(skill.late[0], RunOver)
    assert lines(store) == [] and engine.get(ME, event.id) == event


def test_a_handler_that_hangs_in_a_transaction_keeps_nothing_locked(
    store: Store, registry: Registry, settings: config.Settings, skill: Lab
) -> None:
    engine = Engine(store, registry, settings)
    event = do(engine, "lab.hold")
    assert event.state is State.FAILED and event.error is not None
    assert do(engine, "lab.write").state is State.SUCCEEDED
    skill.gate.set()
    assert skill.finished.wait(10)
    assert isinstance(skill.late[0], StorageFault)
    assert lines(store) == ["x"]
    assert do(engine, "lab.write").state is State.SUCCEEDED


def test_cancelling_a_running_event_ends_it_at_once(
    engine: Engine, skill: Lab, store: Store
) -> None:
    event = engine.accept(ME, route("lab.send", to=["A"], text="hang"), confirmed=True)
    results: list[Event] = []
    runner = threading.Thread(target=lambda: results.append(engine.run(event.id)))
    runner.start()
    while engine.get(ME, event.id).state is not State.RUNNING:
        runner.join(0.01)
    engine.cancel(ME, event.id)
    runner.join(10)
    assert [e.state for e in results] == [State.CANCELLED]
    skill.gate.set()
    assert engine.get(ME, event.id).state is State.CANCELLED
    assert lines(store) == []


def test_cancel(engine: Engine) -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    event = engine.accept(ME, route("lab.say", text="x"), run_at=later)
    assert engine.cancel(ME, event.id).state is State.CANCELLED
    assert engine.cancel(ME, event.id).state is State.CANCELLED
    assert engine.run(event.id).state is State.CANCELLED
    done = do(engine, "lab.say", text="x")
    with pytest.raises(UsageError, match="has ended"):
        engine.cancel(ME, done.id)


def test_a_later_event_waits_for_its_time_and_urgent_ones_go_first(
    engine: Engine, clock: Clock
) -> None:
    later = engine.accept(ME, route("lab.say", text="x"), run_at=clock.now + timedelta(hours=1))
    low = engine.accept(ME, route("lab.say", text="x"), priority=9)
    high = engine.accept(ME, route("lab.say", text="x"), priority=0)
    assert engine.run(later.id).state is State.QUEUED
    assert [e.id for e in engine.run_due()] == [high.id, low.id]
    clock.step(hours=1)
    assert [e.id for e in engine.run_due()] == [later.id]
    with pytest.raises(UsageError, match="time zone"):
        engine.accept(ME, route("lab.say", text="x"), run_at=datetime(2030, 1, 1))  # noqa: DTZ001


def test_an_idempotency_key_gives_the_same_event(engine: Engine) -> None:
    first = engine.accept(ME, route("lab.say", text="x"), idempotency_key="k")
    done = engine.run(first.id)
    assert engine.accept(ME, route("lab.say", text="x"), idempotency_key="k") == done
    with pytest.raises(UsageError, match="idempotency key"):
        engine.accept(ME, route("lab.say", text="y"), idempotency_key="k")
    other = engine.accept("other", route("lab.say", text="y"), idempotency_key="k")
    assert other.id != first.id


def test_children(engine: Engine, clock: Clock) -> None:
    parent = do(engine, "lab.family", n=3)
    assert parent.reply is not None
    ids = parent.reply.data["children"]
    children = [engine.get(ME, id_) for id_ in ids]
    assert len(set(ids)) == 3 and {child.parent for child in children} == {parent.id}
    assert [e.state for e in engine.run_due()] == [State.SUCCEEDED] * 3
    dropped = do(engine, "lab.drop", event=ids[0])
    assert dropped.reply is not None and dropped.reply.data == {"cancelled": False}
    later = do(engine, "lab.family", later=(clock.now + timedelta(days=1)).isoformat())
    assert later.reply is not None
    (child,) = later.reply.data["children"]
    dropped = do(engine, "lab.drop", event=child)
    assert dropped.reply is not None and dropped.reply.data == {"cancelled": True}
    assert engine.get(ME, child).state is State.CANCELLED


def test_a_child_that_sends_asks_for_itself(engine: Engine) -> None:
    parent = do(engine, "lab.family", child="lab.send")
    assert parent.reply is not None
    (child,) = parent.reply.data["children"]
    assert engine.run(child).state is State.WAITING_INPUT


@pytest.mark.parametrize("intent", ["lab.loop", "lab.deep"])
def test_a_chain_of_events_ends(engine: Engine, intent: str) -> None:
    do(engine, intent)
    for _ in range(10):
        engine.run_due()
    events = engine.list(ME)
    assert events[0].state is State.FAILED and len(events) <= 6
    assert events[0].error is not None and events[0].error.code == "usage"


def test_an_event_has_at_most_fifty_children(engine: Engine) -> None:
    event = do(engine, "lab.family", n=51)
    assert event.state is State.FAILED and event.error is not None
    assert "50" in event.error.message


def test_a_schedule_goes_on_for_ever(engine: Engine, clock: Clock) -> None:
    do(engine, "lab.daily")
    for _ in range(8):
        clock.step(days=1)
        assert [e.state for e in engine.run_due()] == [State.SUCCEEDED]


def test_memory_is_what_the_last_replies_left(engine: Engine) -> None:
    for text in ("one", "two"):
        engine.run(engine.accept(ME, route("lab.say", text=text), conversation="c").id)
    assert engine.memory(ME, "c") == {"said": "two"}
    assert engine.memory(ME, "d") == {}


def test_the_context_of_a_handler(engine: Engine, skill: Lab, clock: Clock) -> None:
    engine.run(engine.accept(ME, route("lab.say", text="one"), conversation="c").id)
    event = engine.run(engine.accept(ME, route("lab.say", text="two"), conversation="c").id)
    ctx = skill.contexts[-1]
    assert (ctx.user, ctx.event_id, ctx.attempt, ctx.skill) == (ME, event.id, 1, "lab")
    assert ctx.now == clock.now and ctx.timezone.key == "Europe/Berlin"
    assert ctx.now.utcoffset() == timedelta(hours=1)
    assert ctx.memory == {"said": "one"}
    assert isinstance(ctx.settings, Lab.Settings)
    with pytest.raises(RunOver):
        ctx.once("after", lambda: 1)
    with pytest.raises(RunOver):
        ctx.emit("lab.say", {"text": "x"})
    look = engine.context(ME, "lab")
    for act in (
        lambda: look.once("k", lambda: 1),
        lambda: look.emit("lab.say", {}),
        lambda: look.cancel("x"),
    ):
        with pytest.raises(UsageError):
            act()


def test_listing(engine: Engine, clock: Clock) -> None:
    made = []
    for n in range(5):
        clock.step(seconds=1)
        made.append(
            engine.accept(ME, route("lab.say", text=str(n)), conversation="c" if n % 2 else None)
        )
    engine.cancel(ME, made[0].id)
    ids = [event.id for event in reversed(made)]
    assert [e.id for e in engine.list(ME)] == ids
    assert [e.id for e in engine.list(ME, limit=2)] == ids[:2]
    assert [e.id for e in engine.list(ME, limit=2, before=ids[1])] == ids[2:4]
    assert [e.id for e in engine.list(ME, states=[State.CANCELLED])] == [ids[-1]]
    assert [e.id for e in engine.list(ME, conversation="c")] == [ids[1], ids[3]]
    with pytest.raises(NotFound):
        engine.list(ME, before="nothing")
