"""Assertions on how one endpoint takes POST and GET: status, media type, and what a JSON body holds.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
"""

from __future__ import annotations

import json
import re

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE, End, Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

BROKEN_JSON = frozenset({"invalid-json", "trailing-data", "non-finite-number", "too-deep"})
"""Findings which say that a text is not one JSON value."""

_ACCEPTED = "HTTP 202 without a body"
_REFUSED = "an HTTP error status, if the server does not accept the message"
_STREAM_LINE = re.compile(rb"(event|data|id|retry)?:")


@judges("transport.notification-202-empty", "transport.response-202-empty")
def assert_message_outcome(response: Judged) -> Exchange:
    """Assert that a notification or a response got 202 without a body, or was refused with an error status.

    A refusal that hides in a 2xx body is left to `assert_refusal_status`.

    Args:
        response: The response to the POST.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another status such as 200 or 204, for any body byte, and for no answer at
            all. As a note for 5xx, which is an HTTP error status, if a poor one.
    """
    exchange = as_exchange(response)
    if exchange.status is not None and exchange.status >= 400:
        if exchange.status >= 500:
            expected = (_ACCEPTED, "HTTP 4xx, if the server does not accept the message")
            violated(exchange.summary, expected, exchange, note=True)
        return exchange
    if refused_in_body(exchange):
        return exchange
    if exchange.status != 202 or exchange.body or exchange.end is not End.EOF:
        size = f" and a body of {len(exchange.body)} bytes" if exchange.body else ""
        violated(exchange.summary + size, (_ACCEPTED, _REFUSED), exchange)
    return exchange


def refused_in_body(response: Judged) -> bool:
    """Tell whether a response says 2xx, but holds a JSON-RPC error."""
    exchange = as_exchange(response)
    return exchange.ok and any(m.kind is jsonrpc.Kind.ERROR for m in exchange.responses)


@judges("transport.unaccepted-message-http-error")
def assert_refusal_status(response: Judged, *, note: bool = False) -> Exchange:
    """Assert that a refused notification or response was refused with an HTTP error status.

    Args:
        response: The response to the POST.
        note: Whether a violation is a note only.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the status is 2xx and the body holds a JSON-RPC error, or if there is no
            answer.
    """
    exchange = as_exchange(response)
    if not exchange.answered or refused_in_body(exchange):
        expected = ("an HTTP error status such as 400", f"{_ACCEPTED}, if the message was accepted")
        violated(exchange.summary, expected, exchange, note=note)
    return exchange


@judges("transport.notification-error-body")
def assert_refusal_body(response: Judged) -> Exchange:
    """Assert that the JSON body of a refused notification or response is a JSON-RPC error without id.

    An id of null is taken as well: JSON-RPC itself asks for it. Bodies that are not JSON are not judged.

    Args:
        response: The refusal.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the body is labelled as JSON and is something else, or its error has an id.
    """
    exchange = as_exchange(response)
    if not exchange.is_json or not exchange.body:
        return exchange
    expected = ("a JSON-RPC error without id", "no body, or one that is not JSON")
    message = jsonrpc.decode(exchange.body)
    if message.kind is not jsonrpc.Kind.ERROR:
        violated(f"HTTP {exchange.status} with JSON that is no JSON-RPC error", expected, exchange)
    if message.id is not jsonrpc.ABSENT and message.id is not None:
        violated(f"a JSON-RPC error with the id {message.id!r}", expected, exchange)
    return exchange


@judges("transport.request-content-type")
def assert_request_content_type(response: Judged) -> Exchange:
    """Assert that a 2xx answer to a request is JSON or an event stream, and labelled as what it is.

    Args:
        response: The response to a POSTed request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the media type is another one or absent, or names the other one of the two.
    """
    exchange = as_exchange(response)
    expected = (f"Content-Type: {JSON_TYPE}, with one JSON object", f"Content-Type: {SSE_TYPE}, with events")
    if not exchange.ok:
        return exchange
    if not (exchange.is_json or exchange.is_sse):
        label = exchange.headers.get("content-type")
        violated(f"HTTP {exchange.status} with Content-Type: {label or 'absent'}", expected, exchange)
    if mislabelled(exchange):
        held = "an event stream" if exchange.is_json else "a JSON value"
        violated(f"a body that is {held}, labelled {exchange.essence}", expected, exchange)
    return exchange


def mislabelled(response: Judged) -> bool:
    """Tell whether JSON is labelled as an event stream, or the other way round."""
    exchange = as_exchange(response)
    body = exchange.body.lstrip()
    if exchange.is_json:
        return _STREAM_LINE.match(body) is not None
    return exchange.is_sse and body[:1] in (b"{", b"[") and _is_json(body)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@judges("transport.json-single-object", "transport.json-single-object.2025-03-26")
def assert_one_json_object(response: Judged, *, batch: bool = False) -> Exchange:
    """Assert that a JSON answer to a request is one JSON object and nothing else.

    Event streams, error statuses and incomplete bodies are not judged; bytes that are not UTF-8 and what the
    object holds are judged by other helpers.

    Args:
        response: The response to a POSTed request.
        batch: Whether the request was a batch, which may be answered with an array (2025-03-26 only).

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is an array, another JSON value, several values, or no JSON at all.
    """
    exchange = as_exchange(response)
    if not (exchange.ok and exchange.is_json) or mislabelled(exchange) or exchange.end is not End.EOF:
        return exchange
    expected = ["one JSON object", *(["one JSON array of the answers"] if batch else [])]
    message = jsonrpc.decode(exchange.body)
    codes = {finding.code for finding in message.findings}
    if "trailing-data" in codes:
        violated("a JSON value with more text after it", expected, exchange)
    if codes & BROKEN_JSON:
        violated(f"a body that is not JSON: {message.findings[0].detail}", expected, exchange)
    legal = (dict, list) if batch else (dict,)
    if "invalid-utf8" not in codes and not isinstance(message.value, legal):
        violated(f"a JSON {_json_type(message.value)}", expected, exchange)
    return exchange


def _json_type(value: object) -> str:
    if isinstance(value, list):
        return "array"
    return "null" if value is None else type(value).__name__


@judges("transport.utf8")
def assert_utf8_body(response: Judged) -> Exchange:
    """Assert that a JSON body is UTF-8. Event streams are judged by `assert_well_formed_stream`.

    Args:
        response: Any response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the bytes are not UTF-8.
    """
    exchange = as_exchange(response)
    if exchange.is_json and exchange.end is End.EOF:
        try:
            exchange.body.decode()
        except UnicodeDecodeError as error:
            bad = exchange.body[error.start : error.start + 4].hex(" ")
            violated(f"bytes that are not UTF-8 at offset {error.start}: {bad}", "JSON in UTF-8", exchange)
    return exchange


@judges("transport.utf8")
def assert_text_intact(response: Judged, text: str) -> Exchange:
    """Assert that a server did not read our UTF-8 as Latin-1, judged by the text that it says back.

    Servers need not say the text back, and may shorten or escape it; only the tell-tale garbling fails.

    Args:
        response: The response to a message that held the text.
        text: A text with characters beyond ASCII.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the answer holds a character of the text as its UTF-8 bytes read as Latin-1.
    """
    exchange = as_exchange(response)
    said = "\n".join(json.dumps(m.value, ensure_ascii=False) for m in exchange.messages if m.value)
    for character in text:
        garbled = character.encode().decode("latin-1")
        if not character.isascii() and garbled in said:
            actual = f"{character!r} came back as {garbled!r}"
            violated(actual, f"{character!r}, if it is said back at all", exchange)
    return exchange


@judges("transport.endpoint-post")
def assert_serves_post(response: Judged) -> Exchange:
    """Assert that an endpoint takes POST: it neither refuses the verb nor sends the client elsewhere.

    Args:
        response: The response to a POSTed request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the status is 405 or 501, or a redirect.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
    """
    exchange = as_exchange(response)
    if exchange.status in (405, 501) or (exchange.status is not None and 300 <= exchange.status < 400):
        violated(f"POST got {exchange.summary}", "an answer to the message, on this very path", exchange)
    return exchange


@judges("transport.endpoint-post-get", "transport.get-sse-or-405")
def assert_serves_get(response: Judged) -> Exchange:
    """Assert that the endpoint of POST knows GET at all: whatever gates it, it answers below 500.

    Args:
        response: The response to a GET.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no answer, or a 5xx.
    """
    exchange = as_exchange(response)
    if exchange.status is None or exchange.status >= 500:
        expected = (f"HTTP 200 with {SSE_TYPE}", "HTTP 405", "HTTP 4xx for what a bare GET lacks")
        violated(f"GET got {exchange.summary}", expected, exchange)
    return exchange


@judges("transport.get-sse-or-405")
def assert_event_stream_or_405(response: Judged) -> Exchange:
    """Assert that a GET with everything right opened an event stream, or was refused with 405.

    Args:
        response: The response to the GET.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other outcome.
    """
    exchange = as_exchange(response)
    if exchange.status != 405 and not (exchange.status == 200 and exchange.is_sse):
        violated(f"GET got {exchange.summary}", (f"HTTP 200 with {SSE_TYPE}", "HTTP 405"), exchange)
    return exchange


@judges("transport.allow-header-on-405")
def assert_allow_header(response: Judged, *methods: str) -> Exchange:
    """Assert that a 405 names the methods that are allowed (RFC 9110, section 15.5.6).

    Args:
        response: The response; other statuses than 405 are not judged.
        methods: Methods that the header has to list, because they are known to be served.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no `Allow` header, or it lacks one of the methods.
    """
    exchange = as_exchange(response)
    if exchange.status != 405:
        return exchange
    lines = exchange.headers.get_all("allow")
    listed = {name.strip() for line in lines for name in line.split(",")}
    if not lines or not listed.issuperset(methods):
        actual = f"HTTP 405 with Allow: {', '.join(lines)}" if lines else "HTTP 405 without Allow"
        violated(actual, f"an Allow header that lists {', '.join(methods) or 'the methods'}", exchange)
    return exchange
