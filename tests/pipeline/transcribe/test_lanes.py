from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from wlm.errors import Busy, Cancelled
from wlm.pipeline.transcribe import lanes
from wlm.pipeline.transcribe.interface import Request
from wlm.pipeline.transcribe.lanes import Lanes, Work

NOW = Request()


class Crowd:
    """Threads that want a lane one after the other, and who was served at a time."""

    def __init__(self, way: Lanes) -> None:
        self._way = way
        self._pool = ThreadPoolExecutor(8)
        self.served: list[list[str]] = []

    def join(
        self,
        name: str,
        request: Request = NOW,
        *,
        urgent: bool = True,
        alike: str | None = None,
        work: Work | None = None,
    ) -> Future[list[str]]:
        before = len(self._way._waiting)
        job = self._pool.submit(
            self._way.run, request, [name], work or self._serve, urgent=urgent, alike=alike
        )
        with self._way._change:
            assert self._way._change.wait_for(
                lambda: len(self._way._waiting) > before or job.done(), timeout=10
            )
        return job

    def _serve(self, names: Sequence[str], check: Callable[[], None]) -> list[str]:
        self.served.append(list(names))
        check()
        if "broken" in names:
            raise ZeroDivisionError
        return [name.upper() for name in names]

    def leave(self) -> None:
        self._pool.shutdown()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Somebody else holds a lane inside this context."""
        holds, leaves = threading.Event(), threading.Event()

        def hold(_: Sequence[str], check: Callable[[], None]) -> list[str]:
            holds.set()
            assert leaves.wait(10)
            return [""]

        job = self._pool.submit(self._way.run, NOW, ["holder"], hold, urgent=True)
        assert holds.wait(10)
        try:
            yield
        finally:
            leaves.set()
            job.result(timeout=10)


@pytest.fixture
def way() -> Lanes:
    return Lanes(1)


@pytest.fixture
def crowd(way: Lanes) -> Iterator[Crowd]:
    crowd = Crowd(way)
    yield crowd
    crowd.leave()


def test_who_speaks_now_goes_before_long_recordings(crowd: Crowd) -> None:
    with crowd.held():
        jobs = [
            crowd.join(name, urgent=urgent)
            for name, urgent in (("long 1", False), ("long 2", False), ("now 1", True))
        ]
        jobs += [crowd.join("draft", Request(draft=True)), crowd.join("now 2")]
    assert all(job.result(timeout=10) for job in jobs)
    assert crowd.served == [["now 1"], ["now 2"], ["draft"], ["long 1"], ["long 2"]]


def test_who_has_gone_leaves_the_queue(crowd: Crowd) -> None:
    gone = threading.Event()
    with crowd.held():
        waiting = crowd.join("gone", Request(cancelled=gone))
        still_here = crowd.join("still here")
        gone.set()
        with pytest.raises(Cancelled):
            waiting.result(timeout=10)
    assert still_here.result(timeout=10) == ["STILL HERE"]
    assert crowd.served == [["still here"]]


def test_a_lane_is_given_back_whatever_happens(crowd: Crowd) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            crowd.join("broken").result(timeout=10)


def test_two_that_are_alike_share_the_last_lane(crowd: Crowd) -> None:
    with crowd.held():
        jobs = [
            crowd.join("one", alike="en"),
            crowd.join("uno", alike="es"),
            crowd.join("two", alike="en"),
            crowd.join("three", alike="en"),
            crowd.join("by itself"),
        ]
    heard = [job.result(timeout=10) for job in jobs]
    assert heard == [["ONE"], ["UNO"], ["TWO"], ["THREE"], ["BY ITSELF"]]
    assert crowd.served == [["one", "two"], ["uno"], ["three"], ["by itself"]]


def test_where_lanes_are_free_everyone_has_one() -> None:
    crowd = Crowd(Lanes(3))
    with crowd.held():
        jobs = [crowd.join(name, alike="en") for name in ("one", "two")]
        assert [job.result(timeout=10) for job in jobs] == [["ONE"], ["TWO"]]
    crowd.leave()
    assert sorted(crowd.served) == [["one"], ["two"]]


def test_the_last_lane_waits_a_moment_for_one_that_is_on_its_way(
    way: Lanes, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_PATIENCE", 20.0)
    with way.admitted(), way.admitted():
        first = crowd.join("first", alike="en")
        assert not crowd.served
        second = crowd.join("second", alike="en")
        assert [first.result(timeout=10), second.result(timeout=10)] == [["FIRST"], ["SECOND"]]
    assert crowd.served == [["first", "second"]]


def test_one_that_leaves_does_not_end_the_others_work(crowd: Crowd) -> None:
    gone, begun, go_on = threading.Event(), threading.Event(), threading.Event()

    def slow(names: Sequence[str], check: Callable[[], None]) -> list[str]:
        begun.set()
        assert go_on.wait(10)
        check()
        return list(names)

    with crowd.held():
        leader = crowd.join("leader", Request(cancelled=gone), alike="en", work=slow)
        mate = crowd.join("mate", alike="en", work=slow)
    assert begun.wait(10)
    gone.set()
    go_on.set()
    assert mate.result(timeout=10) == ["mate"]
    with pytest.raises(Cancelled):
        leader.result(timeout=10)


def test_an_error_reaches_all_that_were_served_together(crowd: Crowd) -> None:
    with crowd.held():
        jobs = [crowd.join("broken", alike="en"), crowd.join("mate", alike="en")]
    for job in jobs:
        with pytest.raises(ZeroDivisionError):
            job.result(timeout=10)


def test_more_than_can_be_served_are_refused(way: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST", 2)
    with way.admitted(), way.admitted():
        with pytest.raises(Busy) as refused, way.admitted():
            pass
        assert refused.value.retry_after
    with way.admitted():
        pass
