"""Faults of prompts: their list and messages, names and arguments that are wrong, prompts that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    error_message,
)
from reference_server._layers import answer_instead, combine
from reference_server.faults import Fault
from reference_server.faults.schema import result_of
from reference_server.faults.tools import without_capability
from reference_server.prompts import PROMPTS

Json = dict[str, Any]
Predicate = Callable[[RequestContext], bool]

UNKNOWN = "mcp-http-check"
"""How names of the suite begin that no prompt has."""

TEXT = {"role": "user", "content": {"type": "text", "text": "Report the status."}}


def is_asked(method: str, test: Predicate = lambda c: True) -> Predicate:
    """Select requests of a method in which nothing else is wrong."""
    return lambda c: c.is_request and c.rpc_method == method and c.revision is not None and test(c)


def gets(test: Callable[[str, Json], bool]) -> Predicate:
    """Select fetches of a prompt by name and arguments."""

    def chosen(context: RequestContext) -> bool:
        name, arguments = context.params.get("name"), context.params.get("arguments", {})
        return isinstance(name, str) and isinstance(arguments, dict) and test(name, arguments)

    return is_asked("prompts/get", chosen)


def fails(test: Predicate, code: int, text: str, status: int = 200) -> Layer:
    """Answer the selected requests with an error."""
    return answer_instead(test, status, body=lambda c: error_message(code, text, request_id=c.rpc_id))


def answers(test: Predicate, members: Json) -> Layer:
    """Answer the selected requests with a result, in the form of their era."""

    def body(context: RequestContext) -> Json:
        modern = {"resultType": "complete", "_meta": SERVER} if context.is_modern else {}
        return {"jsonrpc": "2.0", "id": context.rpc_id, "result": {**modern, **members}}

    return answer_instead(test, 200, body=body)


SERVER = {"io.modelcontextprotocol/serverInfo": {"name": "pytest-mcp-http reference server", "version": "0"}}

IS_UNKNOWN = gets(lambda name, _: name.startswith(UNKNOWN) and name.isascii())
LACKS_TEXT = gets(lambda name, arguments: name == "review_text" and "text" not in arguments)
IS_STATUS = gets(lambda name, _: name == "server_status")
HAS_OBJECT = gets(lambda _, arguments: {} in arguments.values())
HAS_NUMBER = gets(lambda _, arguments: any(isinstance(each, int) for each in arguments.values()))
IS_LISTED = gets(lambda name, _: name in PROMPTS)
IS_LIST = is_asked("prompts/list")


def block(kind: str, change: Callable[[Json], object]) -> Layer:
    """Change every content block of a kind in the messages of prompts."""

    def changed(result: Json) -> None:
        for message in result["messages"]:
            if message["content"]["type"] == kind:
                change(message["content"])

    return result_of("prompts/get", changed)


def embedded(change: Callable[[Json], object]) -> Layer:
    """Change every embedded resource in the messages of prompts."""
    return block("resource", lambda content: change(content["resource"]))


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(f"prompts.{id}", (f"prompts.{requirement}",), ("stateless",), summary=summary, layer=layer)


def of_both_eras(id: str, legacy: str, modern: str, summary: str, layer: Layer) -> tuple[Fault, Fault]:
    """Make a fault for the requirement of each era."""
    return fault(id, legacy, summary, layer), fault(f"{id}-modern", modern, summary, layer)


FAULTS = (
    *of_both_eras(
        "undeclared",
        "capability-declared",
        "capability-declared.discover",
        "prompts are listed, although the capability is not declared",
        without_capability("prompts"),
    ),
    fault(
        "undeclared-crash",
        "respect-negotiation",
        "prompts are not declared, and prompts/list makes the server fail",
        combine(fails(IS_LIST, INTERNAL_ERROR, "Internal error", 500), without_capability("prompts")),
    ),
    fault(
        "undeclared-empty",
        "respect-negotiation",
        "prompts are not declared, and prompts/list is an empty list",
        combine(answers(IS_LIST, {"prompts": []}), without_capability("prompts")),
    ),
    *of_both_eras(
        "list-fails",
        "list-answered.legacy",
        "list-answered",
        "prompts are declared, and prompts/list fails",
        fails(IS_LIST, INTERNAL_ERROR, "Internal error"),
    ),
    *of_both_eras(
        "list-by-name",
        "list-answered.legacy",
        "list-answered",
        "the prompts are an object, by name",
        result_of("prompts/list", lambda r: r.update(prompts={each["name"]: each for each in r["prompts"]})),
    ),
    *of_both_eras(
        "list-without-name",
        "list-answered.legacy",
        "list-answered",
        "a prompt has a title, and no name",
        result_of("prompts/list", lambda r: r["prompts"][-1].update(title=r["prompts"][-1].pop("name"))),
    ),
    fault(
        "content-list",
        "get-messages",
        "the content of a prompt message is an array",
        result_of("prompts/get", lambda r: r["messages"][0].update(content=[r["messages"][0]["content"]])),
    ),
    fault(
        "system-role",
        "get-messages",
        "a prompt message has the role system",
        result_of("prompts/get", lambda r: r["messages"][0].update(role="system")),
    ),
    fault(
        "one-message",
        "get-messages",
        "the messages of a prompt are one message instead of an array",
        result_of("prompts/get", lambda r: r.update(messages=r["messages"][0])),
    ),
    fault(
        "listed-not-found",
        "get-messages",
        "prompts are listed, and prompts/get is an unknown method for them",
        combine(
            fails(lambda c: IS_LISTED(c) and not c.is_modern, METHOD_NOT_FOUND, "Method not found"),
            fails(lambda c: IS_LISTED(c) and c.is_modern, METHOD_NOT_FOUND, "Method not found", 404),
        ),
    ),
    fault(
        "unknown-empty",
        "unknown-name-32602",
        "an unknown prompt has no messages",
        answers(IS_UNKNOWN, {"messages": []}),
    ),
    fault(
        "unknown-internal-error",
        "unknown-name-32602",
        "an unknown prompt gets -32603",
        fails(IS_UNKNOWN, INTERNAL_ERROR, "KeyError"),
    ),
    fault(
        "unknown-own-code",
        "unknown-name-32602",
        "an unknown prompt gets a code of the server's own",
        fails(IS_UNKNOWN, 404, "No such prompt"),
    ),
    fault(
        "missing-argument-served",
        "missing-argument-32602",
        "a prompt is rendered without its required argument",
        answers(LACKS_TEXT, {"messages": [TEXT]}),
    ),
    fault(
        "missing-argument-internal-error",
        "missing-argument-32602",
        "a missing argument gets -32603",
        fails(LACKS_TEXT, INTERNAL_ERROR, "missing 1 required positional argument: 'text'"),
    ),
    fault(
        "object-served",
        "validate-arguments",
        "a prompt is rendered with an object as argument",
        answers(HAS_OBJECT, {"messages": [TEXT]}),
    ),
    fault(
        "number-crash",
        "validate-arguments",
        "a number as argument makes the server fail",
        fails(HAS_NUMBER, INTERNAL_ERROR, "Internal error", 500),
    ),
    fault(
        "failure-invalid-request",
        "internal-error",
        "a prompt that fails gets -32600",
        fails(IS_STATUS, INVALID_REQUEST, "The backend is down"),
    ),
    fault(
        "failure-code-zero",
        "internal-error",
        "a prompt that fails gets the code 0",
        fails(IS_STATUS, 0, "The backend is down"),
    ),
    fault(
        "image-data-uri",
        "image-encoded",
        "the data of an image is a data URI",
        block("image", lambda b: b.update(data=f"data:{b['mimeType']};base64,{b['data']}")),
    ),
    fault(
        "image-type-extension",
        "image-encoded",
        "the MIME type of an image is a file extension",
        block("image", lambda b: b.update(mimeType="png")),
    ),
    fault(
        "audio-url-safe",
        "audio-encoded",
        "the data of a sound is in the alphabet for URLs",
        block("audio", lambda b: b.update(data="gICAgP-_gICA")),
    ),
    fault(
        "audio-type-empty",
        "audio-encoded",
        "the MIME type of a sound is empty",
        block("audio", lambda b: b.update(mimeType="")),
    ),
    fault(
        "embedded-without-type",
        "embedded-resource-fields",
        "an embedded resource has no MIME type",
        embedded(lambda r: r.pop("mimeType")),
    ),
    fault(
        "embedded-relative",
        "embedded-resource-fields",
        "the URI of an embedded resource is a path",
        embedded(lambda r: r.update(uri="/files/greeting.txt")),
    ),
)
