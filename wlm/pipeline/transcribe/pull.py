"""Download a speech model, because a user asked for it by name."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wlm.errors import NotFound, StorageFault, Unreachable, UsageError
from wlm.pipeline.transcribe.models import NEEDED, Model, complete, in_folder

if TYPE_CHECKING:
    from wlm.config import Settings

_SIZES = (
    *("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"),
    *("large-v1", "large-v2", "large-v3"),
)


def pull(name: str, settings: Settings) -> Model:
    """Download a model by size (``small``) or as ``owner/repository``, whole or not at all.

    Raises ``NotFound``, ``Unreachable`` (offline, or the hub does not answer) or
    ``StorageFault``.
    """
    if "/" not in name and name not in _SIZES:
        raise NotFound(
            f"There is no speech model named {name!r}.",
            hint=f"Known: {', '.join(_SIZES)}; or give owner/repository.",
        )
    if settings.config.offline:
        raise Unreachable(
            "Offline mode is on; nothing was downloaded.",
            hint="`wlm config set offline false`, then pull again.",
            retryable=False,
        )
    home = settings.paths.data / "models"
    target = home / name.replace("/", "--")
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".pull-") as scratch:
            _download(name, Path(scratch) / "model")
            shutil.rmtree(target, ignore_errors=True)
            (Path(scratch) / "model").replace(target)
    except OSError as error:
        raise StorageFault(
            f"The model could not be stored in {home}: {error.strerror or error}."
        ) from None
    return in_folder(target.name, "pulled", target)


def _download(name: str, folder: Path) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository = name if "/" in name else f"Systran/faster-whisper-{name}"
    wanted = ["*.bin", "*.json", "vocabulary.*"]
    try:
        snapshot_download(repository, local_dir=folder, allow_patterns=wanted)
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise _unreachable(repository, type(error).__name__) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise
        raise _unreachable(repository, type(error).__name__) from None
    if not complete(folder):
        raise UsageError(
            f"{repository} holds no CTranslate2 Whisper model; nothing was kept.",
            hint=f"It needs {', '.join(NEEDED)} and a vocabulary.",
        )


def _unreachable(repository: str, cause: str) -> Unreachable:
    return Unreachable(
        f"{repository} could not be downloaded ({cause}); nothing was kept.",
        hint="Check the network and the name; `pip install 'wlm[models]'` brings base without it.",
    )
