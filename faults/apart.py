"""`python -m faults.apart [CALLS [SEED]]`: two users, and nothing of the one comes to the other.

Each makes so many random calls: says things with words that only this user has, looks, searches,
confirms, cancels, takes back, forgets and exports, with ids of its own and with the other's, with
the same conversation names and the same idempotency keys. Every answer is searched for the other's
words, address, keys and ids. Everything is on loopback and bounded.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.gateway import Gateway

OPEN = {"rate_limit": "", "rate_limit_address": "", "rate_limit_sign_in": ""}
WORDS = {
    "anna": ["Quetzal", "Marzipan", "Zeppelin", "Obsidian", "Tamarind"],
    "ben": ["Xylophone", "Kumquat", "Nautilus", "Basilisk", "Fandango"],
}
THIRD = "carla@example.org"
"""Whom both share something with."""
_ID = re.compile(rb"\b[0-9a-z]{26}\b")
_KEPT = 3_000  # ids of each that are looked for, the newest


class User:
    """One of the two: a client, the words and ids that are its own, and what it did."""

    def __init__(self, name: str, http: httpx.Client, words: list[str], seed: int) -> None:
        self.name = name
        self.http = http
        self.words = words
        self.other: User | None = None
        kinds = ("event", "turn", "schedule", "key", "share")
        self.ids: dict[str, list[str]] = {kind: [] for kind in kinds}
        self.own: dict[bytes, None] = {}
        self.leaks: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._rng = random.Random(seed)
        self._secrets = [word.encode() for word in [*words, f"{name}@example.org"]]

    def go(self, calls: int) -> None:
        """Make so many calls."""
        doings = [doing for doing, weight in self._doings() for _ in range(weight)]
        for _ in range(calls):
            self._look(self._rng.choice(doings)())

    def _look(self, answer: httpx.Response) -> None:
        """Search an answer for what is the other's, and note what is one's own."""
        other = self.other
        assert other is not None
        self.statuses[answer.status_code] += 1
        body = answer.content + repr(answer.headers.raw).encode()
        found = [word for word in other._secrets if word in body]
        found += [id_ for id_ in set(_ID.findall(body)) if id_ in other.own]
        if found:
            where = f"{answer.request.method} {answer.request.url.path}"
            self.leaks.append(f"{where}: {found[:3]!r}")
        if answer.is_success:
            for id_ in set(_ID.findall(answer.content)):
                self.own[id_] = None
            while len(self.own) > _KEPT:
                self.own.pop(next(iter(self.own)))

    def _some(self, kind: str) -> str:
        """An id of one's own, of the other's, or of nobody."""
        assert self.other is not None
        ids = self._rng.choice([self.ids, self.ids, self.other.ids])[kind]
        return self._rng.choice(ids[-200:]) if ids else "0" * 26

    def _post(self, path: str, body: Any = None) -> httpx.Response:
        headers = {}
        if self._rng.random() < 0.3:
            headers["Idempotency-Key"] = f"key-{self._rng.randrange(40)}"  # both use the same
        return self.http.post(path, json=body, headers=headers)

    def _ask(self) -> httpx.Response:
        word, hour = self._rng.choice(self.words), self._rng.randrange(8, 18)
        text = self._rng.choice(
            [
                f"schedule {word} tomorrow at {hour}:00",
                f"schedule a meeting with {word} on friday at {hour}:30",
                f"add {word} to my contacts with phone 555 01{hour}",
                f"what is {word}'s phone number",
                "what meetings do I have tomorrow",
                "what meetings do I have this week",
                f"remind me to call {word} in two hours",
                "schedule a meeting",
                "cancel it",
                "move it to eleven",
                f"every weekday at {hour} tell me the news",
                "undo that",
            ]
        )
        body = {"text": text, "conversation": self._rng.choice(["main", "work", "home"])}
        answer = self._post("/v1/ask", body)
        if answer.status_code == 200:
            turn = answer.json()
            self.ids["turn"].append(turn["id"])
            self.ids["event"] += [action["event"]["id"] for action in turn["actions"]]
        return answer

    def _listed(self, path: str, key: str, kind: str) -> httpx.Response:
        answer = self.http.get(path)
        if answer.status_code == 200:
            self.ids[kind] += [item["id"] for item in answer.json()[key]]
            del self.ids[kind][:-500]
        return answer

    def _key(self) -> httpx.Response:
        answer = self._post("/v1/keys", {"name": self._rng.choice(self.words)})
        if answer.status_code == 201:
            self.ids["key"].append(answer.json()["id"])
        return answer

    def _share(self) -> httpx.Response:
        """Share something with somebody else."""
        skill, access = self._rng.choice(["meeting", "people"]), self._rng.choice(["read", "write"])
        body = {"skill": skill, "user": THIRD, "access": access}
        answer = self._post("/v1/shares", body)
        if answer.status_code == 201:
            self.ids["share"].append(answer.json()["id"])
        return answer

    def _use(self) -> httpx.Response:
        """Try to have a skill work with an account that was not shared with this user."""
        skill = self._rng.choice(["meeting", "people"])
        return self.http.put(f"/v1/skills/{skill}/account", json={"share": self._some("share")})

    def _doings(self) -> list[tuple[Callable[[], httpx.Response], int]]:
        http, some, pick = self.http, self._some, self._rng.choice
        assert self.other is not None
        everybody = [*self.words, *self.other.words, "meeting", "tomorrow"]
        return [
            (self._ask, 12),
            (lambda: self._post("/v1/route", {"text": f"call {pick(self.words)}"}), 2),
            (lambda: http.get(f"/v1/events/{some('event')}"), 8),
            (lambda: self._listed("/v1/events?limit=20", "events", "event"), 4),
            (lambda: http.get("/v1/events", params={"conversation": "main", "limit": 5}), 3),
            (lambda: http.get("/v1/events", params={"cursor": some("event")}), 2),
            (lambda: self._post(f"/v1/events/{some('event')}/confirm"), 2),
            (lambda: self._post(f"/v1/events/{some('event')}/cancel"), 2),
            (lambda: self._post(f"/v1/events/{some('event')}/retry"), 2),
            (lambda: self._post(f"/v1/events/{some('event')}/undo"), 1),
            (lambda: self._post("/v1/events/last/undo"), 1),
            (
                lambda: self._post(
                    f"/v1/events/{some('event')}/answer",
                    {"slots": {"start": "2031-01-02T10:00:00+01:00"}},
                ),
                2,
            ),
            (lambda: http.get("/v1/history", params={"q": pick(everybody), "limit": 5}), 2),
            (lambda: self._listed("/v1/history?limit=10", "turns", "turn"), 3),
            (lambda: http.get("/v1/history", params={"cursor": some("turn")}), 1),
            (lambda: http.get(f"/v1/history/{some('turn')}/why"), 3),
            (lambda: http.get("/v1/history/last/why"), 1),
            (lambda: http.delete(f"/v1/history/{some('turn')}"), 2),
            (lambda: self._listed("/v1/schedules", "schedules", "schedule"), 2),
            (lambda: http.get(f"/v1/schedules/{some('schedule')}"), 2),
            (lambda: self._post(f"/v1/schedules/{some('schedule')}/pause"), 1),
            (lambda: self._post(f"/v1/schedules/{some('schedule')}/resume"), 1),
            (lambda: http.delete(f"/v1/schedules/{some('schedule')}"), 3),
            (lambda: http.get("/v1/firings"), 1),
            (self._key, 1),
            (lambda: self._listed("/v1/keys", "keys", "key"), 1),
            (lambda: http.delete(f"/v1/keys/{self._made_key()}"), 2),
            (self._share, 1),
            (self._use, 2),
            (lambda: self._listed("/v1/shares", "shares", "share"), 1),
            (lambda: http.delete(f"/v1/shares/{some('share')}"), 1),
            (lambda: http.get("/v1/auth/sessions"), 1),
            (lambda: http.get("/v1/skills"), 1),
            (lambda: http.get("/v1/skills/meeting/settings"), 1),
            (lambda: http.get("/v1/admin/users"), 1),
            (lambda: http.get("/v1/admin/audit"), 1),
        ]

    def _made_key(self) -> str:
        """A key that this run made, of either; never the one that the calls come with."""
        assert self.other is not None
        ids = pick_from([*self.ids["key"][1:], *self.other.ids["key"][1:]], self._rng)
        return ids if ids != self.first_key else "0" * 10

    first_key = ""


def pick_from(items: list[str], rng: random.Random) -> str:
    """One of them, or of nobody."""
    return rng.choice(items) if items else "0" * 10


def run(users: tuple[User, User], calls: int) -> dict[str, Any]:
    """Let both call at the same time, and look at their exports at the end; what was found."""
    one, two = users
    one.other, two.other = two, one
    for user in users:
        user.first_key = user.http.get("/v1/keys").json()["keys"][0]["id"]
    threads = [threading.Thread(target=user.go, args=[calls]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for user in users:
        user._look(user.http.get("/v1/me/data"))
    return {
        "calls": sum(sum(user.statuses.values()) for user in users),
        "own_ids": [len(user.own) for user in users],
        "statuses": {u.name: {str(k): v for k, v in sorted(u.statuses.items())} for u in users},
        "failed": sum(n for user in users for s, n in user.statuses.items() if s >= 500),
        "leaks": [leak for user in users for leak in user.leaks],
    }


def main(calls: int = 10_000, seed: int = 1) -> int:
    """Run it; 0 if nothing of one came to the other, and nothing failed."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), **OPEN).wait().ready()
        try:
            gateway.key(THIRD)
            clients = [gateway.client(gateway.key(f"{name}@example.org")) for name in WORDS]
            named = zip(WORDS.items(), clients, strict=True)
            one, two = (
                User(name, http, words, seed + number)
                for number, ((name, words), http) in enumerate(named)
            )
            found = run((one, two), calls)
            for http in clients:
                http.close()
        finally:
            gateway.stop()
    print(json.dumps({**found, "leaks": found["leaks"][:20]}, indent=2))
    return 1 if found["leaks"] or found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
