"""Where the mail of an address is: well-known providers, then what its domain publishes.

The order: a preset, the domain's own Mozilla autoconfig document, the public collection of
such documents, then DNS (RFC 6186 and 8314). A document is data: hosts and ports are taken
from it, and only connections that are encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from wlm.errors import BadRequest, ProviderError

_PRESETS: dict[str, tuple[str, str, str]] = {
    # IMAP on 993 with TLS; SMTP; what to know.
    "gmail.com": ("imap.gmail.com", "smtp.gmail.com:465", "google"),
    "outlook.com": ("outlook.office365.com", "smtp.office365.com:587", "microsoft"),
    "icloud.com": ("imap.mail.me.com", "smtp.mail.me.com:587", "app"),
    "yahoo.com": ("imap.mail.yahoo.com", "smtp.mail.yahoo.com:465", "app"),
    "aol.com": ("imap.aol.com", "smtp.aol.com:465", "app"),
    "fastmail.com": ("imap.fastmail.com", "smtp.fastmail.com:465", "app"),
    "gmx.net": ("imap.gmx.net", "mail.gmx.net:465", "allow"),
    "gmx.com": ("imap.gmx.com", "mail.gmx.com:465", "allow"),
    "web.de": ("imap.web.de", "smtp.web.de:465", "allow"),
    "t-online.de": ("secureimap.t-online.de", "securesmtp.t-online.de:465", "app"),
    "posteo.de": ("posteo.de", "posteo.de:465", ""),
    "mailbox.org": ("imap.mailbox.org", "smtp.mailbox.org:465", ""),
    "zoho.com": ("imap.zoho.com", "smtp.zoho.com:465", "app"),
    "yandex.com": ("imap.yandex.com", "smtp.yandex.com:465", "app"),
}
_SAME = {
    "gmail.com": ("googlemail.com",),
    "outlook.com": ("hotmail.com", "live.com", "msn.com", "hotmail.de", "outlook.de"),
    "icloud.com": ("me.com", "mac.com"),
    "yahoo.com": ("yahoo.de", "yahoo.es", "yahoo.co.uk", "ymail.com"),
    "fastmail.com": ("fastmail.fm",),
    "gmx.net": ("gmx.de", "gmx.at", "gmx.ch"),
    "posteo.de": ("posteo.net",),
}
_NOTES = {
    "google": "Run `wlm connect google` and set sign_in=google, or use an app password.",
    "microsoft": "It takes no passwords: run `wlm connect microsoft` and set sign_in=microsoft.",
    "app": "Use an app password.",
    "allow": "Allow IMAP in the provider's settings first.",
    "": "",
}
ISPDB = "https://autoconfig.thunderbird.net/v1.1/{domain}"
_DOCUMENTS = (
    "https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={address}",
    "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    ISPDB,
)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62}\.)*[a-z0-9-]{1,63}[a-z0-9]", re.I)
_ADDRESS = re.compile(r"[^@\s<>]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_SOCKETS = {"SSL": "tls", "STARTTLS": "starttls"}


class Found(NamedTuple):
    """Settings of the skill, where they come from, and what the user should know."""

    settings: dict[str, Any]
    source: str
    note: str = ""


Fetch = Callable[[str], bytes | None]
"""The document at an address; ``None`` if there is none."""

Look = Callable[[str], Iterable[tuple[int, int, int, str]]]
"""The SRV records of a name: priority, weight, port, host."""


def discover(
    address: str, fetch: Fetch, look: Look, documents: Iterable[str] = _DOCUMENTS
) -> Found:
    """The settings for an address. Raises ``BadRequest`` for none, ``ProviderError`` if unknown."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise BadRequest("That is not an e-mail address.", hint="Give it as name@domain.")
    domain = match[1].lower()
    if (found := preset(address, domain)) is not None:
        return found
    for place in documents:
        body = fetch(place.format(domain=domain, address=address))
        if body and (settings := autoconfig(body, address)) is not None:
            return Found(settings, "its autoconfig document")
    if (settings := records(domain, address, look)) is not None:
        return Found(settings, "its DNS records")
    raise ProviderError(
        "Nothing is published about where the mail of that domain is.",
        hint="Ask the provider for the IMAP and SMTP servers: `wlm skills configure email`.",
    )


def preset(address: str, domain: str) -> Found | None:
    """The settings of a provider that everybody knows."""
    name = next((known for known, same in _SAME.items() if domain in same), domain)
    if name not in _PRESETS:
        return None
    imap, smtp, note = _PRESETS[name]
    host, _, port = smtp.partition(":")
    security = "tls" if port == "465" else "starttls"
    settings = _settings(address, (imap, 993, "tls"), (host, int(port), security))
    if note in ("google", "microsoft"):
        settings["keep_sent"] = False  # they keep a copy of what goes through them
    return Found(settings, f"a preset for {name}", _NOTES[note])


def autoconfig(body: bytes, address: str) -> dict[str, Any] | None:
    """The settings in a Mozilla autoconfig document; ``None`` if it has no encrypted servers."""
    from lxml import etree  # type: ignore[import-untyped] # it ships no types

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body[:200_000], parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    imap = next(filter(None, map(_server, root.iterfind(".//incomingServer[@type='imap']"))), None)
    smtp = next(filter(None, map(_server, root.iterfind(".//outgoingServer[@type='smtp']"))), None)
    if imap is None or smtp is None:
        return None
    settings = _settings(address, imap, smtp)
    told = root.findtext(".//incomingServer[@type='imap']/username") or "%EMAILADDRESS%"
    local, _, domain = address.partition("@")
    for mark, value in (
        ("%EMAILADDRESS%", address), ("%EMAILLOCALPART%", local), ("%EMAILDOMAIN%", domain)
    ):  # fmt: skip
        told = told.replace(mark, value)
    return {**settings, "user": told.strip()[:200], "address": address}


def records(domain: str, address: str, look: Look) -> dict[str, Any] | None:
    """The settings that SRV records name; a host of "." says that there is no such service."""
    imap = _record(look, ((f"_imaps._tcp.{domain}", "tls"), (f"_imap._tcp.{domain}", "starttls")))
    smtp = _record(
        look,
        ((f"_submissions._tcp.{domain}", "tls"), (f"_submission._tcp.{domain}", "starttls")),
    )
    return _settings(address, imap, smtp) if imap and smtp else None


def _record(look: Look, names: Iterable[tuple[str, str]]) -> tuple[str, int, str] | None:
    for name, security in names:
        for _, _, port, host in sorted(look(name), key=lambda each: (each[0], -each[1])):
            host = host.rstrip(".")
            if host and _HOST.fullmatch(host) and 0 < port < 65536:
                return host, port, security
    return None


def _server(element: Any) -> tuple[str, int, str] | None:
    """Host, port and security of a server that is encrypted."""
    host = (element.findtext("hostname") or "").strip()
    port = (element.findtext("port") or "").strip()
    security = _SOCKETS.get((element.findtext("socketType") or "").strip())
    if security is None or not _HOST.fullmatch(host) or not (port.isdigit() and len(port) < 6):
        return None
    return (host, int(port), security) if 0 < int(port) < 65536 else None


def _settings(
    address: str, imap: tuple[str, int, str], smtp: tuple[str, int, str]
) -> dict[str, Any]:
    found: Mapping[str, Any] = {
        "imap_host": imap[0], "imap_port": imap[1], "imap_security": imap[2],
        "smtp_host": smtp[0], "smtp_port": smtp[1], "smtp_security": smtp[2],
        "user": address,
    }  # fmt: skip
    return dict(found)
