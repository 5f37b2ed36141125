"""`wlm skills new | check | test | install | remove`: make a skill, try it, bring it in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from wlm.sdk.skill_check import Report

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Folder = Annotated[Path, typer.Argument(help="The folder of the skill's project.")]
_SHOWN = 20


def new(
    name: Annotated[str, typer.Argument(help="The skill's name: lower-case letters, digits, _.")],
    path: Annotated[
        Path | None, typer.Option(help="Where to make it; default: ./wlm-NAME.")
    ] = None,
) -> None:
    """Make a skill that works, with phrases and a test, to start from."""
    from wlm.plugins.project import make_project

    folder = path or Path(f"wlm-{name}")
    for file in make_project(name, folder):
        typer.echo(str(file))
    typer.echo(f"Try it: `wlm skills test {folder}`, then `wlm skills install {folder}`.", err=True)


def check(path: Folder, json: AsJson = False) -> None:
    """Which utterances would go elsewhere if this skill were installed.

    Tried are the examples of the installed skills and your own history.
    """
    report = _report(path)
    if json:
        print_json(_plain(report))
    else:
        _show(report)


def test(path: Folder) -> None:
    """Run a skill's examples and tests: exit code 5 if some example or test fails."""
    import subprocess
    import sys
    from importlib.util import find_spec

    from wlm.errors import SkillError, UsageError

    report = _report(path)
    _show(report)
    if not (path / "tests").is_dir():
        raise UsageError(f"There is no folder {path / 'tests'}.", hint="A skill needs tests.")
    if find_spec("pytest") is None:
        raise UsageError("pytest is not installed.", hint="`pip install pytest`, then again.")
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", ".", "tests"]
    done = subprocess.run(command, cwd=path, env=_environment(path), check=False)  # noqa: S603 - our own words
    if done.returncode or report.missed:
        raise SkillError("The skill does not pass.", hint="The lines above say where.")
    typer.echo("The skill passes.")


def install(
    what: Annotated[str, typer.Argument(help="A folder, a wheel, or a name in the index.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Install a skill into this environment. A folder is checked first, and asked about."""
    from wlm.cli.consent import sure

    path = Path(what)
    if path.is_dir():
        report = _report(path)
        _show(report)
        _tell_model(path)
        if report.moved:
            sure("Install it all the same?", yes=yes)
    _pip("install", str(path.resolve()) if path.exists() else what)
    typer.echo("Installed. `wlm skills list` shows it; the next request trains the router.")


def remove(
    name: Annotated[str, typer.Argument(help="The skill.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a skill's distribution. What the skill stored stays."""
    from wlm.cli.consent import sure
    from wlm.errors import SkillMissing
    from wlm.sdk.assistant import Assistant

    registry = Assistant().registry
    fault = next((f for f in registry.faults if f.plugin == name), None)
    distribution = fault.distribution if fault else registry.skill(name).distribution
    if not distribution:
        raise SkillMissing(f"The skill {name!r} was not installed as a package.")
    others = [
        other
        for other, loaded in registry.skills.items()
        if loaded.distribution == distribution and other != name
    ]
    also = f" with {', '.join(others)}" if others else ""
    sure(f"Remove {distribution}{also}?", yes=yes)
    _pip("uninstall", "--yes", distribution)
    typer.echo(f"Removed {distribution}.")


def _report(path: Path) -> Report:
    from wlm.plugins.project import load_project
    from wlm.sdk.assistant import Assistant
    from wlm.sdk.skill_check import check as look

    with Assistant() as assistant:
        return look(assistant, load_project(path))


def _tell_model(path: Path) -> None:
    """What the skill would give a language model, before it is installed."""
    from wlm.plugins.describe import told_model
    from wlm.plugins.project import load_project

    for name, loaded in load_project(path).skills.items():
        if told := told_model(loaded):
            typer.echo(f"{name} gives a language model, if one is set: {told}.")


def _show(report: Report) -> None:
    for each in report.moved[:_SHOWN]:
        typer.echo(f"{each.before} → {each.after}: {each.text} ({each.source})")
    if len(report.moved) > _SHOWN:
        typer.echo(f"… and {len(report.moved) - _SHOWN} more (--json shows all)")
    taken = sum(each.after in report.intents for each in report.moved)
    typer.echo(
        f"Of {report.tried} known utterances, {taken} would go to this skill and "
        f"{len(report.moved) - taken} elsewhere among the others."
    )
    for each in report.missed[:_SHOWN]:
        typer.echo(f"its own example goes to {each.after}, not {each.before}: {each.text}")
    for language, names in report.languages.items():
        typer.echo(f"no phrases in {language}: {', '.join(names)}")


def _plain(report: Report) -> dict[str, Any]:
    return {
        **report._asdict(),
        "moved": [each._asdict() for each in report.moved],
        "missed": [each._asdict() for each in report.missed],
    }


def _environment(path: Path) -> dict[str, str]:
    import os

    before = os.environ.get("PYTHONPATH")
    here = [str(path.resolve()), str((path / "src").resolve()), *([before] if before else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(here)}


def _pip(*arguments: str) -> None:
    """Run pip in this environment. Raises ``UsageError`` with what it said."""
    import subprocess
    import sys
    from importlib.util import find_spec

    from wlm.errors import UsageError

    if find_spec("pip") is None:
        raise UsageError(
            "pip is not in this environment.",
            hint=f"Use your installer: `uv pip {' '.join(arguments)}`, or `pipx inject wlm …`.",
        )
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise UsageError(
            f"pip failed: {said[-1] if said else 'no reason given'}",
            hint="Offline, install from a folder or a wheel; nothing was changed.",
        )
