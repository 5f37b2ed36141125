"""Write a mail and hand it to the server: the one module that speaks SMTP."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm_email.account import CONFIGURE, TIMEOUT, Account, tls
from wlm_email.mime import Mail, plain


def compose(
    account: Account,
    to: Sequence[tuple[str, str]],
    subject: str,
    body: str,
    *,
    now: datetime,
    event_id: str,
    answers: Mail | None = None,
) -> EmailMessage:
    """A mail to (name, address) pairs. The same event gives the same Message-ID."""
    message = EmailMessage()
    message["From"] = _address(account.settings.display_name, account.address)
    message["To"] = [_address(name, address) for name, address in to]
    message["Subject"] = plain(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(account, event_id)
    if answers and answers.message_id:
        message["In-Reply-To"] = plain(answers.message_id)
        message["References"] = plain(f"{answers.references} {answers.message_id}")
    message.set_content(body.strip() + "\n")
    return message


def message_id(account: Account, event_id: str) -> str:
    """The id of the mail that an event sends; a repeat is known by it."""
    return f"<{event_id}.wlm@{account.address.rpartition('@')[2]}>"


def send(account: Account, message: EmailMessage) -> list[str]:
    """Hand the mail over; the addresses that were refused, if others were taken.

    ``ProviderAway`` means that nothing was sent. A connection lost while the mail was handed
    over is a ``ProviderError`` that is not tried again, since it may have been sent.
    """
    host = account.smtp_host
    try:
        with contextlib.ExitStack() as stack:
            server = _open(account)
            stack.callback(_quit, server)
            refused = _envelope(server, account, message)
            _hand_over(server, host, message)
            return refused
    except smtplib.SMTPAuthenticationError:
        raise ProviderError(
            f"{host} refuses the login name or password; nothing was sent.", hint=CONFIGURE
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _answer(host, error.smtp_code) from None
    except smtplib.SMTPServerDisconnected:
        raise ProviderAway(f"{host} broke off the connection; nothing was sent.") from None
    except smtplib.SMTPException as error:
        raise ProviderError(
            f"{host} cannot be used ({type(error).__name__}); nothing was sent."
        ) from None
    except OSError as error:
        import ssl

        if isinstance(error, ssl.SSLError):
            raise ProviderError(
                f"The certificate of {host} does not hold; nothing was sent."
            ) from None
        raise ProviderAway(f"{host} cannot be reached; nothing was sent.") from None


def _open(account: Account) -> smtplib.SMTP:
    settings, host = account.settings, account.smtp_host
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, settings.smtp_port, timeout=TIMEOUT, context=tls()
        )
    else:
        server = smtplib.SMTP(host, settings.smtp_port, timeout=TIMEOUT)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=tls())
        server.ehlo_or_helo_if_needed()
        if server.has_extn("auth"):
            server.login(settings.user, account.password)
    except BaseException:
        server.close()
        raise
    return server


def _envelope(server: smtplib.SMTP, account: Account, message: EmailMessage) -> list[str]:
    """Say from whom and to whom; the addresses refused."""
    options = ["SMTPUTF8"] if server.has_extn("smtputf8") and not _ascii(message) else []
    code, answer = server.mail(account.address, options)
    if code != 250:
        raise smtplib.SMTPResponseException(code, answer)
    addresses = [address.addr_spec for address in message["To"].addresses]
    codes = {address: server.rcpt(address)[0] for address in addresses}
    refused = [address for address, code in codes.items() if code not in (250, 251)]
    if len(refused) == len(addresses):
        if all(400 <= code < 500 for code in codes.values()):
            raise smtplib.SMTPResponseException(min(codes.values()), b"")
        raise BadRequest(
            "The mail server takes none of the recipients; nothing was sent.",
            hint="Check their addresses.",
        )
    return refused


def _hand_over(server: smtplib.SMTP, host: str, message: EmailMessage) -> None:
    from email import policy

    rules = policy.SMTP if _ascii(message) else policy.SMTPUTF8
    try:
        code, answer = server.data(message.as_bytes(policy=rules))
    except (smtplib.SMTPServerDisconnected, OSError):
        raise ProviderError(
            f"{host} broke off while it was given the mail; it may have been sent.",
            hint="Look into the folder of sent mail before you send it again.",
        ) from None
    if code != 250:
        raise smtplib.SMTPResponseException(code, answer)


def _answer(host: str, code: int) -> ProviderError:
    if 400 <= code < 500:
        return ProviderAway(f"{host} cannot take mail now ({code}); nothing was sent.")
    return ProviderError(f"{host} refuses the mail ({code}); nothing was sent.")


def _quit(server: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _ascii(message: EmailMessage) -> bool:
    return all(address.addr_spec.isascii() for address in message["To"].addresses)


def _address(name: str, address: str) -> Address:
    try:
        return Address(plain(name), addr_spec=address)
    except (ValueError, IndexError):
        raise BadRequest("That is not an e-mail address; nothing was sent.") from None
