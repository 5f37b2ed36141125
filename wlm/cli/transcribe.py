"""`wlm transcribe`: recordings to text, JSON or subtitles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wlm.cli.render import print_json

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.errors import WlmError
    from wlm.pipeline.transcribe.interface import Transcriber
    from wlm.plugins.manager import Registry
    from wlm.types import Transcript


class Form(StrEnum):
    """What comes out."""

    TXT = "txt"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"


def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Recordings.", metavar="FILE…")],
    form: Annotated[Form, typer.Option("--format", "-f", help="What comes out.")] = Form.TXT,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    model: Annotated[
        str | None, typer.Option(help="tiny.en, base, a pulled name, a folder, or auto.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language spoken, such as en or de; auto detects it.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="Write FILE.txt (.json, .srt, .vtt) there instead.")
    ] = None,
) -> None:
    """Write down what is said in recordings.

    A file that fails does not stop the others; the exit code is that of the first failure.
    """
    from wlm.config import load
    from wlm.errors import WlmError

    form = Form.JSON if json else form
    _check(files, form, output_dir)
    settings = load({"stt_model": model, "stt_language": language})
    hear = _at_gateway(settings) if settings.config.server_url else _here(settings)
    codes = []
    for file in files:
        try:
            heard = hear(file)
            _write(heard, form, file, output_dir, several=len(files) > 1)
        except WlmError as error:
            if len(files) == 1:
                raise
            _report(error, file, form)
            codes.append(error.exit_code)
    if codes:
        raise typer.Exit(codes[0])


def _check(files: list[Path], form: Form, output_dir: Path | None) -> None:
    from wlm.errors import UsageError

    if output_dir is None:
        if len(files) > 1 and form in (Form.SRT, Form.VTT):
            raise UsageError(
                "Subtitles of several recordings do not fit into one stream; nothing was done.",
                hint="Add --output-dir FOLDER: it gets a file for each recording.",
            )
        return
    targets = [_target(file, form, output_dir) for file in files]
    if len(set(targets)) < len(targets):
        raise UsageError(
            "Two recordings would be written to the same file; nothing was done.",
            hint="Give them in separate calls with different folders.",
        )


def _plugins(settings: Settings) -> Registry:
    """Plugins are loaded only where one of them brings the engine."""
    from wlm.plugins.manager import Registry, load

    return Registry() if settings.config.stt_engine == "faster-whisper" else load()


def _at_gateway(settings: Settings) -> Callable[[Path], Transcript]:
    from wlm.sdk.client import Client

    client = Client()
    return lambda file: client.transcribe(file, language=settings.config.spoken)


def _here(settings: Settings) -> Callable[[Path], Transcript]:
    from wlm.pipeline.transcribe.engines import make

    transcriber = make(_plugins(settings), settings)
    return lambda file: _hear(transcriber, settings, file)


def _hear(transcriber: Transcriber, settings: Settings, file: Path) -> Transcript:
    from wlm.pipeline.audio import decode
    from wlm.pipeline.transcribe.interface import Request

    limits = settings.config
    audio = decode(file, max_bytes=limits.max_audio_bytes, max_seconds=limits.max_audio_seconds)
    if audio.truncated:
        typer.echo(f"{file} is cut off or damaged; this is what there was.", err=True)
    with _progress(file.name, audio.seconds) as done:
        return transcriber.transcribe(
            audio.samples, Request(language=settings.config.spoken, progress=done)
        )


def _write(
    heard: Transcript, form: Form, file: Path, output_dir: Path | None, *, several: bool
) -> None:
    from wlm.pipeline.transcribe.formats import render

    if not heard.text:
        typer.echo(f"{file}: no speech.", err=True)
    if output_dir is not None:
        _store(render(heard, form.value), _target(file, form, output_dir))
    elif several and form is Form.JSON:
        print_json({"file": str(file), **heard.to_dict()})
    else:
        if several:
            typer.echo(f"==> {file} <==")
        typer.echo(render(heard, form.value), nl=False)


def _target(file: Path, form: Form, folder: Path) -> Path:
    return folder / f"{file.stem}.{form.value}"


def _store(text: str, target: Path) -> None:
    from wlm.errors import StorageFault

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    except OSError as error:
        raise StorageFault(
            f"{target} cannot be written: {error.strerror}.", hint="Choose another --output-dir."
        ) from None


def _report(error: WlmError, file: Path, form: Form) -> None:
    if form is Form.JSON:
        print_json({"file": str(file), "error": error.as_dict()})
    typer.echo(f"wlm: {file}: {error.message}", err=True)
    typer.echo(f"     {error.hint}", err=True)


class _Bar:
    """Seconds done, rewritten in one line of stderr."""

    def __init__(self, name: str, seconds: float) -> None:
        self._name, self._seconds = name, seconds

    def __enter__(self) -> Callable[[float], None]:
        self._show(0.0)
        return self._show

    def __exit__(self, *_: object) -> None:
        typer.echo("\r\033[K", nl=False, err=True)

    def _show(self, done: float) -> None:
        share = 100 * done / self._seconds if self._seconds else 100
        typer.echo(f"\r\033[K{self._name} {share:3.0f} %", nl=False, err=True)


def _progress(name: str, seconds: float) -> AbstractContextManager[Callable[[float], None] | None]:
    """A progress line if stderr is a terminal."""
    import sys
    from contextlib import nullcontext

    return _Bar(name, seconds) if sys.stderr.isatty() else nullcontext()
