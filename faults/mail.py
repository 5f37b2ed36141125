"""`python -m faults.mail [--step 1] [--files]`: cut a mail's way to its server at every byte.

A real SMTP server lies behind a relay that breaks the connection after so many bytes up (what
the server was given) or down (what we were told): one event for each. An event that says
"nothing was sent" is tried again; one that does not know waits for the user. Afterwards the
server's mails are counted by Message-ID: never two, and one for each event that says so.
``--files``: the server puts what it takes among the sent mails, as some do; then most of what
is in doubt is found there.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from email import message_from_bytes
from typing import NamedTuple

from tests.support.cutter import Cutter
from tests.support.dovecot import Dovecot
from tests.support.smtp_server import SmtpServer
from wlm import Assistant
from wlm.types import Event, Route, State

Cut = tuple[str, int]
BODY = "Shall we eat at noon?\n.a line that begins with a dot\nNo?"


class House(NamedTuple):
    """All that takes part."""

    assistant: Assistant
    postman: SmtpServer
    relay: Cutter
    mailbox: Dovecot


class Told(NamedTuple):
    """What an event said after the cut, and in the end."""

    cut: Cut
    event: Event
    first: str


@contextmanager
def house(*, files: bool = False) -> Iterator[House]:
    """Servers, relay and an assistant with a mailbox, all on loopback."""
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        mailbox = stack.enter_context(Dovecot())
        postman = stack.enter_context(SmtpServer(mailbox.user, mailbox.password))
        relay = stack.enter_context(Cutter(postman.port))
        if files:
            postman.files = lambda raw: mailbox.put(raw, folder="Sent Mail", seen=True)
        values = {
            "WLM_HOME": home,
            "WLM_SKILL_EMAIL__IMAP_HOST": "127.0.0.1",
            "WLM_SKILL_EMAIL__IMAP_PORT": str(mailbox.port),
            "WLM_SKILL_EMAIL__IMAP_SECURITY": "none",
            "WLM_SKILL_EMAIL__SMTP_PORT": str(relay.port),
            "WLM_SKILL_EMAIL__SMTP_SECURITY": "none",
            "WLM_SKILL_EMAIL__USER": mailbox.user,
            "WLM_SKILL_EMAIL__PASSWORD": mailbox.password,
        }
        before = dict(os.environ)
        stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.update(values)
        yield House(stack.enter_context(Assistant()), postman, relay, mailbox)


def lengths(here: House) -> tuple[int, int]:
    """How many bytes a whole sending takes, up and down: found by cutting nothing."""
    here.relay.cuts = iter([("up", 1_000_000)])
    event = send(here)
    assert event.state is State.SUCCEEDED, event
    return here.relay.passed


def send(here: House) -> Event:
    """One confirmed mail, through the event engine."""
    to = [{"name": "Anna", "id": None, "email": "anna@work.example", "phone": None}]
    route = Route("email", "email.send", {"to": to, "body": BODY})
    engine = here.assistant.engine
    return engine.run(engine.accept(here.assistant.owner, route, confirmed=True).id)


def through(here: House, cut: Cut) -> Told:
    """Send with one cut, then, where it says that nothing was sent, once more without."""
    here.relay.cuts = iter([cut])
    event = send(here)
    first = said(event)
    if event.state is State.RETRYING:
        engine = here.assistant.engine
        event = engine.run(engine.retry(event.owner, event.id).id)
    return Told(cut, event, first)


def said(event: Event) -> str:
    """``sent``, ``not sent`` or ``unknown``. Raises ``AssertionError`` for anything vaguer."""
    if event.state is State.SUCCEEDED:
        return "sent"
    if event.state is State.WAITING_CONFIRMATION:
        assert event.question is not None
        assert "may have been sent" in event.question.text, event.question
        return "unknown"
    assert event.state in (State.RETRYING, State.FAILED), event
    assert event.error is not None
    assert "nothing was sent" in event.error.message, event.error
    return "not sent"


def wrong(here: House, told: Sequence[Told]) -> list[str]:
    """What must not be: a mail twice, a mail that is missing, an event that says neither."""
    copies = Counter(
        str(message_from_bytes(raw)["Message-ID"]).strip("<").partition(".")[0]
        for _, _, raw in here.postman.mails
    )
    faults = []
    for each in told:
        many, state = copies[each.event.id], each.event.state
        if many > 1:
            faults.append(f"{each.cut}: sent {many} times")
        if state is State.SUCCEEDED and many != 1:
            faults.append(f"{each.cut}: says sent, and {many} came")
        if state is not State.SUCCEEDED and state is not State.WAITING_CONFIRMATION:
            faults.append(f"{each.cut}: ended {state}")
    return faults


def run(here: House, cuts: Sequence[Cut]) -> tuple[Counter[str], list[str]]:
    """Every cut once; how often which was said, and what was wrong."""
    told = [through(here, cut) for cut in cuts]
    time.sleep(0.5)  # the last mail may still be under way in the server
    return Counter(each.first for each in told), wrong(here, told)


def main() -> None:
    """Cut at every ``step``-th byte and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--files", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with house(files=arguments.files) as here:
        up, down = lengths(here)
        started = time.monotonic()
        cuts = [("up", n) for n in range(0, up + 1, arguments.step)]
        cuts += [("down", n) for n in range(0, down + 1, arguments.step)]
        counts, faults = run(here, cuts)
    print(f"a sending is {up} bytes up and {down} down; {len(cuts)} cuts, "
          f"{time.monotonic() - started:.0f} s")  # fmt: skip
    for word in ("sent", "not sent", "unknown"):
        print(f"  said {word:<9} {counts[word]:>5}")
    print(f"  sent twice, lost, or told wrongly: {len(faults)}")
    for fault in faults[:20]:
        print(f"    {fault}")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
