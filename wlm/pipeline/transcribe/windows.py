"""Cut a recording into windows that the encoder can take, at the quietest places."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wlm.pipeline import vad

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 20.0
"""Seconds that windows are at most on average; one may have half as much again, as the
encoder takes 30. Its cost grows faster than its length."""

_SHORTEST = 12.0
_FEW = 4

_PAUSE = 3.0
_BEFORE, _AFTER = 0.3, 0.5
_SMOOTH = 10


class Window(NamedTuple):
    """A stretch to transcribe, in seconds. ``speech`` is how much of it somebody speaks."""

    start: float
    end: float
    speech: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def cut(likely: NDArray[np.float32], seconds: float, workers: int = 1) -> list[Window]:
    """Windows over a recording of ``seconds`` with these speech probabilities.

    Pauses of 3 s and more are left out; longer stretches are parted into windows of about
    the same length, each cut where speech is least likely. No speech: no windows. Where
    there are a few, long ones are halved until ``workers`` have the same number each.
    """
    found: list[Window] = []
    for first, last in _stretches(vad.spans(likely)):
        before = found[-1].end if found else 0.0
        start = max(before, first * vad.FRAME_SECONDS - _BEFORE)
        end = min(seconds, last * vad.FRAME_SECONDS + _AFTER)
        found.extend(_part(likely, start, end, int(np.ceil((end - start) / LONGEST))))
    while 1 < len(found) < _FEW * workers and len(found) % workers:
        longest = max(range(len(found)), key=lambda i: found[i].seconds)
        start, end, _ = found[longest]
        if end - start < _SHORTEST:
            break
        found[longest : longest + 1] = _part(likely, start, end, 2)
    return found


def voiced(likely: NDArray[np.float32], start: float, end: float) -> float:
    """How many seconds between ``start`` and ``end`` are speech."""
    frames = likely[int(start / vad.FRAME_SECONDS) : int(end / vad.FRAME_SECONDS) + 1]
    return float((frames >= vad.SPEECH).sum()) * vad.FRAME_SECONDS


def _stretches(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and (first - merged[-1][1]) * vad.FRAME_SECONDS < _PAUSE:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged


def _part(likely: NDArray[np.float32], start: float, end: float, count: int) -> list[Window]:
    """``count`` windows of about the same length: at most 1.5 times the mean."""
    if count == 1:
        return [Window(start, end, voiced(likely, start, end))]
    unit, left = (end - start) / count, count // 2
    middle = start + unit * left
    place = _quietest(likely, middle - unit / 5, middle + unit / 5)
    return _part(likely, start, place, left) + _part(likely, place, end, count - left)


def _quietest(likely: NDArray[np.float32], start: float, end: float) -> float:
    """The second between ``start`` and ``end`` around which speech is least likely."""
    first, last = int(start / vad.FRAME_SECONDS), int(end / vad.FRAME_SECONDS)
    near = np.convolve(likely[first:last], np.ones(_SMOOTH) / _SMOOTH, mode="same")
    edge = min(_SMOOTH // 2, len(near) // 4)
    return (first + edge + int(np.argmin(near[edge : len(near) - edge])) + 0.5) * vad.FRAME_SECONDS
