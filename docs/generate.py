"""`python -m docs.generate`: write the reference from the code; `--check` fails if it is stale."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SKILLS = ("meeting", "people", "weather", "news", "email")
NOTE = "<!-- Written by `make docs` from the code: change the code. -->\n\n"


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated file with its text."""
    yield HERE / "reference" / "cli.md", NOTE + cli()
    yield HERE / "reference" / "settings.md", NOTE + settings()
    yield HERE / "reference" / "errors.md", NOTE + errors()
    yield HERE / "reference" / "skills.md", NOTE + skills()
    yield HERE / "reference" / "hooks.md", NOTE + hooks()
    yield HERE / "reference" / "http.md", NOTE + http()
    yield HERE.parent / ".env.example", environment()


def cli() -> str:
    """The command line, from the commands' own help."""
    import typer
    from typer.cli import get_docs_for_click

    from wlm.cli.main import build

    command = typer.main.get_command(build())
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="wlm")
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def settings() -> str:
    """The settings table."""
    from wlm.config import Config

    rows = [
        "# Settings",
        "",
        "Order: flag > environment > file > default. `wlm config path` names the file.",
        "",
        "| setting | environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Config.model_fields.items():
        default = "" if field.default == "" else f"`{field.default}`"
        rows.append(f"| `{name}` | `WLM_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def errors() -> str:
    """The table of error codes."""
    from wlm.errors import walk

    rows = [
        "# Errors",
        "",
        "Every error has a stable code; the hint says what to do next.",
        "",
        "| code | exit | HTTP | retried | meaning | hint |",
        "|---|---|---|---|---|---|",
    ]
    for error in walk():
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        retried = "yes" if error.retryable else ""
        rows.append(
            f"| `{error.code}` | {error.exit_code} | {error.http_status} | {retried} "
            f"| {meaning} | {error.default_hint} |"
        )
    return "\n".join(rows) + "\n"


def skills() -> str:
    """The page of each skill that comes with WLM."""
    from wlm.plugins.describe import as_markdown
    from wlm.plugins.manager import load

    registry = load()
    return "\n\n".join(as_markdown(registry.skill(name)) for name in SKILLS) + "\n"


def hooks() -> str:
    """The points that a plugin can extend."""
    import inspect

    from wlm.plugins import hookspecs

    rows = ["# Hooks", "", inspect.getdoc(hookspecs) or "", ""]
    for name, function in vars(hookspecs).items():
        if name.startswith("wlm_"):
            rows += [f"## `{name}{inspect.signature(function)}`", ""]
            rows += [inspect.getdoc(function) or "", ""]
    return "\n".join(rows).rstrip() + "\n"


def http() -> str:
    """The gateway's routes, from what they state."""
    from wlm import config
    from wlm.server.app import create_app
    from wlm.server.openapi import describe

    settings = config.load(environ={"WLM_HOME": "nowhere", "WLM_TIMEZONE": "UTC"})
    document = describe(create_app(settings, authenticators=[]))
    rows = [
        "# HTTP",
        "",
        "A gateway serves this list, with every shape, at `/docs` and `/openapi.json`. Errors are "
        "problem documents (RFC 9457); `code` is one of those in errors.md.",
        "",
        "| method | path | scope | what it does | body |",
        "|---|---|---|---|---|",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = operation.get("x-scope", "")
            bodies = operation.get("requestBody", {}).get("content", {})
            rows.append(
                f"| {method.upper()} | `{path}` | {scope or 'public'} | {operation['summary']} "
                f"| {', '.join(bodies)} |"
            )
    rows += [
        "",
        "`WS /v1/listen` (scope `ask`) takes live audio: binary messages of 16-bit PCM, mono, at "
        '`?rate=` Hz, then `{"type": "end"}`. It answers with JSON messages of the types '
        "`level`, `partial`, `final`, `turn` and `error`.",
    ]
    return "\n".join(rows) + "\n"


def environment() -> str:
    """An environment file with every setting, commented out."""
    from wlm.config import SECRET, Config

    lines = ["# Every setting of WLM with its default. Written by `make docs`.", ""]
    for name, field in Config.model_fields.items():
        lines.append(f"# {field.description}")
        value = "" if field.json_schema_extra == SECRET else field.default
        lines.append(f"# WLM_{name.upper()}={value}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages, or with ``--check`` name those that differ."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path, text in pages():
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(path.name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
    if check and stale:
        print(f"stale: {', '.join(stale)}; run `make docs`", file=sys.stderr)  # noqa: T201
    return int(bool(check and stale))


if __name__ == "__main__":
    sys.exit(main())
