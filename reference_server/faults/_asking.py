"""What faults and variants of multi round-trip requests are made of: calls of the tool that asks back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from reference_server._calls import Call
from reference_server._context import REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import encode, error_message
from reference_server._layers import (
    Predicate,
    answer_instead,
    combine,
    handle,
    rewrite_message,
    rewrite_request_body,
)
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults import Fault

Json = dict[str, Any]

ASK: Final = "ask_back"
KEY: Final = "answer"
STREAMED: Final[dict[str, bool | str]] = {"json_response": False}


# -- selecting ----------------------------------------------------------------------------------------------


def is_call(*kinds: str) -> Predicate:
    """Select calls of the tool that asks back, in both eras, for some kinds or for all."""

    def selected(context: RequestContext) -> bool:
        if context.rpc_method != "tools/call" or context.params.get("name") != ASK:
            return False
        arguments = context.params.get("arguments")
        return not kinds or (isinstance(arguments, dict) and arguments.get("kind") in kinds)

    return selected


def is_ask(*kinds: str) -> Predicate:
    """Select the same calls, of the era in which their result asks."""
    selected = is_call(*kinds)
    return lambda context: context.is_modern and selected(context)


def is_retry(test: Callable[[Any], bool], *kinds: str) -> Predicate:
    """Select retries of such calls whose `inputResponses` pass a test."""
    asked = is_ask(*kinds)
    return lambda c: asked(c) and "inputResponses" in c.params and test(c.params["inputResponses"])


def has_answer(**members: Any) -> Callable[[Any], bool]:
    """Test whether the answer is an object with these members."""

    def test(responses: Any) -> bool:
        answer = responses.get(KEY) if isinstance(responses, dict) else None
        return isinstance(answer, dict) and all(answer.get(name) == value for name, value in members.items())

    return test


def is_malformed(responses: Any) -> bool:
    """Tell whether the answers are no object, or one that holds something else than objects."""
    if not isinstance(responses, dict):
        return True
    return any(not isinstance(answer, dict) or answer.get("action") == 5 for answer in responses.values())


# -- changing -----------------------------------------------------------------------------------------------


def refuse(predicate: Predicate, code: int, message: str, status: int = 400) -> Layer:
    """Answer the selected requests with a JSON-RPC error."""
    return answer_instead(predicate, status, body=lambda c: error_message(code, message, request_id=c.rpc_id))


def complete(predicate: Predicate, **members: Any) -> Layer:
    """Answer the selected calls with a complete result."""
    result = {"resultType": "complete", "content": [{"type": "text", "text": "done"}], **members}
    return answer_instead(predicate, 200, body=lambda c: {"jsonrpc": "2.0", "id": c.rpc_id, "result": result})


def interim(change: Callable[[Json], object], *kinds: str) -> Layer:
    """Change a copy of the results that ask for something of some kinds."""
    selected = is_ask(*kinds)

    def changed(message: Any, context: RequestContext) -> Any:
        if not selected(context) or message.get("result", {}).get("resultType") != "input_required":
            return message
        message = copy.deepcopy(message)
        change(message["result"])
        return message

    return rewrite_message(changed)


def asking(change: Callable[[Json], object], *kinds: str) -> Layer:
    """Change the input requests of some kinds."""
    return interim(lambda result: change(result["inputRequests"][KEY]), *kinds)


def asked(change: Callable[[Json], object], *kinds: str) -> Layer:
    """Change what is asked for, in both eras: requests on the stream of the call, or input requests."""
    selected = is_call(*kinds)

    def changed(message: Any, context: RequestContext) -> Any:
        if not selected(context):
            return message
        message = copy.deepcopy(message)
        for request in requests_of(message):
            change(request)
        return message

    return rewrite_message(changed)


def requests_of(message: Json) -> list[Json]:
    """Return what a message asks the client for: itself, or the input requests of its result."""
    if "method" in message:
        return [message] if "id" in message and message["method"] != "ping" else []
    result = message.get("result", {})
    return list(result.get("inputRequests", {}).values()) if isinstance(result, dict) else []


def believing(change: Callable[[Json], object]) -> Layer:
    """Change which capabilities the server takes for declared; `change` gets a copy of them."""

    def changed(context: RequestContext) -> bytes | None:
        params = copy.deepcopy(context.params)
        holder, key = (
            (params.get("_meta"), CAPABILITIES_KEY) if context.is_modern else (params, "capabilities")
        )
        declared = holder.get(key) if isinstance(holder, dict) else None
        if not isinstance(declared, dict) or not (context.is_modern or context.is_initialize):
            return None
        change(declared)
        return encode({**context.value, "params": params})

    return rewrite_request_body(changed)


def answered(change: Callable[[Json], object]) -> Layer:
    """Change copies of the client's answers, in both eras: results that it POSTs, or its input responses."""

    def changed(context: RequestContext) -> bytes | None:
        value = copy.deepcopy(context.value)
        if not isinstance(value, dict):
            return None
        if "method" not in value and isinstance(value.get("result"), dict):
            change(value["result"])
        elif is_ask()(context) and isinstance(context.params.get("inputResponses"), dict):
            for answer in value["params"]["inputResponses"].values():
                if isinstance(answer, dict):
                    change(answer)
        else:
            return None
        return encode(value)

    return rewrite_request_body(changed)


def with_params(context: RequestContext, **members: Any) -> RequestContext:
    """Return a request whose params have these members, or lack them (None)."""
    params = {**context.params, **members}
    kept = {name: value for name, value in params.items() if value is not None}
    return context.changed(body=encode({**context.value, "params": kept}))


def with_valid_state(predicate: Predicate) -> Layer:
    """Serve the selected retries as if they had a state that was issued for them."""

    async def run(call: Call) -> None:
        context = call.context
        if predicate(context):
            asked = await call.capture(with_params(context, requestState=None, inputResponses=None))
            state = next((m["result"].get("requestState") for m in asked.messages if "result" in m), None)
            context = with_params(context, requestState=state)
        await call.forward(context)

    return handle(run)


def is_known(context: RequestContext) -> bool:
    """Tell whether the state of a request is one that was issued, for whatever request."""
    state = context.params.get("requestState")
    return isinstance(state, str) and state in context.state.get("issued request states", ())


def _remembered(message: Any, context: RequestContext) -> Any:
    state = message.get("result", {}).get("requestState")
    if state is not None:
        context.state.setdefault("issued request states", set()).add(state)
    return message


def taking_states(known: bool) -> Layer:
    """Take states that were issued for other requests, or that were not issued at all."""

    def selected(context: RequestContext) -> bool:
        # States that lapse, or that are used once, are other matters.
        plain = set(context.params.get("arguments") or ()) == {"kind"}
        return plain and is_ask()(context) and "requestState" in context.params and is_known(context) is known

    return combine(rewrite_message(_remembered), with_valid_state(selected))


def fault(
    id: str, requirement: str, summary: str, layer: Layer, options: dict[str, bool | str] | None = None
) -> Fault:
    """Make a fault of the era that has multi round-trip requests."""
    return Fault(
        f"mrtr.{id}",
        (f"mrtr.{requirement}",),
        ("stateless",),
        summary=summary,
        layer=layer,
        options=options or {},
    )


def both(
    id: str,
    requirement: str,
    summary: str,
    layer: Layer,
    *,
    revisions: tuple[str, ...] = REVISIONS,
    chapter: str = "mrtr",
    options: dict[str, bool | str] | None = None,
) -> Fault:
    """Make a fault of what a session with event streams, or a request of the modern era, is asked for."""
    return Fault(
        f"{chapter}.{id}",
        (f"{chapter}.{requirement}",),
        ("stateful",),
        summary=summary,
        layer=layer,
        options=options or {},
        revisions=revisions,
    )
