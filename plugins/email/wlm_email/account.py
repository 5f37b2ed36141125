"""Where the mailbox is and who we are there; the settings and the password in one."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from ipaddress import ip_address
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Context

Security = Literal["tls", "starttls", "none"]
TIMEOUT = 20.0
CONFIGURE = (
    "`wlm email discover ADDRESS` finds the servers, `wlm skills configure email` sets them."
)


class Settings(BaseModel):
    """Settings of the mailbox."""

    model_config = ConfigDict(defer_build=True)  # built by who uses it

    imap_host: str = Field("", description="Server that the mail is read from.")
    imap_port: int = Field(993, ge=1, le=65535, description="Its port.")
    imap_security: Security = Field("tls", description="tls, starttls, or none (loopback only).")
    smtp_host: str = Field("", description="Server that takes mail; empty: the same.")
    smtp_port: int = Field(465, ge=1, le=65535, description="Its port.")
    smtp_security: Security = Field("tls", description="tls, starttls, or none (loopback only).")
    user: str = Field("", description="Login name, often the address.")
    sign_in: Literal["password", "google", "microsoft"] = Field(
        "password", description="password, or whose account: that of `wlm connect google` …"
    )
    password: SecretStr | None = Field(None, description="Password, or an app password.")
    address: str = Field("", description="Your address; empty: the login name.")
    display_name: str = Field("", description="Your name, as others see it.")
    folder: str = Field("INBOX", description="Folder that is read.")
    tell_new: bool = Field(
        False, description="Tell of new mail as it comes, by a notice; needs `wlm worker`."
    )
    summaries: bool = Field(
        False,
        description="Let the language model that WLM is set to (`llm_base_url`) sum up a "
        "conversation: its mails, with names and times, go there.",
    )
    sent_folder: str = Field("", description="Folder for copies; empty: the server's own.")
    drafts_folder: str = Field("", description="Folder for drafts; empty: the server's own.")
    keep_sent: bool = Field(True, description="Put a copy of what is sent there.")
    attach_folder: str = Field(
        "", description="Folder whose files may be attached; empty: none may be."
    )
    attach_mb: int = Field(20, ge=1, le=200, description="Most megabytes of a mail's files.")


class Account(NamedTuple):
    """An account that is complete."""

    settings: Settings
    password: str
    check: Callable[[str, int], None]
    """``Context.check_address``."""
    asking: Callable[[str], AbstractContextManager[None]]
    """``Context.provider`` for a server of this account: "imap" or "smtp"."""
    token: Callable[[str], str] | None = None
    """In the place of a password: an access token, other than the one that was refused."""

    @property
    def address(self) -> str:
        """The address that we write from."""
        return self.settings.address or self.settings.user

    @property
    def smtp_host(self) -> str:
        """The server that takes mail."""
        return self.settings.smtp_host or self.settings.imap_host


def account(ctx: Context) -> Account:
    """The account of this user.

    Raises ``BadRequest`` naming the command to run if it is not set up, ``ProviderAway`` if
    WLM is to stay offline.
    """
    settings = ctx.settings_as(Settings)
    if not (settings.imap_host and settings.user):
        raise BadRequest("No mailbox is set up.", hint=CONFIGURE)
    asking = partial(ctx.provider, own=True)
    if settings.sign_in == "password":
        found = Account(settings, _password(ctx, settings), ctx.check_address, asking)
    else:
        found = Account(settings, "", ctx.check_address, asking, _token(ctx, settings.sign_in))
    if "@" not in found.address:
        raise BadRequest("The setting `address` is not an e-mail address.", hint=CONFIGURE)
    for host, security in (
        (settings.imap_host, settings.imap_security),
        (found.smtp_host, settings.smtp_security),
    ):
        if security == "none" and not _loopback(host):
            raise BadRequest(
                "The password would cross the network in the clear; nothing was sent.",
                hint=f"{CONFIGURE} Choose tls or starttls.",
            )
    if ctx.offline:
        raise ProviderAway(
            "WLM is set to stay offline, so the mailbox was not asked.",
            hint="`wlm config set offline false` lets skills reach the network.",
            retryable=False,
        )
    return found


def _password(ctx: Context, settings: Settings) -> str:
    secret = settings.password.get_secret_value() if settings.password else None
    password = secret or ctx.secrets.get("password")
    if not password:
        raise BadRequest("There is no password for the mailbox.", hint=CONFIGURE)
    return password


def _token(ctx: Context, provider: str) -> Callable[[str], str]:
    return lambda refused: ctx.grants.token(provider, "mail", refused=refused)


def xoauth2(user: str, token: str) -> str:
    """The SASL XOAUTH2 message of a user and an access token."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def signed_in(account: Account, attempt: Callable[[str], bool], what: str) -> None:
    """Sign in with an access token, and once more with a new one where it is refused.

    ``attempt`` is given what XOAUTH2 says, and tells whether the server took it. Raises
    ``ProviderError``, also where there is no token to be had.
    """
    if account.token is None:
        raise TypeError("the account has a password")
    token = ""
    for _ in range(2):
        token = account.token(token)
        if attempt(xoauth2(account.settings.user, token)):
            return
    raise ProviderError(
        f"{what} refuses the sign-in.",
        hint=f"Is `user` the address of the account? Else `wlm connect {account.settings.sign_in}` "
        "again.",
    )


def tls() -> ssl.SSLContext:
    """TLS that checks certificates and names."""
    return ssl.create_default_context()


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
