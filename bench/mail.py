"""A mailbox of 100,000 mails in a real Dovecot: list, search, read.

    python -m bench.mail [--mails 100000] [--rounds 5]

Each way of asking runs in a process of its own: the skill's handlers, and imap-tools as its
documentation shows it (fetch what fits, heads only for lists). Prints the times, their ratio
and the largest memory of each process. The mailbox is made anew on disk; what Dovecot does
when it first sees it is timed apart.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.dovecot import Dovecot

LIMIT_MB = 150
WAYS = ("ours", "imap-tools")
UNREAD = 50  # one in so many
RARE = 2_000  # one in so many speaks of the zeppelin
_TEXT = """
budget meeting lunch invoice project plan review train ticket holiday garden school contract
draft figures report update question answer offer house repair music concert
"""
_WORDS = _TEXT.split()
_NAMES = ("Anna Berg", "Tom Baker", "Bob Miller", "Maria Lopez", "Jörg Weiß", "Zoe Chen")


def fill(folder: Path, mails: int) -> None:
    """Write a mail directory: short texts of many people over ten years."""
    chance = random.Random(1)
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(mails):
        moment = time.localtime(1_450_000_000 + number * 3_000)
        name = chance.choice(_NAMES)
        address = f"{name.split()[0].lower().replace('ö', 'oe')}@work{number % 50}.example"
        words = chance.choices(_WORDS, k=60)
        if number % RARE == 7:
            words[30] = "zeppelin"
        text = (
            f"From: =?utf-8?q?{_quoted(name)}?= <{address}>\r\nTo: me@home.example\r\n"
            f"Subject: {' '.join(chance.choices(_WORDS, k=4))} {number}\r\n"
            f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', moment)}\r\n"
            f"Message-ID: <{number}@work.example>\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n{' '.join(words)}.\r\n"
        )
        flags = "" if number % UNREAD == 0 else "S"
        path = folder / "cur" / f"{1_450_000_000 + number}.M{number}.bench:2,{flags}"
        path.write_bytes(text.encode())


def _quoted(name: str) -> str:
    return "".join(c if c.isascii() and c != " " else "_" if c == " " else
                   "".join(f"={b:02X}" for b in c.encode()) for c in name)  # fmt: skip


def ours(port: int, user: str, password: str) -> dict[str, Callable[[], int]]:
    """The skill's handlers."""
    from wlm_email.skill import Email

    from wlm.plugins import Person
    from wlm.plugins.testing import context, run

    settings: dict[str, Any] = {
        "imap_host": "127.0.0.1", "imap_port": port, "imap_security": "none", "user": user,
        "smtp_security": "none", "password": password,
    }  # fmt: skip
    home = Path(tempfile.mkdtemp())
    skill, anna = Email(), Person("Anna Berg", "c", "anna@work7.example")

    def ask(intent: str, **slots: Any) -> int:
        ctx = context(skill, home, settings=settings, offline=False)
        told = run(skill, intent, ctx, **slots).data
        if part := told.get("searched"):
            print(f"{slots}: {part}", file=sys.stderr)
        return int(told.get("found", len(told["mails"])))

    return {
        "list": lambda: ask("list"),
        "list sender": lambda: ask("list", sender=anna),
        "search": lambda: ask("search", query="zeppelin"),
        "search none": lambda: ask("search", query="quagga"),
        "read": lambda: ask("read", sender=anna),
    }


def imap_tools(port: int, user: str, password: str) -> dict[str, Callable[[], int]]:
    """The library that lies below, as its documentation shows it."""
    from imap_tools import AND, MailBoxUnencrypted

    def ask(criteria: Any, **options: Any) -> int:
        with MailBoxUnencrypted("127.0.0.1", port).login(user, password) as box:
            return len(list(box.fetch(criteria, mark_seen=False, **options)))

    heads = {"headers_only": True, "bulk": 500}
    return {
        "list": lambda: ask(AND(seen=False), **heads),
        "list sender": lambda: ask(AND(from_="anna@work7.example"), **heads),
        "search": lambda: ask(AND(text="zeppelin"), **heads),
        "search none": lambda: ask(AND(text="quagga"), **heads),
        "read": lambda: ask(AND(from_="anna@work7.example"), limit=1, reverse=True),
    }


def measure(way: str, port: int, user: str, password: str, rounds: int) -> dict[str, Any]:
    """Times of each question in milliseconds, and the largest memory in MB; in this process."""
    asks = (ours if way == "ours" else imap_tools)(port, user, password)
    times: dict[str, list[float]] = {}
    found: dict[str, int] = {}
    for name, ask in asks.items():
        times[name] = []
        for _ in range(rounds if way == "ours" or name != "list" else 1):
            started = time.perf_counter()
            found[name] = ask()
            times[name].append((time.perf_counter() - started) * 1000)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"times": times, "found": found, "memory": memory}


def _in_process(way: str, box: Dovecot, rounds: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.mail", "--way", way, "--port", str(box.port)]
    command += ["--user", box.user, "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    print(done.stderr, end="", file=sys.stderr)  # where a search was cut short
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    """Make the mailbox, ask both ways, print the table; exit code 1 over the memory limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--user", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        logging.disable(logging.CRITICAL)
        told = measure(given.way, given.port, given.user, Dovecot.password, given.rounds)
        print(json.dumps(told))
        return
    with Dovecot() as box:
        box.fresh()
        started = time.perf_counter()
        fill(box.folder, given.mails)
        box.own()
        print(f"{given.mails:,} mails written in {time.perf_counter() - started:.0f} s")
        started = time.perf_counter()
        client = box.client()
        client.sock.settimeout(1_800)
        client.select("INBOX")  # not EXAMINE, which keeps no index
        client.search(None, "TEXT", "zeppelin")
        client.logout()
        print(f"Dovecot saw them first in {time.perf_counter() - started:.0f} s")
        results = {way: _in_process(way, box, given.rounds) for way in WAYS}
    report(results)
    raise SystemExit(results["ours"]["memory"] > LIMIT_MB)


def report(results: dict[str, dict[str, Any]]) -> None:
    """The table."""
    print(f"{'':<12} {'ours p50':>10} {'max':>8} {'imap-tools':>11} {'ratio':>6} {'found':>14}")
    for name, times in results["ours"]["times"].items():
        other = statistics.median(results["imap-tools"]["times"][name])
        mine = statistics.median(times)
        found = [results[way]["found"][name] for way in WAYS]
        print(f"{name:<12} {mine:>7.0f} ms {max(times):>5.0f} ms {other:>8.0f} ms "
              f"{mine / other:>6.2f} {found[0]:>6} {found[1]:>7}")  # fmt: skip
    for way in WAYS:
        print(f"memory of {way}: {results[way]['memory']:.0f} MB")
    print(f"limit: {LIMIT_MB} MB, on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
