"""Faults of the jsonrpc chapter in what is refused: bodies, methods, params, ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, UNREADABLE, is_id
from reference_server._layers import (
    Response,
    answer_instead,
    combine,
    rewrite_message,
    rewrite_response_start,
    tee,
)
from reference_server.faults import Fault
from reference_server.faults.jsonrpc import errors, with_error
from reference_server.variants.lifecycle import NO_CAPABILITIES

LISTEN = "subscriptions/listen"
"""Its answer goes on, so that it cannot be awaited whole."""

HTML = (("content-type", "text/html; charset=utf-8"),)
PAGE = "<!doctype html><title>Error</title><h1>Internal Server Error</h1>"


def is_unreadable(context: RequestContext) -> bool:
    """Select short bodies that are no JSON; long ones may just be nested too deeply."""
    return context.method == "POST" and context.value is UNREADABLE and 0 < len(context.body) < 1000


def is_value(*kinds: type) -> Callable[[RequestContext], bool]:
    """Select bodies that are JSON of some kind, but no object and no array."""
    return lambda c: c.method == "POST" and type(c.value) in kinds


def is_object(test: Callable[[dict[str, Any]], bool]) -> Callable[[RequestContext], bool]:
    """Select bodies that are a JSON object for which a test holds."""
    return lambda c: c.method == "POST" and isinstance(c.value, dict) and test(c.value)


def calls(method: str, test: Callable[[Any], bool]) -> Callable[[RequestContext], bool]:
    """Select requests of a method for whose params a test holds."""
    return is_object(lambda v: v.get("method") == method and "id" in v and test(v.get("params")))


def error(code: int, message: str) -> Callable[[RequestContext], dict[str, Any]]:
    """Return a body with an error that has the id of the request as it was sent."""

    def body(context: RequestContext) -> dict[str, Any]:
        id = context.value.get("id") if isinstance(context.value, dict) else None
        return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}

    return body


def result(value: dict[str, Any]) -> Callable[[RequestContext], dict[str, Any]]:
    """Return a body with a result that has the id of the request as it was sent."""
    return lambda c: {"jsonrpc": "2.0", "id": c.value.get("id"), "result": value}


def on_unknown_method(change: Callable[[Response], Response]) -> Layer:
    """Change the whole answer to a request that is refused with -32601."""

    def changed(response: Response, context: RequestContext) -> Response:
        refused = any(m.get("error", {}).get("code") == METHOD_NOT_FOUND for m in response.messages)
        return change(response) if refused else response

    return tee(lambda c: c.is_request and c.rpc_method not in ("initialize", LISTEN), changed)


def in_place_of_method_not_found(message: Any, context: RequestContext) -> Any:
    """Answer an unknown method with an empty result."""
    if (
        isinstance(message, dict)
        and message.get("error", {}).get("code") == METHOD_NOT_FOUND
        and not context.is_batch
    ):
        return {"jsonrpc": "2.0", "id": message.get("id"), "result": {}}
    return message


def single(code: int, replacement: int) -> Layer:
    """Change the code of errors outside batches."""
    changed = with_error(code=replacement)
    return rewrite_message(
        lambda m, c: (
            changed(m)
            if isinstance(m, dict) and m.get("error", {}).get("code") == code and not c.is_batch
            else m
        )
    )


def undeclared(layer: Layer) -> Layer:
    """Do not declare anything, and answer the list of resources in some way."""
    return combine(layer, NO_CAPABILITIES)


NO_NAME = calls("tools/call", lambda params: isinstance(params, dict) and "name" not in params)
TEXT_PARAMS = is_object(lambda v: "params" in v and not isinstance(v["params"], (dict, list)))
LIST_PARAMS = is_object(lambda v: isinstance(v.get("params"), list))
NULL_ID = is_object(lambda v: v.get("id", 0) is None and isinstance(v.get("method"), str))
BAD_ID = is_object(
    lambda v: v.get("id") is not None and not is_id(v["id"]) and isinstance(v.get("method"), str)
)
PLAIN = ("ping", "server/discover")
OLD_VERSION = is_object(lambda v: v.get("jsonrpc") == "1.0" and v.get("method") in PLAIN)
NO_VERSION = is_object(lambda v: "jsonrpc" not in v and v.get("method") in PLAIN)
LIST_RESOURCES = calls("resources/list", lambda _: True)
NUMBER_METHOD = is_object(lambda v: type(v.get("method")) is int)

FAULTS = (
    Fault(
        "jsonrpc.invalid-json-crash",
        ("jsonrpc.parse-error",),
        summary="A body that is no JSON crashes the server.",
        layer=answer_instead(is_unreadable, 500, HTML, PAGE),
    ),
    Fault(
        "jsonrpc.invalid-json-page",
        ("jsonrpc.parse-error",),
        summary="A body that is no JSON gets a web page with 200.",
        layer=answer_instead(is_unreadable, 200, HTML, PAGE),
    ),
    Fault(
        "jsonrpc.invalid-json-swallowed",
        ("jsonrpc.parse-error",),
        summary="A body that is no JSON is accepted with 202.",
        layer=answer_instead(is_unreadable, 202),
    ),
    Fault(
        "jsonrpc.invalid-json-other-code",
        ("jsonrpc.parse-error",),
        summary="A body that is no JSON gets -32602.",
        layer=errors(with_error(code=INVALID_PARAMS), PARSE_ERROR),
    ),
    Fault(
        "jsonrpc.number-crash",
        ("jsonrpc.invalid-request",),
        summary="A body that is a JSON number or string crashes the server.",
        layer=answer_instead(is_value(int, str), 500, HTML, PAGE),
    ),
    Fault(
        "jsonrpc.null-swallowed",
        ("jsonrpc.invalid-request",),
        summary="The body null is accepted with 202.",
        layer=answer_instead(is_value(type(None)), 202),
    ),
    Fault(
        "jsonrpc.empty-object-swallowed",
        ("jsonrpc.invalid-request",),
        summary="An object without members is accepted with 202.",
        layer=answer_instead(is_object(lambda v: not v), 202),
    ),
    Fault(
        "jsonrpc.old-version-served",
        ("jsonrpc.invalid-request",),
        summary="Requests with jsonrpc 1.0 are served.",
        layer=answer_instead(OLD_VERSION, 200, body=result({})),
    ),
    Fault(
        "jsonrpc.no-version-served",
        ("jsonrpc.invalid-request",),
        summary="Requests without jsonrpc are served.",
        layer=answer_instead(NO_VERSION, 200, body=result({})),
    ),
    Fault(
        "jsonrpc.number-method-not-found",
        ("jsonrpc.invalid-request",),
        summary="A method that is a number is taken for an unknown one.",
        layer=answer_instead(NUMBER_METHOD, 200, body=error(METHOD_NOT_FOUND, "Method not found")),
    ),
    Fault(
        "jsonrpc.unknown-method-invalid-params",
        ("jsonrpc.method-not-found", "jsonrpc.method-not-found-404"),
        summary="An unknown method fails validation and gets -32602.",
        layer=single(METHOD_NOT_FOUND, INVALID_PARAMS),
    ),
    Fault(
        "jsonrpc.unknown-method-result",
        ("jsonrpc.method-not-found",),
        summary="An unknown method gets an empty result.",
        layer=rewrite_message(in_place_of_method_not_found),
    ),
    Fault(
        "jsonrpc.unknown-method-bare-404",
        ("jsonrpc.method-not-found", "jsonrpc.method-not-found-404"),
        summary="An unknown method gets 404 without a JSON-RPC error.",
        layer=on_unknown_method(lambda _: Response(404)),
    ),
    Fault(
        "jsonrpc.unknown-method-crash",
        ("jsonrpc.method-not-found", "jsonrpc.method-not-found-404"),
        summary="An unknown method crashes the server.",
        layer=on_unknown_method(lambda _: Response(500, HTML, PAGE.encode())),
    ),
    Fault(
        "jsonrpc.unknown-method-200",
        ("jsonrpc.method-not-found-404",),
        modes=("stateless",),
        summary="An unknown method gets -32601 with 200, as in earlier revisions.",
        layer=rewrite_response_start(lambda s, lines, c: (200 if s == 404 else s, lines)),
    ),
    Fault(
        "jsonrpc.unknown-method-400",
        ("jsonrpc.method-not-found-404",),
        modes=("stateless",),
        summary="An unknown method gets -32601 with 400.",
        layer=rewrite_response_start(lambda s, lines, c: (400 if s == 404 else s, lines)),
    ),
    Fault(
        "jsonrpc.gated-method-served",
        ("jsonrpc.gated-method-not-found",),
        modes=("stateless",),
        summary="Resources are listed although they are not declared.",
        layer=undeclared(
            answer_instead(LIST_RESOURCES, 200, body=result({"resources": [], "resultType": "complete"}))
        ),
    ),
    Fault(
        "jsonrpc.gated-method-invalid-params",
        ("jsonrpc.gated-method-not-found",),
        modes=("stateless",),
        summary="The list of resources, which are not declared, is refused for its params.",
        layer=undeclared(answer_instead(LIST_RESOURCES, 400, body=error(INVALID_PARAMS, "Unknown params"))),
    ),
    Fault(
        "jsonrpc.gated-method-200",
        ("jsonrpc.gated-method-not-found",),
        modes=("stateless",),
        summary="The list of resources, which are not declared, is refused with 200.",
        layer=undeclared(
            answer_instead(LIST_RESOURCES, 200, body=error(METHOD_NOT_FOUND, "Resources are off"))
        ),
    ),
    Fault(
        "jsonrpc.wrong-params-internal-error",
        ("jsonrpc.invalid-params",),
        summary="A tools/call without name gets -32603.",
        layer=answer_instead(NO_NAME, 200, body=error(-32603, "Internal error")),
    ),
    Fault(
        "jsonrpc.wrong-params-crash",
        ("jsonrpc.invalid-params",),
        summary="Params that are no object crash the server, which sends no body.",
        layer=answer_instead(TEXT_PARAMS, 500),
    ),
    Fault(
        "jsonrpc.wrong-params-served",
        ("jsonrpc.invalid-params",),
        summary="A resources/read whose uri is a number gets an empty result.",
        layer=answer_instead(
            calls("resources/read", lambda p: isinstance(p, dict) and type(p.get("uri")) is int),
            200,
            body=result({"contents": []}),
        ),
    ),
    Fault(
        "jsonrpc.wrong-params-other-code",
        ("jsonrpc.invalid-params",),
        summary="A prompts/get without name gets a code of the server's own.",
        layer=answer_instead(
            calls("prompts/get", lambda p: isinstance(p, dict) and "name" not in p),
            200,
            body=error(1001, "Which prompt?"),
        ),
    ),
    Fault(
        "jsonrpc.array-params-served",
        ("jsonrpc.params-array",),
        summary="Positional params are ignored.",
        layer=answer_instead(LIST_PARAMS, 200, body=result({})),
    ),
    Fault(
        "jsonrpc.array-params-crash",
        ("jsonrpc.params-array",),
        summary="Positional params crash the server.",
        layer=answer_instead(LIST_PARAMS, 500, HTML, PAGE),
    ),
    Fault(
        "jsonrpc.null-id-swallowed",
        ("jsonrpc.null-id-request",),
        summary="A request with the id null is taken for a notification.",
        layer=answer_instead(NULL_ID, 202),
    ),
    Fault(
        "jsonrpc.bad-id-served",
        ("jsonrpc.bad-id-types",),
        summary="Requests are served whatever the type of the id.",
        layer=answer_instead(BAD_ID, 200, body=result({})),
    ),
    Fault(
        "jsonrpc.bad-id-crash",
        ("jsonrpc.bad-id-types",),
        summary="Ids that are no key of a map crash the server.",
        layer=answer_instead(is_object(lambda v: isinstance(v.get("id"), (dict, list))), 500, HTML, PAGE),
    ),
    Fault(
        "jsonrpc.deep-body-crash",
        ("jsonrpc.large-and-deep-input",),
        summary="Deeply nested bodies exhaust the stack of the server.",
        layer=answer_instead(lambda c: c.body.count(b"[[") > 500, 500, HTML, PAGE),
    ),
    Fault(
        "jsonrpc.large-body-crash",
        ("jsonrpc.large-and-deep-input",),
        summary="Bodies over a megabyte crash the server.",
        layer=answer_instead(lambda c: len(c.body) > 2**20, 500, HTML, PAGE),
    ),
)
