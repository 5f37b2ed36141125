"""Which addresses are on the public internet; the guard against requests to the inside.

A name is resolved once and the connection goes to the address that was checked, so that a
second look-up cannot lead elsewhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from wlm.errors import BadSetting, ProviderAway, ProviderError

# Global to Python, yet each can carry a private IPv4 address inside.
_CARRIERS = tuple(
    ipaddress.IPv6Network(net)
    for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.is_site_local or any(ip in net for net in _CARRIERS):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def networks(text: str) -> list[str]:
    """Networks (CIDR) from a setting, with commas. Raises ``BadSetting`` for one that is none."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    for network in found:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise BadSetting(
                f"{network!r} is no network.", hint="Such as 192.168.1.0/24, or fd00::/8."
            ) from None
    return found


class Guard:
    """Lets through public addresses, those in the ``trusted`` networks (CIDR), and the ``known``
    hosts (in lower case, with their ports)."""

    def __init__(
        self, trusted: Iterable[str] = (), *, known: Iterable[tuple[str, int]] = ()
    ) -> None:
        self._trusted = tuple(ipaddress.ip_network(net) for net in trusted)
        self._known = frozenset(known)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` that may be reached, in the order to try them.

        Raises ``ProviderAway`` if the name has no address, ``ProviderError`` if none may be.
        """
        if (host.lower(), port) in self._known:
            return [host]
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ProviderAway(
                f"{host} has no address: no network, or the name is wrong."
            ) from None
        every = dict.fromkeys(str(info[4][0]) for info in found)
        allowed = [address for address in every if self._allows(address)]
        if not allowed:
            raise ProviderError(
                f"{host} is not on the public internet; nothing was fetched.",
                hint="Whoever runs the gateway can let settings lead there: `skill_networks`.",
            )
        return allowed

    def _allows(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return is_public(address) or any(ip in net for net in self._trusted)
