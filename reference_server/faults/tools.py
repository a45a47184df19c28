"""Faults of tools: how they are declared and listed, their names and their schemas."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from reference_server._calls import Call
from reference_server._context import HANDSHAKE_REVISIONS, REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, METHOD_NOT_FOUND, encode
from reference_server._layers import answer_instead, combine, handle, rewrite_request_body
from reference_server.faults import Fault
from reference_server.faults.lifecycle import error, is_call_of
from reference_server.faults.schema import OPENING, result_of
from reference_server.tools import TOOLS

MODES = ("stateless",)
NAMED_SINCE = REVISIONS[2:]
"""Revisions that say what names and schemas of tools are like."""

Json = dict[str, Any]


def without_capability(name: str) -> Layer:
    """Leave a capability undeclared, and tell nobody that its list changed."""

    def unsubscribed(context: RequestContext) -> bytes | None:
        wanted = context.params.get("notifications")
        if context.rpc_method != "subscriptions/listen" or not isinstance(wanted, dict):
            return None
        wanted = {key: value for key, value in wanted.items() if not key.startswith(name.rstrip("s"))}
        return encode({**context.value, "params": {**context.params, "notifications": wanted}})

    hidden = result_of(OPENING, lambda r: r["capabilities"].pop(name))
    return combine(hidden, rewrite_request_body(unsubscribed))


def unknown_method(method: str) -> Layer:
    """Do not know a method."""
    refusal = error(METHOD_NOT_FOUND, "Method not found")

    async def run(call: Call) -> None:
        if is_call_of(method)(call.context):
            await call.answer(404 if call.context.is_modern else 200, (), refusal(call.context))
        else:
            await call.forward()

    return handle(run)


def also_listed(**members: Any) -> Layer:
    """List one more tool, which nobody may call."""
    return result_of(
        "tools/list", lambda r: r["tools"].append({"inputSchema": {"type": "object"}, **members})
    )


def listed_tool(name: str, change: Callable[[Json], object]) -> Layer:
    """Change a tool as it is listed."""
    return result_of("tools/list", lambda r: change(next(t for t in r["tools"] if t["name"] == name)))


def of_inputs(change: Callable[[Json], object], tool: str = "health_check") -> Layer:
    """Change the input schema of a tool as it is listed."""
    return listed_tool(tool, lambda t: change(t["inputSchema"]))


def of_outputs(change: Callable[[Json], object]) -> Layer:
    """Change the output schema of the tool that has one, at revisions that have them."""
    return listed_tool("echo_text", lambda t: change(t["outputSchema"]) if "outputSchema" in t else None)


def fault(
    id: str, requirement: str, summary: str, layer: Layer, revisions: tuple[str, ...] = REVISIONS
) -> Fault:
    """Make a fault that breaks one requirement of tools."""
    return Fault(
        f"tools.{id}", (f"tools.{requirement}",), MODES, summary=summary, layer=layer, revisions=revisions
    )


def named(id: str, requirement: str, summary: str, name: str) -> Fault:
    """Make a fault of one more tool with a name."""
    return fault(id, requirement, summary, also_listed(name=name), NAMED_SINCE)


async def _in_any_case(call: Call) -> None:
    """Run a tool by its name in any case."""
    context = call.context
    name = context.params.get("name")
    wanted = name.lower() if isinstance(name, str) else None
    if context.rpc_method == "tools/call" and wanted in TOOLS and wanted != name:
        body = encode({**context.value, "params": {**context.params, "name": wanted}})
        context = context.changed(body=body)
        if context.is_modern:
            context = context.with_header("mcp-name", wanted)
    await call.forward(context)


def _by_name(result: Json) -> None:
    result["tools"] = {tool["name"]: tool for tool in result["tools"]}


FAULTS = (
    fault(
        "undeclared",
        "capability-declared",
        "Tools are listed, although the capability is not declared.",
        without_capability("tools"),
    ),
    fault(
        "list-by-name",
        "list-answered",
        "The tools are an object, by name.",
        result_of("tools/list", _by_name),
    ),
    fault(
        "list-null",
        "list-answered",
        "The tools are null.",
        result_of("tools/list", lambda r: r.update(tools=None)),
    ),
    fault(
        "list-missing",
        "list-answered.legacy",
        "The tools stand in another member.",
        result_of("tools/list", lambda r: r.update(items=r.pop("tools"))),
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "list-fails",
        "list-answered.legacy",
        "tools/list fails.",
        answer_instead(is_call_of("tools/list"), 200, body=error(INTERNAL_ERROR, "Internal error")),
        HANDSHAKE_REVISIONS,
    ),
    named("name-long", "name-length", "The name of a tool has 129 characters.", "x" * 129),
    named("name-empty", "name-length", "The name of a tool is empty.", ""),
    named("name-accented", "name-charset", "The name of a tool has a letter with an accent.", "caf\u00e9"),
    named("name-chinese", "name-charset", "The name of a tool is not in ASCII.", "\u5929\u6c14"),
    named("name-space", "name-no-special", "The name of a tool has spaces.", "get weather"),
    named("name-slash", "name-no-special", "The name of a tool has a slash.", "weather/get"),
    fault(
        "name-twice",
        "name-unique",
        "Two tools have the same name.",
        result_of("tools/list", lambda r: r["tools"].append(copy.deepcopy(r["tools"][0]))),
        NAMED_SINCE,
    ),
    fault(
        "name-any-case",
        "name-case-sensitive",
        "Tools are called by their names in any case.",
        handle(_in_any_case),
        NAMED_SINCE,
    ),
    fault(
        "input-schema-null",
        "input-schema-object",
        "The inputSchema of a tool without arguments is null.",
        listed_tool("health_check", lambda t: t.update(inputSchema=None)),
        NAMED_SINCE,
    ),
    fault(
        "input-schema-missing",
        "input-schema-object",
        "A tool has no inputSchema.",
        listed_tool("health_check", lambda t: t.pop("inputSchema")),
        NAMED_SINCE,
    ),
    fault(
        "input-schema-empty",
        "input-schema-type-object",
        "The inputSchema of a tool without arguments is the empty schema.",
        of_inputs(lambda s: s.clear()),
    ),
    fault(
        "input-schema-types",
        "input-schema-type-object",
        "The type of an inputSchema is an array of types.",
        of_inputs(lambda s: s.update(type=["object"])),
    ),
    fault(
        "output-schema-untyped",
        "output-schema-root-object",
        "An outputSchema has no type.",
        of_outputs(lambda s: s.pop("type")),
        HANDSHAKE_REVISIONS[1:],
    ),
    fault(
        "type-unknown",
        "schemas-valid-in-dialect",
        "The type of an argument is one of Python.",
        of_inputs(lambda s: s["properties"]["text"].update(type="str"), "analyze_text"),
        NAMED_SINCE,
    ),
    fault(
        "required-in-property",
        "schemas-valid-in-dialect",
        "An argument says of itself that it is required, as in draft 3.",
        of_inputs(lambda s: s["properties"]["text"].update(required=True), "analyze_text"),
        NAMED_SINCE,
    ),
    fault(
        "required-text",
        "schemas-valid-in-dialect",
        "required of a schema is a text.",
        of_inputs(lambda s: s.update(required="text"), "analyze_text"),
        NAMED_SINCE,
    ),
    fault(
        "output-bound-text",
        "schemas-valid-in-dialect",
        "A bound in an outputSchema is a text.",
        of_outputs(lambda s: s["properties"]["characters"].update(minimum="0")),
        NAMED_SINCE,
    ),
    fault(
        "draft-07-invalid",
        "schemas-valid-in-dialect",
        "A schema that says it is of draft 7 is not.",
        of_inputs(
            lambda s: s.update({"$schema": "http://json-schema.org/draft-07/schema#", "required": [1]}),
            "analyze_text",
        ),
        NAMED_SINCE,
    ),
    fault(
        "definitions-lost",
        "schema-2020-12-keywords",
        "A schema is listed without its $defs.",
        of_inputs(lambda s: s.pop("$defs"), "describe_place"),
        NAMED_SINCE,
    ),
)
