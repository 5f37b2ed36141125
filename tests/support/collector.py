"""A collector of traces on loopback: OTLP over HTTP, read with OpenTelemetry's own messages."""

from __future__ import annotations

from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.http_server import Answer, HttpServer, Request


class Collected(NamedTuple):
    """A span that came. Ids are in hexadecimal; ``parent`` is empty at a trace's beginning."""

    role: str
    name: str
    trace: str
    id: str
    parent: str
    failed: bool


class Collector(HttpServer):
    """Takes traces at ``/v1/traces``; ``raw`` is every byte of what came."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Collected] = []
        self.raw = b""
        self.dynamic("/v1/traces", self._take)

    def of(self, trace: str) -> list[Collected]:
        """The spans of one trace."""
        return [span for span in self.spans if span.trace == trace]

    def _take(self, request: Request) -> Answer:
        self.raw += request.body
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            told = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.spans += [
                Collected(
                    told["service.role"],
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.status.code == 2,
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        body = ExportTraceServiceResponse().SerializeToString()
        return Answer(200, body, {"content-type": "application/x-protobuf"})
