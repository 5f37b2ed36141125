"""The master key: where it comes from, and its versions."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wlm.errors import MasterKeyFault

if TYPE_CHECKING:
    from wlm.store.key_service import Wrapper
    from wlm.store.secrets import Secrets

KEY_BYTES = 32
WRAPPED = "|"
"""What stands between the name of a key service and the keys that it wrapped."""


class MasterKeys(NamedTuple):
    """Master keys by version. New keys are wrapped by the newest; ``fixed``: not ours to change."""

    keys: Mapping[int, bytes]
    fixed: bool

    @property
    def newest(self) -> int:
        """The version in force."""
        return max(self.keys)


class MasterKeyStore:
    """Finds the master key: the setting (``WLM_MASTER_KEY``), else a file of mode 0600 or the
    keyring; as it is, or wrapped by a key service (``wlm.store.key_service``).
    """

    def __init__(self, data: Path, setting: str, service: str = "") -> None:
        """``service``: the name of the key service in force; empty: none. Raises ``BadSetting``
        for one that is not installed."""
        self._data = data
        self._setting = setting
        self._wrapper = _wrapper(service) if service else None

    def load(self) -> MasterKeys | None:
        """The keys; ``None`` if none was made yet. Raises ``MasterKeyFault``, ``StorageFault``."""
        text = self._setting or self._secrets.get("master_key")
        return MasterKeys(self._read(text), bool(self._setting)) if text else None

    def save(self, keys: Mapping[int, bytes]) -> MasterKeys:
        """Keep these keys in the place of the ones before."""
        text = written(keys) if self._wrapper is None else self._wrapper.wrapped(keys)
        self._secrets.set("master_key", text)
        return MasterKeys(keys, False)

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Keep other processes of this machine from changing the keys meanwhile."""
        from filelock import FileLock

        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._data / "master-key.lock", mode=0o600):
            yield

    def _read(self, text: str) -> dict[int, bytes]:
        name, mark, _ = text.partition(WRAPPED)
        if not mark:
            return parse(text)  # also with a service: kept from before, wrapped at the next change
        if self._wrapper is None:
            raise of_another(name)
        return self._wrapper.unwrapped(text)

    @property
    def _secrets(self) -> Secrets:
        from wlm.store.secrets import Secrets

        return Secrets(self._data, owner="host", skill="store")


def _wrapper(service: str) -> Wrapper:
    from wlm.store.key_service import Wrapper  # late: it looks through what is installed

    return Wrapper(service)


def new_key() -> bytes:
    """A fresh random key."""
    return os.urandom(KEY_BYTES)


def written(keys: Mapping[int, bytes]) -> str:
    """Keys as text: ``2:BASE64,1:BASE64``, the newest first."""
    pairs = sorted(keys.items(), reverse=True)
    return ",".join(f"{version}:{base64.b64encode(key).decode()}" for version, key in pairs)


def parse(text: str) -> dict[int, bytes]:
    """Keys from ``written`` text; a lone key may go without its version, which then is 1.

    Raises ``MasterKeyFault``.
    """
    keys: dict[int, bytes] = {}
    for part in text.split(","):
        version, mark, encoded = part.strip().rpartition(":")
        try:
            number = int(version) if mark else 1
            key = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise _malformed() from None
        if len(key) != KEY_BYTES or number < 1 or number in keys:
            raise _malformed()
        keys[number] = key
    return keys


def of_another(service: str) -> MasterKeyFault:
    """The refusal of keys that another key service than the one in force has wrapped."""
    return MasterKeyFault(
        "The master key is kept by another key service.", hint=f"Set WLM_KEY_SERVICE={service}."
    )


def _malformed() -> MasterKeyFault:
    return MasterKeyFault(
        "The master key is not of the right form.",
        hint="WLM_MASTER_KEY is 32 random bytes in base64 (`openssl rand -base64 32`), "
        "or several as 2:NEW,1:OLD.",
    )
