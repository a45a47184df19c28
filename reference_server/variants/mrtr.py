"""Legal ways to ask a client back, and to take its answer, in which servers differ."""

from __future__ import annotations

from typing import Any

from reference_server._calls import Call
from reference_server._context import MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS
from reference_server._layers import combine, handle, rewrite_message
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults._asking import (
    complete,
    has_answer,
    interim,
    is_ask,
    is_retry,
    refuse,
    with_params,
    with_valid_state,
)
from reference_server.variants import Variant

AGAIN = ".second"
"""Ends the state of a second round."""

REFUSED_STATE = "Invalid or expired requestState"


def _with_more(message: Any, context: RequestContext) -> Any:
    """Ask for roots as well, if the client declared them."""
    asked = message.get("result", {}).get("inputRequests")
    if not is_ask("elicitation")(context) or asked is None or "roots" not in context.meta[CAPABILITIES_KEY]:
        return message
    more = {**asked, "where files/are": {"method": "roots/list", "params": {"_meta": {}}}}
    return {**message, "result": {**message["result"], "inputRequests": more}}


async def _second_round(call: Call) -> None:
    """Ask a second time before a call is completed."""
    context = call.context
    state = context.params.get("requestState")
    if not is_ask()(context) or not isinstance(state, str):
        await call.forward()
    elif state.endswith(AGAIN):
        await call.forward(with_params(context, requestState=state.removesuffix(AGAIN)))
    else:
        first = await call.capture()
        if any(_is_complete(message) for message in first.messages):
            first = await call.capture(with_params(context, inputResponses=None))
            for message in first.messages:
                message["result"]["requestState"] += AGAIN
                await call.answer(200, (), message)
            return
        await call.answer(first.status, first.headers, first.body)


def _is_complete(message: Any) -> bool:
    return bool(message.get("result", {}).get("resultType") == "complete")


def _deferred(message: Any, context: RequestContext) -> Any:
    """Ask those for nothing but a retry who call for the first time."""
    result = message.get("result", {})
    if not is_ask()(context) or "inputRequests" not in result or "inputResponses" in context.params:
        return message
    return {**message, "result": {k: member for k, member in result.items() if k != "inputRequests"}}


async def _dropping(call: Call) -> None:
    """Take a retry whose state is refused for a first call."""
    if not is_ask()(call.context):
        await call.forward()
        return
    response = await call.capture()
    if any(m.get("error", {}).get("message") == REFUSED_STATE for m in response.messages):
        response = await call.capture(with_params(call.context, requestState=None))
    await call.answer(response.status, response.headers, response.body)


def _is_used(context: RequestContext) -> bool:
    """Tell whether the state of a request was used before, and remember it if it is not one."""
    state = context.params.get("requestState")
    if not is_ask()(context) or not isinstance(state, str):
        return False
    used = context.state.setdefault("used request states", set())
    found = state in used
    used.add(state)
    return found


def _stateless() -> Layer:
    """Give no state, and need none."""
    answered = is_retry(lambda responses: True)
    return combine(
        interim(lambda result: result.pop("requestState")),
        with_valid_state(lambda c: answered(c) and "requestState" not in c.params),
    )


def variant(name: str, summary: str, layer: Layer) -> Variant:
    """Make a variant of the era that has multi round-trip requests."""
    return Variant(name, ("stateless",), summary=summary, layer=layer, revisions=MODERN_REVISIONS)


VARIANTS = (
    variant(
        "asks-for-two-things",
        "two input requests in one result, one under a key with a space and a slash",
        rewrite_message(_with_more),
    ),
    variant("asks-twice", "a second round of the same call; servers may ask again", handle(_second_round)),
    variant(
        "asks-to-retry",
        "a first result with a state alone: the client is to call again",
        rewrite_message(_deferred),
    ),
    variant("asks-without-state", "no requestState; it is optional beside inputRequests", _stateless()),
    variant(
        "drops-bad-state",
        "a retry with a state that fails verification is asked anew",
        handle(_dropping),
    ),
    variant(
        "state-once",
        "a state is taken once, as it has to be where an operation must not be repeated",
        refuse(_is_used, INVALID_PARAMS, "This request was completed"),
    ),
    variant(
        "answers-optional",
        "a call is completed without answers as well; what is asked for need not be necessary",
        complete(is_retry(lambda responses: responses == {})),
    ),
    variant(
        "declines-as-errors",
        "a user who declines or cancels ends the call with a JSON-RPC error",
        combine(
            refuse(is_retry(has_answer(action="decline")), -32000, "The user declined"),
            refuse(is_retry(has_answer(action="cancel")), -32000, "The user cancelled"),
        ),
    ),
    variant(
        "odd-actions-decline",
        "an action that is none of the three counts as declined",
        combine(complete(is_retry(has_answer(action="decline"))), complete(is_retry(has_answer(action=5)))),
    ),
)
