"""Key services (KMS, Vault's transit, an HSM): the master key is kept wrapped by one.

A plugin names a factory in the entry-point group ``wlm.key_services``; the setting
``key_service`` says which one is used. What lies on this host is then of no use without the
service, which is asked when a process first needs the master key, and when that is changed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points
from typing import Protocol, TypeVar

from wlm.errors import BadSetting, MasterKeyFault, WlmError
from wlm.store.master import KEY_BYTES, WRAPPED, of_another

T = TypeVar("T")
GROUP = "wlm.key_services"
_CHECK = "`wlm db check` asks it again; what is stored is unharmed."


class KeyService(Protocol):
    """What a factory of ``wlm.key_services`` makes; it is called without arguments.

    ``context`` says what the key is for. It is no secret, and a key that was wrapped in one must
    not unwrap in another. Raise what you like where it cannot be done: a ``wlm.errors.WlmError``
    is told as it is, of anything else only the type.
    """

    def wrap(self, key: bytes, context: str) -> bytes:
        """The key as only the service can unwrap it."""
        ...

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """The key again."""
        ...


class Wrapper:
    """The key service of that name. Raises ``BadSetting`` if no plugin has it."""

    def __init__(self, name: str) -> None:
        self._name = name
        found = {point.name: point for point in entry_points(group=GROUP)}
        if name not in found:
            there = ", ".join(sorted(found)) or "none"
            raise BadSetting(
                f"Setting 'key_service': no plugin brings a key service {name!r}.",
                hint=f"Installed: {there}.",
            )
        self._service: KeyService = self._asked("load", lambda: found[name].load()())

    def wrapped(self, keys: Mapping[int, bytes]) -> str:
        """Keys as text that ``unwrapped`` reads, with the service's name before them."""
        pairs = [
            (version, self._asked("wrap", partial(self._service.wrap, key, _for(version))))
            for version, key in sorted(keys.items(), reverse=True)
        ]
        told = ",".join(f"{version}:{base64.b64encode(key).decode()}" for version, key in pairs)
        return f"{self._name}{WRAPPED}{told}"

    def unwrapped(self, text: str) -> dict[int, bytes]:
        """The keys in such a text. Raises ``MasterKeyFault``."""
        name, _, told = text.partition(WRAPPED)
        if name != self._name:
            raise of_another(name)
        keys: dict[int, bytes] = {}
        for part in told.split(","):
            number, _, encoded = part.strip().partition(":")
            try:
                version, data = int(number), base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                raise MasterKeyFault("The wrapped master key is not of the right form.") from None
            keys[version] = _key(
                self._asked("unwrap", partial(self._service.unwrap, data, _for(version)))
            )
        return keys

    def _asked(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except WlmError as error:
            detail, retryable = f"{error.message} {error.hint}".strip(), error.retryable
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            detail, retryable = type(error).__name__, isinstance(error, OSError)
        raise MasterKeyFault(
            f"The key service {self._name!r} failed ({what}): {detail}", hint=_CHECK,
            retryable=retryable,
        )  # fmt: skip


def _key(unwrapped: bytes) -> bytes:
    if len(unwrapped) != KEY_BYTES:
        raise MasterKeyFault("The key service gave something that is no master key.", hint=_CHECK)
    return unwrapped


def _for(version: int) -> str:
    return f"wlm master key {version}"
