"""A desktop that shows notifications: a service on the session bus that writes them to a file."""

# ruff: noqa: F722, F821 - the annotations are D-Bus signatures

import asyncio
import sys
from pathlib import Path

from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, method

NAME = "org.freedesktop.Notifications"
FILE = Path(sys.argv[1])


class Desktop(ServiceInterface):
    """The calls of the desktop notifications specification that a client makes."""

    @method()
    def Notify(
        self, app: "s", replaces: "u", icon: "s", title: "s", body: "s", actions: "as",
        hints: "a{sv}", timeout: "i",
    ) -> "u":  # fmt: skip
        FILE.write_text(f"{app} | {title} | {body}\n")
        return 1

    @method()
    def GetCapabilities(self) -> "as":
        return ["body", "body-markup"]

    @method()
    def GetServerInformation(self) -> "ssss":
        return ["test", "wlm", "1", "1.2"]


async def main() -> None:
    """Serve until killed."""
    bus = await MessageBus().connect()
    bus.export("/org/freedesktop/Notifications", Desktop(NAME))
    await bus.request_name(NAME)
    print("ready", flush=True)
    await bus.wait_for_disconnect()


asyncio.run(main())
