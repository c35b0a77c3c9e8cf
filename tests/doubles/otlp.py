"""A collector of spans: OTLP/HTTP with JSON, as its public protocol describes it. Refuses what is no such request."""

import re

from tests.doubles.receivers import Receiver, need


def is_hex(value, digits: int) -> bool:
    return isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) is not None and set(value) != {"0"}


def number(value, what: str) -> int:
    """64 bits are a text in this JSON."""
    need(isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is not None, f"{what}: digits in a text")
    return int(value)


def facts(attributes: list) -> dict:
    found = {}
    for attribute in attributes:
        need(set(attribute) == {"key", "value"} and attribute["key"] not in found, "attribute")
        ((kind, value),) = attribute["value"].items()
        need(kind in ("stringValue", "intValue"), "kind of a value")
        need(isinstance(value, str), "value")
        found[attribute["key"]] = number(value, "intValue") if kind == "intValue" else value
    return found


class Span(dict):
    """As it came, with its attributes as `facts`, the service as `service`, and the bare context of a header as `header`."""

    def __init__(self, span: dict, service: str):
        known = {"traceId", "spanId", "parentSpanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
                 "attributes", "links", "droppedLinksCount", "status"}  # fmt: skip
        need(set(span) <= known, f"unknown members {set(span) - known}")
        need(is_hex(span["traceId"], 32) and is_hex(span["spanId"], 16), "ids")
        need("parentSpanId" not in span or is_hex(span["parentSpanId"], 16), "id of the parent")
        need(span["kind"] in (1, 2, 3, 4, 5) and isinstance(span["flags"], int), "kind, flags")
        need(0 < number(span["startTimeUnixNano"], "start") <= number(span["endTimeUnixNano"], "end"), "times")
        need(len(span.get("links", [])) <= 128, "links")
        for link in span.get("links", []):
            need(set(link) == {"traceId", "spanId"} and is_hex(link["traceId"], 32) and is_hex(link["spanId"], 16), "link")
        need(set(span.get("status", {})) <= {"code", "message"} and span.get("status", {}).get("code", 2) == 2, "status")
        super().__init__(span)
        self.facts, self.service = facts(span["attributes"]), service

    @property
    def header(self) -> str:
        return f"00-{self['traceId']}-{self['spanId']}-{self['flags']:02x}"

    @property
    def links(self) -> set[tuple[str, str]]:
        return {(link["traceId"], link["spanId"]) for link in self.get("links", [])}


class Collector(Receiver):
    path = "/v1/traces"

    def __init__(self, wants: dict[str, str] | None = None) -> None:
        """`wants`: headers that a request must have."""
        self.wants = wants or {}
        self.rejects = 0  # spans of each request that it says it did not take
        super().__init__()

    @property
    def endpoint(self) -> str:
        return self.url.removesuffix(self.path)

    def check(self, message: dict, headers, body: bytes) -> None:
        for name, value in self.wants.items():
            need(headers.get(name) == value, f"header {name}")
        need(bool(self.spans_of(message)), "no spans")

    @staticmethod
    def spans_of(message: dict) -> list[Span]:
        found = []
        for resource in message["resourceSpans"]:
            about = facts(resource["resource"]["attributes"])
            need(bool(about["service.name"] and about["service.version"] and about["service.instance.id"]), "resource")
            for scope in resource["scopeSpans"]:
                need(scope["scope"]["name"] == "parstock", "scope")
                found += [Span(span, about["service.name"]) for span in scope["spans"]]
        return found

    def thanks(self, message: dict) -> bytes:
        return b'{"partialSuccess":{"rejectedSpans":"%d","errorMessage":"no"}}' % self.rejects if self.rejects else b"{}"

    @property
    def spans(self) -> list[Span]:
        return [span for message in list(self.taken) for span in self.spans_of(message)]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span["name"] == name]
