from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wlm.pipeline import vad
from wlm.pipeline.transcribe.windows import cut

STRETCH = st.tuples(st.booleans(), st.integers(1, 3_000))


def track(stretches) -> np.ndarray:
    """Probabilities of stretches of (speech?, frames), with breaths every four seconds."""
    parts = [np.full(frames, 0.95 if loud else 0.02, np.float32) for loud, frames in stretches]
    likely = np.concatenate(parts)
    likely[::125] *= 0.5
    return likely


@settings(deadline=None, max_examples=60)
@given(st.lists(STRETCH, min_size=1, max_size=8))
def test_windows_hold_all_speech_once_and_fit_the_encoder(stretches):
    likely = track(stretches)
    seconds = len(likely) * vad.FRAME_SECONDS
    found = cut(likely, seconds)
    for window in found:
        assert 0 <= window.start < window.end <= seconds
        assert window.seconds < 30.0
    for before, after in itertools.pairwise(found):
        assert before.end <= after.start
    for first, last in vad.spans(likely):
        start, end = first * vad.FRAME_SECONDS, last * vad.FRAME_SECONDS
        inside = sum(max(0.0, min(end, window.end) - max(start, window.start)) for window in found)
        assert abs(inside - (end - start)) < 1e-6


def test_a_long_stretch_is_cut_where_it_is_quietest():
    likely = np.full(1_200, 0.95, np.float32)
    likely[560:572] = 0.4
    found = cut(likely, 38.4)
    assert len(found) == 2
    assert 560 * vad.FRAME_SECONDS <= found[0].end <= 572 * vad.FRAME_SECONDS


def test_a_few_windows_are_shared_out_evenly():
    likely = np.full(1_600, 0.95, np.float32)
    assert len(cut(likely, 51.2)) == 3
    shared = cut(likely, 51.2, workers=2)
    assert len(shared) == 4
    assert [w.end for w in shared[:-1]] == [w.start for w in shared[1:]]


def test_long_pauses_are_left_out():
    likely = track([(True, 100), (False, 400), (True, 100)])
    found = cut(likely, len(likely) * vad.FRAME_SECONDS)
    assert len(found) == 2
    assert sum(window.seconds for window in found) < 8.5
