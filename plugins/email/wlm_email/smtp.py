"""Hand a mail to the server: the one module that speaks SMTP.

How far it came decides what can be said. Until the last byte of the mail is on its way the
server has no whole mail, so nothing was sent; after the server's answer it is known; between
the two it is in doubt, and only then.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
from email.message import EmailMessage

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm_email.account import CONFIGURE, TIMEOUT, Account, signed_in, tls
from wlm_email.compose import recipients

VERDICT_SECONDS = 60.0
"""A server may look a mail over before it takes it; longer than that nobody waits here."""

_LINE_END = re.compile(rb"\r\n|\r|\n")


class HandOverBroken(Exception):
    """The connection was lost after the whole mail was on its way, before the answer came."""


def send(account: Account, message: EmailMessage) -> list[str]:
    """Hand the mail over; the addresses that were refused, if others were taken.

    Every error of ``wlm.errors`` that this raises means that nothing was sent.
    ``HandOverBroken`` means that nobody here knows.
    """
    with account.asking("smtp"):
        return _sent(account, message)


def _sent(account: Account, message: EmailMessage) -> list[str]:
    host = account.smtp_host
    try:
        with contextlib.ExitStack() as stack:
            server = _open(account)
            stack.callback(_quit, server)
            refused = _envelope(server, account, message)
            _hand_over(server, message)
            return refused
    except smtplib.SMTPAuthenticationError as error:
        if not 500 <= error.smtp_code < 600:
            raise _answer(host, error.smtp_code) from None
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

        if isinstance(error, ssl.SSLCertVerificationError):
            raise ProviderError(
                f"The certificate of {host} does not hold; nothing was sent."
            ) from None
        if isinstance(error, TimeoutError):
            raise ProviderAway(
                f"{host} did not answer within {TIMEOUT:g} s; nothing was sent."
            ) from None
        raise ProviderAway(f"{host} cannot be reached; nothing was sent.") from None


def _open(account: Account) -> smtplib.SMTP:
    settings, host = account.settings, account.smtp_host
    account.check(host, settings.smtp_port)
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, settings.smtp_port, timeout=TIMEOUT, context=tls()
        )
    else:
        server = smtplib.SMTP(host, settings.smtp_port, timeout=TIMEOUT)
    try:
        account.check(*_peer(server))
        if settings.smtp_security == "starttls":
            server.starttls(context=tls())
        server.ehlo_or_helo_if_needed()
        if account.token is not None:
            signed_in(account, lambda said: _taken(server, said), f"Nothing was sent: {host}")
        elif server.has_extn("auth"):
            server.login(settings.user, account.password)
    except BaseException:
        server.close()
        raise
    return server


def _taken(server: smtplib.SMTP, said: str) -> bool:
    """Whether the server takes what XOAUTH2 says."""
    # A refused token is told in a challenge; the empty answer to it ends the attempt.
    try:
        server.auth("XOAUTH2", lambda challenge=None: said if challenge is None else "")
    except smtplib.SMTPAuthenticationError as error:
        if not 500 <= error.smtp_code < 600:
            raise
        return False
    return True


def _peer(server: smtplib.SMTP) -> tuple[str, int]:
    if server.sock is None:
        raise smtplib.SMTPServerDisconnected
    host, port = server.sock.getpeername()[:2]
    return host, port


def _envelope(server: smtplib.SMTP, account: Account, message: EmailMessage) -> list[str]:
    """Say from whom and to whom; the addresses refused."""
    addresses = recipients(message)
    options = ["SMTPUTF8"] if server.has_extn("smtputf8") and not _ascii(addresses) else []
    code, answer = server.mail(account.address, options)
    if code != 250:
        raise smtplib.SMTPResponseException(code, answer)
    codes = {address: _whole(server.rcpt(address)[0]) for address in addresses}
    refused = [address for address, code in codes.items() if code not in (250, 251)]
    if len(refused) == len(addresses):
        if all(400 <= code < 500 for code in codes.values()):
            raise smtplib.SMTPResponseException(min(codes.values()), b"")
        raise BadRequest(
            "The mail server takes none of the recipients; nothing was sent.",
            hint="Check their addresses.",
        )
    return refused


def _whole(code: int) -> int:
    """A recipient's answer: half of one, from a broken connection, refuses nobody."""
    if not 200 <= code < 600:
        raise smtplib.SMTPServerDisconnected
    return code


def _hand_over(server: smtplib.SMTP, message: EmailMessage) -> None:
    """The mail itself, then the server's verdict."""
    code, answer = server.docmd("data")
    if code != 354:
        raise smtplib.SMTPResponseException(code, answer)
    server.send(_wire(message))  # an error here: its end is not out, so there is no mail
    try:
        if server.sock is not None:
            server.sock.settimeout(VERDICT_SECONDS)
        code, answer = server.getreply()
    except (smtplib.SMTPException, OSError):
        raise HandOverBroken from None
    if 400 <= code < 600:
        raise smtplib.SMTPResponseException(code, answer)
    if not 200 <= code < 300:
        raise HandOverBroken  # half an answer


def _wire(message: EmailMessage) -> bytes:
    """The bytes after DATA: line ends and dots as SMTP wants them, and the end mark."""
    from email import policy

    rules = policy.SMTP if _ascii(recipients(message)) else policy.SMTPUTF8
    lines = _LINE_END.sub(b"\r\n", message.as_bytes(policy=rules))
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _answer(host: str, code: int) -> ProviderError:
    if 500 <= code < 600:
        return ProviderError(f"{host} refuses the mail ({code}); nothing was sent.")
    return ProviderAway(f"{host} cannot take mail now ({code}); nothing was sent.")


def _quit(server: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _ascii(addresses: list[str]) -> bool:
    return all(address.isascii() for address in addresses)
