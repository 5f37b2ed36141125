"""The mail server is asked under a name of its own, so that it can be left alone."""

from __future__ import annotations

import pytest
from wlm_email.skill import Email

from wlm.errors import ProviderPaused
from wlm.plugins import Person
from wlm.plugins.testing import recorded, run

ANNA = Person("Anna", email="anna@example.org")

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


def test_reading_asks_the_one_server(ctx):
    run(Email(), "list", ctx)
    assert recorded(ctx).asked == ["imap"]


def test_sending_asks_both(ctx):
    run(Email(), "send", ctx, to=[ANNA], body="Hello")
    assert set(recorded(ctx).asked) == {"imap", "smtp"}


def test_a_server_that_is_left_alone_gets_no_mail(ctx, postman):
    recorded(ctx).paused.add("smtp")
    with pytest.raises(ProviderPaused):
        run(Email(), "send", ctx, to=[ANNA], body="Hello")
    assert postman.mails == []
