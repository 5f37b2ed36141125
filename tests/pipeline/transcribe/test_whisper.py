from __future__ import annotations

import itertools
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from wlm.config import load
from wlm.errors import Cancelled, ModelMissing, UsageError
from wlm.pipeline.transcribe import decode
from wlm.pipeline.transcribe.decode import FULL, WIDE_BEAM, Decoder, Try
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.models import find_model
from wlm.pipeline.transcribe.whisper import FasterWhisper

PAUSE = np.zeros(16_000, np.float32)
WORDS = {
    "timer": "set a timer for 20 minutes and remind me to water the plants",
    "weather": "what will the weather be like in london tomorrow afternoon",
}


def plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("short", [True, False])
def test_a_request_is_heard_with_and_without_the_short_context(home, recording, name, short):
    whisper = FasterWhisper(load({"stt_short_context": short}, home))
    heard = whisper.transcribe(recording(name), Request())
    assert plain(heard.text) == WORDS[name]
    assert (heard.language, heard.model) == ("en", "tiny.en")
    assert heard.seconds == pytest.approx(len(recording(name)) / 16_000)
    assert heard.segments[-1].end <= heard.seconds + 0.01


def test_where_nobody_speaks_nothing_is_heard(whisper, noise):
    hints = Request(vocabulary=["Anneke Visser", "Utrecht", "Bjarne Holm"])
    for sound in (noise, np.zeros(80_000, np.float32), np.zeros(0, np.float32)):
        heard = whisper.transcribe(sound, hints)
        assert (heard.text, heard.segments) == ("", [])


def test_silence_around_speech_adds_no_words(whisper, recording, noise):
    sound = np.concatenate((noise * 0.05, recording("weather"), noise * 0.05))
    heard = whisper.transcribe(sound, Request())
    assert plain(heard.text) == WORDS["weather"]
    assert heard.segments[0].start > 4.0


def test_a_name_is_heard_right_when_the_recogniser_was_told(whisper, recording):
    told = Request(vocabulary=["Bjarne Holm", "Anneke Visser", "Utrecht", "Helios kickoff"])
    assert "Anneke Visser" not in whisper.transcribe(recording("name"), Request()).text
    heard = whisper.transcribe(recording("name"), told).text
    assert plain(heard) == "schedule a call with anneke visser tomorrow at 10"


def test_more_hints_than_fit_are_cut_and_the_first_count(whisper, recording):
    many = ["Anneke Visser", *(f"Person Number{n}" for n in range(500))]
    unaided = Request(closely=True)
    assert "Anneke Visser" not in whisper.transcribe(recording("name"), unaided).text
    told = Request(vocabulary=many, closely=True)  # told so much, the small model is at the brink
    assert "Anneke Visser" in whisper.transcribe(recording("name"), told).text


def test_the_first_hints_stand_next_to_what_is_heard(whisper):
    many = [f"Person Number{n}" for n in range(500)]
    _, decoder = whisper._load("en")
    tokenizer, _ = decoder._tokenizer("en")
    prompt = decoder._prompt(tokenizer, many)
    text = tokenizer.decode(prompt)
    assert text.strip().endswith("Person Number2, Person Number1, Person Number0.")
    assert 190 < len(prompt) - len(tokenizer.sot_sequence) <= 201


def test_a_long_recording_is_heard_whole_in_order_and_tells_how_far_it_is(
    whisper, recording, tries, monkeypatch
):
    monkeypatch.setattr(decode, "HESITANT", 0.0)
    names = list(itertools.islice(itertools.cycle(WORDS), 16))
    sound = np.concatenate([part for name in names for part in (recording(name), PAUSE)])
    seconds = len(sound) / 16_000
    done: list[float] = []
    heard = whisper.transcribe(sound, Request(progress=done.append))
    assert seconds > 60
    said, expected = plain(heard.text).split(), " ".join(WORDS[n] for n in names).split()
    assert abs(len(said) - len(expected)) <= 3
    assert len(set(expected) - set(said)) == 0
    assert done == sorted(done)
    assert done[-1] == pytest.approx(seconds)
    assert len(done) > 1
    for before, after in itertools.pairwise(heard.segments):
        assert before.start <= before.end <= after.start + 0.3
    assert heard.text == " ".join(segment.text for segment in heard.segments)
    assert {how.beam for how in tries if how.context < FULL} == {1}  # at FULL: where one failed


def test_a_long_recording_that_nobody_waits_for_is_stopped(whisper, recording):
    sound = np.concatenate([recording("weather"), PAUSE] * 14)
    gone = threading.Event()
    heard: list[float] = []

    def progress(seconds: float) -> None:
        heard.append(seconds)
        gone.set()

    with pytest.raises(Cancelled):
        whisper.transcribe(sound, Request(progress=progress, cancelled=gone))
    assert len(heard) == 1
    assert heard[0] < len(sound) / 16_000 / 2
    again = whisper.transcribe(recording("weather"), Request(cancelled=threading.Event()))
    assert plain(again.text) == WORDS["weather"]


@pytest.fixture
def tries(monkeypatch):
    """How each clip was decoded, in order."""
    found: list[Try] = []
    generate = Decoder._generate
    monkeypatch.setattr(
        Decoder, "_generate", lambda *given: found.append(given[-1]) or generate(*given)
    )
    return found


def test_what_recites_the_prompt_is_decoded_again_without_it(whisper, recording, tries):
    hints = ["tomorrow", "be like in london", "the weather"]  # the first stands last
    assert plain(whisper.transcribe(recording("weather"), Request(vocabulary=hints)).text)
    assert [how.hinted for how in tries] == [True, False]
    tries.clear()
    whisper.transcribe(recording("weather"), Request(vocabulary=hints[::-1]))
    assert {how.hinted for how in tries} == {True}


def in_noise(sound, loud):
    noise = np.random.default_rng(3).normal(0, loud, len(sound))
    return (sound + noise).astype(np.float32)


def test_a_draft_is_decoded_once(whisper, recording, tries):
    muffled = in_noise(recording("name") * 0.02, 0.002)
    whisper.transcribe(muffled, Request(draft=True))
    assert len(tries) == 1
    whisper.transcribe(muffled, Request())
    assert len(tries) > 2


def test_a_request_over_which_it_hesitates_is_read_again_with_a_wider_beam(
    whisper, recording, tries, monkeypatch
):
    monkeypatch.setattr(decode, "HESITANT", 0.0)
    encoded = []
    encode = Decoder._encode
    monkeypatch.setattr(Decoder, "_encode", lambda *given: encoded.append(1) or encode(*given))
    whisper.transcribe(recording("weather"), Request())
    assert [how.beam for how in tries] == [1, WIDE_BEAM]
    assert len(encoded) == 1  # the encoder is not asked again


def test_base_reads_a_request_with_a_wide_beam_at_once(whisper, recording, tries):
    whisper.transcribe(recording("german"), Request(language="de"))
    assert tries[0].beam == WIDE_BEAM


def test_several_clients_hear_what_one_does(whisper, recording):
    clips = [recording(name) for name in WORDS] * 4
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda clip: whisper.transcribe(clip, Request()).text, clips))
    assert [plain(text) for text in texts] == list(WORDS.values()) * 4


def test_other_languages_go_to_base_and_english_can_be_detected(whisper, recording):
    heard = whisper.transcribe(recording("german"), Request(language="de-DE"))
    assert heard.text.startswith("Guten Morgen")
    assert (heard.language, heard.model) == ("de", "base")
    for unknown in ("", "auto"):
        heard = whisper.transcribe(recording("weather"), Request(language=unknown))
        assert (heard.language, heard.model) == ("en", "base")
    assert "london tomorrow afternoon" in plain(heard.text)


def test_a_closer_look_is_another_models(whisper, recording, tries):
    heard = whisper.transcribe(recording("weather"), Request())
    assert (heard.model, heard.closer) == ("tiny.en", "base")
    tries.clear()
    again = whisper.transcribe(recording("weather"), Request(closely=True))
    assert (again.model, again.closer) == ("base", "")
    assert plain(again.text) == WORDS["weather"]
    assert tries[0].beam == WIDE_BEAM


def test_where_there_is_no_other_model_none_is_named(home, whisper, recording, tries):
    assert whisper.transcribe(recording("weather"), Request(draft=True)).closer == ""
    assert whisper.transcribe(recording("german"), Request(language="de")).closer == ""
    alone = FasterWhisper(load({"stt_model": "tiny.en"}, home))
    tries.clear()
    heard = alone.transcribe(recording("weather"), Request(closely=True))
    assert (heard.model, heard.closer) == ("tiny.en", "")
    assert tries[0].beam == WIDE_BEAM
    assert alone.transcribe(recording("weather"), Request()).closer == ""


def test_an_english_model_refuses_another_language(home, recording):
    whisper = FasterWhisper(load({"stt_model": "tiny.en"}, home))
    with pytest.raises(ModelMissing, match=r"tiny\.en knows English only"):
        whisper.transcribe(recording("german"), Request(language="de"))


def test_an_unknown_language_is_named(whisper, recording):
    with pytest.raises(UsageError, match="'qq'"):
        whisper.transcribe(recording("german"), Request(language="qq"))


@pytest.mark.parametrize("seconds", [0.05, 2.0, 8.99, 9.0, 12.0])
def test_silence_that_is_not_computed_is_what_it_would_be(home, recording, seconds):
    folder = find_model(load(environ=home)).folder
    decoder = Decoder(folder, workers=1, threads=1)
    said = np.tile(recording("weather"), 5)[: int(seconds * 16_000)]
    padded = np.zeros(9 * 16_000, np.float32)
    padded[: len(said)] = said[: len(padded)]
    whole = decoder._whisper.feature_extractor(padded, padding=0)
    assert decoder._features(said, 9) == pytest.approx(whole, abs=1e-5)
