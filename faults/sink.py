"""The receiving end: an SMTP server that notes the event of each mail before it says yes."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

from faults.workload import append

_EVENT = re.compile(rb"(?im)^message-id:\s*<([0-9a-z]{26})@")


class _Handler:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        found = _EVENT.search(envelope.content)
        assert found is not None
        append(self._folder / "mails", found[1].decode() + "\n")
        return "250 counted"


def serve(folder: Path) -> None:
    """Listen until killed; the port is in the file ``port``."""
    from aiosmtpd.smtp import SMTP

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(_Handler(folder), hostname="sink.example"), "127.0.0.1", 0
        )
        partial = folder / "port.partial"
        partial.write_text(str(server.sockets[0].getsockname()[1]))
        partial.replace(folder / "port")
        await server.serve_forever()

    asyncio.run(listen())
    os._exit(0)
