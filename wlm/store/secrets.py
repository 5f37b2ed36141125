"""Secrets of a user, for a skill: in the keyring, else in files that only this user can read.

Nothing here logs a value or puts one into an error.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from wlm.errors import StorageFault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

log = logging.getLogger(__name__)
Where = Literal["keyring", "file"]


class Secrets:
    """What one owner's skill keeps secret, by name.

    The keyring is asked first. Where there is none, or it is locked, a secret is a file of
    mode 0600 in ``data_dir/secrets`` (0700), and the log says so once. A file wins over the
    keyring, since it is only there when it is newer.
    """

    def __init__(self, data_dir: Path, *, owner: str, skill: str) -> None:
        self._folder = Path(data_dir) / "secrets"
        self._owner = owner
        self._skill = skill

    def get(self, name: str) -> str | None:
        """The secret, or ``None`` if it was never set. Raises ``StorageFault``."""
        try:
            return self._file(name).read_text("utf-8")
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError):
            raise StorageFault("A file with a secret cannot be read.") from None
        if (keyring := _keyring()) is None:
            return None
        with contextlib.suppress(keyring.errors.KeyringError):
            value: str | None = keyring.get_password(self._service, self._entry(name))
            return value
        return None

    def set(self, name: str, value: str) -> Where:
        """Keep a secret; where it went. Raises ``StorageFault``, then nothing was changed."""
        if (keyring := _keyring()) is not None:
            with contextlib.suppress(keyring.errors.KeyringError):
                keyring.set_password(self._service, self._entry(name), value)
                self._file(name).unlink(missing_ok=True)
                return "keyring"
        self._write(self._file(name), value)
        _say_once(str(self._folder))
        return "file"

    def delete(self, name: str) -> bool:
        """Forget a secret; whether there was one."""
        there = self.get(name) is not None
        self._file(name).unlink(missing_ok=True)
        if (keyring := _keyring()) is not None:
            with contextlib.suppress(keyring.errors.KeyringError):
                keyring.delete_password(self._service, self._entry(name))
        return there

    @property
    def _service(self) -> str:
        """The keyring's service; one per data folder, so that two homes do not meet."""
        home = hashlib.sha256(str(self._folder.absolute()).encode()).hexdigest()[:8]
        return f"wlm-{self._skill}-{home}"

    def _entry(self, name: str) -> str:
        return f"{self._owner}/{name}"

    def _file(self, name: str) -> Path:
        parts = (self._owner, self._skill, name)
        return self._folder / ",".join(quote(part, safe="") for part in parts)

    def _write(self, path: Path, value: str) -> None:
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(value)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StorageFault(f"A secret could not be kept: {error.strerror}.") from None


def forget_owner(data_dir: Path, owner: str, known: Iterable[tuple[str, str]] = ()) -> int:
    """Remove the secrets of an owner: all that are files, and from the keyring those that are
    ``known`` by skill and name (it does not tell what it holds); how many."""
    held = [Secrets(data_dir, owner=owner, skill=skill).delete(name) for skill, name in known]
    folder = Path(data_dir) / "secrets"
    mark = f"{quote(owner, safe='')},"
    left = [p for p in folder.iterdir() if p.name.startswith(mark)] if folder.is_dir() else []
    for path in left:
        path.unlink(missing_ok=True)
    return sum(held) + len(left)


def _keyring() -> ModuleType | None:
    """The keyring module where this machine has a keyring that works."""
    import keyring
    import keyring.errors
    from keyring.backends import fail

    try:
        backend = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - backends are plugins and may raise anything
        log.warning("the keyring does not work (%s)", type(error).__name__)
        return None
    return None if isinstance(backend, fail.Keyring) else keyring


@functools.cache
def _say_once(folder: str) -> None:
    log.warning("no keyring here: secrets are kept in files of mode 0600 in %s", folder)
