"""Decode one window with Whisper: a short context where it will do, and again where it fails.

Whisper encodes 30 s however short the clip is. Given less, it is three times as fast, but
may loop; so the audio is padded with silence, timestamps stay on (they tell it where it
is), tokens are capped, and whatever ``judge`` objects to is decoded again at full length.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlm.errors import ModelMissing, UsageError
from wlm.pipeline.audio import load_av
from wlm.pipeline.transcribe import judge
from wlm.pipeline.transcribe.interface import SAMPLE_RATE
from wlm.pipeline.transcribe.judge import Attempt, Span

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FULL = 30
"""Seconds that Whisper was trained on."""

SHORTEST = {"english": 10, "multilingual": 9}
"""Seconds of the shortest context, by model: below it words go wrong."""

WIDE_BEAM = 5
BEAM = {"english": 1, "multilingual": WIDE_BEAM}
"""Hypotheses that are kept of a request at first, by model. Five get a twelfth of the wrong words
right; they cost the larger model a fifth of its time, the small one a quarter."""

HESITANT = -0.5
"""Mean log probability of a token below which a request that was read with fewer is read again
with five: nearly all that they mend is there."""

_SENTENCE = 1.5
"""Seconds of speech from which it is read again: a word or two give hypotheses nothing to be
chosen by."""

MARGIN = 3.0
"""Seconds of silence after a clip in a short context; a clip under ``_BRIEF`` gets more."""

_BRIEF, _FIRST_MARGIN = 10, 5.0

_TOKENS_PER_SECOND = 12
_TOKENS_EXTRA = 24
_HINT_TOKENS = 200
_POSITIONS = 448
_STAMP_SECONDS = 0.02
_MEL_PER_SECOND = 100
_HOP = SAMPLE_RATE // _MEL_PER_SECOND
_SILENCE = 400
"""Samples of silence after the speech, so that the last frame holds nothing else."""


def _unchecked() -> None:
    """Nobody has to be asked whether to go on."""


class Clip(NamedTuple):
    """Samples of one window and how many seconds of them are speech."""

    samples: NDArray[np.float32]
    speech: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / SAMPLE_RATE


class Wanted(NamedTuple):
    """What is asked of a decoding.

    ``hints`` are words that are likely to be said. ``short`` allows a short context,
    ``draft`` forbids a second try, ``careful`` allows more hypotheses than one, ``closely``
    asks for them at once. ``check`` is called between the steps; what it raises ends the work.
    """

    language: str
    hints: Sequence[str] = ()
    short: bool = True
    draft: bool = False
    careful: bool = True
    closely: bool = False
    check: Callable[[], None] = _unchecked


class Try(NamedTuple):
    """One way to decode: context in seconds, whether hints are given, beam width."""

    context: int
    hinted: bool
    beam: int


def context_for(seconds: float, shortest: int) -> int:
    """The context in whole seconds that a clip of this length gets."""
    margin = _FIRST_MARGIN if seconds < _BRIEF else MARGIN
    return int(min(FULL, max(shortest, np.ceil(seconds + margin))))


class Decoder:
    """A loaded model. Safe to call from several threads; ``workers`` of them run at once."""

    def __init__(self, folder: Path, *, workers: int, threads: int) -> None:
        load_av()
        from faster_whisper import WhisperModel

        try:
            self._whisper = WhisperModel(
                str(folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=threads,
                num_workers=workers,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelMissing(
                f"The speech model in {folder} cannot be loaded ({error}).",
                hint="Its files may be damaged: install it again, or choose another stt_model.",
            ) from None
        kind = "multilingual" if self.multilingual else "english"
        self._shortest, self._beam = SHORTEST[kind], BEAM[kind]
        self._tokenizers: dict[str, tuple[Any, list[int]]] = {}
        self._lock = threading.Lock()

    @property
    def multilingual(self) -> bool:
        """Whether it knows more than English."""
        return bool(self._whisper.model.is_multilingual)

    def language(self, clip: Clip) -> str:
        """The language that is most likely spoken in the clip."""
        if not self.multilingual:
            return "en"
        (encoded,) = self._encode([clip], FULL, _unchecked)
        token, _ = self._whisper.model.detect_language(encoded)[0][0]
        return str(token).strip("<|>")

    def context(self, clips: Sequence[Clip], wanted: Wanted) -> int:
        """Seconds of context that the clips get at first: as much as the longest needs."""
        if not wanted.short:
            return FULL
        return context_for(max(clip.seconds for clip in clips), self._shortest)

    def decode(self, clips: Sequence[Clip], wanted: Wanted) -> list[Attempt]:
        """The best attempt at each clip, or just the first where a draft will do."""
        first = Try(self.context(clips, wanted), bool(wanted.hints), self._first_beam(wanted))
        encoded = self._encode(clips, first.context, wanted.check)
        attempts = self._generate(clips, encoded, wanted, first)
        if wanted.draft:
            return attempts
        return [
            self._settle(clip, attempt, heard, wanted, first)
            for clip, attempt, heard in zip(clips, attempts, encoded, strict=True)
        ]

    def _first_beam(self, wanted: Wanted) -> int:
        if wanted.draft or not wanted.careful:
            return 1
        return WIDE_BEAM if wanted.closely else self._beam

    def _settle(
        self, clip: Clip, attempt: Attempt, heard: Any, wanted: Wanted, first: Try
    ) -> Attempt:
        """The attempt, or a better one where it hesitates or is suspicious.

        ``heard`` is what the encoder made of the clip.
        """
        told = wanted.hints[::-1]  # as they stand in the prompt
        reason = judge.objection(attempt, clip.seconds, clip.speech, told)
        hesitant = attempt.logprob < HESITANT and clip.speech >= _SENTENCE
        if wanted.careful and not reason and hesitant and first.beam < WIDE_BEAM:
            wider = first._replace(beam=WIDE_BEAM)
            return judge.better(attempt, *self._generate([clip], [heard], wanted, wider))
        best = attempt
        for step in _ladder(first):
            if not reason:
                return attempt
            if reason == "echo" and step.hinted:
                continue
            (attempt,) = self._attempt([clip], wanted, step)
            reason = judge.objection(
                attempt, clip.seconds, clip.speech, told if step.hinted else ()
            )
            best = judge.better(best, attempt)
        return best if reason else attempt

    def _attempt(self, clips: Sequence[Clip], wanted: Wanted, how: Try) -> list[Attempt]:
        encoded = self._encode(clips, how.context, wanted.check)
        return self._generate(clips, encoded, wanted, how)

    def _generate(
        self, clips: Sequence[Clip], encoded: Sequence[Any], wanted: Wanted, how: Try
    ) -> list[Attempt]:
        """What the decoder reads in what the encoder made of each clip."""
        tokenizer, suppressed = self._tokenizer(wanted.language)
        prompt = self._prompt(tokenizer, wanted.hints if how.hinted else ())
        room = _POSITIONS - len(prompt)
        caps = [min(_tokens(clip.seconds), room) for clip in clips]
        wanted.check()
        results = self._whisper.model.generate(
            _joined(encoded),
            [prompt] * len(clips),
            beam_size=how.beam,
            max_length=len(prompt) + max(caps),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=suppressed,
            max_initial_timestamp_index=round(1.0 / _STAMP_SECONDS),
        )
        return [_read(tokenizer, *one) for one in zip(results, caps, strict=True)]

    def _encode(self, clips: Sequence[Clip], context: int, check: Callable[[], None]) -> list[Any]:
        """What the encoder makes of the clips, one by one: it gains nothing from a batch."""
        from ctranslate2 import StorageView

        encoded = []
        for clip in clips:
            check()
            mel = np.ascontiguousarray(self._features(clip.samples, context)[None])
            encoded.append(self._whisper.model.encode(StorageView.from_array(mel)))
        return encoded

    def _features(self, samples: NDArray[np.float32], context: int) -> NDArray[np.float32]:
        """The spectrogram (mel, frames). Of the silence up to ``context`` one frame is computed."""
        frames = context * _MEL_PER_SECOND
        heard = min(-(-(len(samples) + _SILENCE) // _HOP), frames)
        padded = np.zeros(heard * _HOP, np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        mel = np.asarray(self._whisper.feature_extractor(padded, padding=0), np.float32)
        return np.pad(mel, ((0, 0), (0, frames - heard)), mode="edge")

    def _tokenizer(self, language: str) -> tuple[Any, list[int]]:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        with self._lock:
            if language not in self._tokenizers:
                try:
                    tokenizer = Tokenizer(
                        self._whisper.hf_tokenizer, self.multilingual, "transcribe", language
                    )
                except ValueError:
                    raise UsageError(
                        f"The speech model knows no language {language!r}.",
                        hint="Give a code of ISO 639-1, such as en, de or es.",
                    ) from None
                self._tokenizers[language] = (tokenizer, get_suppressed_tokens(tokenizer, [-1]))
            return self._tokenizers[language]

    def _prompt(self, tokenizer: Any, hints: Sequence[str]) -> list[int]:
        """Hints as a sentence that came before; the likeliest stand last, next to what follows."""
        chosen: list[str] = []
        told: list[int] = []
        for hint in hints:
            longer = tokenizer.encode(f" {', '.join((hint, *chosen))}.")
            if len(longer) > _HINT_TOKENS:
                break
            chosen, told = [hint, *chosen], longer
        before = [tokenizer.sot_prev, *told] if told else []
        return [*before, *tokenizer.sot_sequence]


def _joined(encoded: Sequence[Any]) -> Any:
    """Several clips as one batch."""
    from ctranslate2 import StorageView

    if len(encoded) == 1:
        return encoded[0]
    return StorageView.from_array(np.concatenate([np.asarray(part) for part in encoded]))


def _tokens(seconds: float) -> int:
    """More tokens than anybody says in so many seconds."""
    return int(_TOKENS_EXTRA + _TOKENS_PER_SECOND * seconds)


def _ladder(first: Try) -> list[Try]:
    """What to try when the first try is suspicious, in order."""
    same = first._replace(context=FULL)
    steps = [same, same._replace(hinted=False), Try(FULL, False, WIDE_BEAM)]
    return [step for step in dict.fromkeys(steps) if step != first]


def _read(tokenizer: Any, result: Any, cap: int) -> Attempt:
    tokens = result.sequences_ids[0]
    return Attempt(
        _spans(tokenizer, tokens),
        result.scores[0] * len(tokens) / (len(tokens) + 1),
        result.no_speech_prob,
        capped=len(tokens) >= cap,
    )


def _spans(tokenizer: Any, tokens: Sequence[int]) -> tuple[Span, ...]:
    """Text between timestamps. A stamp that is missing at the end is the last one seen."""
    spans: list[Span] = []
    start = stamp = 0.0
    held: list[int] = []

    def close(end: float) -> None:
        text = tokenizer.decode(held)
        if text.strip():
            spans.append(Span(start, max(start, end), text))
        held.clear()

    for token in tokens:
        if token < tokenizer.timestamp_begin:
            held.append(token)
            continue
        stamp = (token - tokenizer.timestamp_begin) * _STAMP_SECONDS
        close(stamp)
        start = stamp
    close(float("inf"))
    return tuple(spans)
