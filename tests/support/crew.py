"""`python -m tests.support.crew`: a worker whose only skill is the lab, under a supervisor."""

from __future__ import annotations

import sys

from tests.support import lab
from wlm import config
from wlm.events.dispatch import Crew
from wlm.events.engine import Engine
from wlm.events.quarantine import Quarantine
from wlm.events.supervisor import Supervisor, bound_memory, tie_to_parent
from wlm.store.migrate import open_store

MEGABYTES = 700
THREADS = 3


def main() -> None:
    command = [sys.executable, "-m", "tests.support.crew"]
    match sys.argv[1:]:
        case ["child"]:
            Crew(engine(), THREADS, drain=2, quarantine=tie_to_parent()).run()
        case ["alone"]:
            tie_to_parent()
            Quarantine(engine()).run()
        case _:
            supervisor = Supervisor([*command, "child"], 1, grace=5, quarantine=[*command, "alone"])
            sys.exit(supervisor.run())


def engine() -> Engine:
    """An engine on the database of the environment, in a process with little memory."""
    settings = config.load()
    store = open_store(settings)
    with store.write() as connection:
        lab.tables.create_all(connection)
    bound_memory(MEGABYTES)
    return Engine(store, lab.registry(), settings)


if __name__ == "__main__":
    main()
