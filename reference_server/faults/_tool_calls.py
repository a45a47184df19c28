"""Layers for faults and variants of tool calls: they select calls, and change what those get."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from reference_server._calls import Call, Response
from reference_server._context import (
    SERVER_INFO_KEY,
    VERSION_KEY,
    Layer,
    RequestContext,
)
from reference_server._jsonrpc import INVALID_PARAMS
from reference_server._layers import handle, rewrite_message
from reference_server._tool import ToolError
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.handlers import SERVER_NAME
from reference_server.tools import TOOLS

Json = dict[str, Any]
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
    """Select calls of tools that do not exist, by a name in ASCII, which are right in all else."""
    name = context.params.get("name")
    named = isinstance(name, str) and name.isascii() and name not in TOOLS
    complete = not context.is_modern or {VERSION_KEY, CAPABILITIES_KEY} <= context.meta.keys()
    return context.rpc_method == "tools/call" and named and complete


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
