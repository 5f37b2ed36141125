"""`wlm serve`: the gateway."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wlm.config import Settings
    from wlm.server.house import Part


_NEEDED = ("flask", "gunicorn", "limits", "prometheus_client", "websockets")


class Role(StrEnum):
    """What this process does."""

    ALL = "all"
    GATEWAY = "gateway"
    WORKER = "worker"
    TRANSCRIBER = "transcriber"


def serve(
    role: Annotated[
        Role, typer.Option(help="all on one machine; or one part of a larger house.")
    ] = Role.ALL,
    bind: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to listen; unix:/path too.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Web processes.")] = None,
    dev: Annotated[
        bool, typer.Option("--dev", help="For developers: restarts when the code changes.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Start without the greeting.")] = False,
) -> None:
    """Serve WLM over HTTP until stopped; SIGTERM lets running requests finish first."""
    import importlib.util

    from wlm import log
    from wlm.config import load
    from wlm.errors import EnvironmentFault

    settings = load({"bind": bind, "web_workers": workers})
    log.set_level(settings.config.log_level)
    log.show_requests()
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise EnvironmentFault(
            f"The server's packages are not installed ({', '.join(missing)}).",
            hint="`pip install 'wlm[server]'`.",
        )
    for line in () if quiet else _greeting(settings, role):
        typer.echo(line, err=True)
    raise typer.Exit(_run(settings, role, dev=dev))


def _run(settings: Settings, role: Role, *, dev: bool) -> int:
    from wlm.server import serving
    from wlm.server.house import House, command

    if role is Role.ALL:
        parts = list(_parts(settings, dev=dev))
        if settings.config.web_workers > 1:
            serving.count_together(settings)  # the parts go on counting when one is replaced
        return House(parts).run()
    if role is Role.WORKER:
        argv = command("worker")
        os.execv(argv[0], argv)  # noqa: S606 - our own program
    if settings.config.web_workers > 1 and not serving.counts_together():
        serving.count_together(settings)
    kept = {"bind": settings.config.bind, "web_workers": settings.config.web_workers}

    def read() -> Settings:
        """For a reload; where it listens, and in how many processes, is what it was."""
        from wlm.config import load

        return load(kept)

    serving.Server(settings, serving.options(settings, dev=dev), role.value, read=read).run()
    return 0


def _parts(settings: Settings, *, dev: bool) -> Iterator[Part]:
    """The programs of a whole gateway on one machine, in the order in which they are stopped."""
    from wlm.server.house import Part, command

    config = settings.config
    here = {"WLM_SERVER_URL": ""}  # whoever starts a gateway may be signed in at another
    told = {
        **here,
        "WLM_BIND": config.bind,
        "WLM_WEB_WORKERS": str(config.web_workers),
    }
    shared = config.web_workers > 1 and not config.stt_url
    run = settings.paths.data / "run"
    socket = f"unix:{run / 'transcriber.sock'}"
    if shared:
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        told["WLM_STT_URL"] = socket
    extra = ["--dev"] if dev else []
    yield Part("gateway", command("serve", "--role", "gateway", "--quiet", *extra), told)
    yield Part("worker", command("worker"), here)
    if shared:  # the models are in memory once, not in each web process
        one = {**here, "WLM_BIND": socket, "WLM_WEB_WORKERS": "1"}
        yield Part("transcriber", command("serve", "--role", "transcriber", "--quiet"), one)


def _greeting(settings: Settings, role: Role) -> Iterator[str]:
    """Where things are, how to sign in, and what is not safe yet."""
    from wlm.plugins.own_settings import kept_to_the_host

    config = settings.config
    yield f"wlm serve ({role.value}) on {config.bind}"
    yield f"  data      {settings.paths.data}"
    yield f"  database  {_without_password(settings.database_url)}"
    if role is Role.WORKER:
        return
    yield "  sign in   `wlm admin users add EMAIL --role admin`"
    yield "            `wlm keys create NAME --user EMAIL`, and `wlm login` where an issuer is set"
    yield '  use it    `wlm ask --server http://… "what meetings do I have tomorrow"`; /docs'
    if kept := kept_to_the_host(settings):
        more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
        yield f"  skills    {', '.join(kept[:3])}{more}: set here and not shared (shared_skills)"
    for danger in dangers(settings):
        yield f"  not safe  {danger}"


def dangers(settings: Settings) -> Iterator[str]:
    """What the administrator should know before others reach this gateway."""
    config = settings.config
    host = config.bind.rpartition(":")[0]
    local = config.bind.startswith("unix:") or host in ("127.0.0.1", "localhost", "[::1]", "")
    if not local and not config.trusted_proxies:
        yield "there is no TLS here: put a proxy in front and set trusted_proxies"
    if config.web_workers > 1 and not config.queue_url.startswith("redis"):
        yield "each of the web processes counts rate limits for itself: set queue_url to redis://…"
    if not (config.rate_limit and config.rate_limit_address):
        yield "a rate limit is off"
    if config.keep_recordings:
        yield "recordings are kept (keep_recordings)"
    if config.shared_skills:
        yield f"all users share this host's settings of {config.shared_skills} (shared_skills)"


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
