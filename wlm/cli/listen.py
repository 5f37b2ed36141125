"""`wlm listen`: from the microphone to an answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from wlm.cli.meter import Meter
    from wlm.config import Config
    from wlm.pipeline.microphone import FileMicrophone, Microphone
    from wlm.pipeline.partials import Heard
    from wlm.pipeline.speak import Speaker
    from wlm.pipeline.wake import WakeWord
    from wlm.sdk.assistant import Assistant
    from wlm.sdk.client import Client
    from wlm.types import Turn

WAIT = 15.0  # s that --once waits for somebody to speak


def listen(
    once: Annotated[bool, typer.Option("--once", help="One request, then stop.")] = False,
    wake_word: Annotated[
        str | None,
        typer.Option("--wake-word", metavar="NAME", help="Wait for it, such as okay_nabu."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A recording, as if it were spoken now."),
    ] = None,
    speak: Annotated[bool, typer.Option("--speak", help="Say the answers aloud.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="JSON on stdout, a line for each request.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm what must be confirmed.")
    ] = False,
    conversation: Annotated[
        str | None, typer.Option("--conversation", metavar="ID", help="Continue this conversation.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", help="Microphone, by name or number (`wlm doctor audio`)."),
    ] = None,
) -> None:
    """Listen, and do what is said; Ctrl-C stops."""
    from wlm.cli.render import show_notices, show_turn
    from wlm.pipeline.wake import WakeWord
    from wlm.sdk import choose

    code = 0
    wake = WakeWord(wake_word) if wake_word else None
    with choose.assistant() as assistant:
        config = assistant.settings.config
        speaker = _speaker(assistant) if speak else None
        with _source(config, file, device) as source:
            show_notices(assistant.notices())
            if file is None:
                _warm_up(assistant)
            utterances = _utterances(
                assistant, source, wake, once=once, live=file is None, words=not json
            )
            try:
                for heard in utterances:
                    turn = assistant.voice(heard, conversation=conversation, yes=yes)
                    if not (turn.text or once or file):
                        continue  # a noise that sounded like speech
                    conversation = turn.conversation
                    code = show_turn(_timed(turn, heard), json=json) or code
                    if speaker:
                        with source.muted():
                            speaker.say(turn.reply.speech)
            except KeyboardInterrupt:
                if once:
                    raise
                typer.echo("Stopped.", err=True)
                code = 0
            if file and getattr(source, "truncated", False):
                typer.echo(f"{file.name} is cut off or damaged; what there was is done.", err=True)
    raise typer.Exit(code)


def _source(
    config: Config, file: Path | None, device: str | None
) -> AbstractContextManager[Microphone | FileMicrophone]:
    from contextlib import nullcontext

    from wlm.pipeline.microphone import FileMicrophone, Microphone

    if file is None:
        return Microphone(int(device) if device and device.isdecimal() else device)
    return nullcontext(
        FileMicrophone(file, max_bytes=config.max_audio_bytes, max_seconds=config.max_audio_seconds)
    )


def _utterances(
    assistant: Assistant | Client,
    source: Microphone | FileMicrophone,
    wake: WakeWord | None,
    *,
    once: bool,
    live: bool,
    words: bool,
) -> Iterator[Heard]:
    """What is said, one request after the other; a file ends, a microphone does not."""
    from wlm.cli.meter import meter
    from wlm.errors import NothingHeard

    frames = source.frames()
    wait = WAIT if once and live and not wake else None
    any_yet = False
    while True:
        with meter("" if wake is None else wake.name) as show:
            if wake and not any(wake.heard(frame) for frame in frames):
                return
            try:
                heard = _hear(assistant, frames, show, wait, live=live, words=words)
            except NothingHeard:
                if any_yet:
                    return
                raise
        any_yet = True
        yield heard
        if once or heard.recording.ended == "closed":
            return


def _hear(
    assistant: Assistant | Client,
    frames: Iterator[NDArray[np.float32]],
    show: Meter | None,
    wait: float | None,
    *,
    live: bool,
    words: bool,
) -> Heard:
    """The next utterance; its words are shown while they are spoken."""
    from wlm.errors import NothingHeard
    from wlm.pipeline.partials import Heard

    for heard in assistant.listen(
        frames,
        wait_seconds=wait,
        on_level=show.level if show else None,
        drafts=live and words and show is not None,
        ahead=live,
    ):
        if isinstance(heard, Heard):
            return heard
        if show:
            show.words(heard.text)
    raise NothingHeard


def _timed(turn: Turn, heard: Heard) -> Turn:
    """The turn, with the recording's length among its timings."""
    from dataclasses import replace

    seconds = heard.recording.seconds
    return replace(turn, timings_ms={**turn.timings_ms, "record": round(seconds * 1000)})


def _speaker(assistant: Assistant | Client) -> Speaker:
    from wlm.pipeline.speak import find_speaker

    settings = assistant.settings
    voices = settings.paths.data / "voices"
    return find_speaker(settings.config.language, voices=voices, registry=assistant.registry)


def _warm_up(assistant: Assistant | Client) -> None:
    """Load the recogniser while the user speaks; its errors show when it is used.

    Not a daemon: the process may not end in the middle of the load.
    """
    from contextlib import suppress
    from threading import Thread

    from wlm.errors import WlmError

    if not hasattr(assistant, "pipeline"):
        return  # a gateway does the work
    warm = getattr(assistant.pipeline.transcriber, "warm", None)  # a plugin's may have none
    if warm is None:
        return

    def load() -> None:
        with suppress(WlmError):
            warm(assistant.settings.config.spoken)

    Thread(target=load, name="warm-up").start()
