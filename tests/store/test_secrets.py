"""Secrets in files and in a keyring."""

from __future__ import annotations

import logging
import stat
import subprocess
import sys
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest
from keyring.backends import fail

from wlm.errors import StorageFault
from wlm.store import secrets as module
from wlm.store.secrets import Secrets


class DictKeyring(keyring.backend.KeyringBackend):
    """A keyring that works, and one that is locked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def _check(self) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        if self.held.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("none")


@pytest.fixture
def use():
    """Put a keyring backend in force for one test."""
    before = keyring.get_keyring()
    module._say_once.cache_clear()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def box(tmp_path, use) -> Secrets:
    use(fail.Keyring())
    return Secrets(tmp_path / "data", owner="local", skill="email")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_secret_comes_back_and_can_be_forgotten(box):
    assert box.get("password") is None
    assert box.set("password", "pässword\n ") == "file"
    assert box.get("password") == "pässword\n "
    box.set("password", "second")
    assert box.get("password") == "second"
    assert box.delete("password") is True
    assert box.get("password") is None
    assert box.delete("password") is False


def test_files_are_for_this_user_only(box, tmp_path):
    box.set("password", "x")
    folder = tmp_path / "data" / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (path,) = files(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_loose_folder_is_tightened(box, tmp_path):
    folder = tmp_path / "data" / "secrets"
    folder.mkdir(parents=True, mode=0o755)
    box.set("password", "x")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_owners_skills_and_names_do_not_meet(tmp_path, box):
    """Names that would be one file if they were only joined."""
    keys = [
        ("a", "b", "c"),
        ("a,b", "", "c"),
        ("a", "b,c", ""),
        ("../a", "b", "c"),
        ("a/b", "", "c"),
    ]
    for owner, skill, name in keys:
        Secrets(tmp_path, owner=owner, skill=skill).set(name, f"{owner}|{skill}|{name}")
    for owner, skill, name in keys:
        assert Secrets(tmp_path, owner=owner, skill=skill).get(name) == f"{owner}|{skill}|{name}"
    assert {path.parent for path in files(tmp_path)} == {tmp_path / "secrets"}


def test_a_working_keyring_is_used_and_no_file_made(tmp_path, use):
    backend = DictKeyring()
    use(backend)
    box = Secrets(tmp_path, owner="local", skill="email")
    assert box.set("password", "x") == "keyring"
    assert box.get("password") == "x"
    assert list(backend.held.values()) == ["x"]
    assert files(tmp_path) == []
    assert Secrets(tmp_path / "other", owner="local", skill="email").get("password") is None
    assert box.delete("password") is True
    assert backend.held == {}


def test_a_locked_keyring_falls_back_and_the_newest_value_wins(tmp_path, use):
    backend = DictKeyring()
    use(backend)
    box = Secrets(tmp_path, owner="local", skill="email")
    box.set("password", "old")
    backend.locked = True
    assert box.get("password") is None
    assert box.set("password", "new") == "file"
    assert box.get("password") == "new"
    backend.locked = False
    assert box.get("password") == "new"
    assert box.set("password", "newest") == "keyring"
    assert files(tmp_path) == []
    assert box.get("password") == "newest"


def test_the_fallback_is_said_once_and_no_value_is_logged(box, caplog):
    with caplog.at_level(logging.DEBUG):
        box.set("password", "hunter2")
        box.set("password", "hunter3")
        box.get("password")
    said = [record for record in caplog.records if record.name == "wlm.store.secrets"]
    assert len(said) == 1
    assert "0600" in said[0].getMessage()
    assert "hunter" not in caplog.text


def test_a_folder_that_cannot_be_made_is_a_storage_fault(tmp_path, use):
    use(fail.Keyring())
    (tmp_path / "data").write_text("a file stands where the folder should be")
    box = Secrets(tmp_path / "data", owner="local", skill="email")
    with pytest.raises(StorageFault) as caught:
        box.set("password", "hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_replaced_secret_is_whole_or_old(box, tmp_path):
    box.set("password", "old")
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()  # nothing can take its place
    (path / "in the way").touch()
    with pytest.raises(StorageFault):
        box.set("password", "new")
    assert [p.name for p in files(tmp_path)] == ["in the way"]


def test_keyring_is_not_imported_before_a_secret_is_asked_for():
    code = (
        "import sys, wlm.store.secrets as s; s.Secrets('/x', owner='o', skill='s');"
        "sys.exit('keyring' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
