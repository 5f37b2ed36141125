"""Sealed values, the keys that seal them, and the master key above those."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from wlm import config
from wlm.errors import MasterKeyFault
from wlm.store.engine import Store
from wlm.store.master import MasterKeyStore, new_key, parse, written
from wlm.store.migrate import open_store
from wlm.store.tables import data_keys, master_keys
from wlm.store.vault import Vault

WHERE = ("turns", "text", "t1")


@pytest.fixture
def reopen(settings: config.Settings, store: Store) -> Iterator[Callable[..., Store]]:
    """The same database, opened again as another process would, with other settings."""
    opened: list[Store] = []

    def made(**values: Any) -> Store:
        changed = settings._replace(config=settings.config.model_copy(update=values))
        opened.append(open_store(changed))
        return opened[-1]

    yield made
    for one in opened:
        one.close()


def key_text(*pairs: tuple[int, bytes]) -> str:
    return written(dict(pairs))


def test_a_value_opens_where_it_was_sealed(store: Store, reopen: Callable[..., Store]) -> None:
    sealed = store.vault.seal("anna", *WHERE, "höre".encode())
    assert store.vault.open("anna", *WHERE, sealed) == "höre".encode()
    assert reopen().vault.open("anna", *WHERE, sealed) == "höre".encode()
    assert store.vault.seal("anna", *WHERE, b"x") != store.vault.seal("anna", *WHERE, b"x")
    value = {"a": [1, None, "ä"]}
    assert store.vault.open_json("anna", *WHERE, store.vault.seal_json("anna", *WHERE, value)) == (
        value
    )


def test_it_opens_nowhere_else(store: Store) -> None:
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    store.vault.seal("ben", *WHERE, b"hello")
    flipped = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    bens = store.vault.seal("ben", *WHERE, b"hello").split(".")[1]
    form, _, body = sealed.split(".")
    wrong = [
        ("ben", *WHERE, sealed),
        ("anna", "turns", "text", "t2", sealed),
        ("anna", "turns", "reply", "t1", sealed),
        ("anna", "events", "text", "t1", sealed),
        ("anna", "turnst", "ext", "t1", sealed),
        ("anna", *WHERE, flipped),
        ("ben", *WHERE, f"{form}.{bens}.{body}"),
        ("anna", *WHERE, f"w2.{sealed[3:]}"),
        ("anna", *WHERE, "hello"),
        ("anna", *WHERE, ""),
    ]
    for case in wrong:
        with pytest.raises(MasterKeyFault):
            store.vault.open(*case)


def test_a_destroyed_key_takes_all_with_it(store: Store, reopen: Callable[..., Store]) -> None:
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    bens = store.vault.seal("ben", *WHERE, b"hello")
    assert store.vault.destroy("anna") == 1
    for vault in (store.vault, reopen().vault):
        with pytest.raises(MasterKeyFault, match="destroyed"):
            vault.open("anna", *WHERE, sealed)
        assert vault.open("ben", *WHERE, bens) == b"hello"
    assert store.vault.open("anna", *WHERE, store.vault.seal("anna", *WHERE, b"x")) == b"x"


def test_a_renewed_key_seals_from_then_on(store: Store) -> None:
    old = store.vault.seal("anna", *WHERE, b"old")
    key_id = store.vault.renew("anna")
    new = store.vault.seal("anna", *WHERE, b"new")
    assert new.split(".")[1] == key_id != old.split(".")[1]
    assert store.vault.open("anna", *WHERE, old) == b"old"
    assert store.vault.destroy("anna", but=key_id) == 1
    assert store.vault.open("anna", *WHERE, new) == b"new"


def test_the_wrong_master_key_shows_at_once(
    settings: config.Settings, store: Store, reopen: Callable[..., Store]
) -> None:
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    wrong = base64.b64encode(new_key()).decode()
    stranger = reopen(master_key=wrong)
    for attempt in (
        lambda: stranger.vault.check(),
        lambda: stranger.vault.open("anna", *WHERE, sealed),
        lambda: stranger.vault.seal("ben", *WHERE, b"x"),
    ):
        with pytest.raises(MasterKeyFault):
            attempt()
    secrets = settings.paths.data / "secrets"
    secrets.rename(secrets.with_name("elsewhere"))  # a stolen database, without the key
    with pytest.raises(MasterKeyFault, match="not here"):
        reopen().vault.check()


def test_the_key_may_come_from_the_environment(
    settings: config.Settings, reopen: Callable[..., Store], tmp_path: Path
) -> None:
    raw = new_key()
    given = base64.b64encode(raw).decode()
    sealed = reopen(master_key=given).vault.seal("anna", *WHERE, b"hello")
    assert reopen(master_key=f"1:{given}").vault.open("anna", *WHERE, sealed) == b"hello"
    assert not (settings.paths.data / "secrets").exists(), "it is written nowhere"


@pytest.mark.parametrize(
    "text", ["x", "1:x", "0:" + "A" * 43 + "=", "A" * 44 + "=", "1:" + "A" * 43 + "=," * 2, ":"]
)
def test_a_malformed_key(text: str) -> None:
    with pytest.raises(MasterKeyFault, match="right form") as caught:
        parse(text)
    assert text not in caught.value.message or len(text) < 3


def test_host_secrets_stay_the_same(store: Store, reopen: Callable[..., Store]) -> None:
    pepper = store.vault.secret("api keys")
    assert len(pepper) == 32 and pepper != store.vault.secret("refresh tokens")
    other = reopen()
    assert other.vault.secret("api keys") == pepper
    store.vault.rotate()
    assert other.vault.secret("api keys") == store.vault.secret("api keys") == pepper


def test_rotating_the_master_key(
    settings: config.Settings, store: Store, reopen: Callable[..., Store]
) -> None:
    owners = [f"user{n}" for n in range(250)]
    with store.write():
        sealed = {owner: store.vault.seal(owner, *WHERE, owner.encode()) for owner in owners}
    old = MasterKeyStore(settings.paths.data, "").load()
    running = reopen()
    running.vault.open("user0", *WHERE, sealed["user0"])
    assert store.vault.rotate() == 2
    with store.read() as connection:
        assert set(connection.execute(select(data_keys.c.version)).scalars()) == {2}
        assert connection.execute(select(master_keys.c.version)).scalars().all() == [2]
    for vault in (store.vault, running.vault, reopen().vault):
        for owner in owners:
            assert vault.open(owner, *WHERE, sealed[owner]) == owner.encode()
    running.vault.seal("newcomer", *WHERE, b"x")
    assert old is not None
    with pytest.raises(MasterKeyFault):
        reopen(master_key=written(old.keys)).vault.check()  # the old key opens nothing any more
    assert reopen().vault.rotate() == 3


def test_rotating_a_key_that_is_a_setting(reopen: Callable[..., Store]) -> None:
    one, two = new_key(), new_key()
    sealed = reopen(master_key=key_text((1, one))).vault.seal("anna", *WHERE, b"hello")
    with pytest.raises(MasterKeyFault, match="in force already"):
        reopen(master_key=key_text((1, one))).vault.rotate()
    both = reopen(master_key=key_text((1, one), (2, two)))
    assert both.vault.open("anna", *WHERE, both.vault.seal("anna", *WHERE, b"x")) == b"x"
    assert both.vault.rotate() == 2
    assert reopen(master_key=key_text((2, two))).vault.open("anna", *WHERE, sealed) == b"hello"


def test_rotation_under_load_breaks_no_read(store: Store, reopen: Callable[..., Store]) -> None:
    with store.write():
        sealed = {
            f"user{n}": store.vault.seal(f"user{n}", *WHERE, f"user{n}".encode())
            for n in range(120)
        }
    other, stop = reopen(), threading.Event()
    wrong: list[Exception] = []
    done = [0, 0]

    def read() -> None:
        while not stop.is_set():
            fresh = Vault(other, other.vault._source)  # as a process that starts just now
            for owner, value in list(sealed.items())[:: 1 + done[0] % 7]:
                try:
                    assert fresh.open(owner, *WHERE, value) == owner.encode()
                    done[0] += 1
                except Exception as error:
                    wrong.append(error)
                    return

    def write() -> None:
        while not stop.is_set():
            owner = f"new{done[1]}"
            try:
                value = other.vault.seal(owner, *WHERE, b"x")
                assert other.vault.open(owner, *WHERE, value) == b"x"
                sealed_later[owner] = value
                done[1] += 1
            except Exception as error:
                wrong.append(error)
                return

    sealed_later: dict[str, str] = {}
    threads = [threading.Thread(target=read), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    try:
        while not (done[0] and done[1]) and not wrong:
            stop.wait(0.01)
        for _ in range(3):
            store.vault.rotate()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert min(done) > 0
    last = reopen()
    assert all(last.vault.open(owner, *WHERE, v) == b"x" for owner, v in sealed_later.items())


def test_processes_that_start_at_once_make_one_key(settings: config.Settings, store: Store) -> None:
    vaults = [Vault(store, MasterKeyStore(settings.paths.data, "")) for _ in range(8)]
    sealed: list[str] = []
    threads = [
        threading.Thread(target=lambda v=v: sealed.append(v.seal("anna", *WHERE, b"x")))
        for v in vaults
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sealed) == 8
    with store.read() as connection:
        assert len(connection.execute(select(data_keys)).all()) == 1
        assert len(connection.execute(select(master_keys)).all()) == 1
    assert all(vaults[0].open("anna", *WHERE, value) == b"x" for value in sealed)


def test_a_key_whose_making_was_undone_is_made_again(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), store.write():
            lost = store.vault.seal("anna", *WHERE, b"hello")
            raise ZeroDivisionError
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    assert store.vault.open("anna", *WHERE, sealed) == b"hello"
    with pytest.raises(MasterKeyFault, match="destroyed"):
        Vault(store, store.vault._source).open("anna", *WHERE, lost)


def test_a_swapped_key_is_refused(store: Store) -> None:
    sealed = store.vault.seal("anna", *WHERE, b"hello")
    store.vault.seal("ben", *WHERE, b"hello")
    with store.write() as connection:
        bens = connection.execute(
            select(data_keys.c.wrapped).where(data_keys.c.owner == "ben")
        ).scalar_one()
        connection.execute(
            update(data_keys).where(data_keys.c.owner == "anna").values(wrapped=bens)
        )
    with pytest.raises(MasterKeyFault):
        Vault(store, store.vault._source).open("anna", *WHERE, sealed)


def test_the_file_with_the_key_is_private(settings: config.Settings, store: Store) -> None:
    store.vault.check()
    (file,) = (settings.paths.data / "secrets").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
