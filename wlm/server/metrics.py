"""Prometheus metrics and the access log: what was asked and how it went, never by whom."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Request, Response, current_app
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from wlm.server.access import scope
from wlm.server.hooks import hooks
from wlm.server.service import service

if TYPE_CHECKING:
    from wlm.server.admission import Places

blueprint = Blueprint("metrics", __name__)
log = logging.getLogger("wlm.access")

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes put what they count, so that each can tell of all."""

_KEY = "wlm.metrics"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """What one process counts. ``role`` tells those of a gateway from those of its transcriber, to
    which it hands recordings on."""

    def __init__(self, role: str) -> None:
        self.registry = CollectorRegistry()
        told: dict[str, Any] = {"registry": self.registry}
        self._role = role
        self.requests = Counter(
            "wlm_http_requests", "Requests.", ["method", "route", "status", "role"], **told
        )
        self.seconds = Histogram("wlm_http_request_seconds", "Time to the answer.",
                                 ["route", "role"], buckets=_SECONDS, **told)  # fmt: skip
        self.refused = Counter(
            "wlm_refused", "Requests refused for want of room.", ["role"], **told
        ).labels(role)
        self.audio = Counter(
            "wlm_audio_seconds", "Seconds of recordings that came in.", ["role"], **told
        ).labels(role)
        self.inside = Gauge(
            "wlm_work_in_progress",
            "Requests that are worked on or wait for it.",
            ["role"],
            multiprocess_mode="livesum",
            **told,
        ).labels(role)
        self._known: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; each kind of it is looked up once."""
        kind = (method, route, status)
        if (known := self._known.get(kind)) is None:
            known = (
                self.requests.labels(*kind, self._role),
                self.seconds.labels(route, self._role),
            )
            self._known[kind] = known
        known[0].inc()
        known[1].observe(seconds)

    def exposition(self) -> bytes:
        """Everything, of all processes where there are several."""
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        forget_the_dead(Path(os.environ[FOLDER]))
        everywhere = CollectorRegistry()
        MultiProcessCollector(everywhere)  # type: ignore[no-untyped-call]
        return generate_latest(everywhere)


def forget_the_dead(folder: Path) -> None:
    """Take out what processes that are gone say of now. What they counted stays counted; a
    process that was killed with its parent was not taken out by that."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        try:
            os.kill(int(pid), 0)
        except (ValueError, ProcessLookupError):
            file.unlink(missing_ok=True)
        except PermissionError:
            continue  # somebody else's has the number now; it goes at the next start


def install(app: Flask, work: Places, role: str) -> Metrics:
    """Count and log every request of ``app``."""
    made = Metrics(role)
    app.extensions[_KEY] = made
    if not (together := FOLDER in os.environ):
        made.inside.set_function(lambda: work.taken)

    @hooks(app).before
    def begin(_: Request, known: Any) -> None:
        known.begun = time.perf_counter()

    @hooks(app).after
    def end(request: Request, known: Any, response: Response) -> Response:
        now = time.perf_counter()
        spent = now - known.get("begun", now)
        route = route_of(request)
        made.answered(method_of(request), route, response.status_code, spent)
        if together:
            made.inside.set(work.taken)
        _write(request, known, route, response, spent)
        return response

    return made


def route_of(request: Request) -> str:
    """The rule, not the path: ids and search words are nobody's business here."""
    return request.url_rule.rule if request.url_rule else "none"


def method_of(request: Request) -> str:
    """A client may call a method what it likes; what is counted must have an end."""
    return request.method if request.method in _METHODS else "other"


def metrics() -> Metrics:
    """What the current app counts."""
    found: Metrics = current_app.extensions[_KEY]
    return found


@blueprint.get("/metrics")
@scope("metrics:read")
def expose() -> Response:
    """Metrics for Prometheus."""
    text = metrics().exposition() + _events()
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _events() -> bytes:
    """The queue in figures, of all users: from the database, so once for all processes."""
    registry = CollectorRegistry()
    named: dict[str, Any] = {"registry": registry}
    kind = ["intent", "state"]
    count = Gauge("wlm_events", "Events by state; those that ended, as of an hour ago at most, and "
                  "what ended since.", ["state"], **named)  # fmt: skip
    depth = Gauge("wlm_events_open", "Events that have not ended.", kind, **named)
    oldest = Gauge("wlm_events_oldest_seconds", "How long one has been ready at most.", **named)
    paused = Gauge("wlm_provider_paused", "Users for whom a provider is left alone now.",
                   ["skill", "provider"], **named)  # fmt: skip
    start = Gauge("wlm_event_start_seconds", "From due to begun, events that ended of late.",
                  [*kind, "quantile"], **named)  # fmt: skip
    ran = Gauge("wlm_event_run_seconds", "From begun to ended, events that ended of late.",
                [*kind, "quantile"], **named)  # fmt: skip
    for state, number in service().states().items():
        count.labels(state).set(number)
    told = service().figures()
    oldest.set(told.oldest)
    for which, number in told.depth.items():
        depth.labels(*which).set(number)
    for named_so, number in told.paused.items():
        paused.labels(*named_so).set(number)
    for gauge, spreads in ((start, told.to_start), (ran, told.run_time)):
        for which, spread in spreads.items():
            gauge.labels(*which, "0.5").set(spread.p50)
            gauge.labels(*which, "0.95").set(spread.p95)
    return generate_latest(registry)


def _write(request: Request, known: Any, route: str, response: Response, spent: float) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    principal = known.get("principal")
    fields = {
        "request_id": known.get("request_id"),
        "method": request.method if request.method.isalpha() else "?",
        "route": route,
        "status": response.status_code,
        "ms": round(spent * 1000, 1),
        "bytes": response.content_length,
        "credential": f"{principal.kind}:{principal.credential}" if principal else None,
    }
    # As `log.info`, without the search for the line that calls it: it is always this one.
    told = {"fields": fields}
    log.handle(log.makeRecord(log.name, logging.INFO, __name__, 0, "request", (), None, extra=told))
