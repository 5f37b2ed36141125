"""A skill for tests of the event engine: each handler does one thing that engines must survive."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, String, Table

from tests.support.registries import only
from wlm.errors import BadRequest, ProviderAway
from wlm.plugins import Context, Person, Place, Reply, Skill, Slot, Time, intent
from wlm.plugins.manager import Registry

tables = MetaData()
ledger = Table(
    "lab_ledger",
    tables,
    Column("id", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("event", String(26), nullable=False),
    Column("what", String(64), nullable=False),
)
"""A row for each effect: counts what was really done, and how often."""


class Lab(Skill):
    """Does what tests need done."""

    tables = tables

    class Settings(BaseModel):
        """One setting."""

        colour: str = "red"

    def __init__(self) -> None:
        self.people: dict[str, list[Any]] = {}
        self.failures = 0
        self.calls: list[str] = []
        self.contexts: list[Context] = []
        self.gate = threading.Event()
        self.late: list[BaseException | None] = []
        self.finished = threading.Event()

    def resolve(self, ctx: Context, kind: str, text: str) -> list[Any]:
        if text == "boom":
            raise RuntimeError(text)
        return self.people.get(f"{kind}:{text}", [])

    @intent(examples=["say {text}"])
    def say(self, ctx: Context, text: str) -> Reply:
        """Say something."""
        self.contexts.append(ctx)
        return Reply(f"You said {text}.", data={"remember": {"said": text}})

    @intent(examples=["write {what}"], effect="write")
    def write(self, ctx: Context, what: str = "x") -> Reply:
        """Write a line, once."""
        ctx.once("line", lambda: ctx.db.insert(ledger, {"event": ctx.event_id, "what": what}))
        return Reply("Written.")

    @intent(examples=["flaky"], effect="write", retries=2)
    def flaky(self, ctx: Context, after: Annotated[float, Slot()] = 0) -> Reply:
        """Write once, then fail as often as the test wants."""
        result = ctx.once("line", lambda: self._line(ctx))
        if self.failures:
            self.failures -= 1
            raise ProviderAway("The lab is away.", retry_after=after or None)
        return Reply("Done.", data={"result": result})

    @intent(examples=["refuse"])
    def refuse(self, ctx: Context) -> Reply:
        """Refuse."""
        raise BadRequest("The lab will not.")

    @intent(examples=["crash"])
    def crash(self, ctx: Context, how: str = "") -> Reply:
        """Raise what is no error of ours."""
        if how == "exit":
            raise SystemExit(3)
        raise ValueError("the secret of Anna")

    @intent(examples=["nonsense"])
    def nonsense(self, ctx: Context, what: str = "none") -> Reply:
        """Return what is no reply."""
        odd: dict[str, Any] = {
            "none": None,
            "text": "hello",
            "data": Reply("x", data={"f": object()}),
            "nan": Reply("x", data={"f": float("nan")}),
        }
        return odd[what]

    @intent(examples=["hang"], effect="write", timeout=0.2)
    def hang(self, ctx: Context) -> Reply:
        """Not come back until the test says so, and then try to write."""
        self.gate.wait(30)
        try:
            ctx.db.insert(ledger, {"event": ctx.event_id, "what": "late"})
            self.late.append(None)
        except Exception as error:
            self.late.append(error)
        finally:
            self.finished.set()
        return Reply("Too late.")

    @intent(examples=["hold"], effect="write", timeout=0.2)
    def hold(self, ctx: Context) -> Reply:
        """Not come back from within a transaction until the test says so, and then go on in it."""

        def work() -> None:
            ctx.db.insert(ledger, {"event": ctx.event_id, "what": "held"})
            self.gate.wait(30)
            ctx.db.insert(ledger, {"event": ctx.event_id, "what": "late"})

        try:
            ctx.once("line", work)
            self.late.append(None)
        except Exception as error:
            self.late.append(error)
        finally:
            self.finished.set()
        return Reply("Too late.")

    @intent(
        examples=["send {text} to {to}"], effect="send", confirm="Send {text} to {to}?", timeout=5
    )
    def send(
        self,
        ctx: Context,
        to: Annotated[list[Person], Slot("who", ask="To whom?")],
        text: str,
        subject: str = "",
        when: Time | None = None,
    ) -> Reply:
        """Send something."""
        if text == "hang":
            self.gate.wait(30)
        if text == "crash":
            raise ValueError("half sent")
        ctx.once("send", lambda: self._line(ctx))
        return Reply("Sent.", data={"to": [person.email for person in to]})

    @intent(examples=["ask back"])
    def ask(self, ctx: Context, colour: str = "") -> Reply:
        """Ask for what it needs."""
        if not colour:
            ctx.ask("colour", "Which colour?", [("Red", "r"), ("Green", "g")])
        return Reply(f"Colour {colour}.")

    @intent(examples=["go to {where}"])
    def go(self, ctx: Context, where: Place | None = None) -> Reply:
        """Go."""
        return Reply(f"Going to {where.name if where else 'nowhere'}.", data={"where": where})

    @intent(examples=["family"])
    def family(
        self, ctx: Context, child: str = "lab.say", n: float = 1, later: Time | None = None
    ) -> Reply:
        """Emit children."""
        ids = [
            ctx.emit(
                child, {"text": str(i)} if child == "lab.say" else {}, run_at=later, key=str(i)
            )
            for i in range(int(n))
        ]
        return Reply("Born.", data={"children": ids})

    @intent(examples=["loop"])
    def loop(self, ctx: Context) -> Reply:
        """Emit itself, for ever."""
        return Reply("Again.", data={"child": ctx.emit("lab.loop", {})})

    @intent(examples=["deep"])
    def deep(self, ctx: Context, n: float = 0) -> Reply:
        """Emit itself with another slot, for ever."""
        return Reply("Deeper.", data={"child": ctx.emit("lab.deep", {"n": n + 1})})

    @intent(examples=["daily"])
    def daily(self, ctx: Context, n: float = 0) -> Reply:
        """Emit itself for tomorrow, as a schedule does."""
        child = ctx.emit("lab.daily", {}, run_at=ctx.now + timedelta(days=1))
        return Reply("Until tomorrow.", data={"child": child})

    @intent(examples=["drop {event}"])
    def drop(self, ctx: Context, event: str) -> Reply:
        """Cancel another event."""
        return Reply("Dropped.", data={"cancelled": ctx.cancel(event)})

    @intent(examples=["die"], effect="write", retries=2)
    def die(self, ctx: Context) -> Reply:
        """End the process."""
        os._exit(9)

    @intent(examples=["linger"], effect="write")
    def linger(self, ctx: Context) -> Reply:
        """Take longer than others need to end the process."""
        time.sleep(0.5)
        return Reply("Here I am.")

    @intent(examples=["fill"], timeout=20)
    def fill(self, ctx: Context) -> Reply:
        """Take all the memory there is."""
        taken = []
        while True:
            taken.append(bytearray(10_000_000))

    @intent(examples=["post {text}"], effect="send")
    def post(self, ctx: Context, text: str = "") -> Reply:
        """Send something that can be looked up later."""
        self.calls.append("post")
        return Reply("Posted.")

    def outcome(
        self, ctx: Context, intent: str, slots: Mapping[str, Any]
    ) -> Reply | Literal[False] | None:
        if intent != "post":
            return None
        self.calls.append("look")
        known: dict[str, Reply | Literal[False]] = {"sent": Reply("It was."), "unsent": False}
        return known.get(slots.get("text", ""))

    def _line(self, ctx: Context) -> int:
        ctx.db.insert(ledger, {"event": ctx.event_id, "what": "line"})
        return len(ctx.db.select(ledger, ledger.c.event == ctx.event_id))


def registry() -> Registry:
    """A registry with the lab alone."""
    return only(lab=Lab)


def dead_worker() -> str:
    """The name of a process of this machine that has ended."""
    program = "from wlm.events.worker import this_worker; print(this_worker())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class Clock:
    """A clock that a test holds."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def step(self, **by: float) -> None:
        """Move on."""
        self.now += timedelta(**by)
