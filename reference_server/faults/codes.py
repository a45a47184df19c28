"""Faults of the jsonrpc chapter from 2026-07-28 on: error codes that are not free, types of results."""

from __future__ import annotations

from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    MISSING_CLIENT_CAPABILITY,
    RESOURCE_NOT_FOUND,
    UNSUPPORTED_VERSION,
)
from reference_server._layers import combine, rewrite_message
from reference_server.faults import Fault
from reference_server.faults.jsonrpc import errors, with_error
from reference_server.faults.schema import result_of

MODES = ("stateless",)


def unknown(method: str, parameter: str, code: int) -> Layer:
    """Give another code to the refusal of what is asked for by a name in ASCII that nothing has."""
    changed = with_error(code=code)

    def change(message: Any, context: RequestContext) -> Any:
        name = context.params.get(parameter)
        named = context.rpc_method == method and isinstance(name, str) and name.isascii()
        refused = isinstance(message, dict) and message.get("error", {}).get("code") == INVALID_PARAMS
        return changed(message) if named and refused else message

    return rewrite_message(change)


def prompt_fault(id: str, requirement: str, code: int) -> Fault:
    """Make a fault of the code for an unknown prompt."""
    return Fault(
        f"jsonrpc.{id}",
        (requirement,),
        MODES,
        summary=f"An unknown prompt gets {code}.",
        layer=unknown("prompts/get", "name", code),
    )


def resource_fault(id: str, requirement: str, code: int) -> Fault:
    """Make a fault of the code for an unknown resource."""
    return Fault(
        f"jsonrpc.{id}",
        (requirement,),
        MODES,
        summary=f"An unknown resource gets {code}.",
        layer=unknown("resources/read", "uri", code),
    )


def type_fault(id: str, requirement: str, method: str, value: object) -> Fault:
    """Make a fault of the `resultType` of one method; None for none at all."""

    def change(result: dict[str, Any]) -> None:
        result["resultType"] = value
        if value is None:
            del result["resultType"]

    summary = f"The resultType of {method} is {'missing' if value is None else repr(value)}."
    # With an extension, another type could be one of its own.
    bare = result_of("server/discover", lambda result: result["capabilities"].pop("extensions"))
    layer = combine(bare, result_of(method, change))
    return Fault(f"jsonrpc.{id}", (requirement,), MODES, summary=summary, layer=layer)


FAULTS = (
    prompt_fault("undefined-code", "jsonrpc.no-undefined-reserved-codes", -32050),
    resource_fault("undefined-code-next", "jsonrpc.no-undefined-reserved-codes", -32023),
    prompt_fault("unknown-prompt-header-mismatch", "jsonrpc.defined-codes-meaning", HEADER_MISMATCH),
    prompt_fault("unknown-prompt-unsupported-version", "jsonrpc.defined-codes-meaning", UNSUPPORTED_VERSION),
    resource_fault(
        "unknown-resource-missing-capability", "jsonrpc.defined-codes-meaning", MISSING_CLIENT_CAPABILITY
    ),
    resource_fault("resource-not-found-early", "jsonrpc.no-32002", RESOURCE_NOT_FOUND),
    prompt_fault("url-elicitation-early", "jsonrpc.no-32042", -32042),
    prompt_fault("legacy-code", "jsonrpc.avoid-legacy-range", -32001),
    Fault(
        "jsonrpc.legacy-code-bad-request",
        ("jsonrpc.avoid-legacy-range",),
        MODES,
        summary="What is no message gets -32000, as from well-known frameworks.",
        layer=errors(with_error(code=-32000), INVALID_REQUEST),
    ),
    prompt_fault("custom-code-reserved", "jsonrpc.custom-codes-outside", -32500),
    type_fault("result-type-missing", "jsonrpc.result-type-present", "prompts/list", None),
    type_fault("result-type-missing-in-union", "jsonrpc.result-type-present", "prompts/get", None),
    type_fault("result-type-number", "jsonrpc.result-type-present", "resources/list", 1),
    type_fault("result-type-number-in-union", "jsonrpc.result-type-present", "resources/read", 1),
    type_fault("result-type-unknown", "jsonrpc.result-type-known", "prompts/get", "final"),
    type_fault("result-type-empty", "jsonrpc.result-type-known", "resources/templates/list", ""),
)
