"""A skill with several providers, each of which a test can take away.

`python -m tests.support.far CALLS THREADS`: ask one of them from many threads, on the database of
the environment, and print how many calls were ever inside at once, over all such processes.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, func, insert, select

from tests.support.registries import only
from wlm.errors import ProviderAway, ProviderError, ProviderPaused
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry

tables = MetaData()
inside = Table(
    "far_inside",
    tables,
    Column("id", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
)
"""A row for each call that is under way."""


class Far(Skill):
    """Asks providers, and nothing else."""

    tables = tables

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.asked: list[str] = []
        self.gate = threading.Event()

    @intent(examples=["ask {which}"])
    def ask(self, ctx: Context, which: str = "first") -> Reply:
        """Ask one."""
        self._call(ctx, which)
        return Reply(f"{which} answered.")

    @intent(examples=["ask both"])
    def either(self, ctx: Context) -> Reply:
        """Ask one, and another one where it is away."""
        for which in ("first", "second"):
            with contextlib.suppress(ProviderAway):
                self._call(ctx, which)
                return Reply(f"{which} answered.")
        raise ProviderAway("Both are away.")

    @intent(examples=["push"], effect="write", retries=2)
    def push(self, ctx: Context) -> Reply:
        """Ask the user's own server."""
        self._call(ctx, "mine", own=True)
        return Reply("Pushed.")

    @intent(examples=["hang"], timeout=0.2)
    def hang(self, ctx: Context) -> Reply:
        """Ask one that gives no answer."""
        with ctx.provider("first"):
            self.gate.wait(30)
        return Reply("At last.")

    @intent(examples=["both ways"], effect="write")
    def inside(self, ctx: Context) -> Reply:
        """Ask one from inside a transaction, which nobody should."""
        ctx.once("x", lambda: self._call(ctx, "first"))
        return Reply("Done.")

    def _call(self, ctx: Context, which: str, *, own: bool = False) -> None:
        with ctx.provider(which, own=own):
            self.asked.append(which)
            if which in self.dead or f"{which} of {ctx.user}" in self.dead:
                raise ProviderAway(f"{which} is away.")
            if f"refuses: {which}" in self.dead:
                raise ProviderError(f"{which} refuses.")


def registry() -> Registry:
    """A registry with this skill alone."""
    return only(far=Far)


def main() -> None:
    from wlm import config
    from wlm.events.breaker import Provider
    from wlm.events.engine import Engine
    from wlm.store.migrate import open_store

    calls, threads = map(int, sys.argv[1:])
    settings = config.load()
    store = open_store(settings)
    engine = Engine(store, registry(), settings)
    providers, most = engine._contexts.providers, 0

    def call() -> None:
        nonlocal most
        done = 0
        while done < calls:
            with contextlib.suppress(ProviderPaused), providers.asked(Provider("far", "it"), "me"):
                with store.write(durable=False) as connection:
                    row = connection.execute(insert(inside).values(owner="me")).inserted_primary_key
                    many = select(func.count()).select_from(inside)
                    most = max(most, connection.execute(many).scalar_one())
                time.sleep(0.01)
                with store.write(durable=False) as connection:
                    connection.execute(delete(inside).where(inside.c.id == row[0]))
                done += 1

    crowd = [threading.Thread(target=call) for _ in range(threads)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    engine.close()
    store.close()
    print(most)


if __name__ == "__main__":
    main()
