"""Accounts elsewhere that a user let WLM in to (`wlm connect`): their tokens, kept and renewed.

The tokens lie where secrets lie. A skill asks ``ctx.grants.token("google", "mail")`` each time
it opens a connection, and again with the token that was refused.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from wlm.errors import BadSetting, ProviderError

if TYPE_CHECKING:
    from wlm.plugins.http import Http
    from wlm.store.secrets import Secrets, Where

SKILL = "connect"
"""Under what the secrets are kept, beside those of the skills."""

SCOPES: Mapping[str, Mapping[str, str]] = {
    "google": {
        "mail": "https://mail.google.com/",
        "calendar": "https://www.googleapis.com/auth/calendar",
        "contacts": "https://www.googleapis.com/auth/carddav",
    },
    "microsoft": {
        "mail": "https://outlook.office.com/IMAP.AccessAsUser.All "
        "https://outlook.office.com/SMTP.Send",
    },
}
"""What a provider is asked for, by our name of it: no more than skills use."""

CHECK = "Check the setting of the issuer: google_issuer or microsoft_issuer."

_EARLY_SECONDS = 60.0
_LOCK_SECONDS = 30.0
_MOST_BYTES = 100_000


@dataclasses.dataclass(frozen=True)
class Grant:
    """What a provider let WLM do, and with which tokens. ``expires_at`` is a Unix time."""

    provider: str
    address: str
    scopes: tuple[str, ...]
    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    token_endpoint: str
    revocation_endpoint: str
    access_token: str = dataclasses.field(repr=False)
    expires_at: float
    refresh_token: str = dataclasses.field(repr=False)

    @property
    def services(self) -> list[str]:
        """Our names of what was granted."""
        return [name for name in SCOPES[self.provider] if self.allows(name)]

    def allows(self, service: str) -> bool:
        """Whether all that a service needs was granted."""
        return set(SCOPES[self.provider][service].split()) <= set(self.scopes)

    def renewed(self, answer: Mapping[str, Any]) -> Grant:
        """With the tokens of an answer; what it does not name stays."""
        return dataclasses.replace(
            self,
            access_token=str(answer["access_token"]),
            expires_at=expiry(answer),
            refresh_token=str(answer.get("refresh_token") or self.refresh_token),
        )


class Answer(NamedTuple):
    """What a token endpoint said. ``error`` is its code where it refused."""

    body: Mapping[str, Any]
    error: str


class Grants:
    """The accounts that one owner connected. Safe for several processes at once."""

    def __init__(self, data_dir: Path, owner: str, http: Http) -> None:
        from wlm.store.secrets import Secrets

        self._folder = Path(data_dir)
        self._http = http
        self._secrets: Secrets = Secrets(data_dir, owner=owner, skill=SKILL)

    def get(self, provider: str) -> Grant | None:
        """The grant of a provider, if there is one."""
        text = self._secrets.get(provider)
        if text is None:
            return None
        kept = json.loads(text)
        return Grant(**{**kept, "scopes": tuple(kept["scopes"])})

    def keep(self, grant: Grant) -> Where:
        """Keep a grant in the place of an earlier one; where it went."""
        return self._secrets.set(grant.provider, json.dumps(dataclasses.asdict(grant)))

    def token(self, provider: str, service: str, *, refused: str = "") -> str:
        """An access token for a service, renewed if it ran out or is the one that was refused.

        Raises ``ProviderError`` with the command to run if there is none, or it was taken back.
        """
        from filelock import FileLock

        # One process renews: a provider may take a refresh token once, and end what is asked
        # for with it again.
        with FileLock(self._folder / f"connect-{provider}.lock", timeout=_LOCK_SECONDS):
            grant = self.get(provider)
            again = f"Run `wlm connect {provider}`."
            if grant is None:
                raise ProviderError(f"WLM is not connected to {provider.title()}.", hint=again)
            if not grant.allows(service):
                raise ProviderError(
                    f"{provider.title()} was not asked for your {service}, or you left it out.",
                    hint=again,
                )
            if grant.access_token != refused and grant.expires_at > time.time() + _EARLY_SECONDS:
                return grant.access_token
            fresh = grant.renewed(self._renew(grant, again))
            self.keep(fresh)
            return fresh.access_token

    def forget(self, provider: str) -> bool | None:
        """Forget a grant, and tell the provider; whether it agreed, ``None`` if there was none."""
        grant = self.get(provider)
        if grant is None:
            return None
        self._secrets.delete(provider)
        if not grant.revocation_endpoint:
            return False
        try:
            form = {**_client(grant), "token": grant.refresh_token or grant.access_token}
            return not post(self._http, grant.revocation_endpoint, form).error
        except ProviderError:
            return False

    def _renew(self, grant: Grant, again: str) -> Mapping[str, Any]:
        if not grant.refresh_token:
            raise ProviderError(f"The sign-in at {grant.provider.title()} has run out.", hint=again)
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        answer = post(self._http, grant.token_endpoint, {**_client(grant), **form})
        if answer.error == "invalid_grant":
            raise ProviderError(
                f"{grant.provider.title()} no longer lets WLM in: it was taken back, or has run "
                "out.",
                hint=again,
            )
        if answer.error or not answer.body.get("access_token"):
            raise ProviderError(
                f"{grant.provider.title()} does not renew the sign-in ({answer.error}).",
                hint=again,
            )
        return answer.body


def post(http: Http, endpoint: str, form: Mapping[str, str]) -> Answer:
    """Send a form to an endpoint of an authorization server.

    Raises ``ProviderAway`` where it is away, ``ProviderError`` for what is no answer.
    """
    got = http.request(
        "POST",
        endpoint,
        content=urlencode(form).encode(),
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        },
        expected=(400, 401, 403),
        max_bytes=_MOST_BYTES,
    )
    body = got.json() if got.content else {}
    if not isinstance(body, dict):
        raise ProviderError(f"{got.host} did not answer as a sign-in service does.")
    named = str(body.get("error", "refused")) if got.status >= 400 else ""
    return Answer(body, named if named.replace("_", "").isalnum() else "unknown" if named else "")


def for_secrets(url: str) -> str:
    """``url`` if secrets may be sent there: https, or http on this machine.

    Raises ``BadSetting``.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    local = host in ("localhost", "127.0.0.1", "::1")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise BadSetting("The sign-in service has an address that is not https.", hint=CHECK)
    return url


def expiry(answer: Mapping[str, Any]) -> float:
    """When the access token of an answer runs out, as a Unix time."""
    lasts = answer.get("expires_in")
    return time.time() + (float(lasts) if isinstance(lasts, int | float) else 3600.0)


def _client(grant: Grant) -> dict[str, str]:
    secret = {"client_secret": grant.client_secret} if grant.client_secret else {}
    return {"client_id": grant.client_id, **secret}
