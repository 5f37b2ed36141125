"""Http against a real server that behaves, and misbehaves, as servers do."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme

from tests.support.http_server import Answer, HttpServer
from wlm.errors import ProviderAway, ProviderError
from wlm.plugins.addresses import Guard, is_public
from wlm.plugins.http import Http


@pytest.fixture
def server():
    with HttpServer() as running:
        yield running


def fails(http: Http, url: str, kind: type[ProviderError] = ProviderError, **options):
    """The error of a GET, which must be of exactly ``kind`` and must not show the URL."""
    with pytest.raises(ProviderError) as caught:
        http.get(url, params={"q": "hidden-words"}, **options)
    assert type(caught.value) is kind
    assert caught.value.retryable is (kind is ProviderAway)
    assert "hidden-words" not in str(caught.value) + caught.value.hint
    assert "/secret-path" not in str(caught.value) + caught.value.hint
    return caught.value


def test_an_answer_arrives_with_its_parts(server):
    server.route("/a", body=b'{"x": 1}', headers={"ETag": '"7"'})
    answer = Http().get(server.url + "/a", params={"name": "São Paulo"}, headers={"x-k": "v"})
    assert (answer.status, answer.json(), answer.headers["etag"]) == (200, {"x": 1}, '"7"')
    assert server.requests[0].query == {"name": "São Paulo"}
    assert server.requests[0].headers["x-k"] == "v"
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_params_join_those_of_the_url(server):
    server.route("/a")
    Http().get(server.url + "/a?key=k", params={"b": 2})
    assert server.requests[0].query == {"key": "k", "b": "2"}


def test_a_conditional_request_may_be_answered_by_304(server):
    server.route("/a", status=304)
    answer = Http().get(server.url + "/a", headers={"if-none-match": '"7"'})
    assert (answer.status, answer.content) == (304, b"")


def test_post_sends_json_or_a_form(server):
    server.dynamic("/p", lambda request: Answer(201, request.body))
    assert Http().post(server.url + "/p", json={"a": [1]}).json() == {"a": [1]}
    assert Http().post(server.url + "/p", data={"a": "b c"}).content == b"a=b+c"
    assert Http().post(server.url + "/p", json={}).status == 201


def test_gzip_is_unpacked_and_bounded(server):
    server.route("/z", body=gzip.compress(b"text"), headers={"content-encoding": "gzip"})
    assert Http().get(server.url + "/z").content == b"text"
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    server.route("/bomb", body=bomb, headers={"content-encoding": "gzip"})
    assert "limit" in str(fails(Http(), server.url + "/bomb"))


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate, gzip"])
def test_an_encoding_not_asked_for_is_refused(server, encoding):
    server.route("/z", body=b"....", headers={"content-encoding": encoding})
    fails(Http(), server.url + "/z")


def test_a_torn_or_broken_gzip_body_is_an_error(server):
    whole = gzip.compress(b"text" * 100)
    server.route("/torn", body=whole[:-12], headers={"content-encoding": "gzip"})
    fails(Http(), server.url + "/torn", ProviderAway)
    server.route("/broken", body=b"not gzip", headers={"content-encoding": "gzip"})
    fails(Http(), server.url + "/broken")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderError), (401, ProviderError), (404, ProviderError), (410, ProviderError),
        (408, ProviderAway), (429, ProviderAway), (500, ProviderAway), (503, ProviderAway),
        (300, ProviderError),
    ],
)  # fmt: skip
def test_status_codes(server, status, kind):
    server.route("/secret-path", status=status, body=b"hidden-words")
    assert str(status) in str(fails(Http(), server.url + "/secret-path", kind))


def test_retry_after_in_seconds_or_as_a_date(server):
    server.route("/s", status=429, headers={"retry-after": "17"})
    assert fails(Http(), server.url + "/s", ProviderAway).retry_after == 17.0
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.route("/d", status=503, headers={"retry-after": later})
    assert 3500 < fails(Http(), server.url + "/d", ProviderAway).retry_after <= 3600
    server.route("/x", status=503, headers={"retry-after": "soon"})
    assert fails(Http(), server.url + "/x", ProviderAway).retry_after is None


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe{", b"[" * 200_000])
def test_broken_json(server, body):
    server.route("/j", body=body)
    answer = Http().get(server.url + "/j")
    with pytest.raises(ProviderError, match="JSON"):
        answer.json()


def test_an_endless_body_stops_at_the_limit(server):
    server.route("/endless", chunks=server.drip(b"x" * 65_536, 0.0))
    assert "1000000 bytes" in str(fails(Http(), server.url + "/endless", max_bytes=1_000_000))


def test_drip_fed_bytes_end_at_the_deadline(server):
    server.route("/slow", chunks=server.drip(b"x", 0.02))
    error = fails(Http(), server.url + "/slow", ProviderAway, timeout=0.5)
    assert "0.5 s" in str(error)


def test_drip_fed_headers_end_at_the_deadline():
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"y")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        fails(Http(), url, ProviderAway, timeout=0.5)
        stop.set()
        thread.join()


def test_a_server_that_accepts_and_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        fails(Http(), url, ProviderAway, timeout=0.3)


def test_a_connection_that_breaks_off(server):
    server.route("/cut", body=b"abc", headers={"content-length": "10"})
    server.dynamic("/cut", lambda _: Answer(200, chunks=lambda: iter([b""])))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")

        thread = threading.Thread(target=serve)
        thread.start()
        fails(Http(), f"http://127.0.0.1:{listener.getsockname()[1]}/", ProviderAway)
        thread.join()


def test_nobody_listens_and_a_name_without_address():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "cannot be reached" in str(fails(Http(), f"http://127.0.0.1:{port}/", ProviderAway))
    assert "no address" in str(fails(Http(), "http://nowhere.invalid/", ProviderAway))
    assert "no address" in str(
        fails(Http(), "http://nowhere.invalid/", ProviderAway, public_only=True)
    )


def test_offline_reaches_for_nothing(server):
    server.route("/a")
    with pytest.raises(ProviderAway) as caught:
        Http(offline=True).get(server.url + "/a")
    assert caught.value.retryable is False
    assert "offline" in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("url", ["ftp://host/x", "file:///etc/passwd", "nonsense", "http://", ""])
def test_what_is_no_http_url(url):
    fails(Http(), url)


def test_redirects_are_followed_relative_and_bounded(server):
    server.route("/one", status=302, headers={"location": "two?x=1"})
    server.route("/two", body=b"there")
    assert Http().get(server.url + "/one").content == b"there"
    server.route("/loop", status=301, headers={"location": "/loop"})
    assert "too often" in str(fails(Http(), server.url + "/loop"))
    server.route("/odd", status=301, headers={"location": "http://[::"})
    fails(Http(), server.url + "/odd", ProviderAway)
    with pytest.raises(ProviderError, match="instead of acting"):
        Http().post(server.url + "/one", json={})


def test_headers_do_not_follow_to_another_host(server):
    with HttpServer("127.0.0.2") as other:
        server.route("/go", status=307, headers={"location": other.url + "/there"})
        other.route("/there")
        Http().get(server.url + "/go", headers={"authorization": "Bearer x"})
    assert server.requests[0].headers["authorization"] == "Bearer x"
    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%2", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_addresses_that_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001"])
def test_the_guard_sees_through_spellings(host, server):
    server.route("/a")
    error = fails(Http(), f"http://{host}:{server.port}/a", public_only=True)
    assert "public" in str(error)
    assert server.requests == []


def test_a_redirect_to_the_inside_is_refused(server):
    """127.0.0.1 stands in for a public host (trusted); 127.0.0.2 and ::1 are the inside."""
    http = Http(trusted=["127.0.0.1/32"])
    with HttpServer("127.0.0.2") as inside:
        inside.route("/", body=b"inside")
        for location in (
            inside.url,
            "http://[::1]/",
            "http://[::ffff:127.0.0.2]/",
            "http://10.0.0.1/",
        ):
            server.route("/go", status=302, headers={"location": location})
            fails(http, server.url + "/go", public_only=True)
        server.route("/go", status=302, headers={"location": inside.url})
        assert http.get(server.url + "/go").content == b"inside"  # the guard made the difference
    assert len(inside.requests) == 1


def test_a_checked_host_keeps_its_name(server):
    server.route("/a", body=b"ok")
    http = Http(trusted=["127.0.0.0/8", "::1/128"])
    assert http.get(f"http://localhost:{server.port}/a", public_only=True).content == b"ok"
    assert server.requests[0].headers["host"] == f"localhost:{server.port}"


def test_the_guard_gives_ipv6_addresses_too():
    assert Guard(["::1/128"]).addresses("::1", 80) == ["::1"]


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6_literals_work():
    with HttpServer("::1") as server:
        server.route("/a", body=b"six")
        assert Http().get(server.url + "/a").content == b"six"
        trusted = Http(trusted=["::1/128"])
        assert trusted.get(server.url + "/a", public_only=True).content == b"six"


TLS_CLIENT = """
import sys
from wlm.errors import ProviderError
from wlm.plugins.http import Http
http = Http(trusted=["127.0.0.0/8", "::1/128"])
try:
    print(http.get(sys.argv[1], public_only=sys.argv[2] == "guarded", timeout=5).content.decode())
except ProviderError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def tls_server():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HttpServer(tls=context) as running:
        running.route("/a", body=b"sealed")
        running.route("/down", status=302, headers={"location": "http://localhost/"})
        yield running, authority


@pytest.mark.parametrize("guarded", ["guarded", "plain"])
def test_certificates_are_checked_against_the_name(tls_server, tmp_path, guarded):
    """In a process of its own, as the trusted authorities are read once."""
    server, authority = tls_server
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))

    def fetch(url: str, **environ: str) -> str:
        command = [sys.executable, "-c", TLS_CLIENT, url, guarded]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, check=True)
        return done.stdout.strip()

    named, bare = f"https://localhost:{server.port}", f"https://127.0.0.1:{server.port}"
    assert fetch(named + "/a", SSL_CERT_FILE=str(bundle)) == "sealed"
    assert "certificate" in fetch(named + "/a")
    assert "certificate" in fetch(bare + "/a", SSL_CERT_FILE=str(bundle))
    assert "without it" in fetch(named + "/down", SSL_CERT_FILE=str(bundle))


def test_many_threads_share_one_door(server):
    server.route("/a", body=b"ok")
    http, found = Http(), []

    def fetch() -> None:
        found.append(http.get(server.url + "/a").content)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"ok"] * 8
    assert time.monotonic() - started < 60


def test_httpx_is_not_imported_until_a_call():
    code = "import sys, wlm.plugins.http as h; h.Http(); sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
