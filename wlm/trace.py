"""Traces in OpenTelemetry's form, where an endpoint is set; else nothing is imported or done.

One request is one trace: the HTTP request, the stages of understanding, the event (which carries
its place in the trace in its row, so that a worker elsewhere goes on with it), its skill, and what
the skill asks of a provider. Spans hold names, ids, codes and counts that are ours: never what was
said, who said it, the text of an exception, or the address of a provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from wlm.errors import BadSetting, EnvironmentFault

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

Kind = Literal["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
Value = str | int | float | bool

HEADER = "traceparent"
"""The header, and the column, in which a place in a trace is carried (W3C Trace Context)."""

_PATH = "/v1/traces"
_PATIENCE = 5.0  # s for one delivery: a process that ends waits for the last one


class Span:
    """A stretch of work in a trace."""

    def note(self, **facts: Value) -> None:
        """Add facts; ``__`` in a name stands for a dot."""

    def fail(self, code: str) -> None:
        """It came to nothing, and why: a code of ours, or a status."""


_NONE: AbstractContextManager[Span] = nullcontext(Span())
_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def start(endpoint: str, role: str) -> None:
    """Send traces to ``endpoint`` (OTLP over HTTP) from now on; empty: nowhere.

    Call it once in each process, after it was forked. OpenTelemetry's own variables, such as
    ``OTEL_EXPORTER_OTLP_HEADERS`` and ``OTEL_TRACES_SAMPLER``, hold as well. Raises
    ``BadSetting`` for what is no address, ``EnvironmentFault`` where the extra is missing.
    """
    global _provider, _tracer
    if not endpoint or _provider is not None:
        return
    if not endpoint.startswith(("http://", "https://")):
        raise BadSetting(
            "Setting 'otlp_endpoint' is no address.", hint="Such as http://127.0.0.1:4318."
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise EnvironmentFault(
            "Traces are wanted (otlp_endpoint), and OpenTelemetry is not installed.",
            hint="`pip install 'wlm[otel]'`.",
        ) from None
    where = endpoint if endpoint.endswith(_PATH) else endpoint.rstrip("/") + _PATH
    _provider = TracerProvider(
        resource=Resource.create({"service.name": "wlm", "service.role": role}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=where, timeout=_PATIENCE)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("wlm")


def stop() -> None:
    """Deliver what is not delivered yet, and end."""
    global _provider, _tracer
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def on() -> bool:
    """Whether there are traces."""
    return _tracer is not None


def span(
    name: str,
    *,
    parent: str | None = None,
    kind: Kind = "INTERNAL",
    answers: tuple[type[BaseException], ...] = (),
    **facts: Value,
) -> AbstractContextManager[Span]:
    """A stretch of work, within the one around it or, where it came from elsewhere, below
    ``parent`` (a ``carried()``). An exception marks it as failed, unless it is one of ``answers``,
    and goes on."""
    if _tracer is None:
        return _NONE
    return _spanned(_tracer, name, parent, kind, answers, facts)


def carried() -> str | None:
    """The place in the trace where this is called, to be handed on; ``None`` without one."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER)


class _Real(Span):
    def __init__(self, span: Any) -> None:
        self._span = span

    def note(self, **facts: Value) -> None:
        self._span.set_attributes(_named(facts))

    def fail(self, code: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)
        self._span.set_attribute("error.type", code)


@contextmanager
def _spanned(
    tracer: Tracer,
    name: str,
    parent: str | None,
    kind: Kind,
    answers: tuple[type[BaseException], ...],
    facts: dict[str, Value],
) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = TraceContextTextMapPropagator().extract({HEADER: parent}) if parent else None
    with tracer.start_as_current_span(
        name,
        context=above,
        kind=SpanKind[kind],
        attributes=_named(facts),
        record_exception=False,  # its text may hold anything
        set_status_on_exception=False,
    ) as made:
        real = _Real(made)
        try:
            yield real
        except BaseException as error:
            if not isinstance(error, answers):
                real.fail(getattr(error, "code", None) or type(error).__name__)
            raise


def _named(facts: dict[str, Value]) -> dict[str, Value]:
    return {name.replace("__", "."): value for name, value in facts.items()}
