"""`wlm skills`: what is installed, what it can do, and its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wlm.cli import skill_work

if TYPE_CHECKING:
    from wlm.plugins.manager import Registry

app = typer.Typer(help="Installed skills and their settings.", no_args_is_help=True)
for _command in ("new", "check", "test", "install", "remove"):
    app.command(_command)(getattr(skill_work, _command))
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command("list")
def list_(json: AsJson = False) -> None:
    """The installed skills, and the plugins that failed to load."""
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        found = assistant.skills()
    if json:
        _print_json(found)
        return
    for skill in found["skills"]:
        typer.echo(f"{skill['name']:<10} {skill['version']:<8} {skill['help']}")
        typer.echo(f"{'':<19} {', '.join(skill['verbs'])}")
    for fault in found["faults"]:
        reason = f": {fault['reason']}" if "reason" in fault else ""
        typer.echo(f"{fault['plugin']:<10} failed at {fault['stage']}{reason}", err=True)
    if not found["skills"]:
        typer.echo("No skill is installed. `pip install wlm-meeting` adds one.", err=True)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The skill.")],
    json: AsJson = False,
    tools: Annotated[bool, typer.Option("--tools", help="JSON schemas for tool calling.")] = False,
) -> None:
    """What a skill can do: intents, slots, examples, settings."""
    from wlm.plugins.describe import as_json, as_markdown

    loaded = _registry().skill(name)
    if tools:
        _print_json([spec.tool_schema() for spec in loaded.intents.values()])
    elif json:
        _print_json(as_json(loaded))
    else:
        typer.echo(as_markdown(loaded))


@app.command()
def configure(
    name: Annotated[str, typer.Argument(help="The skill.")],
    values: Annotated[
        list[str] | None, typer.Argument(help="FIELD=VALUE …; FIELD= goes back to the default.")
    ] = None,
    json: AsJson = False,
) -> None:
    """See or change a skill's settings. Secrets go to the keyring, never to the file."""
    from wlm.config import load

    registry = _registry()
    registry.skill(name)
    for value in values or ():
        _set(registry, name, value)
    settings = load()
    model = registry.settings(name, settings.skills.get(name, {}))
    shown = model.model_dump(mode="json")
    if json:
        _print_json(shown)
        return
    for field, info in type(model).model_fields.items():
        typer.echo(f"{field:<18} {shown[field]!s:<24} {info.description or ''}".rstrip())
    if not shown:
        typer.echo(f"The skill {name!r} has no settings.")


def _registry() -> Registry:
    from wlm.sdk.assistant import Assistant

    return Assistant().registry


def _set(registry: Registry, name: str, assignment: str) -> None:
    """Check one FIELD=VALUE against the skill's model, then write it where it belongs."""
    from wlm.config import load, write_setting
    from wlm.errors import UsageError
    from wlm.plugins.describe import is_secret
    from wlm.sdk.skill_settings import store_secret

    field, mark, value = assignment.partition("=")
    if not mark:
        raise UsageError(f"{assignment!r} is not FIELD=VALUE.")
    settings = load()
    raw = {**settings.skills.get(name, {}), field: value}
    if not value:
        raw.pop(field)
    checked = registry.settings(name, raw)
    if is_secret(type(checked), field):
        store_secret(settings, name, field, value)
        return
    new = checked.model_dump(mode="json").get(field) if value else None
    write_setting(settings.paths.config_file, field, new, skill=name)


def _print_json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, default=str))
