"""Encryption at rest: AES-256-GCM with a key per user, wrapped by a versioned master key.

Each value is bound to its table, column, row and owner: it opens nowhere else. Rotating the
master key wraps the users' keys anew and touches no data. Destroying a user's key destroys
what was sealed with it, wherever copies lie.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from wlm.errors import MasterKeyFault
from wlm.store.master import MasterKeys, MasterKeyStore, new_key
from wlm.store.tables import data_keys, master_keys
from wlm.types import new_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from wlm.store.engine import Store

HOST = "host"
"""The owner of what belongs to nobody: signing keys, logins that are not through yet."""
_FORM = "w1"
_CANARY = b"wlm"
_NONCE = 12
_REMEMBERED = 10_000
_NEWEST = (
    select(data_keys.c.owner, data_keys.c.id)
    .where(data_keys.c.owner.in_(bindparam("owners", expanding=True)))
    .order_by(data_keys.c.owner, data_keys.c.id)  # the newest of each comes last
    .with_for_update(read=True)
)
_LAST = (
    select(data_keys.c.id)
    .where(data_keys.c.owner == bindparam("owner"))
    .order_by(data_keys.c.id.desc())
    .limit(1)
)
_CURRENT = _LAST.with_for_update(read=True)


class Vault:
    """Seals and opens values. One object may be used by many threads.

    Raises ``MasterKeyFault`` where the master key is missing or is another database's.
    """

    def __init__(self, store: Store, source: MasterKeyStore) -> None:
        self._store = store
        self._source = source
        self._masters: MasterKeys | None = None
        self._open_keys: dict[tuple[str, str], AESGCM] = {}
        self._print_keys: dict[tuple[str, str], bytes] = {}

    def seal(self, owner: str, table: str, column: str, row: str, value: bytes) -> str:
        """``value`` as text that only ``open`` with the same place can read."""
        with self._store.write() as connection:
            return self.sealer(connection, owner)(table, column, row, value)

    def sealer(self, connection: Connection, owner: str) -> Callable[[str, str, str, bytes], str]:
        """``seal`` for many values of one owner, within a writing transaction."""
        return _sealer(owner, *self._current(connection, owner))

    def sealers(
        self, connection: Connection, owners: Iterable[str]
    ) -> dict[str, Callable[[str, str, str, bytes], str]]:
        """``sealer`` for each of many owners, with one question for all."""
        wanted = sorted(set(owners))
        found = connection.execute(_NEWEST, {"owners": wanted}).all()
        newest = {row.owner: (row.id, self._by_id(row.id, row.owner)) for row in found}
        return {
            owner: _sealer(owner, *(newest.get(owner) or self._current(connection, owner)))
            for owner in wanted
        }

    def open(self, owner: str, table: str, column: str, row: str, sealed: str) -> bytes:
        """The value. Raises ``MasterKeyFault`` if it was sealed elsewhere or was changed."""
        from cryptography.exceptions import InvalidTag

        try:
            form, key_id, encoded = sealed.split(".")
            raw = base64.b64decode(encoded, validate=True)
            if form != _FORM:
                raise ValueError
            key = self._by_id(key_id, owner)
            return key.decrypt(raw[:_NONCE], raw[_NONCE:], place(table, column, row, owner))
        except (ValueError, InvalidTag):
            raise MasterKeyFault(
                f"A value in {table}.{column} cannot be opened: it was changed or moved.",
                hint="Restore a backup; `wlm db check` shows what else is wrong.",
            ) from None

    def seal_json(self, owner: str, table: str, column: str, row: str, value: Any) -> str:
        """``seal`` for a JSON value."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return self.seal(owner, table, column, row, text.encode())

    def open_json(self, owner: str, table: str, column: str, row: str, sealed: str) -> Any:
        """``open`` for a JSON value."""
        return json.loads(self.open(owner, table, column, row, sealed))

    def fingerprint(self, connection: Connection, owner: str, text: str) -> str:
        """64 characters that stand for ``text``, the same for the same text of the same owner
        while their key lasts. Who has the database without the master key cannot try out
        what was said. ``connection`` writes, or reads rows that ``owner`` has.
        """
        key_id = connection.execute(_LAST, {"owner": owner}).scalar()
        if key_id is None:
            key_id, _ = self._current(connection, owner)
        if (owner, key_id) not in self._print_keys:
            self._by_id(key_id, owner)
        return hmac.digest(self._print_keys[owner, key_id], text.encode(), "sha256").hex()

    def secret(self, name: str) -> bytes:
        """32 random bytes of the host's own, the same ever after, by name."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        raw = self._raw(data_keys.c.owner == HOST)
        if raw is None:
            with self._store.write() as connection:
                self._current(connection, HOST)
            raw = self._raw(data_keys.c.owner == HOST)
        assert raw is not None
        return HKDF(SHA256(), 32, None, f"wlm secret {name}".encode()).derive(raw)

    def rotate(self, *, discard: bool = False) -> int:
        """Put a new master key in force and wrap every user's key with it; its version.

        ``discard``: also throw the older ones away, which backups from before still need.
        Others may read and write meanwhile. Where the key is a setting, the setting must
        already hold the new one beside the old one. Can be called again after a break.
        Raises ``MasterKeyFault`` if there is no new key to put in force.
        """
        with self._source.one_at_a_time():
            # What is in force is kept by name here, not read again from the object: who reads
            # meanwhile may have loaded the keys of before and put them there.
            keys = self._masters = self._found()
            if not keys.fixed:
                more = {**keys.keys, keys.newest + 1: new_key()}
                keys = self._masters = self._source.save(more)
            target = keys.newest
            self._put_in_force(keys)
            while self._rewrap(target):
                pass
            with self._store.write() as connection:
                # Whoever wraps a new key holds the row of its master key: this waits for them.
                connection.execute(delete(master_keys).where(master_keys.c.version < target))
                while self._rewrap(target):
                    pass
            if discard and not keys.fixed:
                self._masters = self._source.save({target: keys.keys[target]})
            return target

    def renew(self, owner: str) -> str:
        """Give ``owner`` a new key beside the old one, for what is sealed from now on."""
        with self._store.write() as connection:
            self.hold(connection, owner)
            return self._make(connection, owner)[0]

    def hold(self, connection: Connection, owner: str) -> None:
        """Wait for whoever is writing with the keys of ``owner``, and let nobody begin to, until
        the transaction ends."""
        query = select(data_keys.c.id).where(data_keys.c.owner == owner)
        connection.execute(query.with_for_update()).all()

    def destroy(self, owner: str, *, but: str | None = None) -> int:
        """Destroy the keys of ``owner`` except one: what they sealed is gone. How many."""
        with self._store.write() as connection:
            query = delete(data_keys).where(data_keys.c.owner == owner)
            if but is not None:
                query = query.where(data_keys.c.id != but)
            gone = connection.execute(query.returning(data_keys.c.id)).scalars().all()
        for key_id in gone:
            self._open_keys.pop((owner, key_id), None)
            self._print_keys.pop((owner, key_id), None)
        return len(gone)

    def check(self) -> None:
        """Raise ``MasterKeyFault`` unless the master key is this database's."""
        self._masters = None
        _ = self._keys

    def _current(self, connection: Connection, owner: str) -> tuple[str, AESGCM]:
        """The newest key of ``owner``, made if there is none; held until the transaction ends,
        so that nobody destroys it under what is being written."""
        found = connection.execute(_CURRENT, {"owner": owner}).scalar()
        if found is None:
            self._alone(connection)
            found = connection.execute(_CURRENT, {"owner": owner}).scalar()
        return (found, self._by_id(found, owner)) if found else self._make(connection, owner)

    def _make(self, connection: Connection, owner: str) -> tuple[str, AESGCM]:
        _ = self._keys  # made at first use
        query = select(master_keys.c.version).order_by(master_keys.c.version.desc()).limit(1)
        version = connection.execute(query.with_for_update(read=True)).scalar()
        if version is None:
            self._masters = None  # the transaction that made it was undone
            _ = self._keys
            version = connection.execute(query).scalar_one()
        newest = select(func.max(data_keys.c.id)).where(data_keys.c.owner == owner)
        before = connection.execute(newest).scalar() or ""
        while (key_id := new_id()) <= before:
            pass  # made in the same millisecond: the newest must sort last
        raw = new_key()
        row = {
            "id": key_id,
            "owner": owner,
            "version": version,
            "wrapped": self._wrap(version, key_id, owner, raw),
            "created_at": datetime.now(UTC),
        }
        connection.execute(insert(data_keys).values(row))
        return key_id, self._remember(owner, key_id, raw)

    def _by_id(self, key_id: str, owner: str) -> AESGCM:
        known = self._open_keys.get((owner, key_id))
        if known is not None:
            return known
        raw = self._raw(data_keys.c.id == key_id, data_keys.c.owner == owner)
        if raw is None:
            raise MasterKeyFault(
                "The key of what is asked for was destroyed; it cannot be read any more.", hint=""
            )
        return self._remember(owner, key_id, raw)

    def _raw(self, *where: ColumnElement[bool]) -> bytes | None:
        """The one key that ``where`` picks, unwrapped."""
        seen = None
        while True:
            with self._store.aside() as connection:
                row = connection.execute(select(data_keys).where(*where)).first()
            if row is None:
                return None
            try:
                return self._unwrap(row.version, row.id, row.owner, row.wrapped)
            except MasterKeyFault:
                # The master key may have been rotated between the two looks, however often.
                if row == seen:
                    raise
                seen = row

    def _remember(self, owner: str, key_id: str, raw: bytes) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(self._open_keys) >= _REMEMBERED:
            self._open_keys.clear()
            self._print_keys.clear()
        self._print_keys[owner, key_id] = hmac.digest(raw, b"wlm fingerprint", "sha256")
        key = self._open_keys[owner, key_id] = AESGCM(raw)
        return key

    @property
    def _keys(self) -> MasterKeys:
        # No lock: two threads may load the same keys; a lock here and the database's would
        # be taken in two orders.
        if self._masters is None:
            self._masters = self._found()
        return self._masters

    def _found(self) -> MasterKeys:
        """The master keys, made at first use; refused where they are not this database's."""
        seen: list[int] = []
        while True:
            with self._store.aside() as connection:
                planted = connection.execute(select(master_keys)).all()
            if not planted:
                return self._first()
            try:
                return self._loaded(planted)
            except MasterKeyFault:
                # The key may have been rotated between the two looks, however often.
                if seen == (seen := sorted(row.version for row in planted)):
                    raise

    def _loaded(self, planted: Sequence[Row[Any]]) -> MasterKeys:
        """The keys as their source has them; refused where their marks do not open."""
        keys = self._source.load()
        if keys is None:
            raise MasterKeyFault("The master key of this database is not here.")
        if (newest := max(row.version for row in planted)) not in keys.keys:
            raise MasterKeyFault(f"Version {newest} of the master key is not here.")
        for row in planted:
            if row.version in keys.keys:
                _opened(keys.keys[row.version], row.canary, _canary_place(row.version))
        return keys

    def _first(self) -> MasterKeys:
        with self._store.write() as connection:
            self._alone(connection)
            if connection.execute(select(func.count()).select_from(master_keys)).scalar():
                return self._found()
            keys = self._source.load() or self._source.save({1: new_key()})
            self._plant(connection, keys)
        return keys

    def _alone(self, connection: Connection) -> None:
        """Let no other process make a key until this transaction ends."""
        if not self._store.sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7569262)")

    def _plant(self, connection: Connection, keys: MasterKeys) -> None:
        """Leave a mark of the newest key, by which a wrong one shows itself."""
        version = keys.newest
        canary = _sealed(keys.keys[version], _CANARY, _canary_place(version))
        row = {"version": version, "canary": canary, "created_at": datetime.now(UTC)}
        connection.execute(insert(master_keys).values(row))

    def _put_in_force(self, keys: MasterKeys) -> None:
        with self._store.write() as connection:
            known = connection.execute(select(master_keys.c.version)).scalars().all()
            if keys.newest not in known:
                self._plant(connection, keys)
            elif len(known) == 1:
                raise MasterKeyFault(
                    "The newest master key is in force already; nothing was changed.",
                    hint="Put a new one before it: WLM_MASTER_KEY=2:NEW,1:OLD.",
                )

    def _rewrap(self, target: int, batch: int = 100) -> int:
        """Wrap some keys of older versions with the one of ``target``; how many."""
        with self._store.write() as connection:
            query = select(data_keys).where(data_keys.c.version != target).limit(batch)
            rows = connection.execute(query.with_for_update()).all()
            for row in rows:
                raw = self._unwrap(row.version, row.id, row.owner, row.wrapped)
                wrapped = self._wrap(target, row.id, row.owner, raw)
                change = update(data_keys).where(data_keys.c.id == row.id)
                connection.execute(change.values(version=target, wrapped=wrapped))
        return len(rows)

    def _wrap(self, version: int, key_id: str, owner: str, raw: bytes) -> str:
        return _sealed(self._master(version), raw, _key_place(version, key_id, owner))

    def _unwrap(self, version: int, key_id: str, owner: str, wrapped: str) -> bytes:
        return _opened(self._master(version), wrapped, _key_place(version, key_id, owner))

    def _master(self, version: int) -> bytes:
        keys = self._keys
        if version not in keys.keys:
            keys = self._masters = self._found()  # another process or thread may have rotated
        if version not in keys.keys:
            raise MasterKeyFault(f"Version {version} of the master key is not here.")
        return keys.keys[version]


def _sealer(owner: str, key_id: str, key: AESGCM) -> Callable[[str, str, str, bytes], str]:
    def seal(table: str, column: str, row: str, value: bytes) -> str:
        nonce = os.urandom(_NONCE)
        sealed = nonce + key.encrypt(nonce, value, place(table, column, row, owner))
        return f"{_FORM}.{key_id}.{base64.b64encode(sealed).decode()}"

    return seal


def place(*parts: str) -> bytes:
    """Where a value belongs, as bytes; no two places give the same."""
    return "".join([f"{len(part)}:{part}" for part in parts]).encode()


def _canary_place(version: int) -> bytes:
    return place("master_keys", "canary", str(version))


def _key_place(version: int, key_id: str, owner: str) -> bytes:
    return place("data_keys", "wrapped", str(version), key_id, owner)


def _sealed(key: bytes, value: bytes, where: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, value, where)).decode()


def _opened(key: bytes, sealed: str, where: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = base64.b64decode(sealed)
    try:
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], where)
    except InvalidTag:
        raise MasterKeyFault() from None
