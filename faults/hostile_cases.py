"""The cases of ``faults.hostile``: each a name, a kind, and bytes for a wire."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

from faults import hostile_files as files

Pieces = Iterable[bytes | float]
HEARD = "/v1/audio/transcriptions"


@dataclasses.dataclass(frozen=True)
class Case:
    """One hostile thing. ``make`` gives its bytes for a credential.

    ``may_pass``: HTTP or the format allows it, so that a proper answer is right as well.
    ``may_hang_up``: so broken that nobody is there to be answered. ``slow``: it takes its time.
    """

    kind: str
    name: str
    make: Callable[[str], Pieces]
    may_pass: bool = False
    may_hang_up: bool = False
    slow: bool = False

    @property
    def patience(self) -> float:
        """Seconds until one gives up."""
        return 120.0 if self.slow else 60.0

    def pieces(self, token: str) -> Pieces:
        """What to send."""
        return self.make(token)


def cases(seed: int) -> list[Case]:
    """All of them, in an order that is the same for the same seed."""
    rng = random.Random(seed)
    made = [
        *_files(rng),
        *_forms(),
        *_json(),
        *_headers(),
        *_paths(),
        *_framing(),
        *_sockets(),
        *_slow(),
    ]
    rng.shuffle(made)
    return made


def request(
    method: str, path: str, token: str, body: bytes = b"", *lines: str, length: int | None = None
) -> bytes:
    """A request that ends its connection; ``lines`` are further headers."""
    head = [f"{method} {path} HTTP/1.1", "Host: gateway", f"Authorization: Bearer {token}"]
    if body or length is not None:
        head.append(f"Content-Length: {len(body) if length is None else length}")
    head += [*lines, "Connection: close", "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def upload(
    path: str, token: str, content: bytes, *, name: str = "a.wav", field: str = "file"
) -> bytes:
    """A recording in a form."""
    boundary = "b0undary"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; '
        f'filename="{name}"\r\nContent-Type: audio/wav\r\n\r\n'
    ).encode("latin-1", "replace")
    body = head + content + f"\r\n--{boundary}--\r\n".encode()
    return request(
        "POST", path, token, body, f"Content-Type: multipart/form-data; boundary={boundary}"
    )


def _files(rng: random.Random) -> Iterator[Case]:
    for number, (name, content, may_pass) in enumerate(files.hostile(rng)):
        path = "/v1/voice" if number % 3 == 0 else HEARD

        def make(token: str, path: str = path, content: bytes = content) -> Pieces:
            return [upload(path, token, content)]

        yield Case("file", f"{name} to {path}", make, may_pass=may_pass)


def _forms() -> Iterator[Case]:
    wav = files.wav(files.tone(1))
    names = [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/shadow",
        "C:\\x.wav",
        "a" * 10_000,
        "",
        "nul\x00.wav",
        "\u202egpj.wav",
        "a.wav\r\nX-Evil: 1",
        "con",
        "-rf",
        "$(id)",
        "`id`",
        "|id",
        "%00",
        "%2e%2e%2f",
        "a/b/c",
        ".",
        "..",
        "~root",
        "file:///etc/passwd",
        "http://127.0.0.1/",
    ]
    for name in names:

        def made(token: str, name: str = name) -> Pieces:
            return [upload(HEARD, token, wav, name=name)]

        yield Case("name", f"file name {name[:30]!r}", made, may_pass=True)
    media = "Content-Type: multipart/form-data"
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    bodies: list[tuple[str, bytes, str]] = [
        ("no boundary", part, media),
        ("an empty boundary", part, f"{media}; boundary="),
        ("another boundary", part, f"{media}; boundary=other"),
        ("a boundary of 1,000", part, f"{media}; boundary={'x' * 1000}"),
        ("no end", part + wav, f"{media}; boundary=b"),
        ("nothing", b"", f"{media}; boundary=b"),
        ("no disposition", b"--b\r\n\r\nx\r\n--b--\r\n", f"{media}; boundary=b"),
        (
            "no name",
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
            f"{media}; boundary=b",
        ),
        ("part headers of 1 MB", b"--b\r\nX: " + b"x" * 1_000_000, f"{media}; boundary=b"),
        ("1,000 parts", part * 1000 + b"x\r\n--b--\r\n", f"{media}; boundary=b"),
        (
            "10,000 fields",
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' * 10_000 + b"--b--\r\n",
            f"{media}; boundary=b",
        ),
        (
            "a field of 1 MB",
            b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n'
            + b"x" * 1_000_000
            + b"\r\n--b--\r\n",
            f"{media}; boundary=b",
        ),
        ("boundaries alone", b"--b\r\n" * 50_000, f"{media}; boundary=b"),
        ("a form in a form", part + b"--c\r\n--c--\r\n--b--\r\n", f"{media}; boundary=b"),
        (
            "a wrong charset",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename*='
            b"utf-99''a\r\n\r\nx\r\n--b--\r\n",
            f"{media}; boundary=b",
        ),
        ("url-encoded", b"file=1", "Content-Type: application/x-www-form-urlencoded"),
        ("a bare recording", wav, "Content-Type: audio/wav"),
        ("two files", part + b"x\r\n" + part + b"y\r\n--b--\r\n", f"{media}; boundary=b"),
    ]
    for name, body, header in bodies:
        for path in ("/v1/voice", HEARD):

            def form(
                token: str, path: str = path, body: bytes = body, header: str = header
            ) -> Pieces:
                return [request("POST", path, token, body, header)]

            yield Case("form", f"{name} to {path}", form)
    fields = [
        ("model", "\x00"),
        ("model", "x" * 500),
        ("language", "xx-" * 50),
        ("language", "../.."),
        ("response_format", "exe"),
        ("temperature", "1e400"),
        ("temperature", "NaN"),
        ("stream", "perhaps"),
        ("prompt", "x" * 5_000),
        ("timestamp_granularities[]", "eon"),
    ]
    for field, value in fields:

        def with_field(token: str, field: str = field, value: str = value) -> Pieces:
            extra = (
                f'--b0undary\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            )
            body = upload(HEARD, token, wav).partition(b"\r\n\r\n")[2]
            body = extra.encode() + body
            header = "Content-Type: multipart/form-data; boundary=b0undary"
            return [request("POST", HEARD, token, body, header)]

        yield Case("form", f"{field}={value[:20]!r}", with_field)


def _json() -> Iterator[Case]:
    big = b"9" * 100_000
    bodies: dict[str, bytes] = {
        "huge": b'{"text": "' + b"x" * 3_000_000 + b'"}',
        "huge number": b'{"text": ' + big + b"}",
        "huge exponent": b'{"text": 1e999999999}',
        "deep lists": b"[" * 500_000,
        "deep objects": b'{"a":' * 100_000,
        "closed deep lists": b"[" * 50_000 + b"]" * 50_000,
        "deep value": b'{"text": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        "100,000 names": json.dumps({str(n): n for n in range(60_000)}).encode(),
        "the same name": b"{" + b'"text": "x",' * 50_000 + b'"text": 1}',
        "bad UTF-8": b'{"text": "\xff\xfe\xc0\xaf"}',
        "overlong": b'{"text": "\xe0\x80\xaf"}',
        "half of UTF-8": b'{"text": "\xf0\x9f"}',
        "surrogate bytes": b'{"text": "\xed\xa0\x80"}',
        "lone surrogate": b'{"text": "\\ud800"}',
        "UTF-16": '{"text": "hi"}'.encode("utf-16"),
        "UTF-32": '{"text": "hi"}'.encode("utf-32"),
        "a mark before it": b"\xef\xbb\xbf" + b'{"text": 5}',
        "NUL": b'{"text": "a\\u0000b"}',
        "bare NUL": b'{"text": "a\x00b"}',
        "NaN": b'{"text": NaN}',
        "infinity": b'{"text": "x", "yes": Infinity}',
        "cut off": b'{"text": "sch',
        "nothing": b"",
        "spaces": b" " * 900_000,
        "two documents": b'{"text": "x"}{"text": "y"}',
        "a comment": b'{"text": "x"} // no',
        "a trailing comma": b'{"text": "x",}',
        "single quotes": b"{'text': 'x'}",
        "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
        "YAML": b"!!python/object/apply:os.system ['id']",
        "prototype": b'{"text": "x", "__proto__": {"admin": true}}',
        "another's rows": b'{"text": "x", "owner": "local"}',
        "a list": b"[]",
        "null": b"null",
        "a string": b'"text"',
        "true": b"true",
        "a wrong type": b'{"text": {"$gt": ""}}',
        "wrong yes": b'{"text": "x", "yes": "true"}',
        "only spaces": b'{"text": "\\u2003 \\n"}',
        "long": b'{"text": "' + b"word " * 2_000 + b'"}',
    }
    for name, body in bodies.items():
        for path in ("/v1/ask", "/v1/route", "/v1/keys", "/v1/events/x/answer"):

            def make(token: str, path: str = path, body: bytes = body) -> Pieces:
                return [request("POST", path, token, body, "Content-Type: application/json")]

            yield Case("json", f"{name} to {path}", make)
    types = [
        "text/plain",
        "application/xml",
        "application/json-patch+json",
        "*/*",
        "",
        "a" * 5_000,
        "application/json\x00",
        "multipart/form-data",
        "application/octet-stream",
    ]
    for media in types:

        def typed(token: str, media: str = media) -> Pieces:
            return [request("POST", "/v1/ask", token, b'{"text": "x"}', f"Content-Type: {media}")]

        yield Case("json", f"as {media[:40]!r}", typed)


def _headers() -> Iterator[Case]:
    refused: dict[str, list[str]] = {
        "100 KB": ["X: " + "x" * 100_000],
        "a thousand": [f"X-{n}: 1" for n in range(1_000)],
        "a NUL": ["X: a\x00b"],
        "no colon": ["nonsense"],
        "a space before the colon": ["X-A : 1"],
        "a name of odd signs": ["X(): 1"],
        "an empty name": [": 1"],
        "folded": ["X: a\r\n b"],
        "a bare CR": ["X: a\rX-Evil: 1"],
        "a key of spaces": ["Idempotency-Key: \x01"],
        "a key of 1,000": ["Idempotency-Key: " + "k" * 1_000],
        "expects the unknown": ["Expect: 200-maybe"],
        "two lengths": ["Content-Length: 5", "Content-Length: 6"],
        "a length below zero": ["Content-Length: -1"],
        "a length of words": ["Content-Length: many"],
        "a length in hex": ["Content-Length: 0x10"],
        "a length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
        "chunks twice": ["Transfer-Encoding: chunked, chunked"],
        "chunks in disguise": ["Transfer-Encoding: xchunked"],
        "chunks of gzip": ["Transfer-Encoding: gzip, chunked"],
        "a tab for chunks": ["Transfer-Encoding:\x0bchunked"],
    }
    for name, lines in refused.items():

        def make(token: str, lines: list[str] = lines) -> Pieces:
            return [
                request("POST", "/v1/ask", token, b"", "Content-Type: application/json", *lines)
            ]

        yield Case("header", name, make)
    harmless = {
        "forwarded": ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;host=evil"],
        "another host": ["X-Forwarded-Host: evil.example", "X-Host: evil"],
        "another address": ["X-Original-URL: /v1/admin/users", "X-Rewrite-URL: /v1/admin/users"],
        "another method": ["X-HTTP-Method-Override: DELETE"],
        "a range": ["Range: bytes=0-18446744073709551615"],
        "many ranges": ["Range: bytes=" + ",".join(f"{n}-{n}" for n in range(1_000))],
        "odd validators": ['If-None-Match: "' + "x" * 4_000, "If-Modified-Since: never"],
        "all validators": ["If-None-Match: " + ",".join(f'"{n}"' for n in range(800))],
        "a cookie of 8 KB": ["Cookie: a=" + "b" * 8_000],
        "a thousand languages": ["Accept-Language: " + ",".join(["en;q=0.1"] * 800)],
        "odd accepts": ["Accept: application/\x7f;q=nan"],
        "an odd request id": ["X-Request-Id: ${jndi:ldap://127.0.0.1/a}"],
        "a request id that ends lines": ["X-Request-Id: a%0d%0aX-Evil: 1"],
        "an upgrade to h2c": ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"],
        "packed": ["Content-Encoding: gzip"],
        "an origin": ["Origin: https://evil.example", "Access-Control-Request-Method: PUT"],
    }
    for name, lines in harmless.items():

        def kept(token: str, lines: list[str] = lines) -> Pieces:
            return [request("GET", "/v1/events", token, b"", *lines)]

        yield Case("header", name, kept, may_pass=True)
    for credential in (
        "",
        "x",
        "wlmk_" + "0" * 48,
        "a" * 8_000,
        "\xff\xfe",
        "eyJhbGciOiJub25lIn0.e30.",
        "null",
        "' OR 1=1 --",
        "../../x",
        "{}",
        "wlmk_" + "\u00e9" * 48,
    ):

        def stranger(_: str, credential: str = credential) -> Pieces:
            return [request("GET", "/v1/events", credential)]

        yield Case("header", f"credential {credential[:20]!r}", stranger)


def _paths() -> Iterator[Case]:
    paths = [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/../../etc/passwd",
        "/v1/events/..%2f..",
        "/v1/events/%00",
        "/v1/events/%ff",
        "/v1/events/%c0%af",
        "/v1/events/" + "a" * 7_000,
        "/v1/events/%0d%0aX-Evil:1",
        "//evil.example/v1/events",
        "/\\evil.example",
        "/v1//events",
        "/v1/events;x=1",
        "/v1/events/.",
        "/v1/events/1%2fstream",
        "/V1/EVENTS",
        "/v1/events%20",
        "/v1/history/%F0%9F/why",
        "/v1/skills/__class__",
        "/v1/skills/..%5c..",
        "/v1/skills/${x}/settings",
        "/v1/keys?cursor=%00",
        "/v1/events?limit=-1",
        "/v1/events?limit=1e9",
        "/v1/events?limit=99999999",
        "/v1/events?state=gone",
        "/v1/events?limit=1&limit=2",
        "/v1/events?unknown=1",
        "/v1/events?cursor='%20OR%201=1",
        "/v1/history?q=" + "x" * 600,
        "/v1/firings?days=1e308",
        "/v1/firings?days=NaN",
        "/v1/firings?days=-1",
        "/static/../wlm/config.py",
        "/.env",
        "/.git/config",
        "/console",
        "/metrics/../admin",
        "/openapi.json/x",
        "/v1/events/{{7*7}}",
        "/v1/events/%25s%25n",
        "/cgi-bin/",
        "/wp-login.php",
        "/?x=" + "y" * 9_000,
        "/" + "/" * 3_000,
        "/v1/listen",
    ]
    for path in paths:

        def make(token: str, path: str = path) -> Pieces:
            return [request("GET", path, token)]

        yield Case("path", path[:50], make)
    for text in (
        "a\x00b",
        "\U0001f4a9" * 50,
        "..",
        "' OR 1=1",
        "%s%n",
        "\u202e",
        "-1",
        "None",
        "1;2",
    ):

        def by_id(token: str, text: str = text) -> Pieces:
            return [request("POST", f"/v1/events/{quote(text)}/confirm", token)]

        yield Case("path", f"confirm {text[:20]!r}", by_id)


def _framing() -> Iterator[Case]:
    lines = [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nX\x01: 1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 1000 + b"\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"GET / HTTP/1.1 extra\r\nHost: x\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\xc3\x89T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"A" * 20_000 + b" / HTTP/1.1\r\n\r\n",
        b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    for line in lines:

        def raw(_: str, line: bytes = line) -> Pieces:
            # The end of the line of thought: what is not answered by now never is.
            return [line, 1.0]

        yield Case("framing", repr(line[:30]), raw, may_hang_up=True, slow=True)
    chunks = {
        "no number": b"zz\r\nabc\r\n0\r\n\r\n",
        "below zero": b"-5\r\nabc\r\n0\r\n\r\n",
        "huge": b"ffffffffffffffffff\r\nabc",
        "no end of line": b"3abc0",
        "an extension of 1 MB": b"1;" + b"x" * 1_000_000 + b"\r\na\r\n0\r\n\r\n",
        "an underscore": b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n",
        "a plus": b"+3\r\nabc\r\n0\r\n\r\n",
        "too long a chunk": b"2\r\nabcdef\r\n0\r\n\r\n",
    }
    for name, body in chunks.items():
        for path, media in (
            ("/v1/ask", "application/json"),
            (HEARD, "multipart/form-data; boundary=b"),
        ):

            def chunked(
                token: str, path: str = path, media: str = media, body: bytes = body
            ) -> Pieces:
                lines = [f"Content-Type: {media}", "Transfer-Encoding: chunked"]
                return [request("POST", path, token, b"", *lines), body, 1.0]

            yield Case("framing", f"chunk: {name} to {path}", chunked)
    for path, media in (
        ("/v1/ask", "application/json"),
        (HEARD, "multipart/form-data; boundary=b"),
    ):

        def endless(token: str, path: str = path, media: str = media) -> Pieces:
            lines = [f"Content-Type: {media}", "Transfer-Encoding: chunked"]
            yield request("POST", path, token, b"", *lines)
            start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            yield b"%x\r\n" % len(start) + start + b"\r\n"
            for _ in range(600):
                yield b"10000\r\n" + b"x" * 65_536 + b"\r\n"

        yield Case("endless", f"chunks to {path}", endless, may_hang_up=True)

        def claimed(token: str, path: str = path, media: str = media) -> Pieces:
            yield request("POST", path, token, b"", f"Content-Type: {media}", length=10**15)
            for _ in range(100):
                yield b"x" * 65_536

        yield Case("endless", f"a length of a petabyte to {path}", claimed, may_hang_up=True)

    def header_without_end(_: str) -> Pieces:
        yield b"GET / HTTP/1.1\r\nHost: x\r\n"
        for n in range(2_000):
            yield b"X-%d: " % n + b"y" * 1_000 + b"\r\n"

    yield Case("endless", "headers", header_without_end, may_hang_up=True)


def _sockets() -> Iterator[Case]:
    shake = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    bad = {
        "no key": shake,
        "a short key": [*shake, "Sec-WebSocket-Key: x"],
        "an old version": [
            *shake[:2],
            "Sec-WebSocket-Version: 7",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        "an odd rate": [*shake, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
    }
    for name, lines in bad.items():
        path = "/v1/listen?rate=7" if name == "an odd rate" else "/v1/listen"

        def handshake(token: str, lines: list[str] = lines, path: str = path) -> Pieces:
            head = [f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
            return ["\r\n".join([*head, *lines, "", ""]).encode()]

        yield Case("websocket", name, handshake)
    frames = {
        "unmasked": b"\x82\x05hello",
        "huge": b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
        "reserved bits": b"\xf2\x80\x00\x00\x00\x00",
        "an unknown kind": b"\x83\x80\x00\x00\x00\x00",
        "a long ping": b"\x89\xfe\x00\xff" + b"\x00" * 259,
        "text that is none": b"\x81\x82\x00\x00\x00\x00\xff\xfe",
        "noise": bytes(range(256)) * 4,
        "nothing more": b"\x88\x80\x00\x00\x00\x00",
    }
    for name, frame in frames.items():

        def open_(token: str, frame: bytes = frame) -> Pieces:
            head = [
                "GET /v1/listen HTTP/1.1",
                "Host: x",
                f"Authorization: Bearer {token}",
                *shake,
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "",
                "",
            ]
            return ["\r\n".join(head).encode(), 1.0, frame, 1.0]

        yield Case("websocket", f"frame: {name}", open_, may_pass=True)


def _slow() -> Iterator[Case]:
    def headers(_: str) -> Pieces:
        for byte in b"GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"y" * 60:
            yield bytes([byte])
            yield 1.0

    def body(token: str) -> Pieces:
        yield request("POST", "/v1/ask", token, b"", "Content-Type: application/json", length=60)
        yield b"{"
        yield 45.0

    def sound(token: str) -> Pieces:
        whole = upload(HEARD, token, files.wav(files.tone(20)))
        yield whole[:2_000]
        for start in range(2_000, 2_090):
            yield whole[start : start + 1]
            yield 0.5

    for number in range(4):
        yield Case("slow", f"headers {number}", headers, may_hang_up=True, slow=True)
        yield Case("slow", f"a body that does not come {number}", body, may_hang_up=True, slow=True)
        yield Case("slow", f"a recording in drops {number}", sound, may_hang_up=True, slow=True)
