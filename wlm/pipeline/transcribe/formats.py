"""A transcript as text, JSON or subtitles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wlm.types import Segment, Transcript

Format = Literal["txt", "json", "srt", "vtt"]


def render(transcript: Transcript, form: Format) -> str:
    """The transcript in that form, ending in a newline (text of silence is empty)."""
    match form:
        case "txt":
            lines = [segment.text for segment in transcript.segments]
            return "".join(f"{line}\n" for line in lines)
        case "json":
            return transcript.to_json(indent=2) + "\n"
        case "srt":
            cues = (
                f"{number}\n{_stamps(segment, ',')}\n{segment.text}\n"
                for number, segment in enumerate(transcript.segments, start=1)
            )
            return "\n".join(cues)
        case "vtt":
            cues = (f"{_stamps(s, '.')}\n{_escaped(s.text)}\n" for s in transcript.segments)
            return "\n".join(("WEBVTT\n", *cues))


def _stamps(segment: Segment, point: str) -> str:
    return f"{_clock(segment.start, point)} --> {_clock(segment.end, point)}"


def _clock(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}{point}{milliseconds:03}"


def _escaped(text: str) -> str:
    """WebVTT reads markup; what was said has none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
