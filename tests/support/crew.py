"""`python -m tests.support.crew`: a worker whose only skill is the lab, under a supervisor."""

from __future__ import annotations

import sys

from tests.support import lab
from wlm import config
from wlm.events.dispatch import Crew
from wlm.events.engine import Engine
from wlm.events.supervisor import Supervisor, bound_memory, tie_to_parent
from wlm.store.migrate import open_store

MEGABYTES = 700


def main() -> None:
    if sys.argv[1:] != ["child"]:
        command = [sys.executable, "-m", "tests.support.crew", "child"]
        sys.exit(Supervisor(command, 1, grace=5).run())
    settings = config.load()
    store = open_store(settings)
    with store.write() as connection:
        lab.tables.create_all(connection)
    bound_memory(MEGABYTES)
    crew = Crew(Engine(store, lab.registry(), settings), threads=3, drain=2)
    tie_to_parent()
    crew.run()


if __name__ == "__main__":
    main()
