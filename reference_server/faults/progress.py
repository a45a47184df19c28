"""Faults of progress: tokens, values, messages, and progress that does not end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import is_answer
from reference_server._layers import rewrite_message, when
from reference_server.faults import Fault
from reference_server.faults.subscription_streams import sent_to_all
from reference_server.faults.transport import asks_for_progress

STATEFUL: Final = ("stateful",)
STATELESS: Final = ("stateless",)
PROGRESS: Final = "notifications/progress"
TOOL: Final = "count_slowly"


def is_count(context: RequestContext) -> bool:
    """Select calls of the tool that reports progress."""
    return context.is_request and context.rpc_method == "tools/call" and context.params.get("name") == TOOL


def progress(token: object, value: float = 1) -> dict[str, Any]:
    """Return a progress notification."""
    return {"jsonrpc": "2.0", "method": PROGRESS, "params": {"progressToken": token, "progress": value}}


def is_progress(message: Any) -> bool:
    """Tell whether a message is progress."""
    return isinstance(message, dict) and message.get("method") == PROGRESS


def params_as(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Layer:
    """Change the params of the progress of calls; `change` gets them and returns those that differ."""

    def changed(message: Any, context: RequestContext) -> Any:
        if not is_progress(message):
            return message
        return {**message, "params": {**message["params"], **change(message["params"])}}

    return when(is_count, rewrite_message(changed))


def answers_as(change: Callable[[Any, RequestContext], list[Any]]) -> Layer:
    """Send more messages around the answers to calls."""

    def changed(message: Any, context: RequestContext) -> Any:
        return change(message, context) if is_answer(message) else message

    return when(is_count, rewrite_message(changed))


def as_text(params: dict[str, Any]) -> dict[str, Any]:
    """Give the token back as text."""
    return {"progressToken": str(params["progressToken"])}


def as_number(params: dict[str, Any]) -> dict[str, Any]:
    """Give a token that is a text of digits back as a number."""
    token = params["progressToken"]
    return {"progressToken": int(token) if isinstance(token, str) and token.isdigit() else token}


def as_latin1(params: dict[str, Any]) -> dict[str, Any]:
    """Give a token back as if its bytes were Latin-1."""
    token = params["progressToken"]
    return {"progressToken": token.encode().decode("latin-1") if isinstance(token, str) else token}


def unasked(message: Any, context: RequestContext) -> list[Any]:
    """Report progress under the id of a request that gave no token."""
    return [message] if asks_for_progress(context) else [progress(context.rpc_id), message]


def once_more(message: Any, context: RequestContext) -> list[Any]:
    """Report progress once more after the answer."""
    return [message, progress(context.meta["progressToken"], 99)] if asks_for_progress(context) else [message]


def of_the_last_one(message: Any, context: RequestContext) -> list[Any]:
    """Report more progress of requests that are answered ahead of the answer to a later one."""
    ended: list[object] = context.state.setdefault(f"progress-ended-{context.revision}", [])
    if not asks_for_progress(context):
        ended.clear()
        return [message]
    last = ended[-3:-1]
    ended.append(context.meta["progressToken"])
    return [*(progress(token, 99) for token in last), message]


def fault(
    name: str, requirement: str, summary: str, layer: Layer, modes: tuple[str, ...] = STATEFUL
) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"progress.{name}",
        (f"progress.{requirement}",),
        modes,
        summary=summary,
        layer=layer,
        options={"json_response": False},
    )


FAULTS = (
    fault(
        "made-up-token",
        "token-known",
        "progress is reported under a token that no request gave",
        params_as(lambda _: {"progressToken": "somebody-else's"}),
    ),
    fault(
        "unasked",
        "no-token-no-progress",
        "progress is reported under the id of a request that gave no token",
        answers_as(unasked),
    ),
    fault("token-as-text", "token-echo-exact", "tokens come back as text", params_as(as_text)),
    fault(
        "token-as-number",
        "token-echo-exact",
        "tokens that are text of digits come back as numbers",
        params_as(as_number),
        STATELESS,
    ),
    fault(
        "token-as-latin1",
        "token-echo-exact",
        "tokens come back in another character coding",
        params_as(as_latin1),
        STATELESS,
    ),
    fault(
        "stands-still",
        "increasing",
        "the last value is reported twice",
        params_as(lambda params: {"progress": min(params["progress"], 2)}),
    ),
    fault(
        "counts-down",
        "increasing",
        "progress is what is left to do",
        params_as(lambda params: {"progress": params["total"] - params["progress"]}),
        STATELESS,
    ),
    fault(
        "after-response",
        "stops-after-completion",
        "progress is reported once more after the response",
        answers_as(once_more),
    ),
    fault(
        "of-finished-calls",
        "stops-after-completion",
        "progress of a finished call is reported on the stream of a later one",
        answers_as(of_the_last_one),
        STATELESS,
    ),
    fault(
        "blank-message",
        "message-useful",
        "the messages of progress are blank",
        params_as(lambda _: {"message": " "}),
    ),
    fault(
        "sent-to-subscriptions",
        "not-on-listen-stream",
        "progress is sent to the subscriptions, too",
        sent_to_all(PROGRESS, TOOL),
        STATELESS,
    ),
)
