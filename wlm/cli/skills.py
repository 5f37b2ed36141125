"""`wlm skills`: what is installed, what it can do, and its settings."""

from __future__ import annotations

from typing import Annotated

import typer

from wlm.cli import skill_work
from wlm.cli.render import print_json

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
        print_json(found)
        return
    for skill in found["skills"]:
        typer.echo(f"{skill['name']:<10} {skill['version']:<8} {skill['help']}")
        typer.echo(f"{'':<19} {', '.join(skill['verbs'])}")
        if told := skill.get("to_model"):
            typer.echo(
                f"{'':<19} to a language model, if {told['allowed_by']} is on: {told['what']}"
            )
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
    from wlm.plugins.describe import as_markdown
    from wlm.sdk import choose

    with choose.assistant() as assistant:
        if json and not tools:
            print_json(assistant.skill(name))
            return
        loaded = assistant.registry.skill(name)
    if tools:
        print_json([spec.tool_schema() for spec in loaded.intents.values()])
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
    """See or change a skill's settings; at a gateway your own. Secrets never go to the file."""
    from wlm.sdk import choose

    chosen = dict(_assigned(value) for value in values or ())
    with choose.assistant() as assistant:
        shown = (
            assistant.configure_skill(name, chosen) if chosen else assistant.skill_settings(name)
        )
        fields = {} if json else assistant.skill(name)["settings"].get("properties", {})
    if json:
        print_json(shown)
        return
    for field, value in shown.items():
        text = fields.get(field, {}).get("description", "")
        typer.echo(f"{field:<18} {value!s:<24} {text}".rstrip())
    if not shown:
        typer.echo(f"The skill {name!r} has no settings.")


def _assigned(text: str) -> tuple[str, str | None]:
    """Field and value of FIELD=VALUE; ``None`` where it goes back to the default."""
    from wlm.errors import UsageError

    field, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"{text!r} is not FIELD=VALUE.")
    return field, value or None
