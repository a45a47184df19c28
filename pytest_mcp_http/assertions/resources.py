"""Assertions on resources: their URIs, their contents, and the errors for those that cannot be read.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/resources
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
"""The code for a resource that does not exist, before 2026-07-28."""

KNOWN_SCHEMES: Final = frozenset({"data", "file", "ftp", "git", "http", "https", "urn"})
"""Schemes that are none of the server's own."""

BINARY_TYPES: Final = re.compile(
    r"image/(png|jpeg|gif|webp|bmp|tiff|avif)|audio/(mpeg|wav|ogg|flac|aac|mp4)"
    r"|video/(mp4|mpeg|webm|quicktime)|application/(zip|gzip|x-tar|wasm)|font/(woff2?|ttf|otf)",
    re.IGNORECASE,
)
"""Media types whose data is never text."""

_URI: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
    r"(#([A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?"
)
_BASE64: Final = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_DATE: Final = r"\d{4}(-?(0[1-9]|1[0-2])(-?(0[1-9]|[12]\d|3[01]))?|-?W[0-5]\d(-?[1-7])?|-?[0-3]\d\d)?"
_TIME: Final = r"T([01]\d|2[0-4])(:?[0-5]\d(:?[0-6]\d)?)?([.,]\d+)?(Z|[+-][01]\d(:?[0-5]\d)?)?"
_TIMESTAMP: Final = re.compile(f"[+-]?{_DATE}({_TIME})?")
_OWN_MESSAGE: Final = (PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND)
"""Codes that say of a request for a listed resource what is not true of it."""

MAX_SHOWN: Final = 100
"""Most characters of a value that a finding quotes."""


def contents_in(response: Judged) -> list[dict[str, Any]] | None:
    """Return the contents of a resource, as far as they are objects; None without an array of contents."""
    result = as_exchange(response).result
    found = result.get("contents") if isinstance(result, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else None


@judges("resources.read-contents")
def assert_text_or_blob(response: Judged) -> Exchange:
    """Assert that each content of a resource has a text or a blob, and not both.

    Args:
        response: The response to `resources/read`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one has both or none.
    """
    exchange = as_exchange(response)
    for number, item in enumerate(contents_in(exchange) or ()):
        held = [name for name in ("text", "blob") if name in item]
        if len(held) != 1:
            actual = f"contents[{number}] has {' and '.join(held) or 'no text and no blob'}"
            violated(actual, "exactly one of text and blob", exchange)
    return exchange


@judges("resources.binary-encoded")
def assert_blobs_encoded(response: Judged) -> Exchange:
    """Assert that each blob is base64 with the standard alphabet, padded and in one piece.

    Args:
        response: The response to `resources/read`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is not.
    """
    exchange = as_exchange(response)
    for number, item in enumerate(contents_in(exchange) or ()):
        blob = item.get("blob")
        if isinstance(blob, str) and not _BASE64.fullmatch(blob):
            violated(f"contents[{number}].blob is {_shown(blob)}", "base64 (RFC 4648, section 4)", exchange)
    return exchange


@judges("resources.text-only-if-text")
def assert_text_is_text(response: Judged) -> Exchange:
    """Assert that what has a text can be represented as text.

    Args:
        response: The response to `resources/read`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a text holds NUL characters, or has a media type whose data is never text; as
            a note for replacement characters, which are what is left of bytes that are no text.
    """
    exchange = as_exchange(response)
    for number, item in enumerate(contents_in(exchange) or ()):
        text, kind = item.get("text"), item.get("mimeType")
        if not isinstance(text, str):
            continue
        expected = "a blob for data that is no text"
        essence = kind.partition(";")[0].strip() if isinstance(kind, str) else ""
        if BINARY_TYPES.fullmatch(essence):
            violated(f"contents[{number}] of the type {essence} has a text", expected, exchange)
        if "\0" in text:
            violated(f"the text of contents[{number}] holds NUL characters", expected, exchange)
        if "\ufffd" in text:
            actual = f"the text of contents[{number}] holds replacement characters"
            violated(actual, expected, exchange, note=True)
    return exchange


@judges("resources.uri-rfc3986")
def assert_resource_uris(response: Judged) -> Exchange:
    """Assert that the URI of each listed resource is an absolute URI as RFC 3986 has them.

    Args:
        response: The response to `resources/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is not; as a note if it has a well-known scheme.
    """
    exchange = as_exchange(response)
    notes = []
    for uri in _members(exchange, "resources", "uri"):
        if isinstance(uri, str) and not _URI.fullmatch(uri):
            scheme, colon, _ = uri.partition(":")
            if colon and scheme.lower() in KNOWN_SCHEMES:
                notes.append(uri)
            else:
                violated(f"the uri {_shown(uri)}", "an absolute URI (RFC 3986)", exchange)
    if notes:
        violated(f"the uri {_shown(notes[0])}", "an absolute URI (RFC 3986)", exchange, note=True)
    return exchange


@judges("resources.uri-unique")
def assert_uris_unique(response: Judged, uris: Sequence[str]) -> Exchange:
    """Assert that no URI stands twice in a list of resources.

    Args:
        response: A response to `resources/list`.
        uris: The URIs of all pages.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does.
    """
    exchange = as_exchange(response)
    uri, times = next(iter(Counter(uris).most_common(1)), ("", 0))
    if times > 1:
        violated(f"{_shown(uri)} is listed {times} times", "a URI of its own for each resource", exchange)
    return exchange


@judges("resources.annotations-valid")
def assert_last_modified(response: Judged) -> Exchange:
    """Assert that each `lastModified` of a result is a timestamp as ISO 8601 has them.

    Args:
        response: The response to a list of resources or templates, or to `prompts/get`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is another text; other types break the schema.
    """
    exchange = as_exchange(response)
    for found in annotations_in(exchange.result):
        when = found.get("lastModified")
        if isinstance(when, str) and not _TIMESTAMP.fullmatch(when):
            violated(f"lastModified is {_shown(when)}", "a timestamp such as 2026-01-12T15:00:58Z", exchange)
    return exchange


def annotations_in(value: object) -> Iterator[dict[str, Any]]:
    """Yield the annotations of a result, of items and of content blocks, however deep."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            if isinstance(each.get("annotations"), dict):
                yield each["annotations"]
            pending += each.values()
        elif isinstance(each, list):
            pending += each


@judges("resources.not-found-32002", "resources.not-found-32602")
def assert_resource_not_found(response: Judged, code: int) -> Exchange:
    """Assert that the error for a resource that does not exist has a code.

    Args:
        response: The response to `resources/read`.
        code: The code of the revision, -32002 or -32602.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code, a result, a status without JSON-RPC error, or no answer.
    """
    exchange = as_exchange(response)
    if code_in(exchange) != code:
        found = contents_in(exchange)
        actual = exchange.summary if found is None else f"{exchange.summary} with {len(found)} contents"
        violated(actual, f"JSON-RPC error {code}", exchange)
    return exchange


@judges("resources.not-found-no-empty-contents")
def assert_no_empty_contents(response: Judged) -> Exchange:
    """Assert that a resource that does not exist is not answered as one without contents.

    Args:
        response: The response to `resources/read`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a result with an empty array of contents.
    """
    exchange = as_exchange(response)
    if contents_in(exchange) == []:
        violated("a result with no contents", f"JSON-RPC error {INVALID_PARAMS}", exchange)
    return exchange


@judges("resources.internal-error")
def assert_unreadable_is_internal(response: Judged) -> Exchange:
    """Assert that a listed resource that cannot be read was refused as an internal error.

    Args:
        response: The response to `resources/read` of a listed resource, which is no result.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For HTTP 500 with another code or none, and for a code that says the request is
            none, or its method is unknown; as a note for any other code, which may say something else.
    """
    exchange = as_exchange(response)
    code = code_in(exchange)
    if code != INTERNAL_ERROR:
        known = exchange.status == 500 or code in _OWN_MESSAGE
        violated(
            f"{exchange.summary}, to a request for a listed resource",
            f"JSON-RPC error {INTERNAL_ERROR}",
            exchange,
            note=not known,
        )
    return exchange


@judges("resources.validate-uris")
def assert_uri_refused(response: Judged, what: str, *, legal: bool = False) -> Exchange:
    """Assert that a URI that is none was refused, and that an odd one does no harm.

    Args:
        response: The response to `resources/read`.
        what: What is special about the URI.
        legal: Whether it is a URI all the same, that may have contents.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For contents, HTTP 5xx, or no answer.
    """
    exchange = as_exchange(response)
    served = bool(contents_in(exchange)) and not legal
    if served or exchange.status is None or exchange.status >= 500:
        expected = ("a JSON-RPC error", "HTTP 4xx")
        violated(f"{exchange.summary}, to the uri {what}", expected, exchange)
    return exchange


@judges("resources.no-path-traversal", "resources.no-path-traversal.legacy")
def assert_not_traversed(response: Judged, sign: str) -> Exchange:
    """Assert that a path that leads out of what is served was not followed.

    Args:
        response: The response to `resources/read` of such a path.
        sign: What the file at the end of the path holds.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For contents that hold it; as a note for other contents.
    """
    exchange = as_exchange(response)
    found = contents_in(exchange)
    if found:
        texts = [item["text"] for item in found if isinstance(item.get("text"), str)]
        texts += [_decoded(item["blob"]) for item in found if isinstance(item.get("blob"), str)]
        followed = any(sign in text for text in texts)
        actual = "the contents of a file outside" if followed else "contents that are of no such file"
        violated(actual, "an error", exchange, note=not followed)
    return exchange


def _decoded(blob: str) -> str:
    try:
        return base64.b64decode(blob).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


def _members(exchange: Exchange, holder: str, name: str) -> Iterator[object]:
    result = exchange.result
    items = result.get(holder) if isinstance(result, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item.get(name)


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "...")
