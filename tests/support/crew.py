"""`python -m tests.support.crew`: a worker whose only skill is the lab, under a supervisor.

Each of its processes imports no more than it needs: a test starts several, one after another.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from wlm.events.supervisor import Supervisor, bound_memory, tie_to_parent

if TYPE_CHECKING:
    from wlm.events.engine import Engine

MEGABYTES = 700
THREADS = 3


def main() -> None:
    command = [sys.executable, "-m", "tests.support.crew"]
    match sys.argv[1:]:
        case ["child"]:
            from wlm.events.dispatch import Crew

            Crew(engine(), THREADS, drain=2, quarantine=tie_to_parent()).run()
        case ["alone"]:
            from wlm.events.quarantine import Quarantine

            tie_to_parent()
            Quarantine(engine()).run()
        case _:
            quarantine = [*command, "alone"]
            supervisor = Supervisor([*command, "child"], 1, grace=30, quarantine=quarantine)
            sys.exit(supervisor.run())


def engine() -> Engine:
    """An engine on the database of the environment, in a process with little memory."""
    from tests.support import lab
    from wlm import config
    from wlm.events.engine import Engine
    from wlm.store.engine import Store
    from wlm.store.migrate import open_store

    settings = config.load()
    store: Store = open_store(settings)
    bound_memory(MEGABYTES)
    return Engine(store, lab.registry(), settings)


if __name__ == "__main__":
    main()
