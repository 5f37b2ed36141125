"""`wlm email discover ADDRESS`: where the mail of an address is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from wlm.errors import ProviderError

if TYPE_CHECKING:
    from wlm.plugins import Context
    from wlm_email.providers import Fetch

_DOCUMENT_BYTES = 200_000


def commands(context: Callable[[], Context]) -> typer.Typer:
    """The commands; ``context`` makes the context that they work in."""
    app = typer.Typer(no_args_is_help=True, help="Find the servers of a mailbox.")

    @app.callback()
    def main() -> None:
        """Keeps `discover` a command of its own."""

    @app.command()
    def discover(
        address: Annotated[str, typer.Argument(help="Your e-mail address.")],
        as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    ) -> None:
        """Say where the mail of ADDRESS is, and the command that sets it up."""
        from wlm_email import providers

        ctx = context()
        found = providers.discover(address, fetcher(ctx), look_up(offline=ctx.offline))
        if as_json:
            typer.echo(json.dumps(found._asdict(), ensure_ascii=False))
            return
        values = " ".join(shlex.quote(f"{name}={value}") for name, value in found.settings.items())
        typer.echo(f"Found by {found.source}. {found.note}".rstrip())
        typer.echo(f"wlm skills configure email {values}")
        typer.echo("wlm skills configure email password=PASSWORD")

    return app


def fetcher(ctx: Context) -> Fetch:
    """Fetches documents from public addresses; what is not there is no error."""

    def fetch(url: str) -> bytes | None:
        try:
            return ctx.http.get(url, public_only=True, max_bytes=_DOCUMENT_BYTES).content
        except ProviderError:
            return None

    return fetch


def look_up(
    *, offline: bool, servers: Iterable[str] = (), port: int = 53
) -> Callable[[str], list[tuple[int, int, int, str]]]:
    """Looks SRV records up, at the system's name servers by default."""

    def look(name: str) -> list[tuple[int, int, int, str]]:
        if offline:
            return []
        import dns.exception
        import dns.resolver

        resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            resolver.nameservers, resolver.port = list(servers), port
        try:
            answer = resolver.resolve(name, "SRV", lifetime=5.0)
        except (dns.exception.DNSException, OSError):
            return []
        return [(each.priority, each.weight, each.port, str(each.target)) for each in answer]

    return look
