"""Legal but unusual ways to treat the headers that repeat parts of a request, and to annotate parameters."""

from __future__ import annotations

import json
from typing import Any, Final

from reference_server._context import MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import HEADER_MISMATCH
from reference_server._layers import Call, handle, rewrite_message
from reference_server.corrections_modern import SERVED_METHODS
from reference_server.faults.headers import has_superfluous_name, refusing, repaired, sent_name
from reference_server.faults.schema import result_of
from reference_server.tools import TOOLS
from reference_server.variants import Variant

ONE_MODE: Final = ("stateless",)
FAILED: Final = {
    "resultType": "complete",
    "content": [{"type": "text", "text": "The region is not known"}],
    "isError": True,
}


def variant(name: str, summary: str, layer: Layer) -> Variant:
    """Make a variant of the modern era, which knows no modes."""
    return Variant(name, ONE_MODE, summary=summary, layer=layer, revisions=MODERN_REVISIONS)


def is_unknown_method(context: RequestContext) -> bool:
    """Select requests of a method that is not served."""
    return context.rpc_method not in SERVED_METHODS


def is_unknown_tool(context: RequestContext) -> bool:
    """Select calls of a tool that does not exist."""
    return context.rpc_method == "tools/call" and sent_name(context) not in TOOLS


async def _joined_lines(call: Call) -> None:
    """Read several lines of a header as one list, as HTTP says for headers that are lists."""
    context = call.context
    for name in {key for key, _ in context.headers if key.startswith("mcp-")}:
        context = context.with_header(name, ", ".join(context.header_values(name)))
    await call.forward(context)


def with_explanation(message: Any, context: RequestContext) -> Any:
    """Let the error of a mismatch say in words and data what differs."""
    if not isinstance(message, dict) or message.get("error", {}).get("code") != HEADER_MISMATCH:
        return message
    data = {"headers": {name: value for name, value in context.headers if name.startswith("mcp-")}}
    return {**message, "error": {**message["error"], "data": data}}


def _unusual_annotations(result: dict[str, Any]) -> None:
    """Annotate what may be annotated in unusual ways, and name things like the annotation that are none."""
    tool = next(each for each in result["tools"] if each["name"] == "start_transaction")
    tool["inputSchema"]["properties"].update(
        {
            "x-mcp-header": {"type": "string", "description": "A parameter that is only called so."},
            "shape": {"type": "object", "default": {"x-mcp-header": ""}, "enum": [{"x-mcp-header": 1}]},
            "note": {"type": ["string", "null"], "x-mcp-header": "!#$%&'*+-.^_`|~9a"},
            "level": {"enum": [1, 2, 3], "x-mcp-header": "Level"},
            "limit": {"type": "integer", "maximum": 2**63 - 1, "x-mcp-header": "Limit"},
            "secret_name": {"type": "string", "x-mcp-header": "Secret-Name"},
            "has_password": {"type": "boolean", "x-mcp-header": "Has-Password"},
            "max_tokens": {"type": "integer", "x-mcp-header": "Max-Tokens"},
            "deep": {
                "type": "object",
                "properties": {
                    "deeper": {
                        "type": "object",
                        "properties": {"region": {"type": "string", "x-mcp-header": "Deep-Region"}},
                    }
                },
            },
        }
    )


def _failing(message: Any, context: RequestContext) -> Any:
    """Let the tool with mirrored arguments fail, whatever it is given."""
    wanted = context.rpc_method == "tools/call" and context.params.get("name") == "route_query"
    if not wanted or "result" not in message:
        return message
    return {**message, "result": FAILED}


def _not_read_only(result: dict[str, Any]) -> None:
    for tool in result["tools"]:
        tool.pop("annotations", None)


def _hard_to_call(result: dict[str, Any]) -> None:
    tool = next(each for each in result["tools"] if each["name"] == "route_query")
    tool["inputSchema"]["properties"]["region"]["pattern"] = "^[a-z]{2}-[a-z]+-[0-9]$"


def _without_annotations(result: dict[str, Any]) -> None:
    text = json.dumps(result["tools"]).replace('"x-mcp-header"', '"x-note"')
    result["tools"] = json.loads(text)


VARIANTS: Final = (
    variant(
        "unknown-tool-first",
        "A tool that does not exist is refused for that, whatever the headers; the order is left open.",
        repaired(is_unknown_tool),
    ),
    variant(
        "unknown-method-first",
        "A method that does not exist is refused for that, whatever the headers; the order is left open.",
        repaired(is_unknown_method),
    ),
    variant(
        "superfluous-name-refused",
        "An Mcp-Name on a method that needs none is refused, as a header that matches nothing.",
        refusing(has_superfluous_name, 400, HEADER_MISMATCH, "Mcp-Name matches nothing"),
    ),
    variant(
        "doubled-headers-joined",
        "Several lines of a header are read as one list, which then matches nothing.",
        handle(_joined_lines),
    ),
    variant(
        "mismatch-explained",
        "The error of a mismatch carries data.",
        rewrite_message(with_explanation),
    ),
    variant(
        "unusual-annotations",
        "Tools mirror nested, nullable and oddly named parameters, and use the word elsewhere as data.",
        result_of("tools/list", _unusual_annotations),
    ),
    variant(
        "mirrored-tool-fails",
        "The tool with mirrored arguments tells an error in its result, so its headers were right.",
        rewrite_message(_failing),
    ),
    variant(
        "no-tool-read-only",
        "No tool says that it is read only, so none is called.",
        result_of("tools/list", _not_read_only),
    ),
    variant(
        "mirrored-tool-hard-to-call",
        "The tool with mirrored arguments wants a text that nobody can make up.",
        result_of("tools/list", _hard_to_call),
    ),
    variant(
        "nothing-mirrored",
        "No tool has a parameter that a header repeats.",
        result_of("tools/list", _without_annotations),
    ),
)
