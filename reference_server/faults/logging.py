"""Faults of logging: levels, filters, streams, and what log messages hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import anyio

from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, Layer, Message, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, encode, error_message
from reference_server._layers import (
    Call,
    answer_instead,
    combine,
    handle,
    rewrite_message,
    rewrite_request_body,
    when,
)
from reference_server.faults import Fault
from reference_server.faults.schema import OPENING, before_result_of, result_of
from reference_server.faults.subscription_streams import sent_to_all

STATEFUL: Final = ("stateful",)
STATELESS: Final = ("stateless",)
LOG_MESSAGE: Final = "notifications/message"
LOG_TOOL: Final = "log_each_level"
LEVEL_KEY: Final = "io.modelcontextprotocol/logLevel"
LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
BESIDE_SECONDS: Final = 0.2
"""How long a call waits for messages of another one."""

LISTED: Final = {"method": LOG_MESSAGE, "params": {"level": "info", "data": "Tools were listed"}}
STREAMED: Final[dict[str, bool | float | str]] = {"json_response": False}
PEM: Final = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----"


def is_log_call(context: RequestContext) -> bool:
    """Select calls of the tool that logs."""
    return (
        context.is_request and context.rpc_method == "tools/call" and context.params.get("name") == LOG_TOOL
    )


def is_log_message(message: Any) -> bool:
    """Tell whether a message is a log message."""
    return isinstance(message, dict) and message.get("method") == LOG_MESSAGE


def logged(level: str, text: str) -> dict[str, Any]:
    """Return a log message."""
    return {"jsonrpc": "2.0", "method": LOG_MESSAGE, "params": {"level": level, "data": text}}


def sets_level(context: RequestContext) -> bool:
    """Select requests for another level of the session."""
    return context.is_request and not context.is_modern and context.rpc_method == "logging/setLevel"


def sets_unknown_level(context: RequestContext) -> bool:
    """Select requests for a level that there is not."""
    return sets_level(context) and context.params.get("level") not in LEVELS


def empty_result(context: RequestContext) -> dict[str, Any]:
    """Return an empty result."""
    return {"jsonrpc": "2.0", "id": context.rpc_id, "result": {}}


def refusal(code: int) -> Callable[[RequestContext], dict[str, Any]]:
    """Return a function that makes an error of a code."""
    return lambda context: error_message(code, "Unknown level", request_id=context.rpc_id)


def taken(levels: Callable[[RequestContext], bool]) -> Layer:
    """Take levels, whatever they are."""
    return answer_instead(lambda context: sets_level(context) and levels(context), 200, body=empty_result)


def with_level(change: Callable[[RequestContext], object]) -> Layer:
    """Change the level that a modern request asks for; None leaves it out."""

    def changed(context: RequestContext) -> bytes | None:
        if not (context.is_modern and context.is_request):
            return None
        meta = {**context.meta, LEVEL_KEY: change(context)}
        kept = {name: value for name, value in meta.items() if value is not None}
        return encode({**context.value, "params": {**context.params, "_meta": kept}})

    return rewrite_request_body(changed)


def messages_as(change: Callable[[dict[str, Any], RequestContext], dict[str, Any]]) -> Layer:
    """Change the params of the messages of the tool that logs."""

    def changed(message: Any, context: RequestContext) -> Any:
        if not is_log_message(message):
            return message
        return {**message, "params": change(message["params"], context)}

    return when(is_log_call, rewrite_message(changed))


def with_headers(*names: str) -> Layer:
    """Log request headers with each message, all of them or some."""
    return messages_as(
        lambda params, context: {
            **params,
            "data": {name: value for name, value in context.headers if not names or name in names},
        }
    )


def late_message(message: Any, context: RequestContext) -> Any:
    """Log once more after the result."""
    if "result" in message and LEVEL_KEY in context.meta:
        return [message, logged("emergency", "That was all")]
    return message


async def crossed(call: Call) -> None:
    """Send the messages of a call to a call beside it that asked for none, too."""
    running: list[bytes] = call.state.setdefault("logged", [])

    async def keep(message: Message) -> None:
        body = message.get("body", b"")
        if LOG_MESSAGE.encode() in body:
            running.append(body)
        await call.send(message)

    if LEVEL_KEY in call.context.meta:
        await call.forward(send=keep)
        return
    known = len(running)
    with anyio.move_on_after(BESIDE_SECONDS):
        while len(running) == known:
            await anyio.sleep(0.005)
    response = await call.capture()
    await call.answer(response.status, response.headers, b"".join([*running[known:], response.body]))


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    *,
    modes: tuple[str, ...] = STATEFUL,
    options: dict[str, bool | float | str] | None = None,
) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"logging.{name}",
        (f"logging.{requirement}",),
        modes,
        summary=summary,
        layer=layer,
        options=options or {},
    )


FAULTS = (
    fault(
        "undeclared",
        "capability-declared",
        "log messages are sent, but logging is not declared",
        result_of(OPENING, lambda r: r["capabilities"].pop("logging", None)),
    ),
    fault(
        "undeclared-lists",
        "capability-declared",
        "that tools are listed is logged, but logging is not declared",
        combine(
            result_of(OPENING, lambda r: r["capabilities"].pop("logging", None)),
            before_result_of("tools/list", LISTED, revisions=HANDSHAKE_REVISIONS),
        ),
        modes=STATELESS,
        options=STREAMED,
    ),
    fault(
        "level-repeated",
        "set-level-empty-result",
        "the result of logging/setLevel repeats the level",
        result_of("logging/setLevel", lambda r: r.update(level="warning")),
    ),
    fault(
        "set-level-fails",
        "set-level-empty-result",
        "logging is declared, but no level can be set",
        answer_instead(sets_level, 200, body=refusal(INTERNAL_ERROR)),
        modes=STATELESS,
    ),
    fault(
        "python-levels-only",
        "set-level-all-levels",
        "levels that the logger of a language does not know are refused",
        answer_instead(
            lambda context: (
                sets_level(context) and context.params.get("level") in ("notice", "alert", "emergency")
            ),
            200,
            body=refusal(INVALID_PARAMS),
        ),
    ),
    fault(
        "unknown-level-taken",
        "set-level-invalid-32602",
        "logging/setLevel takes any level",
        taken(sets_unknown_level),
    ),
    fault(
        "unknown-level-fails",
        "set-level-invalid-32602",
        "an unknown level is an internal error",
        answer_instead(sets_unknown_level, 200, body=refusal(INTERNAL_ERROR)),
    ),
    fault(
        "capitals-taken",
        "set-level-invalid-32602",
        "levels may be written in capitals, which harms nobody",
        taken(lambda context: context.params.get("level") == "INFO"),
    ),
    fault(
        "level-ignored",
        "level-filter",
        "the level is taken, and all messages are sent all the same",
        taken(lambda context: not sets_unknown_level(context)),
    ),
    fault(
        "request-level-ignored",
        "level-filter.per-request",
        "a request that asks for messages gets them all",
        with_level(
            lambda context: "debug" if context.meta.get(LEVEL_KEY) in LEVELS else context.meta.get(LEVEL_KEY)
        ),
        modes=STATELESS,
    ),
    fault(
        "unasked",
        "no-message-without-log-level",
        "requests that ask for no messages get them",
        when(is_log_call, with_level(lambda context: context.meta.get(LEVEL_KEY, "info"))),
        modes=STATELESS,
    ),
    fault(
        "lists-logged",
        "no-message-without-log-level",
        "that tools are listed is logged, asked for or not",
        before_result_of("tools/list", LISTED, revisions=MODERN_REVISIONS),
        modes=STATELESS,
    ),
    fault(
        "request-level-unchecked",
        "invalid-level-32602",
        "an unknown level in a request is taken for none",
        with_level(lambda context: level if (level := context.meta.get(LEVEL_KEY)) in LEVELS else None),
        modes=STATELESS,
    ),
    fault(
        "request-level-other-code",
        "invalid-level-32602",
        "an unknown level in a request gets another code",
        answer_instead(
            lambda context: context.is_plain and context.meta.get(LEVEL_KEY, LEVELS[0]) not in LEVELS,
            400,
            body=refusal(INVALID_REQUEST),
        ),
        modes=STATELESS,
    ),
    fault(
        "sent-to-subscriptions",
        "not-on-listen-stream",
        "log messages are sent to the subscriptions, too",
        sent_to_all(LOG_MESSAGE, LOG_TOOL),
        modes=STATELESS,
    ),
    fault(
        "crossed",
        "only-on-own-stream",
        "the messages of one request are sent to another one that runs, too",
        when(lambda context: context.is_modern and is_log_call(context), handle(crossed)),
        modes=STATELESS,
        options=STREAMED,
    ),
    fault(
        "after-response",
        "before-response",
        "a log message follows the response",
        when(is_log_call, rewrite_message(late_message)),
        modes=STATELESS,
    ),
    fault(
        "capitals",
        "message-shape",
        "the levels of messages are written in capitals",
        messages_as(lambda params, _: {**params, "level": params["level"].upper()}),
    ),
    fault(
        "without-data",
        "message-shape",
        "messages have their text elsewhere than in data",
        messages_as(lambda params, _: {"level": params["level"], "message": params["data"]["message"]}),
    ),
    fault(
        "headers-logged",
        "no-secrets",
        "the headers of the request are logged, credentials included",
        with_headers(),
    ),
    fault(
        "key-logged",
        "no-secrets",
        "a private key is logged",
        messages_as(lambda params, _: {**params, "data": f"Using the key\n{PEM}"}),
        modes=STATELESS,
    ),
    fault(
        "address-logged",
        "remove-sensitive",
        "the address of the user is logged",
        with_headers("from"),
    ),
    fault(
        "adopted",
        "not-adopted",
        "a server of 2026-07-28 alone declares logging, which is deprecated there",
        result_of("server/discover", lambda r: r["capabilities"].update(logging={})),
        modes=STATELESS,
        options={"era": "modern"},
    ),
)
