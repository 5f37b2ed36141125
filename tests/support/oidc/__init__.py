"""A real OpenID Connect issuer (npm's `oidc-provider`) on loopback, and a user at a browser.

with Issuer({"wlm": {}}) as issuer:
    Browser(issuer.url).approve(user_code, "anna")
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from html import unescape
from pathlib import Path
from typing import IO, Any, Self

import httpx
import pytest

HERE = Path(__file__).parent
INSTALL = "no node: `apt-get install nodejs npm`"
_FORM = re.compile(r'<form[^>]*?action="([^"]+)"[^>]*>(.*?)</form>', re.S)
_FIELD = re.compile(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', re.S)


@functools.cache
def installed() -> Path:
    """The folder with the issuer's program and its packages, installed once for a lock file.

    Skips the test where there is no node.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip(INSTALL)
    files = [HERE / name for name in ("package.json", "package-lock.json", "issuer.mjs")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wlm-tests"
    folder = cache / f"oidc-{digest}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=cache))
    for file in files:
        shutil.copy(file, fresh)
    command = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=fresh, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    try:
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh)  # another run was first
    return folder


class Issuer:
    """The program, running. ``clients``: id → options (``redirect``, ``lasts`` and ``interval``
    in seconds, ``slow``).

    ``told`` grows by what each poll for tokens was told, such as ``authorization_pending``.
    """

    def __init__(self, clients: dict[str, dict[str, Any]], *, spare: bool = False) -> None:
        self.clients = {
            name: {"redirect": "http://127.0.0.1/callback", **options}
            for name, options in clients.items()
        }
        self.spare = spare
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.told: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the program, with keys of its own making."""
        arguments = [str(self.port), json.dumps(self.clients), "spare" if self.spare else ""]
        self._process = subprocess.Popen(
            ["node", "issuer.mjs", *arguments],
            cwd=installed(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        threading.Thread(target=self._note, args=[self._process.stdout], daemon=True).start()

    def _note(self, lines: IO[str]) -> None:
        self.told.extend(line.strip() for line in lines)

    def stop(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """The same issuer with new keys."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Browser:
    """A user at the issuer's pages."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, follow_redirects=True, trust_env=False)

    def approve(self, user_code: str, name: str) -> None:
        """Enter the code, sign in as ``name`` and agree."""
        page = self._enter(user_code, confirm="yes")
        done = self._agree(page, name)
        assert "success" in done.text.lower(), done.text

    def deny(self, user_code: str) -> None:
        """Enter the code and refuse."""
        self._enter(user_code, abort="yes")

    def authorize(self, url: str, name: str) -> httpx.URL:
        """Open an authorization page, sign in and agree; the address that the issuer sends to."""
        self._http.event_hooks["response"] = [_stop_outside(self._url)]
        try:
            self._agree(self._http.get(url), name)
        except _Left as left:
            return left.url
        raise AssertionError("the issuer sent nobody back")

    def _enter(self, user_code: str, **choice: str) -> httpx.Response:
        page = self._http.get("/device")
        return self._submit(page, user_code=user_code, **choice)

    def _agree(self, page: httpx.Response, name: str) -> httpx.Response:
        if 'value="login"' in page.text:
            page = self._submit(page, login=name, password="any")
        if 'value="consent"' in page.text:
            page = self._submit(page)
        return page

    def _submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        form = _FORM.search(page.text)
        assert form, page.text
        hidden = {name: unescape(value) for name, value in _FIELD.findall(form[2])}
        return self._http.post(unescape(form[1]), data={**hidden, **fields})


class _Left(Exception):
    def __init__(self, url: httpx.URL) -> None:
        self.url = url


def _stop_outside(home: str) -> Any:
    def look(response: httpx.Response) -> None:
        if response.is_redirect:
            target = response.url.join(response.headers["location"])
            if not str(target).startswith(home):
                raise _Left(target)

    return look
