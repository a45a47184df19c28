"""Assertions on who is served: origins, hosts, credentials; and on what errors and CORS headers give away.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
"""

from __future__ import annotations

import json
import re
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

_INTERNALS: Final = (
    (
        "a stack trace",
        re.compile(r"Traceback \(most recent call last\)|^\s+at \S.*\(.*:\d+(:\d+)?\)", re.MULTILINE),
    ),
    (
        "a place in source code",
        re.compile(r'File "[^"\n]+", line \d+|\b[\w./\\-]+\.(?:py|js|ts|mjs|go|rb|java|cs|php|rs):\d+\b'),
    ),
    (
        "a path of the server's file system",
        re.compile(
            r"(?<![\w/:.-])/(?:app|etc|home|mnt|opt|root|srv|tmp|usr|var|Users)/[\w.-]+|\b[A-Za-z]:\\\\?[\w.-]+\\"
        ),
    ),
)


def is_served(response: Judged) -> bool:
    """Tell whether a message was taken: a success status, and no JSON-RPC error in its place.

    Args:
        response: The response.
    """
    exchange = as_exchange(response)
    return exchange.ok and exchange.error is None


@judges("security.origin-invalid-403", "security.origin-validated")
def assert_origin_refused(response: Judged, revision: str, what: str = "a request") -> Exchange:
    """Assert that a request with an invalid `Origin` header was refused.

    Args:
        response: The response.
        revision: The revision: from 2025-11-25 on the status has to be 403, before it is free.
        what: What was sent, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it was served, or got another status where the revision fixes it.
    """
    exchange = as_exchange(response)
    origin = exchange.request.headers.get("origin")
    if revision >= "2025-11-25":
        if exchange.status != 403:
            violated(f"{exchange.summary}, for {what} with Origin: {origin}", "HTTP 403", exchange)
    elif is_served(exchange):
        expected = ["HTTP 4xx, for example 403", "a JSON-RPC error"]
        violated(f"{exchange.summary}, for {what} with Origin: {origin}", expected, exchange)
    return exchange


@judges("security.origin-403-body")
def assert_anonymous_refusal(response: Judged) -> Exchange:
    """Assert that the body of a refused `Origin`, if it is a JSON-RPC message, is an error without id.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if it is a result, or an error that names a request.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
    """
    exchange = as_exchange(response)
    for message in exchange.responses:
        named = message.value.get("id") if isinstance(message.value, dict) else None
        if named is not None or "error" not in (message.value or {}):
            violated(
                f"{exchange.summary}, with the id {named!r}",
                ["an empty body or text", "a JSON-RPC error without id"],
                exchange,
                note=True,
            )
    return exchange


@judges("security.error-no-internals")
def assert_no_internals(response: Judged) -> Exchange:
    """Assert that an error does not show the inside of the server: stack traces, source files, paths.

    Judged are the `data` of JSON-RPC errors, messages of one line, and error bodies that are no JSON-RPC.
    Messages of several lines are judged by `assert_error_message_concise`.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if there is something of that kind.
    """
    exchange = as_exchange(response)
    for text in _error_texts(exchange):
        for what, pattern in _INTERNALS:
            if match := pattern.search(text):
                expected = (
                    "an error that tells what was wrong with the request, and nothing of the server's inside"
                )
                violated(f"{what} in an error: {match[0].strip()[:80]!r}", expected, exchange, note=True)
    return exchange


def _error_texts(exchange: Exchange) -> list[str]:
    texts: list[str] = []
    for message in exchange.responses:
        error = message.error
        if isinstance(error, dict):
            data = error.get("data")
            texts += [
                data if isinstance(data, str) else json.dumps(data, ensure_ascii=False).replace("\\n", "\n")
            ]
            if isinstance(error.get("message"), str) and len(error["message"].strip().splitlines()) == 1:
                # A trace squeezed into one line is no concise message, and judged as such.
                texts += [error["message"]] if "Traceback" not in error["message"] else []
    if not exchange.messages and (exchange.status or 0) >= 400:
        texts.append(exchange.body.decode("utf-8", "replace"))
    return texts


@judges("security.cors")
def assert_preflight(response: Judged, *, open_server: bool) -> Exchange:
    """Assert that an OPTIONS request was answered as one: not as a message, and not with a login.

    Args:
        response: The response.
        open_server: Whether the server serves requests without credentials.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, for a success with a JSON-RPC message, a crash, or 401 if it is open.
    """
    exchange = as_exchange(response)
    expected = ["HTTP 2xx with CORS headers", "HTTP 403, 404 or 405, where browsers are not served"]
    message = exchange.ok and bool(exchange.messages)
    login = open_server and exchange.status == 401
    if message or login or exchange.status is None or exchange.status >= 500:
        violated(f"{exchange.summary}, for OPTIONS", expected, exchange, note=True)
    return exchange


@judges("security.cors")
def assert_origin_not_granted(response: Judged) -> Exchange:
    """Assert that the `Origin` of the request is not granted access by name.

    Args:
        response: The response to a request with an invalid `Origin`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if `Access-Control-Allow-Origin` repeats it.
    """
    exchange = as_exchange(response)
    origin = exchange.request.headers.get("origin")
    if origin is not None and origin in exchange.headers.get_all("access-control-allow-origin"):
        violated(
            f"Access-Control-Allow-Origin: {origin}, which repeats whatever origin was sent",
            ["no Access-Control-Allow-Origin", "the origins that are trusted"],
            exchange,
            note=True,
        )
    return exchange
