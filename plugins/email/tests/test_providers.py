"""Where the mail of an address is: presets, autoconfig documents over HTTP, SRV records by DNS."""

from __future__ import annotations

import socket
import threading

import dns.message
import dns.rrset
import pytest
from wlm_email.cli import look_up
from wlm_email.providers import autoconfig, discover, preset

from tests.support.http_server import HttpServer
from wlm.errors import BadRequest, ProviderError
from wlm.plugins.http import Http

DOCUMENT = """<?xml version="1.0"?>
<clientConfig version="1.1">
  <emailProvider id="home.example">
    <domain>home.example</domain>
    <incomingServer type="pop3"><hostname>pop.home.example</hostname><port>995</port>
      <socketType>SSL</socketType><username>%EMAILADDRESS%</username></incomingServer>
    <incomingServer type="imap"><hostname>{imap}</hostname><port>{port}</port>
      <socketType>{socket}</socketType><authentication>password-cleartext</authentication>
      <username>%EMAILLOCALPART%</username></incomingServer>
    <outgoingServer type="smtp"><hostname>smtp.home.example</hostname><port>587</port>
      <socketType>STARTTLS</socketType><username>%EMAILADDRESS%</username></outgoingServer>
  </emailProvider>
</clientConfig>"""


def document(imap: str = "imap.home.example", port: str = "993", socket: str = "SSL") -> bytes:
    return DOCUMENT.format(imap=imap, port=port, socket=socket).encode()


class NameServer:
    """A DNS server on loopback that knows a few SRV records."""

    def __init__(self, records: dict[str, str]) -> None:
        self._records = records
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            name = query.question[0].name
            answer = dns.message.make_response(query)
            self.asked.append(str(name))
            if told := self._records.get(str(name).rstrip(".")):
                answer.answer.append(
                    dns.rrset.from_text_list(name, 60, "IN", "SRV", told.split("|"))
                )
            self._socket.sendto(answer.to_wire(), client)


def nothing(_: str) -> None:
    return None


def test_presets_know_their_other_domains():
    for address in ("me@gmail.com", "me@googlemail.com"):
        found = discover(address, nothing, lambda _: [])
        assert found.settings["imap_host"] == "imap.gmail.com"
        assert found.settings["user"] == address
        assert found.settings["keep_sent"] is False
    outlook = preset("me@hotmail.com", "hotmail.com")
    assert outlook is not None
    assert (outlook.settings["smtp_port"], outlook.settings["smtp_security"]) == (587, "starttls")
    assert preset("me@home.example", "home.example") is None


def test_a_document_of_the_domain_over_http():
    with HttpServer() as server:
        server.route("/mail/config-v1.1.xml", body=document())
        http = Http(trusted=["127.0.0.0/8"])
        asked = []

        def fetch(url: str) -> bytes | None:
            asked.append(url)
            try:
                return http.get(url, public_only=True).content
            except ProviderError:
                return None

        places = (
            f"{server.url}/none/{{domain}}",
            f"{server.url}/mail/config-v1.1.xml?e={{address}}",
        )
        found = discover("anna@home.example", fetch, lambda _: [], places)
    assert found.settings == {
        "imap_host": "imap.home.example", "imap_port": 993, "imap_security": "tls",
        "smtp_host": "smtp.home.example", "smtp_port": 587, "smtp_security": "starttls",
        "user": "anna", "address": "anna@home.example",
    }  # fmt: skip
    assert asked[0].endswith("/none/home.example")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not found</html>",
        b"<clientConfig>" * 10_000,
        document(socket="plain"),
        document(port="99999"),
        document(port="x"),
        document(imap="a b; rm -rf"),
        document(imap=""),
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + document(imap="&a;")[21:],
    ],
)
def test_documents_that_are_none_or_unsafe(body):
    assert autoconfig(body, "anna@home.example") is None


def test_dns_records_in_their_order():
    with NameServer(
        {
            "_imaps._tcp.home.example": "20 0 993 b.home.example.|10 0 9993 a.home.example.",
            "_submissions._tcp.home.example": "0 0 0 .",  # says: no such service
            "_submission._tcp.home.example": "0 0 587 smtp.home.example.",
        }
    ) as server:
        look = look_up(offline=False, servers=["127.0.0.1"], port=server.port)
        found = discover("anna@home.example", nothing, look)
    assert found.settings["imap_host"] == "a.home.example"
    assert found.settings["imap_port"] == 9993
    assert found.settings["smtp_host"] == "smtp.home.example"
    assert found.settings["smtp_security"] == "starttls"
    assert found.source == "its DNS records"


def test_nothing_published_and_no_address():
    with NameServer({}) as server:
        look = look_up(offline=False, servers=["127.0.0.1"], port=server.port)
        with pytest.raises(ProviderError, match="Nothing is published"):
            discover("anna@home.example", nothing, look)
    for bad in ("anna", "anna@", "a@b", "a b@c.example", "a@b.example/../x"):
        with pytest.raises(BadRequest):
            discover(bad, nothing, lambda _: [])
    assert look_up(offline=True)("_imaps._tcp.home.example") == []
