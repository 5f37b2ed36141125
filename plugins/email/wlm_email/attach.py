"""Files that may be attached: those of one folder, found by their names as people say them."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wlm.errors import BadRequest
from wlm_email.compose import File

if TYPE_CHECKING:
    from wlm.plugins import Context
    from wlm_email.account import Settings

_MOST_FILES = 20_000
_FILLERS = frozenset({"the", "a", "an", "my", "our", "file", "document", "attachment", "and"})
_KINDS = {
    "picture": (".jpg", ".jpeg", ".png", ".gif", ".heic", ".webp"),
    "photo": (".jpg", ".jpeg", ".png", ".heic", ".webp"),
    "pdf": (".pdf",),
    "spreadsheet": (".xlsx", ".xls", ".ods", ".csv"),
    "presentation": (".pptx", ".ppt", ".odp"),
    "slides": (".pptx", ".ppt", ".odp", ".pdf"),
}


def settle(ctx: Context, settings: Settings, said: str) -> Path | None:
    """The file that is meant, within the folder; asks among several. ``None`` for no words.

    Raises ``BadRequest`` where nothing may be attached, or no such file is there.
    """
    if not said.strip():
        return None
    folder = _folder(settings)
    exact = _inside(folder, said)
    if exact is not None:
        return exact
    found = _matching(folder, said)
    if not found:
        raise BadRequest(
            "There is no such file in the folder for attachments; nothing was sent.",
            hint="`wlm skills configure email` shows the folder (`attach_folder`).",
        )
    if len(found) > 1:
        ctx.ask("attach", "Which file?", [(each.name, _name(folder, each)) for each in found[:5]])
    return found[0]


def name_of(settings: Settings, path: Path) -> str:
    """A file's name below the folder, by which it is found again."""
    return _name(_folder(settings), path)


def load(settings: Settings, path: Path) -> File:
    """The file's bytes. Raises ``BadRequest`` if it is too large or cannot be read."""
    most = settings.attach_mb * 1_000_000
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise BadRequest(
            f"The file cannot be read ({error.strerror}); nothing was sent.",
            hint="Check whether you may read it.",
        ) from None
    if len(data) > most:
        raise BadRequest(
            f"The file is larger than {settings.attach_mb} MB; nothing was sent.",
            hint="Raise the setting `attach_mb`, or send a link.",
        )
    kind, encoding = mimetypes.guess_type(path.name)
    return File(path.name, "application/octet-stream" if encoding or not kind else kind, data)


def _folder(settings: Settings) -> Path:
    if not settings.attach_folder:
        raise BadRequest(
            "No folder is set whose files may be attached; nothing was sent.",
            hint="`wlm skills configure email attach_folder=FOLDER` sets one.",
        )
    folder = Path(settings.attach_folder).expanduser()
    if not folder.is_dir():
        raise BadRequest(
            "The folder for attachments is not there; nothing was sent.",
            hint="`wlm skills configure email` shows it (`attach_folder`).",
        )
    return folder.resolve()


def _inside(folder: Path, name: str) -> Path | None:
    """The file of exactly that name, if it truly lies in the folder."""
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError):
        return None
    return path if path.is_relative_to(folder) and path.is_file() else None


def _name(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder))


def _matching(folder: Path, said: str) -> list[Path]:
    """Files whose names hold all the words, the newest first."""
    words = [word for word in _words(said) if word not in _FILLERS]
    endings = [ending for word in words for ending in _KINDS.get(word.removesuffix("s"), ())]
    words = [word for word in words if word.removesuffix("s") not in _KINDS]
    if not words and not endings:
        return []
    found = []
    for number, path in enumerate(folder.rglob("*")):
        if number >= _MOST_FILES:
            break
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if endings and path.suffix.casefold() not in endings:
            continue
        if _says(_words(path.name), words) and _inside(folder, str(path)) is not None:
            found.append(path.resolve())
    return sorted(dict.fromkeys(found), key=lambda path: -path.stat().st_mtime)


def _says(name: Sequence[str], words: Sequence[str]) -> bool:
    return all(any(part.startswith(word.removesuffix("s")) for part in name) for word in words)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
