"""`wlm config`: the settings table, seen and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from wlm.config import Settings

app = typer.Typer(help="See and change settings.", no_args_is_help=True)
_HIDDEN = "********"


@app.command()
def show(json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Every setting, its value and where that came from."""
    from wlm.config import load

    settings = load()
    rows = {name: (_visible(settings, name), settings.sources[name]) for name in _fields()}
    if json:
        import json as json_

        values = {name: {"value": value, "source": s} for name, (value, s) in rows.items()}
        typer.echo(json_.dumps({**values, "skills": sorted(settings.skills)}, ensure_ascii=False))
        return
    width = max(map(len, rows))
    for name, (value, source) in rows.items():
        typer.echo(f"{name:<{width}}  {value!s:<28}  {source:<11}  {_fields()[name].description}")


@app.command()
def get(name: Annotated[str, typer.Argument(help="The setting.")]) -> None:
    """One value."""
    from wlm.config import load

    _check(name)
    typer.echo(_visible(load(), name))


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="The setting.")],
    value: Annotated[str, typer.Argument(help="Its value; empty: back to the default.")],
) -> None:
    """Change one value in the settings file."""
    from pydantic import ValidationError

    from wlm.config import SECRET, Config, find_paths, write_setting
    from wlm.errors import BadSetting

    _check(name)
    if _fields()[name].json_schema_extra == SECRET:
        raise BadSetting(
            f"{name} is a secret and never goes into the settings file.",
            hint=f"Put it into the environment: WLM_{name.upper()}.",
        )
    try:
        checked = getattr(Config.model_validate({name: value}), name) if value else None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BadSetting(f"{name}: {first['msg']}.") from None
    write_setting(find_paths().config_file, name, checked)


@app.command()
def path() -> None:
    """Where the settings file lies."""
    from wlm.config import find_paths

    typer.echo(find_paths().config_file)


def _fields() -> dict[str, Any]:
    from wlm.config import Config

    return dict(Config.model_fields)


def _check(name: str) -> None:
    from wlm.errors import BadSetting

    if name not in _fields():
        raise BadSetting(f"Unknown setting {name!r}.")


def _visible(settings: Settings, name: str) -> Any:
    from wlm.config import SECRET

    value = getattr(settings.config, name)
    return _HIDDEN if value and _fields()[name].json_schema_extra == SECRET else value
