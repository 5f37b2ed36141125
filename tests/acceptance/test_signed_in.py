"""A person at a gateway, from `wlm login` on: real programs over loopback, none of them ours but
`wlm`. What the commands give there is what they give here.

What waits for somebody is a process of its own; what only asks and ends runs in this one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.oidc import Browser, Issuer
from tests.support.terminal import Said, wlm
from tests.support.waiting import until

SPOKEN = Path(__file__).parents[2] / "samples" / "agenda_tomorrow.flac"
LUNCH = "schedule lunch with Kofi tomorrow at noon"
_ID = re.compile(r"\b[0-9a-z]{26}\b")
_WHEN = re.compile(r"(_at|^at|_until)$")

COMMANDS: tuple[tuple[tuple[str, ...], int | None], ...] = (
    (("ask", LUNCH), 0),
    (("ask", "cancel lunch with Kofi"), None),
    (("ask", "gribble the frobnicator"), 4),
    (("listen", "--file", str(SPOKEN)), 0),
    (("transcribe", str(SPOKEN)), None),
    (("events", "list"), 0),
    (("history", "kofi"), 0),
    (("why",), 0),
    (("skills", "configure", "weather", "units=imperial"), 0),
)
"""With the exit code, where it matters which."""


class Person:
    """Somebody with a home of their own, and the command."""

    def __init__(self, home: Path) -> None:
        plain = {k: v for k, v in os.environ.items() if not k.startswith("WLM_")}
        self.home = home
        self.environment = {**plain, "WLM_HOME": str(home), "WLM_TIMEZONE": "Europe/Berlin"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "wlm.cli.main", *arguments]
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def say(self, *arguments: str) -> Said:
        return wlm(self.environment, *arguments, "--json")

    def run(self, *arguments: str, code: int = 0) -> Any:
        said = self.say(*arguments)
        assert said.code == code, said.err or said.out
        return said.json


class Login:
    """`wlm login` under way; ``code`` is what it shows."""

    def __init__(self, person: Person, gateway: Gateway) -> None:
        self.process = person.start("login", "--server", gateway.url, "--no-browser", "--json")
        assert self.process.stderr
        self.code = self.process.stderr.readline().rpartition(" ")[2].strip()

    def end(self) -> tuple[int, Any]:
        """Its exit code and what it said."""
        out, err = self.process.communicate(timeout=120)
        assert "Traceback" not in err
        return self.process.returncode, json.loads(out)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer({"wlm": {"interval": 1, "slow": True}}) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(
        tmp_path_factory.mktemp("gateway"),
        google_issuer=issuer.url,
        google_client_id="wlm",
        google_client_secret="secret-of-wlm",
        sign_in_domains="example.org",
    ).wait()
    yield made
    made.stop()


def test_from_login_to_keys(issuer: Issuer, gateway: Gateway, tmp_path: Path) -> None:
    anna, ben, eve, dora, here = (Person(tmp_path / n) for n in ("anna", "ben", "eve", "dora", "-"))
    browser = Browser(issuer.url)

    # Three sign in at once; each is told to wait, then to wait longer. Meanwhile all is said here.
    agrees, denies, mistaken = (Login(person, gateway) for person in (anna, ben, eve))
    said_here = [said(here, command) for command, _ in COMMANDS]
    until(lambda: issuer.told.count("slow_down") == 3)
    browser.approve(agrees.code, "anna")
    Browser(issuer.url).deny(denies.code)
    Browser(issuer.url).approve(mistaken.code, "mistaken")
    code, told = agrees.end()
    assert (code, told["user"]["email"]) == (0, "anna@example.org")
    code, told = denies.end()
    assert (code, told["error"]["code"]) == (6, "not_allowed") and "denied" in str(told)
    code, told = mistaken.end()
    assert (code, told["error"]["code"]) == (6, "not_signed_in") and "verified" in str(told)
    assert ben.run("whoami", "--server", gateway.url, code=6)

    # One does nothing until the code is over, while Anna works; the issuer has new keys by now.
    issuer.clients["wlm"] = {**issuer.clients["wlm"], "lasts": 3, "slow": False}
    issuer.restart()
    forgets = Login(ben, gateway)
    the_commands_agree(anna, said_here)
    code, told = forgets.end()
    assert (code, told["error"]["code"]) == (6, "not_signed_in") and "expired" in str(told)

    issuer.clients["wlm"]["lasts"] = 600
    issuer.restart()
    for _ in range(12):  # the gateway looks for new keys every ten seconds at most
        waited = issuer.told.count("authorization_pending")
        late = Login(dora, gateway)
        until(lambda waited=waited: issuer.told.count("authorization_pending") > waited)  # type: ignore[misc]
        Browser(issuer.url).approve(late.code, "dora")
        code, told = late.end()
        if code == 0:
            break
    assert (code, told["user"]["email"]) == (0, "dora@example.org")
    assert dora.run("events", "list")["events"] == [], "what is Anna's is not hers"

    made = anna.run("keys", "create", "robot", "--scope", "ask")
    (listed,) = anna.run("keys", "list")["keys"]
    host = Person(gateway.home)
    assert [listed] == host.run("keys", "list", "--user", "anna@example.org")["keys"]
    assert made["key"].startswith("wlmk_") and {**listed, "key": made["key"]} == made
    assert wlm(anna.environment, "keys", "revoke", listed["id"]).code == 0
    assert host.run("keys", "list", "--user", "anna@example.org") == {"keys": []}
    assert anna.run("logout") == {"signed_out": True}
    assert anna.run("whoami")["server"] is None


def said(person: Person, command: tuple[str, ...]) -> tuple[int, Any]:
    """A command's exit code, and what it says but for ids and times."""
    told = person.say(*command)
    return told.code, plain(told.json)


def the_commands_agree(there: Person, said_here: list[tuple[int, Any]]) -> None:
    """The same commands, signed in and embedded, say the same but for ids and times."""
    watching = there.start("events", "watch", "--json", "--every", "0.2")
    for (command, code), embedded in zip(COMMANDS, said_here, strict=True):
        remote = said(there, command)
        assert remote == embedded, command
        assert code in (None, remote[0]), command
    assert not (there.home / "data" / "wlm.db").exists()
    newest = there.run("events", "list")["events"][0]["id"]
    assert watching.stdout
    seen: set[str] = set()
    for line in watching.stdout:
        seen.add(json.loads(line)["id"])
        if newest in seen:
            break
    watching.send_signal(signal.SIGINT)
    assert newest in seen and watching.wait(60) == 0


def plain(value: Any, name: str = "") -> Any:
    """JSON without what differs from run to run: ids, moments, durations."""
    if isinstance(value, dict):
        return {key: plain(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part, name) for part in value]
    if name == "owner":
        return "somebody"
    if isinstance(value, str) and (_WHEN.search(name) or name in ("cursor", "next")):
        return "moment"
    if isinstance(value, str):
        return _ID.sub("id", value)
    return "number" if isinstance(value, float) else value
