"""A real SMTP server on loopback that keeps what it is given, with faults to choose."""

from __future__ import annotations

import asyncio
import base64
import functools
import socket
import ssl
from collections.abc import Callable
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class SmtpServer:
    """``mails`` are (sender, recipients, bytes). ``refuse`` maps a recipient to an answer."""

    def __init__(
        self,
        user: str,
        password: str,
        *,
        tls: ssl.SSLContext | None = None,
        owner_of: Callable[[str], str] | None = None,
    ) -> None:
        """``owner_of`` tells whose token it is: then the server takes XOAUTH2 too."""
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.refuse: dict[str, str] = {}
        self.data_answer = "250 Taken"
        self.hang_up = False
        self.files: Callable[[bytes], object] | None = None
        """Called with each mail taken: a server that puts a copy away by itself."""
        if owner_of is not None:
            self.auth_XOAUTH2 = functools.partial(_by_token, owner_of)
        self._login = (user.encode(), password.encode())
        self._controller = Controller(
            self, hostname="127.0.0.1", port=_free_port(),
            tls_context=tls, require_starttls=bool(tls),
            authenticator=self._authenticate, auth_required=True, auth_require_tls=bool(tls),
            enable_SMTPUTF8=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._controller.start()
        self.port: int = self._controller.port
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _authenticate(self, *arguments: Any) -> AuthResult:
        given = arguments[-1]
        assert isinstance(given, LoginPassword)
        right = (given.login, given.password) == self._login
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(
        self, server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or answer as the test said."""
        if answer := self.refuse.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:
        """Keep a mail, or hang up after it came."""
        if self.hang_up:
            server.transport.close()
            return "421 Gone"
        assert isinstance(envelope.content, bytes)
        if self.data_answer.startswith("250"):
            self.mails.append((envelope.mail_from or "", envelope.rcpt_tos, envelope.content))
            if self.files is not None:
                self.files(envelope.content)
        return self.data_answer


async def _by_token(
    owner_of: Callable[[str], str], server: SMTP, arguments: list[str]
) -> AuthResult:
    """AUTH XOAUTH2 as providers do it: a refusal is a challenge first, to be answered empty."""
    said = base64.b64decode(arguments[1]).decode().split("\x01")
    user, token = said[0].removeprefix("user="), said[1].removeprefix("auth=Bearer ")
    if await asyncio.to_thread(owner_of, token) == user:
        return AuthResult(success=True, handled=False, auth_data=user)
    await server.push("334 " + base64.b64encode(b'{"status":"400"}').decode())
    await server._reader.readline()
    return AuthResult(success=False, handled=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
