"""Sign in to a gateway from a terminal, and out again."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from wlm.errors import LoginPending, NotSignedIn, Unreachable
from wlm.sdk.calls import call, checked
from wlm.sdk.session import Session

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.store.secrets import Where


class Prompt(NamedTuple):
    """What the user has to do: open ``url`` and enter ``code``. ``expires_in`` is in seconds."""

    url: str
    code: str
    complete_url: str | None
    expires_in: int


class SignedIn(NamedTuple):
    """Who is signed in where, and where the tokens are kept."""

    server: str
    user: dict[str, Any]
    kept: Where


def sign_in(
    settings: Settings,
    server: str,
    show: Callable[[Prompt], None],
    *,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> SignedIn:
    """Sign in; blocks until the user has agreed, refused, or the time is over.

    ``show`` is called once. Raises ``NotAllowed``, ``NotSignedIn``, ``Unreachable``.
    """
    address = checked(server)
    form = {"device": platform.node()[:200]}
    begun = call(address, "POST", "/v1/auth/device", form, transport=transport)
    show(
        Prompt(
            begun["verification_uri"],
            begun["user_code"],
            begun["verification_uri_complete"],
            begun["expires_in"],
        )
    )
    answer = _wait(address, begun, transport, sleep)
    kept = Session(settings, transport=transport).keep(address, answer)
    _remember(settings, address)
    return SignedIn(address, answer["user"], kept)


def sign_out(settings: Settings, *, transport: httpx.BaseTransport | None = None) -> bool:
    """End the sign-in at the gateway and forget it here; whether there was one.

    Raises ``Unreachable`` where the gateway could not be told; it is forgotten here all the same.
    """
    from wlm.config import write_setting

    session = Session(settings, transport=transport)
    tokens = session.forget()
    profiles = settings.paths.profiles_file
    if profiles.exists():
        write_setting(profiles, settings.config.profile, None)
    if tokens is None:
        return False
    try:
        # The access token may be over; a fresh one tells who we are.
        fresh = call(
            tokens.server,
            "POST",
            "/v1/auth/refresh",
            {"refresh_token": tokens.refresh},
            transport=transport,
        )
        path = f"/v1/auth/sessions/{tokens.session}"
        call(tokens.server, "DELETE", path, token=fresh["access_token"], transport=transport)
    except NotSignedIn:
        pass  # it was over already
    except Unreachable as error:
        raise Unreachable(
            f"You are signed out here, but {tokens.server} could not be told: the sign-in lasts "
            "there until it is ended or a month has passed.",
            hint="End it from another device, or ask the administrator.",
        ) from error
    return True


def _wait(
    server: str,
    begun: dict[str, Any],
    transport: httpx.BaseTransport | None,
    sleep: Callable[[float], object],
) -> dict[str, Any]:
    form = {"login_id": begun["login_id"]}
    pause, left = float(begun["interval"]), float(begun["expires_in"])
    while left > 0:
        sleep(pause)
        left -= pause
        try:
            found: dict[str, Any] = call(
                server, "POST", "/v1/auth/device/token", form, transport=transport
            )
        except LoginPending as pending:
            pause = pending.retry_after or pause
        except Unreachable:
            pause = min(pause * 2, 60.0)  # it may come back before the time is over
        else:
            return found
    raise NotSignedIn("The sign-in has expired: nobody approved it in time.")


def _remember(settings: Settings, server: str) -> None:
    from wlm.config import write_setting

    write_setting(settings.paths.profiles_file, settings.config.profile, {"server_url": server})
