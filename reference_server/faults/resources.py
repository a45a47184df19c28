"""Faults of resources: lists, contents, errors, URIs that are followed blindly."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    REVISIONS,
    SERVER_INFO_KEY,
    Layer,
    RequestContext,
)
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, error_message
from reference_server._layers import answer_instead, combine, rewrite_message, when
from reference_server.faults import Fault
from reference_server.faults.schema import result_of
from reference_server.faults.subscriptions import with_filter
from reference_server.variants.lifecycle import with_capabilities

Json = dict[str, Any]

STATELESS: Final = ("stateless",)
WITH_DATES: Final = REVISIONS[1:]
"""Revisions that define annotations, and refer to RFC 3986 for URIs."""

UNKNOWN: Final = "mcp-http-check://mcp-http-check-no-such-name"
"""A well-formed URI that is no resource."""


def reads(uris: Callable[[str], bool]) -> Callable[[RequestContext], bool]:
    """Select reads of some resources."""

    def selected(context: RequestContext) -> bool:
        uri = context.params.get("uri")
        known = context.is_request and context.revision is not None and context.rpc_method == "resources/read"
        return known and isinstance(uri, str) and uris(uri)

    return selected


def contents(context: RequestContext, *items: Json) -> Json:
    """Return the response to a read."""
    result: Json = {"contents": [{"uri": context.params["uri"], **item} for item in items]}
    if context.is_modern:
        server = {"name": "reference", "version": "1"}
        result |= {"resultType": "complete", "ttlMs": 0, "cacheScope": "public"}
        result["_meta"] = {SERVER_INFO_KEY: server}
    return {"jsonrpc": "2.0", "id": context.rpc_id, "result": result}


def served(uris: Callable[[str], bool], *items: Json) -> Layer:
    """Serve some URIs with contents."""
    return answer_instead(reads(uris), 200, body=lambda context: contents(context, *items))


def refused(uris: Callable[[str], bool], code: int, *, status: int = 200) -> Layer:
    """Refuse reads of some URIs."""
    return answer_instead(
        reads(uris), status, body=lambda context: error_message(code, "No", request_id=context.rpc_id)
    )


def list_refused(code: int, *, status_modern: int = 200) -> Layer:
    """Refuse the list of resources."""

    def layer(status: int) -> Layer:
        return answer_instead(
            lambda c: c.is_request and c.rpc_method == "resources/list" and c.revision is not None,
            status,
            body=lambda c: error_message(code, "No resources", request_id=c.rpc_id),
        )

    return combine(
        when(lambda c: c.is_modern, layer(status_modern)), when(lambda c: not c.is_modern, layer(200))
    )


def without_resources(granted: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Acknowledge nothing of resources."""
    return {name: value for name, value in granted.items() if not name.startswith("resource")}


def without_embedded(result: Json) -> None:
    """Leave resources out of the result of a tool."""
    if "content" in result:
        result["content"] = [block for block in result["content"] if block["type"] != "resource"]


def last_listed(**members: Any) -> Layer:
    """Change members of the last resource of each page."""
    return result_of("resources/list", lambda result: result["resources"][-1].update(members))


def pixel(change: Callable[[Json], object]) -> Layer:
    """Change the content of the image."""

    def changed(result: Json) -> None:
        for item in result["contents"]:
            if "blob" in item:
                change(item)

    return result_of("resources/read", changed)


def as_text(item: Json) -> None:
    """Give a blob as text."""
    item["text"] = item.pop("blob")


def with_own_page(message: Any, context: RequestContext) -> Any:
    """List a page at the host of the server, where nothing speaks TLS, on the last page."""
    result = message.get("result")
    if context.rpc_method != "resources/list" or not isinstance(result, dict) or "nextCursor" in result:
        return message
    message = copy.deepcopy(message)
    uri = f"https://{context.header('host')}/page"
    message["result"]["resources"].append({"uri": uri, "name": "page", "mimeType": "text/html"})
    return message


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    *,
    revisions: tuple[str, ...] = REVISIONS,
    modes: tuple[str, ...] = STATELESS,
) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"resources.{name}",
        (f"resources.{requirement}",),
        modes,
        summary=summary,
        layer=layer,
        revisions=revisions,
    )


FAULTS = (
    fault(
        "templates-undeclared",
        "capability-declared",
        "templates of resources are listed, and resources are not declared",
        combine(
            with_capabilities(resources=None),
            with_filter(without_resources),
            list_refused(METHOD_NOT_FOUND, status_modern=404),
            result_of("tools/call", without_embedded),
        ),
    ),
    fault(
        "list-missing",
        "list-answered",
        "the result of resources/list has no array of resources",
        result_of("resources/list", lambda result: result.pop("resources")),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "list-by-uri",
        "list-answered",
        "resources/list gives an object, by URI",
        result_of("resources/list", lambda r: r.update(resources={i["uri"]: i for i in r["resources"]})),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "items-without-name",
        "list-answered.legacy",
        "listed resources have a title, and no name",
        result_of("resources/list", lambda r: [i.update(title=i.pop("name")) for i in r["resources"]]),
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "list-fails",
        "list-answered.legacy",
        "resources/list fails, although resources are declared",
        list_refused(INTERNAL_ERROR),
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "text-and-blob",
        "read-contents",
        "the content of an image has an empty text beside its blob",
        pixel(lambda item: item.update(text="", mimeType="image/svg+xml")),
    ),
    fault(
        "content-without-uri",
        "read-contents",
        "the content of a resource has no uri",
        result_of("resources/read", lambda result: result["contents"][0].pop("uri")),
    ),
    fault(
        "content-object",
        "read-contents",
        "contents is an object instead of an array",
        result_of("resources/read", lambda result: result.update(contents=result["contents"][0])),
    ),
    fault(
        "not-found-as-invalid",
        "not-found-32002",
        "an unknown resource gets -32602, before the revision that has it so",
        refused(lambda uri: uri == UNKNOWN, INVALID_PARAMS),
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "not-found-as-text",
        "not-found-32002",
        "an unknown resource is a text that says so",
        served(lambda uri: uri == UNKNOWN, {"text": "Resource not found"}),
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "not-found-as-failure",
        "not-found-32602",
        "an unknown resource is an internal error",
        refused(lambda uri: uri == UNKNOWN, INTERNAL_ERROR),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "not-found-as-contents",
        "not-found-32602",
        "an unknown resource is a text that says so",
        served(lambda uri: uri == UNKNOWN, {"text": "Resource not found"}),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "not-found-as-nothing",
        "not-found-no-empty-contents",
        "an unknown resource has no contents",
        served(lambda uri: uri == UNKNOWN),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "failure-as-unknown-method",
        "internal-error",
        "a resource that cannot be read is an unknown method",
        refused(lambda uri: uri.endswith("/broken"), METHOD_NOT_FOUND),
    ),
    fault(
        "failure-as-status",
        "internal-error",
        "a resource that cannot be read is HTTP 500, and no JSON-RPC error",
        answer_instead(reads(lambda uri: uri.endswith("/broken")), 500, body="Internal Server Error"),
    ),
    fault(
        "failure-with-own-code",
        "internal-error",
        "a resource that cannot be read gets a code of the server's own, which may mean something else",
        refused(lambda uri: uri.endswith("/broken"), 1),
    ),
    fault(
        "scheme-with-underscore",
        "uri-rfc3986",
        "the scheme of a URI has an underscore",
        last_listed(uri="my_notes://today"),
        revisions=WITH_DATES,
    ),
    fault(
        "uri-relative",
        "uri-rfc3986",
        "a URI has no scheme",
        last_listed(uri="notes/today.txt"),
        revisions=WITH_DATES,
    ),
    fault(
        "uri-with-blank",
        "uri-rfc3986",
        "a URI has a blank and characters beyond ASCII",
        last_listed(uri="notes://für heute"),
        revisions=WITH_DATES,
    ),
    fault(
        "file-with-blank",
        "uri-rfc3986",
        "a file has a blank in its URI, which clients are used to",
        last_listed(uri="file:///my notes.txt"),
        revisions=WITH_DATES,
    ),
    fault(
        "listed-twice",
        "uri-unique",
        "a resource is listed twice",
        result_of("resources/list", lambda result: result["resources"].append(result["resources"][0])),
    ),
    fault(
        "https-unreachable",
        "https-only-when-fetchable",
        "an https resource cannot be fetched",
        rewrite_message(with_own_page),
    ),
    fault(
        "last-modified-local",
        "annotations-valid",
        "lastModified is a date as people write it",
        last_listed(annotations={"lastModified": "12/01/2026 15:00"}),
        revisions=WITH_DATES,
    ),
    fault(
        "last-modified-with-blank",
        "annotations-valid",
        "lastModified of a template has a blank between date and time",
        result_of(
            "resources/templates/list",
            lambda r: r["resourceTemplates"][0].update(annotations={"lastModified": "2026-01-12 15:00:58"}),
        ),
        revisions=WITH_DATES,
    ),
    fault(
        "priority-percent",
        "annotations-valid",
        "the priority of a resource is a percentage",
        last_listed(annotations={"priority": 50}),
        revisions=WITH_DATES,
    ),
    fault(
        "audience-developers",
        "annotations-valid",
        "the audience of a resource is neither user nor assistant",
        last_listed(annotations={"audience": ["developer"]}),
        revisions=WITH_DATES,
    ),
    fault(
        "empty-uri-served",
        "validate-uris",
        "an empty URI gets a resource",
        served(lambda uri: not uri, {"text": "Welcome"}),
    ),
    fault(
        "bad-uri-fails",
        "validate-uris",
        "what is no URI gets HTTP 500",
        refused(lambda uri: " " in uri, INTERNAL_ERROR, status=500),
    ),
    fault(
        "long-uri-fails",
        "validate-uris",
        "a long URI gets HTTP 500",
        answer_instead(reads(lambda uri: len(uri) > 4096), 500, body="URI too long"),
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "encoded-dots-followed",
        "no-path-traversal",
        "a path with encoded dots leads out of the tree of files",
        served(lambda uri: "%2e%2e/" in uri, {"text": "127.0.0.1 localhost\n"}),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "encoded-slashes-followed",
        "no-path-traversal",
        "a path with encoded slashes leads out of the tree of files, to bytes",
        served(lambda uri: "..%2f" in uri, {"blob": "MTI3LjAuMC4xIGxvY2FsaG9zdAo="}),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "dots-followed",
        "no-path-traversal.legacy",
        "a path with dots leads out of the tree of files",
        served(lambda uri: "../" in uri, {"text": "127.0.0.1 localhost\n"}),
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "blob-for-urls",
        "binary-encoded",
        "a blob has the alphabet for URLs, without padding",
        pixel(lambda item: item.update(blob="_-" + item["blob"].rstrip("="))),
    ),
    fault(
        "blob-in-lines",
        "binary-encoded",
        "a blob has line breaks",
        pixel(lambda item: item.update(blob=item["blob"][:40] + "\n" + item["blob"][40:])),
    ),
    fault("image-as-text", "text-only-if-text", "an image is base64 in a text", pixel(as_text)),
    fault(
        "text-with-nul",
        "text-only-if-text",
        "a text holds NUL characters",
        result_of(
            "resources/read",
            lambda r: [i.update(text=f"{i['text']}\0") for i in r["contents"] if "text" in i],
        ),
    ),
    fault(
        "text-with-replacements",
        "text-only-if-text",
        "a text holds replacement characters, which may be meant",
        result_of(
            "resources/read",
            lambda r: [i.update(text=f"{i['text']}\ufffd") for i in r["contents"] if "text" in i],
        ),
    ),
)
