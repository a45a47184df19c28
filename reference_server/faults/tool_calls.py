"""Faults of tool calls: what results hold, and how wrong calls are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from reference_server._calls import Call, Response
from reference_server._context import (
    HANDSHAKE_REVISIONS,
    REVISIONS,
    SERVER_INFO_KEY,
    Layer,
    RequestContext,
)
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND
from reference_server._layers import combine, handle, rewrite_message
from reference_server._tool import ToolError
from reference_server.faults import Fault
from reference_server.faults.schema import result_of
from reference_server.faults.tools import (
    MODES,
    NAMED_SINCE,
    Json,
    fault,
    unknown_method,
    without_capability,
)
from reference_server.handlers import SERVER_NAME
from reference_server.tools import TOOLS

STRUCTURED_SINCE = REVISIONS[1:]
"""Revisions with structured results."""

Predicate = Callable[[RequestContext], bool]


def call_of(name: str, test: Predicate = lambda context: True) -> Predicate:
    """Select calls of a tool."""
    return lambda c: c.rpc_method == "tools/call" and c.params.get("name") == name and test(c)


def of_result(name: str, change: Callable[[Json], object]) -> Layer:
    """Change the results of a tool that are no errors."""

    def changed(message: Any, context: RequestContext) -> Any:
        result = message.get("result")
        if not call_of(name)(context) or not isinstance(result, dict) or result.get("isError"):
            return message
        result = json.loads(json.dumps(result))
        change(result)
        return {**message, "result": result}

    return rewrite_message(changed)


def of_block(kind: str, **members: object) -> Layer:
    """Change a content block of the tool that returns one of each kind."""

    def change(result: Json) -> None:
        for block in result["content"]:
            if block["type"] == kind:
                block.update(members)

    return of_result("show_content", change)


def is_wrong(context: RequestContext) -> bool:
    """Select calls of tools with arguments that do not fit."""
    tool = TOOLS.get(str(context.params.get("name")))
    arguments = context.params.get("arguments")
    if context.rpc_method != "tools/call" or tool is None or not isinstance(arguments, dict):
        return False
    try:
        tool.checked(arguments)
    except ToolError:
        return True
    return False


def is_malformed(context: RequestContext) -> bool:
    """Select calls of tools with arguments that are no object."""
    arguments = context.params.get("arguments", {})
    known = context.params.get("name") in TOOLS if isinstance(context.params.get("name"), str) else False
    return context.rpc_method == "tools/call" and known and not isinstance(arguments, dict)


def is_unknown(context: RequestContext) -> bool:
    """Select calls of tools that do not exist, by a name in ASCII."""
    name = context.params.get("name")
    return (
        context.rpc_method == "tools/call" and isinstance(name, str) and name.isascii() and name not in TOOLS
    )


def answered_by(predicate: Predicate, answer: Callable[[RequestContext], Json]) -> Layer:
    """Answer selected calls with something else, unless the server inside refuses them as HTTP requests.

    Args:
        predicate: Selects calls.
        answer: Gets the context; returns the members of the response besides its id.
    """

    async def run(call: Call) -> None:
        if not predicate(call.context):
            await call.forward()
            return
        found: Response = await call.capture()
        codes = [m.get("error", {}).get("code") for m in found.messages if isinstance(m, dict)]
        if any("result" in m for m in found.messages) or INVALID_PARAMS in codes:
            body = {"jsonrpc": "2.0", "id": call.context.rpc_id, **answer(call.context)}
            await call.answer(200, (), body)
        else:
            await call.answer(found.status, found.headers, found.body)

    return handle(run)


def result(text: str, *, is_error: bool) -> Callable[[RequestContext], Json]:
    """Return a tool result of one text."""

    def answer(context: RequestContext) -> Json:
        content = [{"type": "text", "text": text}]
        modern = {"resultType": "complete", "_meta": {SERVER_INFO_KEY: {"name": SERVER_NAME, "version": "0"}}}
        return {"result": {"content": content, "isError": is_error, **(modern if context.is_modern else {})}}

    return answer


def refusal(code: int, text: str) -> Callable[[RequestContext], Json]:
    """Return a JSON-RPC error."""
    return lambda context: {"error": {"code": code, "message": text}}


def without_tools(answer: Layer) -> Layer:
    """Have no tools, and answer calls in some way."""
    return combine(answer, without_capability("tools"), unknown_method("tools/list"))


def without_resources() -> Layer:
    """Have no resources."""
    methods = ("list", "read", "templates/list", "subscribe", "unsubscribe")
    return combine(
        without_capability("resources"), *(unknown_method(f"resources/{each}") for each in methods)
    )


def schema_fault(
    id: str, requirement: str, summary: str, layer: Layer, revisions: tuple[str, ...] = REVISIONS
) -> Fault:
    """Make a fault that breaks one requirement of the schema chapter."""
    return Fault(
        f"schema.{id}", (f"schema.{requirement}",), MODES, summary=summary, layer=layer, revisions=revisions
    )


def block_fault(id: str, summary: str, kind: str, **members: object) -> Fault:
    """Make a fault of one content block."""
    return fault(id, "content-blocks-valid", summary, of_block(kind, **members))


def _with_array(result: Json) -> None:
    result["structuredContent"] = [result["content"][0]["text"]]
    result["content"][0]["text"] = json.dumps(result["structuredContent"])


def _with_link(result: Json) -> None:
    result["content"].append({"type": "resource_link", "uri": "reference://pixel", "name": "pixel"})


def _misfit(result: Json) -> None:
    if "structuredContent" in result:
        result["structuredContent"]["characters"] = -1
        result["content"][0]["text"] = json.dumps(result["structuredContent"])


FAULTS = (
    fault(
        "content-missing",
        "result-content-array",
        "A result has no content.",
        of_result("health_check", lambda r: r.pop("content")),
    ),
    fault(
        "content-text",
        "result-content-array",
        "The content of a result is a text.",
        of_result("health_check", lambda r: r.update(content="healthy")),
    ),
    block_fault("block-unknown", "A content block is of a type that there is not.", "audio", type="video"),
    block_fault("block-mime-null", "The MIME type of an image is null.", "image", mimeType=None),
    block_fault("block-mime-bare", "The MIME type of an image has no subtype.", "image", mimeType="png"),
    block_fault(
        "block-uri-relative",
        "The URI of an embedded resource is relative.",
        "resource",
        resource={"uri": "greeting.txt", "text": "Hello"},
    ),
    block_fault(
        "block-resource-empty",
        "An embedded resource has neither text nor blob.",
        "resource",
        resource={"uri": "reference://greeting"},
    ),
    fault(
        "block-bare-text",
        "content-blocks-valid",
        "A content block is a bare text.",
        of_result("health_check", lambda r: r.update(content=["healthy"])),
    ),
    schema_fault(
        "link-early",
        "content-types-by-revision",
        "A result has a resource link at 2025-03-26, which has none.",
        of_result("show_content", _with_link),
        REVISIONS[:1],
    ),
    schema_fault(
        "base64-url-safe",
        "base64-fields",
        "An image is encoded in the alphabet for URLs.",
        of_block("image", data="-_-_"),
    ),
    schema_fault(
        "base64-data-uri",
        "base64-fields",
        "The data of a sound is a data URI.",
        of_block("audio", data="data:audio/wav;base64,AAAA"),
    ),
    schema_fault(
        "base64-unpadded",
        "base64-fields",
        "The blob of a resource is not padded.",
        result_of(
            "resources/read", lambda r: "blob" in r["contents"][0] and r["contents"][0].update(blob="QQ")
        ),
    ),
    fault(
        "embedded-undeclared",
        "embedded-resource-capability",
        "A server without resources embeds them in results.",
        without_resources(),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-misfit",
        "output-schema-conforms",
        "A structured value does not fit the outputSchema.",
        of_result("echo_text", _misfit),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-missing",
        "output-schema-conforms",
        "A tool with an outputSchema returns text only.",
        of_result("echo_text", lambda r: r.pop("structuredContent", None)),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-array",
        "structured-content-object",
        "A structured value is an array.",
        of_result("health_check", _with_array),
        HANDSHAKE_REVISIONS[1:],
    ),
    fault(
        "structured-alone",
        "structured-text-fallback",
        "A structured value comes without text.",
        of_result("echo_text", lambda r: r.update(content=[])),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-other-text",
        "structured-text-fallback",
        "A structured value comes with a text that says something else.",
        of_result("echo_text", lambda r: r["content"][0].update(text="Done.")),
        STRUCTURED_SINCE,
    ),
    fault(
        "failure-as-error",
        "execution-error-in-result",
        "A tool that fails gets a JSON-RPC error.",
        answered_by(
            call_of("convert_units", lambda c: not is_wrong(c)), refusal(INTERNAL_ERROR, "Conversion failed")
        ),
    ),
    fault(
        "failure-unmarked",
        "execution-error-in-result",
        "A tool that fails says so in its text only.",
        answered_by(
            call_of("convert_units", lambda c: not is_wrong(c)), result("Conversion failed", is_error=False)
        ),
    ),
    fault(
        "unknown-as-result",
        "unknown-tool-error",
        "A tool that does not exist gets a result with isError.",
        answered_by(is_unknown, result("Unknown tool", is_error=True)),
    ),
    fault(
        "unknown-as-success",
        "unknown-tool-error",
        "A tool that does not exist gets a result.",
        answered_by(is_unknown, result("Unknown tool", is_error=False)),
    ),
    fault(
        "unknown-internal-error",
        "unknown-tool-code",
        "A tool that does not exist gets -32603.",
        answered_by(is_unknown, refusal(INTERNAL_ERROR, "Unknown tool")),
    ),
    fault(
        "unknown-method-not-found",
        "unknown-tool-code",
        "A tool that does not exist gets -32601.",
        answered_by(is_unknown, refusal(METHOD_NOT_FOUND, "Unknown tool")),
    ),
    fault(
        "unsupported-as-result",
        "call-unsupported",
        "A server without tools answers a call with a result.",
        without_tools(answered_by(is_unknown, result("No tools here", is_error=True))),
    ),
    fault(
        "malformed-as-result",
        "malformed-call",
        "A call whose arguments are no object gets a result with isError.",
        answered_by(is_malformed, result("Arguments must be an object", is_error=True)),
        NAMED_SINCE,
    ),
    fault(
        "malformed-served",
        "malformed-call",
        "A call whose arguments are no object is served as if it had none.",
        answered_by(is_malformed, result("Done.", is_error=False)),
        NAMED_SINCE,
    ),
    fault(
        "wrong-arguments-served",
        "validate-inputs",
        "Wrong arguments get a result as if they were right.",
        answered_by(
            lambda c: is_wrong(c) and c.params.get("name") != "describe_place",
            result("Done.", is_error=False),
        ),
    ),
    fault(
        "missing-arguments-served",
        "validate-inputs",
        "Arguments that are required and missing get a result.",
        answered_by(
            lambda c: is_wrong(c) and call_of("echo_text")(c) and not c.params["arguments"],
            result("Done.", is_error=False),
        ),
    ),
    fault(
        "composition-ignored",
        "schema-2020-12-keywords",
        "What only anyOf forbids is served.",
        answered_by(
            call_of("describe_place", lambda c: "place" in c.params["arguments"] and is_wrong(c)),
            result("Done.", is_error=False),
        ),
        NAMED_SINCE,
    ),
    fault(
        "wrong-arguments-as-error",
        "input-validation-is-error",
        "Wrong arguments get the JSON-RPC error -32602.",
        answered_by(is_wrong, refusal(INVALID_PARAMS, "Wrong arguments")),
        NAMED_SINCE,
    ),
    fault(
        "wrong-arguments-as-crash",
        "input-validation-is-error",
        "Wrong arguments get the JSON-RPC error -32603.",
        answered_by(is_wrong, refusal(INTERNAL_ERROR, "Internal error")),
        NAMED_SINCE,
    ),
)
