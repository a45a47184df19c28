"""Faults of what a server asks a client for, and how."""

from __future__ import annotations

from typing import Any

from reference_server._calls import JSON_TYPE, Response
from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import MISSING_CLIENT_CAPABILITY, encode
from reference_server._layers import EventBlock, combine, hold_open, rewrite_events, rewrite_message, tee
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults import Fault
from reference_server.faults._asking import (
    KEY,
    STREAMED,
    Json,
    asking,
    both,
    fault,
    interim,
    is_ask,
    is_call,
)
from reference_server.faults.schema import result_of

URL_ELICITATION_REQUIRED = -32042


def _on_stream(answered: bool) -> Layer:
    """Ask for an elicitation by a request on the stream; then end the call, or wait for an answer."""

    def changed(message: Any, context: RequestContext) -> Any:
        asked = message.get("result", {}).get("inputRequests")
        if not is_ask("elicitation")(context) or asked is None:
            return message
        request = {"jsonrpc": "2.0", "id": "ask-1", **asked[KEY]}
        result = {"resultType": "complete", "content": []}
        return [request, {**message, "result": result}] if answered else request

    def waits(context: RequestContext) -> bool:
        declared = context.meta.get(CAPABILITIES_KEY, {})
        return not answered and is_ask("elicitation")(context) and "elicitation" in declared

    return combine(hold_open(waits), rewrite_message(changed))


def _twice(block: EventBlock, context: RequestContext) -> EventBlock:
    """Give a key twice, which no JSON library would write."""
    data = block.data or ""
    if not is_ask("roots")(context) or '"inputRequests":{' not in data:
        return block
    doubled = '"inputRequests":{"answer":{"method":"sampling/createMessage"},'
    return block.with_data(data.replace('"inputRequests":{', doubled))


def _lists_for_declared(message: Any, context: RequestContext) -> Any:
    """Ask those for roots who list prompts and declared roots."""
    declared = context.meta.get(CAPABILITIES_KEY, {})
    if context.rpc_method != "prompts/list" or "roots" not in declared or "result" not in message:
        return message
    result = {"resultType": "input_required", "inputRequests": {"roots": {"method": "roots/list"}}}
    return {**message, "result": result}


def _undeclared(kind: str, *, others: bool) -> Layer:
    """Ask those for something who declared nothing, or only other things."""
    questions: Json = {
        "elicitation": {
            "method": "elicitation/create",
            "params": {"message": "Why?", "requestedSchema": {"type": "object", "properties": {}}},
        },
        "roots": {"method": "roots/list"},
    }

    def changed(response: Response, context: RequestContext) -> Response:
        declared = context.meta.get(CAPABILITIES_KEY)
        codes = [message.get("error", {}).get("code") for message in response.messages]
        if MISSING_CLIENT_CAPABILITY not in codes or bool(declared) is not others or kind in (declared or ()):
            return response
        asked = {KEY: questions[kind]}
        result = {"resultType": "input_required", "inputRequests": asked}
        return Response(200, (JSON_TYPE,), encode({"jsonrpc": "2.0", "id": context.rpc_id, "result": result}))

    return tee(is_ask(kind), changed)


def _demanding_nothing(message: Any, context: RequestContext) -> Any:
    """Demand an elicitation, but none in particular, of those who cannot be asked for roots."""
    if not is_call("roots")(context) or "did not declare" not in str(message.get("result")):
        return message
    error = {"code": URL_ELICITATION_REQUIRED, "message": "More information is needed"}
    return {"jsonrpc": "2.0", "id": message["id"], "error": error}


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
        "roots-with-number",
        "request-kinds",
        "a request for roots has a number as params",
        asking(lambda a: a.update(params=5), "roots"),
    ),
    fault(
        "key-twice",
        "keys-unique",
        "a key of inputRequests stands there twice",
        rewrite_events(_twice),
        STREAMED,
    ),
    both(
        "asks-undeclared-roots",
        "roots-capability",
        "a client that declared nothing is asked for roots",
        _undeclared("roots", others=False),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "asks-undeclared",
        "capability-gated",
        "a client that declared nothing is asked for an elicitation",
        _undeclared("elicitation", others=False),
    ),
    fault(
        "asks-otherwise-declared",
        "capability-gated",
        "a client that declared other things is asked for an elicitation",
        _undeclared("elicitation", others=True),
    ),
    fault(
        "url-mode-without-url",
        "elicit-url-params",
        "an elicitation in URL mode has no url",
        asking(lambda a: a["params"].pop("url"), "url"),
    ),
    fault(
        "url-mode-without-message",
        "elicit-url-params",
        "an elicitation in URL mode has no message",
        asking(lambda a: a["params"].pop("message"), "url"),
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
    Fault(
        "mrtr.elicitation-demanded",
        ("mrtr.elicit-32042-only-when-needed",),
        modes=("stateful",),
        summary="a call whose client cannot be asked gets the error that demands an elicitation, with none",
        layer=rewrite_message(_demanding_nothing),
        revisions=HANDSHAKE_REVISIONS[-1:],
    ),
)
