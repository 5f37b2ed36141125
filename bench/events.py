"""`python -m bench.events`: the event engine against raw huey on the same storage.

Both run a task that does nothing. Raw huey takes it from its queue, and it is gone; the engine
accepts, claims and finishes a durable row. Also: the time from accepted to started at low
load, what an idle worker costs, how skills that wait scale with threads and machines (network
namespaces; needs root), and what a flood does to others.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from tests.support import postgres
from tests.support.redis import RedisServer
from wlm import config
from wlm.events.engine import Engine
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.migrate import open_store
from wlm.store.tables import events
from wlm.types import Route

_numbers = itertools.count(1)
"""Of hosts: a name is used once, since a host is torn down only some time after its end."""
BACKENDS = ("embedded", "redis")
BARS = {"embedded": 15.0, "redis": 5.0}


class Idle(Skill):
    """Does nothing, or waits."""

    @intent()
    def nothing(self, ctx: Context) -> Reply:
        """Say when it began."""
        return Reply("", data={"began": time.monotonic_ns()})

    @intent()
    def wait(self, ctx: Context) -> Reply:
        """Wait as for a network."""
        began = time.monotonic_ns()
        time.sleep(0.05)
        return Reply("", data={"began": began})


def engine_of(**more: Any) -> Engine:
    """The engine on the database and queue of the environment."""
    settings = config.load({"user_limit": 0, "skill_limit": 0, "timezone": "UTC"})
    registry = Registry()
    registry.add("idle", Idle)
    return Engine(open_store(settings), registry, settings, **more)


def work(threads: int) -> None:
    """A worker process."""
    from wlm.events.dispatch import Crew

    Crew(engine_of(), threads, drain=2).run()


@contextmanager
def worker(threads: int, prefix: tuple[str, ...] = ()) -> Iterator[int]:
    """A worker process for as long as the block lasts; its number."""
    command = [*prefix, sys.executable, "-m", "bench.events", "--worker", str(threads)]
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def backend(name: str, *addresses: str) -> Iterator[None]:
    """An empty installation of that kind, named by the environment.

    ``addresses``: of wires to other hosts, where Redis listens, too. The database is reached
    through its socket in the file system, which network namespaces share.
    """
    with ExitStack() as stack:
        names = {"WLM_HOME": stack.enter_context(tempfile.TemporaryDirectory())}
        if name != "embedded":
            names["WLM_DATABASE_URL"] = postgres.server(durable=True).database()
        if name == "redis":
            redis = stack.enter_context(RedisServer(*addresses))
            names["WLM_QUEUE_URL"] = redis.url
        os.environ.update(names)
        try:
            yield
        finally:
            for key in names:
                os.environ.pop(key)


def accept(engine: Engine, what: str = "nothing", owner: str = "u", priority: int = 0) -> str:
    """Accept one event."""
    return engine.accept(owner, Route("idle", f"idle.{what}"), priority=priority).id


def latencies(
    engine: Engine,
    count: int,
    what: str = "nothing",
    pause: float = 0.05,
) -> Any:
    """Milliseconds from handed out to begun, from asked to begun, and from asked to ended."""
    rows = []
    for _ in range(count):
        asked = time.monotonic_ns()
        event_id = accept(engine, what, "quiet")
        accepted = time.monotonic_ns()
        event = engine.wait(event_id, 60)
        ended = time.monotonic_ns()
        assert event.reply is not None, event
        began = event.reply.data["began"]
        rows.append([(began - accepted) / 1e6, (began - asked) / 1e6, (ended - asked) / 1e6])
        time.sleep(pause)
    columns = list(zip(*rows, strict=True))
    return {
        name: {"p50": pick(values, 0.5), "p95": pick(values, 0.95), "p99": pick(values, 0.99)}
        for name, values in zip(("start", "start_from_call", "answer"), columns, strict=True)
    }


def pick(values: Any, part: float) -> float:
    """A percentile."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * part), len(ordered) - 1)], 2)


def ready(engine: Engine) -> None:
    """Wait until the worker has taken its first event."""
    engine.wait(accept(engine), 60)


def low_load(name: str, count: int) -> dict[str, Any]:
    """Time to start at low load, and what an idle worker costs."""
    with backend(name), worker(4) as pid:
        engine = engine_of(leave_to_workers=True)
        ready(engine)
        told = latencies(engine, count)
        time.sleep(1)
        before, began = cpu(pid), time.monotonic()
        time.sleep(10)
        idle = (cpu(pid) - before) / (time.monotonic() - began)
        return {**told, "idle_percent_of_a_core": round(100 * idle, 2)}


def cpu(pid: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drained(name: str, threads: int, count: int, what: str = "nothing", hosts: int = 1) -> float:
    """Events a second, of so many that wait when the worker starts."""
    with ExitStack() as stack:
        names = namespaces(stack, hosts) if hosts > 1 else {}
        stack.enter_context(backend(name, *names.values()))
        engine = engine_of()
        store = engine._store
        for number in range(0, count, 100):
            with store.write():
                for one in range(number, min(number + 100, count)):
                    accept(engine, what, f"u{one % 20}")
        for prefix in [there(*host) for host in names.items()] or [()]:
            stack.enter_context(worker(threads, prefix))
        while True:
            time.sleep(0.2)
            if not left(engine):
                with store.read() as connection:
                    return _rate(connection)


def _rate(connection: Connection) -> float:
    """Events a second from when the last worker had begun: until then not all were there."""
    firsts = select(func.min(events.c.started_at)).group_by(events.c.worker)
    began = max(connection.execute(firsts).scalars())
    query = select(func.count(), func.max(events.c.finished_at))
    count, last = connection.execute(query.where(events.c.finished_at > began)).one()
    return float(count / (last - began).total_seconds())


def namespaces(stack: ExitStack, hosts: int) -> dict[str, str]:
    """Hosts of their own: network namespaces, each with the address of our end of its wire."""
    wires = {}
    for number in itertools.islice(_numbers, hosts):
        name, wire = f"wlmbench{number}", f"wlmb{number}"
        stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
        for command in (
            f"ip netns add {name}",
            f"ip link add {wire} type veth peer name eth0 netns {name}",
            f"ip addr add 10.231.{number}.1/24 dev {wire}",
            f"ip link set {wire} up",
            f"ip -n {name} addr add 10.231.{number}.2/24 dev eth0",
            f"ip -n {name} link set eth0 up",
        ):
            subprocess.run(command.split(), check=True)
        wires[name] = f"10.231.{number}.1"
    return wires


def there(name: str, address: str) -> tuple[str, ...]:
    """What runs a command on such a host, with the queue at that address."""
    port = os.environ["WLM_QUEUE_URL"].rpartition(":")[2]
    return ("ip", "netns", "exec", name, "env", f"WLM_QUEUE_URL=redis://{address}:{port}")


def raw_huey(name: str, threads: int, count: int) -> float:
    """Tasks a second of huey alone, with the same number waiting; pickled, as it comes."""
    with backend(name):
        command = [sys.executable, "-m", "bench.events", "--raw", str(threads), "--count"]
        done = subprocess.run([*command, str(count)], stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout)


def run_raw(threads: int, count: int) -> None:
    """huey's own storages, its consumer, and a task that does nothing; prints tasks a second."""
    from huey import PriorityRedisHuey, SqliteHuey

    url = os.environ.get("WLM_QUEUE_URL")
    huey = (
        PriorityRedisHuey("raw", url=url, results=False)
        if url
        else SqliteHuey("raw", filename=f"{os.environ['WLM_HOME']}/raw.db", results=False)
    )
    done, lock, moments = threading.Event(), threading.Lock(), []

    @huey.task()
    def nothing() -> None:
        with lock:
            moments.append(time.monotonic())
            if len(moments) == count:
                done.set()

    for _ in range(count):
        nothing()
    consumer = huey.create_consumer(workers=threads, periodic=False)
    consumer.start()
    done.wait(120)
    print(count / (moments[-1] - moments[0]))
    consumer.stop(graceful=True)


def left(engine: Engine) -> int:
    """How many events wait for a worker, or are run."""
    with engine._store.read() as connection:
        query = select(func.count()).where(events.c.ticket.is_not(None))
        return int(connection.execute(query).scalar_one())


def pour(engine: Engine, count: int, what: str, priority: int) -> None:
    """Accept a flood of one user."""
    for number in range(0, count, 200):
        with engine._store.write():
            for _ in range(number, min(number + 200, count)):
                accept(engine, what, "flooder", priority)


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """A worker that does nothing meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def flood(name: str, count: int, probes: int) -> dict[str, Any]:
    """An interactive event now and then, while a flood of background work is done: half of it
    does nothing, the other half waits 50 ms, so that 8 threads cannot be through with 10,000 before
    31 seconds are over, on no machine.

    ``flood_left``: how much of it was left after the last probe.
    """
    with backend(name):
        engine = engine_of(leave_to_workers=True)
        for what in ("wait", "nothing"):
            pour(engine, count // 2, what, 9)
        with worker(8):
            ready(engine)
            told = latencies(engine, probes, pause=0.01)
            return {**told, "probes": probes, "flood_left": left(engine)}


def two_users(name: str, count: int, probes: int) -> dict[str, Any]:
    """What one user waits for an answer: alone, and while another floods (5,000 events of 50 ms
    are 31 seconds' work for 8 threads)."""
    with backend(name), worker(8) as pid:
        engine = engine_of(leave_to_workers=True)
        ready(engine)
        quiet = latencies(engine, probes, "wait")["answer"]
        with paused(pid):
            pour(engine, count, "wait", 0)
        beside = latencies(engine, probes, "wait")["answer"]
        ratio = round(beside["p95"] / quiet["p95"], 2)
        told = {"alone": quiet, "beside_a_flood": beside, "p95_ratio": ratio}
        return {**told, "probes": probes, "flood_left": left(engine)}


def throughput(name: str, threads: Sequence[int], count: int) -> dict[str, Any]:
    """Both at each number of threads, in turn, the middle one of three."""
    table = {}
    for number in threads:
        pairs = [(raw_huey(name, number, count), drained(name, number, count)) for _ in range(3)]
        raw, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        table[number] = {"huey": round(raw), "wlm": round(ours), "ratio": round(ours / raw, 3)}
    return table


def scaling(name: str, hosts: bool) -> dict[str, Any]:
    """Skills that wait 50 ms: threads, and two machines; in turn, the middle ones of three."""
    kinds = {"1_thread": (1, 80, 1), "8_threads": (8, 640, 1)}
    if hosts and name == "redis" and os.geteuid() == 0:
        kinds["two_hosts"] = (8, 1280, 2)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(3):
        for kind, (threads, count, machines) in kinds.items():
            rates[kind].append(drained(name, threads, count, "wait", machines))
    middle = {kind: round(statistics.median(found), 1) for kind, found in rates.items()}
    told = {**middle, "ratio": round(middle["8_threads"] / middle["1_thread"], 2)}
    if "two_hosts" in middle:
        told["two_hosts_ratio"] = round(middle["two_hosts"] / middle["8_threads"], 2)
    return told


def missed(what: str, name: str, told: dict[str, Any]) -> list[str]:
    """The bars that were not met."""
    met = {
        "low": lambda: {
            f"start p50 at most {BARS[name]:g} ms": told["start"]["p50"] <= BARS[name],
            "an idle worker under 1 % of a core": told["idle_percent_of_a_core"] < 1,
        },
        "throughput": lambda: {
            f"0.4 of huey at {number} threads": name != "redis" or row["ratio"] >= 0.4
            for number, row in told.items()
        },
        "scaling": lambda: {
            "8 threads 7 times one": told["ratio"] >= 7,
            "two hosts 1.9 times one": told.get("two_hosts_ratio", 2) >= 1.9,
        },
        "flood": lambda: {
            "start p95 at most 100 ms": told["start"]["p95"] <= 100,
            "the flood outlasts 50 probes": told["probes"] >= 50 and told["flood_left"] > 0,
        },
        "users": lambda: {
            "p95 under twice its quiet value": told["p95_ratio"] < 2,
            "the flood outlasts 50 probes": told["probes"] >= 50 and told["flood_left"] > 0,
        },
    }[what]()
    return [bar for bar, is_met in met.items() if not is_met]


def main() -> None:
    """Print a line of JSON for each measurement; exit 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="low, throughput, scaling, flood, users")
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--threads", type=int, action="append", help="default: 1, 2, 4, 8")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--raw", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.threads = arguments.threads or [1, 2, 4, 8]
    if arguments.worker:
        return work(arguments.worker)
    if arguments.raw:
        return run_raw(arguments.raw, arguments.count)
    measurements: dict[str, Callable[[str], Any]] = {
        "low": lambda name: low_load(name, 200),
        "throughput": lambda name: throughput(name, arguments.threads, arguments.count),
        "scaling": lambda name: scaling(name, True),
        "flood": lambda name: flood(name, 10_000, 100),
        "users": lambda name: two_users(name, 5000, 60),
    }
    failed = False
    for what in arguments.only or measurements:
        for name in arguments.backend or BACKENDS:
            told = measurements[what](name)
            bad = missed(what, name, told)
            failed |= bool(bad)
            print(json.dumps({what: name, **told, "missed": bad}), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
