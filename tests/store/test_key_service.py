"""The master key under a key service: a small real one over HTTP, brought by a real entry point."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.http_server import Answer, HttpServer, Request
from wlm import config
from wlm.errors import BadSetting, MasterKeyFault
from wlm.store.engine import Store
from wlm.store.health import examine
from wlm.store.migrate import CORE_SCHEMA, open_store

WHERE = ("turns", "text", "t1")
PLUGIN = """
import os
import httpx

class Service:
    def wrap(self, key, context):
        return self._ask("/wrap", key, context)

    def unwrap(self, wrapped, context):
        return self._ask("/unwrap", wrapped, context)

    def _ask(self, path, data, context):
        url = os.environ["KEY_SERVICE_OF_A_TEST"] + path
        answer = httpx.post(url, content=data, headers={"context": context}, timeout=5)
        return answer.raise_for_status().content
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """A service whose own key never leaves it."""
    key = AESGCM(AESGCM.generate_key(256))

    def wrap(request: Request) -> Answer:
        nonce = os.urandom(12)
        sealed = key.encrypt(nonce, request.body, request.headers["context"].encode())
        return Answer(body=nonce + sealed)

    def unwrap(request: Request) -> Answer:
        data, context = request.body, request.headers["context"].encode()
        try:
            return Answer(body=key.decrypt(data[:12], data[12:], context))
        except InvalidTag:
            return Answer(status=403)

    with HttpServer() as made:
        made.dynamic("/wrap", wrap)
        made.dynamic("/unwrap", unwrap)
        monkeypatch.setenv("KEY_SERVICE_OF_A_TEST", made.url)
        yield made


@pytest.fixture
def guarded(
    settings: config.Settings, server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> config.Settings:
    """Settings that name the service, with its plugin installed."""
    about = tmp_path / "site" / "wlm_key_service_of_a_test-1.0.dist-info"
    about.mkdir(parents=True)
    (about.parent / "key_service_of_a_test.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Name: wlm-key-service-of-a-test\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[wlm.key_services]\nsmall = key_service_of_a_test:Service\n"
    )
    monkeypatch.syspath_prepend(about.parent)
    return changed(settings, key_service="small")


def changed(settings: config.Settings, **values: Any) -> config.Settings:
    return settings._replace(config=settings.config.model_copy(update=values))


def opened(settings: config.Settings, sealed: str) -> bytes:
    store = open_store(settings)
    try:
        return store.vault.open("anna", *WHERE, sealed)
    finally:
        store.close()


def written(settings: config.Settings) -> str:
    """All that is kept beside the database."""
    files = [path for path in settings.paths.data.rglob("*") if "secrets" in path.parts]
    return "".join(path.read_text() for path in files if path.is_file())


def test_what_is_kept_is_wrapped_and_opens_by_the_service_alone(
    guarded: config.Settings, server: HttpServer
) -> None:
    store = open_store(guarded)
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    assert "small|1:" in written(guarded)
    assert store.vault.rotate() == 2
    assert store.vault.open("anna", *WHERE, sealed) == b"hello"
    store.close()
    assert opened(guarded, sealed) == b"hello"
    asked = {(request.path, request.headers["context"]) for request in server.requests}
    assert ("/unwrap", "wlm master key 2") in asked
    with pytest.raises(MasterKeyFault) as fault:
        opened(changed(guarded, key_service=""), sealed)
    assert "WLM_KEY_SERVICE=small" in fault.value.hint


def test_several_machines_share_what_is_wrapped(guarded: config.Settings, tmp_path: Path) -> None:
    store = open_store(guarded)
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    store.close()
    text = next(part for part in written(guarded).split('"') if part.startswith("small|"))
    elsewhere = guarded._replace(paths=guarded.paths._replace(data=tmp_path / "elsewhere"))
    assert opened(changed(elsewhere, master_key=text), sealed) == b"hello"
    first, second = (f"{n}:{text.partition(':')[2]}" for n in (1, 2))
    assert first in text
    with pytest.raises(MasterKeyFault):  # what was wrapped as one version is no other
        opened(changed(elsewhere, master_key=f"small|{second},{first}"), sealed)


def test_a_key_from_before_is_wrapped_at_the_next_change(
    settings: config.Settings, store: Store, guarded: config.Settings
) -> None:
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    assert "small|" not in written(settings)
    assert opened(guarded, sealed) == b"hello"
    later = open_store(guarded)
    later.vault.rotate(discard=True)
    later.close()
    assert "small|2:" in written(guarded)
    assert opened(guarded, sealed) == b"hello"


def test_while_the_service_is_away_nothing_is_opened_and_nothing_is_lost(
    guarded: config.Settings, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = open_store(guarded)
    sealed = running.vault.seal("anna", *WHERE, b"hello")
    before = written(guarded)
    monkeypatch.setenv("KEY_SERVICE_OF_A_TEST", "http://127.0.0.1:9")
    assert running.vault.open("anna", *WHERE, sealed) == b"hello"  # it has asked before
    with pytest.raises(MasterKeyFault, match="'small' failed"):
        running.vault.rotate()
    with pytest.raises(MasterKeyFault, match=r"'small' failed \(unwrap\): ConnectError"):
        opened(guarded, sealed)
    (told,) = [f for f in examine(running, [CORE_SCHEMA]) if f.name == "master key"]
    assert not told.ok and "'small'" in told.text
    assert written(guarded) == before
    monkeypatch.setenv("KEY_SERVICE_OF_A_TEST", server.url)
    assert opened(guarded, sealed) == b"hello"
    running.close()


def test_a_service_that_nobody_brings(settings: config.Settings) -> None:
    with pytest.raises(BadSetting, match="'nobodys'"):
        open_store(changed(settings, key_service="nobodys"))
