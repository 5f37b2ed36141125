"""`wlm --help` lists the commands without loading them."""

from __future__ import annotations

import pytest
import typer.main

from wlm.cli.main import COMMANDS, build, overview

FULL = typer.main.get_group(build())
SHORT = typer.main.get_group(overview())


def test_the_overview_has_every_command() -> None:
    assert set(SHORT.commands) == set(FULL.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_summed_up_as_it_says_itself(name: str) -> None:
    said = (FULL.commands[name].help or "").partition("\n\n")[0]
    assert " ".join(said.split()) == COMMANDS[name].summary
