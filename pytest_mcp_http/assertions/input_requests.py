"""Assertions on what a server asks a client for: elicitations, sampling, roots.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#inputrequests
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.spec.messages import (
    INPUT_REQUESTS,
    Violation,
    validate_input_request,
    validate_server_message,
)
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, json_type

__tracebackhide__ = True  # a failure is about the response, not about this code

CAPABILITIES: Final[Mapping[str, str]] = {
    "elicitation/create": "elicitation",
    "roots/list": "roots",
    "sampling/createMessage": "sampling",
}
"""The client capability that each input request needs, by method."""

URL_PLACES: Final = re.compile(r"params\.(url|message|elicitationId)")
"""Where an elicitation in URL mode holds what it needs besides its mode."""

MESSAGE_PLACES: Final = re.compile(r"params\.messages\[\d+\](\.(role|content))?")
"""Where a sampling request holds role and content of its messages."""


@judges("mrtr.request-kinds")
def assert_input_requests_valid(
    response: Judged, revision: str, *, counts: Callable[[Mapping[str, Any], Violation], bool] | None = None
) -> Exchange:
    """Assert that each member of `inputRequests` is one of the requests that clients take, by its schema.

    Args:
        response: The response. Other results than `input_required` are not judged.
        revision: The revision that is spoken.
        counts: Gets a request and a violation of its schema, and tells whether it counts; default all.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a member that is no object, has another method, or breaks the schema of its
            method.
    """
    exchange = as_exchange(response)
    for key, request in _asked(exchange):
        methods = " or ".join(INPUT_REQUESTS)
        if not isinstance(request, dict):
            violated(
                f"inputRequests[{key!r}] is a JSON {json_type(request)}", f"a request: {methods}", exchange
            )
        method = request.get("method")
        if not isinstance(method, str) or method not in INPUT_REQUESTS:
            violated(f"inputRequests[{key!r}] has the method {method!r}", methods, exchange)
        for each in validate_input_request(request, revision):
            if counts is None or counts(request, each):
                violated(
                    f"inputRequests[{key!r}]: {each.path}: {each.message}",
                    f"a {method} request that is valid by the schema of {revision}",
                    exchange,
                )
    return exchange


@judges("mrtr.keys-unique")
def assert_input_keys_unique(response: Judged) -> Exchange:
    """Assert that no key of `inputRequests` stands there twice, which only the bytes tell.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does.
    """
    exchange = as_exchange(response)
    for received in exchange.received:
        for finding in received.message.findings:
            if finding.code == "duplicate-key" and finding.path == "/result/inputRequests":
                violated(f"inputRequests: {finding.detail}", "each key once", exchange)
    return exchange


@judges("mrtr.capability-gated")
def assert_input_requests_declared(response: Judged, capabilities: Mapping[str, object]) -> Exchange:
    """Assert that a client is asked only for what it declared.

    Args:
        response: The response. Other results than `input_required` are not judged.
        capabilities: The client capabilities that the request declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is asked for something of another kind.
    """
    exchange = as_exchange(response)
    for _, request in _asked(exchange):
        method = request.get("method") if isinstance(request, dict) else None
        needed = CAPABILITIES.get(method) if isinstance(method, str) else None
        if needed is not None and needed not in capabilities:
            declared = ", ".join(capabilities) or "nothing"
            violated(
                f"a client that declared {declared} is asked for {method}",
                ["a complete result, or one that asks only for what is declared", "JSON-RPC error -32021"],
                exchange,
            )
    return exchange


def url_elicitations(response: Judged) -> list[tuple[str, dict[str, Any]]]:
    """Return the elicitations in URL mode that a response asks for, each with its place."""
    return [
        (place, request)
        for place, request in asked_in(response)
        if request["method"] == "elicitation/create" and _mode(request) == "url"
    ]


@judges("mrtr.elicit-url-params", "mrtr.elicit-url-params.2025-11-25")
def assert_url_elicitations(response: Judged, revision: str) -> Exchange:
    """Assert that each elicitation in URL mode has a URL and a message, and an id where the revision has it.

    Args:
        response: The response.
        revision: The revision that is spoken.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one of them is missing or no string.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#url-mode-elicitation-requests
    """
    has_id = revision in HANDSHAKE_REVISIONS
    expected = f"url{', message and elicitationId' if has_id else ' and message'}, all strings"
    return _assert_places(response, revision, url_elicitations(response), URL_PLACES, expected)


def sampling_requests(response: Judged) -> list[tuple[str, dict[str, Any]]]:
    """Return the sampling requests of a response, each with its place."""
    return [
        (place, request)
        for place, request in asked_in(response)
        if request["method"] == "sampling/createMessage"
    ]


@judges("mrtr.sampling-message-role")
def assert_sampling_messages(response: Judged, revision: str) -> Exchange:
    """Assert that each message of a sampling request has content and the role `user` or `assistant`.

    Args:
        response: The response. Other results than `input_required` are not judged.
        revision: The revision that is spoken.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message has another role, no role or no content.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/client/sampling#messages
    """
    found = sampling_requests(response)
    return _assert_places(
        response, revision, found, MESSAGE_PLACES, "messages with role (user or assistant) and content"
    )


def asked_in(response: Judged) -> list[tuple[str, dict[str, Any]]]:
    """Return what a response asks the client for, in either era, each with the place where it stands.

    Args:
        response: The response: its `inputRequests`, or the requests on its event stream.

    Returns:
        Objects with `method`, and `params` if there are any.
    """
    exchange = as_exchange(response)
    found = [
        (f"inputRequests[{key!r}]", request)
        for key, request in _asked(exchange)
        if isinstance(request, dict) and isinstance(request.get("method"), str)
    ]
    for message in exchange.messages:
        if message.kind is Kind.REQUEST and message.method is not None:
            request = {"method": message.method}
            if message.params is not ABSENT:
                request["params"] = message.params
            found.append((f"the request {message.id!r}", request))
    return found


def params_asked(response: Judged, method: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the params of what a response asks the client for by one method, each with its place.

    Args:
        response: The response.
        method: The method, for example `elicitation/create`.

    Returns:
        The params; those that are no object count as empty.
    """
    asked = [(place, found.get("params")) for place, found in asked_in(response) if found["method"] == method]
    return [(place, params if isinstance(params, dict) else {}) for place, params in asked]


@judges("mrtr.deprecated-not-adopted")
def assert_no_deprecated_requests(response: Judged) -> Exchange:
    """Assert that a client is asked neither for sampling nor for roots, which 2026-07-28 deprecates.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if it is: a server that had them before may have them still.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/client/sampling and
        https://modelcontextprotocol.io/specification/2026-07-28/client/roots
    """
    exchange = as_exchange(response)
    for place, request in asked_in(exchange):
        if request["method"] in ("sampling/createMessage", "roots/list"):
            violated(
                f"{place} is {request['method']}, which is deprecated",
                "another way, unless the server had it before 2026-07-28",
                exchange,
                note=True,
            )
    return exchange


def _asked(exchange: Exchange) -> Iterator[tuple[str, Any]]:
    """Yield the members of `inputRequests` of an `input_required` result, whatever they are."""
    result = exchange.result
    interim = isinstance(result, dict) and result.get("resultType") == "input_required"
    asked = result.get("inputRequests") if isinstance(result, dict) and interim else None
    if isinstance(asked, dict):
        yield from asked.items()


def _mode(request: Mapping[str, Any]) -> object:
    params = request.get("params")
    return params.get("mode") if isinstance(params, dict) else None


def _assert_places(
    response: Judged,
    revision: str,
    requests: list[tuple[str, dict[str, Any]]],
    places: re.Pattern[str],
    expected: str,
) -> Exchange:
    """Assert that the places of some requests are valid by their schema."""
    exchange = as_exchange(response)
    for place, request in requests:
        for each in _violations(request, revision):
            if places.fullmatch(each.path):
                violated(f"{place}: {each.path}: {each.message}", expected, exchange)
    return exchange


def _violations(request: Mapping[str, Any], revision: str) -> list[Violation]:
    if revision in HANDSHAKE_REVISIONS:
        return validate_server_message({"jsonrpc": "2.0", "id": 0, **request}, revision)
    return validate_input_request(request, revision)
