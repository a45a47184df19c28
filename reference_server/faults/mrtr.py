"""Faults of multi round-trip requests: what is asked for, the state, and what becomes of the answer."""

from __future__ import annotations

import base64
import binascii
import copy
import json
from collections.abc import Callable
from typing import Any, Final

from reference_server._calls import JSON_TYPE, Call, Response
from reference_server._context import HANDSHAKE_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    MISSING_CLIENT_CAPABILITY,
    encode,
    error_message,
)
from reference_server._layers import (
    EventBlock,
    Predicate,
    answer_instead,
    combine,
    handle,
    hold_open,
    rewrite_events,
    rewrite_message,
    rewrite_request_body,
    tee,
)
from reference_server.faults import Fault
from reference_server.faults.schema import result_of

Json = dict[str, Any]

ASK: Final = "ask_back"
KEY: Final = "answer"
URL_ELICITATION_REQUIRED: Final = -32042

MAX_PENDING: Final = 15
"""Calls that may wait for their client at once, in the fault that counts them."""


# -- selecting ----------------------------------------------------------------------------------------------


def is_ask(*kinds: str) -> Predicate:
    """Select calls of the tool that asks back, for some kinds or for all."""

    def selected(context: RequestContext) -> bool:
        if context.rpc_method != "tools/call" or context.params.get("name") != ASK or not context.is_modern:
            return False
        arguments = context.params.get("arguments")
        return not kinds or (isinstance(arguments, dict) and arguments.get("kind") in kinds)

    return selected


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
    return isinstance(state, str) and state in context.state.get("issued", ())


def _remembered(message: Any, context: RequestContext) -> Any:
    state = message.get("result", {}).get("requestState")
    if state is not None:
        context.state.setdefault("issued", set()).add(state)
    return message


def taking_states(known: bool) -> Layer:
    """Take states that were issued for other requests, or that were not issued at all."""

    def selected(context: RequestContext) -> bool:
        return is_ask()(context) and "requestState" in context.params and is_known(context) is known

    return combine(rewrite_message(_remembered), with_valid_state(selected))


# -- more of one kind ---------------------------------------------------------------------------------------


def _on_stream(answered: bool) -> Layer:
    """Ask for an elicitation by a request on the stream; then end the call, or wait for an answer."""

    def changed(message: Any, context: RequestContext) -> Any:
        asked = message.get("result", {}).get("inputRequests")
        if not is_ask("elicitation")(context) or asked is None:
            return message
        request = {"jsonrpc": "2.0", "id": "ask-1", **asked[KEY]}
        result = {"resultType": "complete", "content": []}
        return [request, {**message, "result": result}] if answered else request

    if answered:
        return rewrite_message(changed)
    waits = is_ask("elicitation")
    return combine(
        hold_open(lambda c: waits(c) and "inputResponses" not in c.params), rewrite_message(changed)
    )


def _twice(block: EventBlock, context: RequestContext) -> EventBlock:
    """Give a key twice, which no JSON library would write."""
    data = block.data or ""
    if not is_ask("roots")(context) or '"inputRequests":{' not in data:
        return block
    doubled = '"inputRequests":{"answer":{"method":"sampling/createMessage"},'
    return block.with_data(data.replace('"inputRequests":{', doubled))


def _lists_for_declared(message: Any, context: RequestContext) -> Any:
    """Ask those for roots who list prompts and declared roots."""
    declared = context.meta.get("io.modelcontextprotocol/clientCapabilities", {})
    if context.rpc_method != "prompts/list" or "roots" not in declared or "result" not in message:
        return message
    result = {"resultType": "input_required", "inputRequests": {"roots": {"method": "roots/list"}}}
    return {**message, "result": result}


def _undeclared(*kinds: str, to_nothing: bool) -> Layer:
    """Ask for what the client did not declare, perhaps only if it declared something else."""
    questions: Json = {
        "elicitation": {
            "method": "elicitation/create",
            "params": {"message": "Why?", "requestedSchema": {"type": "object", "properties": {}}},
        },
        "roots": {"method": "roots/list"},
    }

    def changed(response: Response, context: RequestContext) -> Response:
        declared = context.meta.get("io.modelcontextprotocol/clientCapabilities")
        codes = [message.get("error", {}).get("code") for message in response.messages]
        if MISSING_CLIENT_CAPABILITY not in codes or (not declared and not to_nothing):
            return response
        asked = {KEY: questions[context.params["arguments"]["kind"]]}
        result = {"resultType": "input_required", "inputRequests": asked}
        return Response(200, (JSON_TYPE,), encode({"jsonrpc": "2.0", "id": context.rpc_id, "result": result}))

    return tee(is_ask(*kinds), changed)


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
        state["pending"] = max(state.get("pending", 0) - 1, 0)
    elif state.get("pending", 0) >= MAX_PENDING:
        await call.answer(400, (), error_message(-32000, "Too many calls wait", request_id=context.rpc_id))
        return
    response = await call.capture()
    if any(m.get("result", {}).get("resultType") == "input_required" for m in response.messages):
        state["pending"] = state.get("pending", 0) + 1
    await call.answer(response.status, response.headers, response.body)


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


STREAMED: Final[dict[str, bool | str]] = {"json_response": False}

FAULTS = (
    fault(
        "asks-on-stream",
        "used-for-client-input",
        "an elicitation is a request on the stream of the call",
        _on_stream(answered=True),
        STREAMED,
    ),
    fault(
        "waits-on-stream",
        "used-for-client-input",
        "an elicitation is a request on the stream of the call, which waits for its response",
        _on_stream(answered=False),
        STREAMED,
    ),
    fault(
        "tools-list-asks",
        "only-supported-methods",
        "tools/list gets an input_required result",
        result_of(
            "tools/list",
            lambda r: r.update(resultType="input_required", requestState="1") if "resultType" in r else None,
        ),
    ),
    fault(
        "prompts-list-asks",
        "only-supported-methods",
        "prompts/list asks a client for roots that declared them",
        rewrite_message(_lists_for_declared),
    ),
    fault(
        "ask-without-type",
        "result-type",
        "a result that asks has no resultType",
        interim(lambda r: r.pop("resultType"), "sampling"),
    ),
    fault(
        "ask-as-complete",
        "result-type",
        "a result that asks says that it is complete",
        interim(lambda r: r.update(resultType="complete"), "roots"),
    ),
    fault(
        "asks-nothing",
        "at-least-one-field",
        "an input_required result has neither requests nor state",
        interim(lambda r: [r.pop("inputRequests"), r.pop("requestState")], "roots"),
    ),
    fault(
        "asks-null",
        "at-least-one-field",
        "an input_required result has null for requests and state",
        interim(lambda r: r.update(inputRequests=None, requestState=None), "elicitation"),
    ),
    fault(
        "asks-for-ping",
        "request-kinds",
        "the client is asked for a ping",
        asking(lambda a: a.update(method="ping")),
    ),
    fault(
        "asks-by-name",
        "request-kinds",
        "inputRequests holds names of methods",
        interim(lambda r: r["inputRequests"].update({KEY: "roots/list"}), "roots"),
    ),
    fault(
        "sampling-without-limit",
        "request-kinds",
        "a sampling request has no maxTokens",
        asking(lambda a: a["params"].pop("maxTokens"), "sampling"),
    ),
    fault(
        "elicitation-without-message",
        "request-kinds",
        "an elicitation has no message",
        asking(lambda a: a["params"].pop("message"), "elicitation"),
    ),
    fault(
        "key-twice",
        "keys-unique",
        "a key of inputRequests stands there twice",
        rewrite_events(_twice),
        STREAMED,
    ),
    fault(
        "asks-undeclared",
        "capability-gated",
        "a client that declared nothing is asked for roots",
        _undeclared("roots", to_nothing=True),
    ),
    fault(
        "asks-otherwise-declared",
        "capability-gated",
        "a client that declared other things is asked for an elicitation",
        _undeclared("elicitation", to_nothing=False),
    ),
    fault(
        "url-mode-without-url",
        "elicit-url-params",
        "an elicitation in URL mode has no url",
        asking(lambda a: a.update(params={"mode": "url", "message": "Sign in."}), "elicitation"),
    ),
    fault(
        "url-mode-without-message",
        "elicit-url-params",
        "an elicitation in URL mode has no message",
        asking(lambda a: a.update(params={"mode": "url", "url": "https://example.com/"}), "elicitation"),
    ),
    fault(
        "sampling-role",
        "sampling-message-role",
        "a sampling message has the role system",
        asking(lambda a: a["params"]["messages"][0].update(role="system"), "sampling"),
    ),
    fault(
        "sampling-without-content",
        "sampling-message-role",
        "a sampling message has text in place of content",
        asking(lambda a: a["params"]["messages"].append({"role": "user", "text": "Hello"}), "sampling"),
    ),
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
        complete(is_retry(lambda r: isinstance(r, list), "roots")),
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
    Fault(
        "mrtr.elicitation-demanded",
        ("mrtr.elicit-32042-only-when-needed",),
        summary="an unknown prompt gets the error that demands an elicitation",
        layer=refuse(
            lambda c: (
                c.rpc_method == "prompts/get" and str(c.params.get("name", "")).startswith("mcp-http-check")
            ),
            URL_ELICITATION_REQUIRED,
            "More information is needed",
        ),
        revisions=HANDSHAKE_REVISIONS[-1:],
    ),
)
