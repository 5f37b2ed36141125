"""The short form of `faults.mail`: a mail's way to its server, cut at telling points."""

from __future__ import annotations

import pytest

from faults import mail
from tests.support.dovecot import BINARY, MISSING

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason=MISSING),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),  # loopback only
]
_QUIT = len(b"QUIT\r\n")
_END = len(b"250 Taken\r\n221 Bye\r\n")


def test_a_mail_is_sent_once_and_its_event_knows_whether() -> None:
    with mail.house() as here:
        up, down = mail.lengths(here)
        whole = up - _QUIT  # the server has it all, and its answer is cut off
        early = [("up", 0), ("up", 30), ("down", 0), ("down", 20), ("down", 150)]
        counts, faults = mail.run(here, early)
        assert faults == []
        assert counts == {"not sent": len(early)}
        counts, faults = mail.run(here, [("up", whole - 9), ("up", whole)])
        assert faults == []
        assert counts == {"unknown": 2}
        counts, faults = mail.run(here, [("up", up), ("down", down)])
        assert faults == []
        assert counts == {"sent": 2}


def test_what_is_in_doubt_is_looked_for_among_the_sent_mails() -> None:
    with mail.house(files=True) as here:
        up, down = mail.lengths(here)
        counts, faults = mail.run(here, [("up", up - _QUIT - 9), ("down", down - _END + 2)])
        assert faults == []
        assert counts == {"unknown": 1, "sent": 1}
