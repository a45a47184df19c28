"""Variants of the envelope: how errors, results and batches may look that are legal and not common."""

from __future__ import annotations

import json
from typing import Any

from reference_server import batches
from reference_server._context import MODERN_REVISIONS, VERSION_KEY, HeaderLines, RequestContext
from reference_server._jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNREADABLE,
    encode,
    error_message,
    is_call,
)
from reference_server._layers import (
    Call,
    EventBlock,
    Response,
    answer_instead,
    combine,
    handle,
    rewrite_body,
    rewrite_message,
    rewrite_response_start,
    tee,
)
from reference_server.corrections_modern import METHOD_HEADER, NAMED_BY
from reference_server.variants import Variant
from reference_server.variants.discover import subscribes_to_nothing

Json = dict[str, Any]
ID_OPTIONAL_SINCE = "2025-11-25"


def code_of(message: Any) -> object:
    """Return the code of an error message, or None."""
    return message.get("error", {}).get("code") if isinstance(message, dict) else None


def with_status(status: int, *codes: int) -> Any:
    """Answer single requests that are refused with some codes, by JSON and with another HTTP status."""

    def changed(response: Response, context: RequestContext) -> Response:
        if response.status not in (200, 400) or not any(code_of(m) in codes for m in response.messages):
            return response
        body = encode(response.messages[-1])
        return Response(status, (("content-type", "application/json"),), body)

    # The answer to a subscription goes on, and a call may ask the client: neither can be awaited whole.
    unfit = ("initialize", "subscriptions/listen")

    def selected(context: RequestContext) -> bool:
        asks = context.rpc_method == "tools/call" and context.params.get("name") in (
            "ask_back",
            "ask_briefly",
        )
        return context.is_request and context.rpc_method not in unfit and not asks and _is_live(context)

    return tee(selected, changed)


def _is_live(context: RequestContext) -> bool:
    return context.revision is not None and context.header("origin") is None


def unreadable_as_200(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Say 200 where a body could not be read or is no message; the JSON-RPC error tells what is wrong."""
    wrong = context.value is UNREADABLE or not isinstance(context.value, (dict, list))
    return (200 if status == 400 and context.method == "POST" and wrong else status), lines


def error_id(change: Any) -> Any:
    """Change the id of errors on unreadable bodies."""
    return rewrite_message(lambda m, c: change(m, c) if code_of(m) == PARSE_ERROR else m)


def is_old_notification(context: RequestContext) -> bool:
    """Tell whether this is a notification with another JSON-RPC version."""
    return context.is_notification and context.value.get("jsonrpc") != "2.0"


def has_mistyped_meta(context: RequestContext) -> bool:
    """Tell whether this is a request whose `_meta` is an array."""
    return context.is_request and isinstance(context.params.get("_meta"), list)


def is_id_alone(context: RequestContext) -> bool:
    """Tell whether this is an object with an id, but without method, result and error."""
    value = context.value
    return isinstance(value, dict) and "id" in value and not {"method", "result", "error"} & value.keys()


def with_null_id(message: Json, context: RequestContext) -> Json:
    """Set the id null."""
    return {**message, "id": None}


def without_id(message: Json, context: RequestContext) -> Json:
    """Leave the id out."""
    return {key: value for key, value in message.items() if key != "id"}


def with_text_id(message: Json, context: RequestContext) -> Json:
    """Set an id of the server's own in the revisions whose schema wants a string or number in every error."""
    early = context.revision is not None and context.revision < ID_OPTIONAL_SINCE
    return {**message, "id": "server-error"} if early else message


def with_error_data(message: Any, context: RequestContext) -> Any:
    """Add data to every error."""
    if not isinstance(message, dict) or "error" not in message:
        return message
    return {**message, "error": {"data": {"hint": ["see", "the", "manual"]}, **message["error"]}}


def with_more_members(message: Any, context: RequestContext) -> Any:
    """Add members to every result, and to the message around it."""
    if not isinstance(message, dict) or not isinstance(message.get("result"), dict):
        return message
    # The result of ping has to be empty, and what a capability is called is the server's own.
    more = {} if context.rpc_method == "ping" or context.is_batch else {"exampleServer": {"took": 1}}
    return {**message, "result": {**message["result"], **more}}


def with_meta(message: Any, context: RequestContext) -> Any:
    """Add metadata of the vendor to every result."""
    if not isinstance(message, dict) or not isinstance(message.get("result"), dict):
        return message
    meta = {**message["result"].get("_meta", {}), "com.example/took-ms": 1}
    return {**message, "result": {**message["result"], "_meta": meta}}


def served_batch(context: RequestContext) -> bool:
    """Select batches that are served."""
    return context.is_batch and context.revision == batches.REVISION and any(map(is_call, context.members))


def reversed_array(body: bytes, context: RequestContext) -> bytes:
    """Turn the order of the responses to a batch round."""
    value = json.loads(body) if served_batch(context) and body else None
    return encode(value[::-1]) if isinstance(value, list) else body


async def _as_one_event(call: Call) -> None:
    """Answer a batch by one event that holds all responses."""
    if not served_batch(call.context):
        await call.forward()
        return
    response = await call.capture()
    if response.status != 200:
        await call.answer(response.status, response.headers, response.body)
        return
    event = EventBlock((("data", encode(response.messages).decode()),)).encode()
    await call.answer(200, [("content-type", "text/event-stream")], event)


def refusal(code: int, message: str) -> Json:
    """Return an error without id."""
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}}


def without_features(message: Any, context: RequestContext) -> Any:
    """Declare no capability in `server/discover`."""
    if context.rpc_method != "server/discover" or not isinstance(message, dict) or "result" not in message:
        return message
    return {**message, "result": {**message["result"], "capabilities": {}}}


def is_feature(context: RequestContext) -> bool:
    """Select modern requests behind a capability, once everything else about them is right."""
    features = ("tools", "prompts", "resources", "completion", "tasks")
    named = (context.rpc_method or "").partition("/")[0] in features
    headers = context.header(METHOD_HEADER) == context.rpc_method
    return context.is_request and context.is_modern and named and headers and _states_era(context)


def _states_era(context: RequestContext) -> bool:
    return context.revision is not None and context.meta.get(VERSION_KEY) == context.revision


def is_misshapen(context: RequestContext) -> bool:
    """Select modern bodies without method, and requests without the name that a header repeats."""
    if not context.is_modern or context.method != "POST" or context.value is UNREADABLE or context.is_batch:
        return False
    named_by = NAMED_BY.get(context.rpc_method or "")
    return context.rpc_method is None or (
        named_by is not None and not isinstance(context.params.get(named_by), str)
    )


VARIANTS = (
    Variant(
        "errors-as-http-400",
        summary="Refused requests get HTTP 400 with the JSON-RPC error; no status is tied to it.",
        layer=with_status(400, METHOD_NOT_FOUND, INVALID_PARAMS, INVALID_REQUEST, -32002),
    ),
    Variant(
        "unknown-method-as-http-404",
        summary="An unknown method gets HTTP 404 with -32601, as in later revisions.",
        layer=with_status(404, METHOD_NOT_FOUND),
    ),
    Variant(
        "unreadable-as-http-200",
        summary="A body that is no JSON or no message gets HTTP 200 with the JSON-RPC error.",
        layer=rewrite_response_start(unreadable_as_200),
    ),
    Variant(
        "unreadable-id-absent",
        summary="An error on an unreadable body has no id.",
        layer=error_id(without_id),
    ),
    Variant(
        "unreadable-id-null",
        summary="An error on an unreadable body has the id null, as JSON-RPC says.",
        layer=error_id(with_null_id),
    ),
    Variant(
        "unreadable-id-text",
        summary="Up to 2025-06-18 an error on an unreadable body has an id, since the schema demands one.",
        layer=error_id(with_text_id),
    ),
    Variant(
        "malformed-notification-200",
        summary="A notification that is no JSON-RPC 2.0 is an invalid request, refused with HTTP 200.",
        layer=answer_instead(
            is_old_notification,
            200,
            body=error_message(INVALID_REQUEST, "Invalid Request", request_id=None),
        ),
    ),
    Variant(
        "mistyped-meta-id-null",
        summary="A request whose _meta is an array is not read far enough to know its id.",
        layer=answer_instead(
            has_mistyped_meta,
            400,
            body=error_message(INVALID_PARAMS, "Invalid params", request_id=None),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "methodless-accepted",
        summary="An id without a method is taken for a response, and ignored.",
        layer=answer_instead(is_id_alone, 202),
    ),
    Variant(
        "unreadable-bare-400",
        summary="A body that is no JSON gets a plain HTTP 400.",
        layer=tee(
            lambda c: c.method == "POST" and c.value is UNREADABLE,
            lambda response, _: Response(400) if response.status == 400 else response,
        ),
    ),
    Variant(
        "error-data",
        summary="Errors carry data.",
        layer=rewrite_message(with_error_data),
    ),
    Variant(
        "more-members",
        summary="Results have members that no revision names; extra members are allowed everywhere.",
        layer=rewrite_message(with_more_members),
    ),
    Variant(
        "result-meta",
        summary="Every result, ping's too, carries metadata of the vendor.",
        layer=rewrite_message(with_meta),
    ),
    Variant(
        "batch-array-reversed",
        summary="A batch is answered by a JSON array in another order than the requests.",
        layer=rewrite_body(reversed_array),
        options={"json_response": True},
    ),
    Variant(
        "batch-as-one-event",
        summary="A batch is answered by one event that holds an array.",
        layer=handle(_as_one_event),
        options={"json_response": False},
    ),
    Variant(
        "batch-of-notifications-refused",
        summary="A batch without requests is refused; input that cannot be accepted gets an HTTP error.",
        layer=answer_instead(
            lambda c: c.is_batch and bool(c.members) and not any(map(is_call, c.members)),
            400,
            body=refusal(INVALID_REQUEST, "The batch has no request"),
        ),
    ),
    Variant(
        "batch-refused-for-a-member",
        summary="A batch with a member that is no message is refused as a whole.",
        layer=answer_instead(
            lambda c: c.is_batch and any(not isinstance(m, dict) for m in c.members),
            400,
            body=refusal(INVALID_REQUEST, "A member of the batch is no message"),
        ),
    ),
    Variant(
        "discover-alone",
        modes=("stateless",),
        summary="Nothing is declared, so that there is nothing besides server/discover and subscriptions.",
        layer=combine(
            rewrite_message(without_features),
            subscribes_to_nothing,
            answer_instead(
                is_feature,
                404,
                body=lambda c: error_message(METHOD_NOT_FOUND, "Method not found", request_id=c.rpc_id),
            ),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "headers-before-shape",
        modes=("stateless",),
        summary="Headers are compared with the body first, so what is missing there makes them differ.",
        layer=answer_instead(
            is_misshapen,
            400,
            body=lambda c: error_message(HEADER_MISMATCH, "Headers and body differ", request_id=c.rpc_id),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "unknown-notification-refused",
        summary="A notification that the server does not know is refused with an HTTP error.",
        layer=answer_instead(
            lambda c: c.is_notification and str(c.rpc_method).endswith("-check") and _is_live(c),
            400,
            body=refusal(METHOD_NOT_FOUND, "The notification is not known"),
        ),
    ),
)
