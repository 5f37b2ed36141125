from __future__ import annotations

from wlm.pipeline.transcribe.formats import render
from wlm.types import Segment, Transcript

HEARD = Transcript(
    "One <two>. Three & four.",
    [Segment(0.5, 2.25, "One <two>."), Segment(3599.9996, 3661.5, "Three & four.")],
    "en",
    3700.0,
    "tiny.en",
)
NOTHING = Transcript("", [], "en", 3.0, "tiny.en")


def test_text_has_a_line_a_segment():
    assert render(HEARD, "txt") == "One <two>.\nThree & four.\n"
    assert render(NOTHING, "txt") == ""


def test_json_is_the_transcript():
    assert Transcript.from_json(render(HEARD, "json")) == HEARD


def test_srt_counts_and_rounds_into_the_next_second():
    assert render(HEARD, "srt") == (
        "1\n00:00:00,500 --> 00:00:02,250\nOne <two>.\n\n"
        "2\n01:00:00,000 --> 01:01:01,500\nThree & four.\n"
    )
    assert render(NOTHING, "srt") == ""


def test_vtt_escapes_what_would_be_markup():
    assert render(HEARD, "vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nOne &lt;two&gt;.\n\n"
        "01:00:00.000 --> 01:01:01.500\nThree &amp; four.\n"
    )
    assert render(NOTHING, "vtt") == "WEBVTT\n"
