"""Faults of what the client's model is asked for, of roots, and of states that are valid for a time."""

from __future__ import annotations

import copy
from typing import Any, Final

from reference_server._calls import Call, push_to_get_streams
from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, Layer, Message, RequestContext
from reference_server._layers import (
    answer_instead,
    combine,
    handle,
    rewrite_message,
    rewrite_request_body,
)
from reference_server.faults._asking import (
    KEY,
    Json,
    answered,
    asked,
    believing,
    both,
    fault,
    is_ask,
    is_call,
    is_retry,
    requests_of,
    with_params,
)

OLD: Final = HANDSHAKE_REVISIONS
SAMPLE: Final = b'"method":"sampling/createMessage"'
TOOL: Final = {"name": "lookup", "inputSchema": {"type": "object"}}


def _add(name: str) -> Any:
    def change(declared: Json) -> None:
        declared.setdefault(name, {})

    return change


def _add_tools(declared: Json) -> None:
    if declared.get("sampling") == {}:
        declared["sampling"] = {"tools": {}}


def _results(change: Any) -> Layer:
    """Change the messages that hold results of tools."""

    def changed(request: Json) -> None:
        for message in request["params"]["messages"]:
            content = message["content"]
            if isinstance(content, list) and any(block["type"] == "tool_result" for block in content):
                change(content)

    return asked(changed, "tools")


def _kept(message: Any, context: RequestContext) -> Any:
    """Put what the model said before at the head of each conversation with it."""
    if not is_ask("sampling")(context):
        return message
    kept = context.state.setdefault("sampled", [])
    answer = (context.params.get("inputResponses") or {}).get(KEY)
    if isinstance(answer, dict) and isinstance(answer.get("content"), dict):
        kept.append({"role": "assistant", "content": answer["content"]})
    message = copy.deepcopy(message)
    for request in requests_of(message):
        request["params"]["messages"][:0] = kept[-3:]
    return message


def _completed_content(answer: Json) -> None:
    """Take a text block without text for one with some."""
    content = answer.get("content")
    if (
        isinstance(content, dict)
        and content.get("type") == "text"
        and not isinstance(content.get("text"), str)
    ):
        answer["content"] = {"type": "text", "text": "nothing"}


def _uses_tools(responses: Any) -> bool:
    answer = responses.get(KEY) if isinstance(responses, dict) else None
    return isinstance(answer, dict) and answer.get("stopReason") == "toolUse"


def _asks_on(context: RequestContext) -> Any:
    """Ask the model again, whatever it answered."""
    messages = [{"role": "user", "content": {"type": "text", "text": "Go on."}}]
    params = {"messages": messages, "maxTokens": 100, "tools": [TOOL]}
    request = {"method": "sampling/createMessage", "params": params}
    result = {"resultType": "input_required", "inputRequests": {KEY: request}, "requestState": "on"}
    return {"jsonrpc": "2.0", "id": context.rpc_id, "result": result}


async def _elsewhere(call: Call) -> None:
    """Send sampling requests on the GET stream of the session, if it has one."""

    async def send(message: Message) -> None:
        body = message.get("body", b"")
        if SAMPLE in body and await push_to_get_streams(
            call.context.facts, body, session_id=call.context.session_id
        ):
            message = {**message, "body": b""}
        await call.send(message)

    await call.forward(send=send if is_call("sampling")(call.context) else None)


def _without_roots(context: RequestContext) -> bytes | None:
    """Remember that a client has no roots."""
    value = context.value
    if isinstance(value, dict) and "method" not in value and value.get("result") == {"roots": []}:
        context.state["no roots"] = True
    return None


def _silent(message: Any, context: RequestContext) -> Any:
    """Leave a call without response whose client has no roots."""
    if is_call("roots")(context) and "result" in message and context.state.pop("no roots", False):
        return None
    return message


def _without_argument(name: str) -> Layer:
    """Ignore an argument of the tool that asks back."""

    def changed(context: RequestContext) -> bytes | None:
        arguments = context.params.get("arguments")
        if not is_ask()(context) or not isinstance(arguments, dict) or name not in arguments:
            return None
        kept = {key: value for key, value in arguments.items() if key != name}
        return with_params(context, arguments=kept).body

    return rewrite_request_body(changed)


FAULTS = (
    both(
        "sampling-undeclared",
        "sampling-capability",
        "a client that did not declare sampling is asked for it",
        believing(_add("sampling")),
        revisions=OLD,
    ),
    both(
        "roots-undeclared",
        "roots-capability",
        "a client that did not declare roots is asked for them",
        believing(_add("roots")),
        revisions=OLD,
    ),
    both(
        "sampling-tools-undeclared",
        "sampling-tools-gated",
        "a client without sampling.tools gets tools",
        believing(_add_tools),
    ),
    both(
        "sampling-context-undeclared",
        "sampling-context-gated",
        "a client without sampling.context is asked for the context of the server",
        asked(lambda request: request["params"].update(includeContext="thisServer"), "sampling"),
    ),
    both(
        "results-with-text",
        "sampling-tool-result-only",
        "results of tools stand beside a text",
        _results(lambda content: content.append({"type": "text", "text": "That is it."})),
    ),
    both(
        "result-missing",
        "sampling-tool-balance",
        "the second of two uses of tools has no result",
        _results(lambda content: content.pop()),
    ),
    fault(
        "sampled-kept",
        "sampling-no-retention",
        "what the model said stands in the requests of later calls",
        rewrite_message(_kept),
    ),
    both(
        "sampled-not-validated",
        "sampling-validate",
        "a text block without text is taken",
        answered(_completed_content),
    ),
    both(
        "tools-without-end",
        "sampling-validate",
        "the model is asked again for as long as it uses tools",
        answer_instead(is_retry(_uses_tools, "tools"), 200, body=_asks_on),
        revisions=MODERN_REVISIONS,
    ),
    both(
        "sampling-elsewhere",
        "sampling-request-related",
        "sampling requests come on the GET stream",
        handle(_elsewhere),
        revisions=OLD,
    ),
    both(
        "no-roots-break",
        "roots-handling",
        "a call whose client has no roots gets no response",
        combine(rewrite_request_body(_without_roots), rewrite_message(_silent)),
        revisions=OLD,
    ),
    both(
        "no-roots-crash",
        "roots-handling",
        "a call whose client has no roots gets HTTP 500",
        answer_instead(is_retry(lambda responses: responses == {KEY: {"roots": []}}), 500),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "state-without-end",
        "state-expiry",
        "a state is taken after its time",
        _without_argument("milliseconds"),
    ),
    fault(
        "state-reused",
        "state-single-use",
        "a state is taken twice by a tool that takes it once",
        _without_argument("once"),
    ),
)
