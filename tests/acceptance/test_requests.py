"""Twenty requests a skill, as people make them: the right action and the right reply.

A file in ``requests/`` is named for its skill, and is one user's. ``python -m bench.requests``
prints what was said and what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dovecot import BINARY, MISSING
from tests.support.talks import Guest, house, read
from wlm import Assistant

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason=MISSING),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),  # loopback only
]

FILES = sorted((Path(__file__).parent / "requests").glob("*.txt"))


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """One for all: each file is of another user."""
    with house(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_twenty_requests(assistant: Assistant, file: Path) -> None:
    guest = Guest(assistant, file.stem)
    said = [one for talk in read(file) for one in guest.hold(talk)]
    assert len(said) >= 20
    assert [one.wrong for one in said if one.wrong] == []
