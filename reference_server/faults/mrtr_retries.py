"""Faults of the state that goes through the client, and of what becomes of the client's answer."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from reference_server._calls import Call
from reference_server._context import RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, encode, error_message
from reference_server._layers import answer_instead, combine, handle, rewrite_message, rewrite_request_body
from reference_server.faults._asking import (
    KEY,
    complete,
    fault,
    has_answer,
    is_ask,
    is_malformed,
    is_retry,
    refuse,
    taking_states,
    with_params,
)

MAX_PENDING: Final = 15
"""Calls that may wait for their client at once, in the fault that counts them."""


def _opened(state: object) -> tuple[str, int] | None:
    """Read a state of the fault that does not protect it: the one of the server inside, and a limit."""
    try:
        found = json.loads(base64.urlsafe_b64decode(state if isinstance(state, str) else ""))
        return str(found["state"]), int(found["limit"])
    except (binascii.Error, KeyError, TypeError, ValueError):
        return None


def _outer_state(message: Any, context: RequestContext) -> Any:
    """Put a limit into each state, and the limit that comes back into the outcome."""
    result = message.get("result")
    if not is_ask()(context) or not isinstance(result, dict):
        return message
    if isinstance(result.get("requestState"), str):
        state = base64.urlsafe_b64encode(encode({"limit": 10, "state": result["requestState"]})).decode()
        return {**message, "result": {**result, "requestState": state}}
    opened = _opened(context.params.get("requestState"))
    if opened is None:
        return message
    text = {"type": "text", "text": f"limit {opened[1]}"}
    return {**message, "result": {**result, "content": [*result["content"], text]}}


def _inner_state(context: RequestContext) -> bytes | None:
    opened = _opened(context.params.get("requestState")) if is_ask()(context) else None
    return with_params(context, requestState=opened[0]).body if opened else None


async def _counting(call: Call) -> None:
    """Refuse calls while too many wait for their client."""
    context, state = call.context, call.context.state
    if not is_ask()(context):
        await call.forward()
        return
    if "inputResponses" in context.params:
        state["pending calls"] = max(state.get("pending calls", 0) - 1, 0)
    elif state.get("pending calls", 0) >= MAX_PENDING:
        await call.answer(400, (), error_message(-32000, "Too many calls wait", request_id=context.rpc_id))
        return
    response = await call.capture()
    if any(m.get("result", {}).get("resultType") == "input_required" for m in response.messages):
        state["pending calls"] = state.get("pending calls", 0) + 1
    await call.answer(response.status, response.headers, response.body)


FAULTS = (
    fault(
        "state-not-a-string-crash",
        "state-untrusted",
        "a state that is no string is an internal error",
        refuse(
            lambda c: c.rpc_method == "prompts/get" and not isinstance(c.params.get("requestState", ""), str),
            INTERNAL_ERROR,
            "Internal error",
            500,
        ),
    ),
    fault(
        "state-huge-crash",
        "state-untrusted",
        "a huge state is an internal error",
        answer_instead(
            lambda c: c.rpc_method == "prompts/get" and len(str(c.params.get("requestState", ""))) > 100_000,
            500,
            body="Internal Server Error",
        ),
    ),
    fault(
        "state-unprotected",
        "state-integrity",
        "a state holds a limit that clients can change, and the limit decides",
        combine(rewrite_message(_outer_state), rewrite_request_body(_inner_state)),
    ),
    fault("state-any", "state-integrity", "any state will do", taking_states(known=False)),
    fault(
        "state-of-others",
        "state-request-bound",
        "the state of a call with other arguments is taken",
        taking_states(known=True),
    ),
    fault(
        "waits-for-retries",
        "no-assumed-retry",
        "calls are refused while too many wait for their client",
        handle(_counting),
    ),
    fault(
        "retry-refused",
        "retry-completes",
        "a retry is refused, since its id is not that of the call",
        refuse(is_retry(has_answer(action="accept"), "elicitation"), INVALID_REQUEST, "Unknown request"),
    ),
    fault(
        "retry-crash",
        "retry-completes",
        "a retry with roots is an internal error",
        refuse(
            is_retry(lambda r: isinstance(r, dict) and KEY in r and isinstance(r[KEY], dict), "roots"),
            INTERNAL_ERROR,
            "Internal error",
            500,
        ),
    ),
    fault(
        "arrays-taken",
        "validate-responses",
        "answers that are arrays are taken",
        complete(is_retry(lambda r: isinstance(r, dict) and isinstance(r.get(KEY), list), "sampling")),
    ),
    fault(
        "wrong-types-taken",
        "validate-responses",
        "an answer with members of other types is taken",
        complete(is_retry(has_answer(action=5), "elicitation")),
    ),
    fault(
        "list-of-answers-taken",
        "validate-responses",
        "an array of answers is taken",
        complete(is_retry(lambda r: isinstance(r, list), "elicitation")),
    ),
    fault(
        "malformed-without-error",
        "protocol-error",
        "malformed answers get an HTTP error alone",
        answer_instead(is_retry(is_malformed), 400),
    ),
    fault(
        "malformed-as-tool-error",
        "protocol-error",
        "malformed answers get a result that reports an error",
        complete(is_retry(is_malformed, "elicitation"), isError=True),
    ),
    fault(
        "extra-answer-refused",
        "ignore-extra-responses",
        "an answer that nobody asked for is refused",
        refuse(
            is_retry(lambda r: isinstance(r, dict) and bool(r.keys() - {KEY})),
            INVALID_PARAMS,
            "Unknown input response",
        ),
    ),
    fault(
        "unsolicited-refused",
        "unsolicited-responses-ignored",
        "answers to nothing are refused",
        refuse(
            lambda c: c.rpc_method == "prompts/get" and "inputResponses" in c.params,
            INVALID_PARAMS,
            "There were no input requests",
        ),
    ),
    fault(
        "missing-refused",
        "missing-response-rerequested",
        "a retry without answers is refused",
        refuse(is_retry(lambda r: r == {}), INVALID_PARAMS, "Missing input response"),
    ),
    fault(
        "decline-crash",
        "decline-handled",
        "a user who declines is an internal error",
        refuse(is_retry(has_answer(action="decline")), INTERNAL_ERROR, "Internal error", 500),
    ),
    fault(
        "cancel-crash",
        "decline-handled",
        "a user who cancels is an internal error",
        answer_instead(is_retry(has_answer(action="cancel")), 500, body="Internal Server Error"),
    ),
)
