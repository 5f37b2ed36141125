"""Which transcriber is used: the built-in one, or one that a plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wlm.errors import BadSetting

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.pipeline.transcribe.interface import Transcriber
    from wlm.plugins.manager import Registry


def make(registry: Registry, settings: Settings) -> Transcriber:
    """The transcriber that ``WLM_STT_ENGINE`` names. Raises ``BadSetting`` if there is none."""
    if settings.config.stt_url:
        from wlm.pipeline.transcribe.remote import RemoteTranscriber

        return RemoteTranscriber(settings)
    name = settings.config.stt_engine
    if name == "faster-whisper":
        from wlm.pipeline.transcribe.whisper import FasterWhisper

        return FasterWhisper.from_settings(settings)
    for factories in registry.call("wlm_transcribers"):
        if name in factories:
            transcriber: Transcriber = factories[name](settings)
            return transcriber
    raise BadSetting(
        f"Setting 'stt_engine' is {name!r}, and no installed plugin brings such an engine.",
        hint="`wlm config set stt_engine faster-whisper` uses the built-in one.",
    )
