from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wlm.errors import Busy, Cancelled
from wlm.pipeline.transcribe import lanes
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.lanes import Lanes


class Crowd:
    """Threads that want a lane one after the other, and the order in which they got one."""

    def __init__(self, way: Lanes) -> None:
        self._way = way
        self._pool = ThreadPoolExecutor(8)
        self.order: list[str] = []

    def join(self, name: str, request: Request, *, urgent: bool) -> None:
        before = len(self._way._waiting)
        self.job = self._pool.submit(self._pass, name, request, urgent)
        with self._way._change:
            assert self._way._change.wait_for(
                lambda: len(self._way._waiting) > before or self.job.done(), timeout=10
            )

    def _pass(self, name: str, request: Request, urgent: bool) -> None:
        with self._way.taken(request, urgent=urgent):
            self.order.append(name)

    def leave(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def way() -> Lanes:
    return Lanes(1)


@pytest.fixture
def crowd(way: Lanes) -> Crowd:
    return Crowd(way)


def test_who_speaks_now_goes_before_long_recordings(way: Lanes, crowd: Crowd) -> None:
    with way.taken(Request(), urgent=False):
        for name, urgent in (("long 1", False), ("long 2", False), ("now 1", True)):
            crowd.join(name, Request(), urgent=urgent)
        crowd.join("draft", Request(draft=True), urgent=True)
        crowd.join("now 2", Request(), urgent=True)
    crowd.leave()
    assert crowd.order == ["now 1", "now 2", "draft", "long 1", "long 2"]


def test_who_has_gone_leaves_the_queue(way: Lanes, crowd: Crowd) -> None:
    gone = threading.Event()
    with way.taken(Request(), urgent=True):
        crowd.join("gone", Request(cancelled=gone), urgent=True)
        waiting = crowd.job
        crowd.join("still here", Request(), urgent=True)
        gone.set()
        with pytest.raises(Cancelled):
            waiting.result(timeout=10)
    crowd.leave()
    assert crowd.order == ["still here"]


def test_a_lane_is_given_back_whatever_happens(way: Lanes) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), way.taken(Request(), urgent=True):
            raise ZeroDivisionError


def test_more_than_can_be_served_are_refused(way: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST", 2)
    with way.admitted(), way.admitted():
        with pytest.raises(Busy) as refused, way.admitted():
            pass
        assert refused.value.retry_after
    with way.admitted():
        pass
