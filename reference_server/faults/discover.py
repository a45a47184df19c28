"""Faults of `server/discover`: what its result says, and what of it is not true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import SERVER_INFO_KEY, Layer, RequestContext
from reference_server._jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    error_message,
)
from reference_server._layers import Call, answer_instead, combine, handle, rewrite_message
from reference_server.faults import Fault
from reference_server.faults.schema import result_of

ONE = ("stateless",)
MODERN: dict[str, bool | str] = {"era": "modern"}
NEVER = "2027-01-01"
LISTS = ("tools/list", "prompts/list", "resources/list")


def discovery(change: Callable[[dict[str, Any]], object]) -> Layer:
    """Change the result of `server/discover`."""
    return result_of("server/discover", change)


def member(**members: object) -> Layer:
    """Set members of the result of `server/discover`."""
    return discovery(lambda result: result.update(members))


def without(name: str) -> Layer:
    """Leave a member out of the result of `server/discover`."""
    return discovery(lambda result: result.pop(name))


def capability(name: str, value: object) -> Layer:
    """Set a declared capability."""
    return discovery(lambda result: result["capabilities"].update({name: value}))


def named_in_error(change: Callable[[dict[str, Any]], object]) -> Layer:
    """Change the data of the error that refuses a version."""

    def changed(message: Any, context: RequestContext) -> Any:
        if not isinstance(message, dict) or message.get("error", {}).get("code") != UNSUPPORTED_VERSION:
            return message
        data = {**message["error"]["data"]}
        change(data)
        return {**message, "error": {**message["error"], "data": data}}

    return rewrite_message(changed)


def refuses(
    test: Callable[[RequestContext], bool], status: int, code: int, text: str, *methods: str
) -> Layer:
    """Refuse requests of some methods, at a version that is served."""
    return answer_instead(
        lambda c: c.is_request and c.rpc_method in methods and c.revision is not None and test(c),
        status,
        body=lambda c: error_message(code, text, request_id=c.rpc_id),
    )


def at_modern(context: RequestContext) -> bool:
    """Select requests of the era without handshake."""
    return context.is_modern


async def discovery_first(call: Call) -> None:
    """Serve lists only to clients that asked for the discovery before; clients are told apart by name."""
    known: set[str | None] = call.state.setdefault("discovered", set())
    client = call.context.header("user-agent")
    if call.context.rpc_method == "server/discover":
        known.add(client)
    elif call.context.is_modern and call.context.rpc_method in LISTS and client not in known:
        error = error_message(INVALID_REQUEST, "Discover first", request_id=call.context.rpc_id)
        await call.answer(400, body=error)
        return
    await call.forward()


def fault(id: str, requirement: str, summary: str, layer: Layer, **options: Any) -> Fault:
    """Make a fault; the era has no modes."""
    return Fault(f"discover.{id}", (f"discover.{requirement}",), ONE, summary=summary, layer=layer, **options)


FAULTS = (
    fault(
        "missing",
        "implemented",
        "server/discover is no method of this server",
        refuses(at_modern, 404, METHOD_NOT_FOUND, "Method not found", "server/discover"),
    ),
    fault(
        "breaks",
        "implemented",
        "server/discover fails",
        refuses(at_modern, 500, INTERNAL_ERROR, "Internal error", "server/discover"),
    ),
    fault(
        "demands-params",
        "no-extra-params",
        "server/discover is refused unless a scope is given",
        refuses(
            lambda c: at_modern(c) and "scope" not in c.params,
            400,
            INVALID_PARAMS,
            "A scope is needed",
            "server/discover",
        ),
    ),
    fault(
        "refuses-unknown-params",
        "no-extra-params",
        "server/discover is refused if there is any param that it does not know",
        refuses(
            lambda c: at_modern(c) and set(c.params) != {"_meta"},
            400,
            INVALID_PARAMS,
            "Unknown params",
            "server/discover",
        ),
    ),
    fault(
        "versions-missing",
        "supported-versions",
        "the discovery lists no versions",
        without("supportedVersions"),
    ),
    fault(
        "versions-text",
        "supported-versions",
        "the discovery has the versions as one text",
        member(supportedVersions="2026-07-28"),
    ),
    fault(
        "versions-numbers",
        "supported-versions",
        "the versions are numbers",
        member(supportedVersions=[20260728]),
    ),
    fault(
        "versions-without-own",
        "supported-versions",
        "the discovery lists other versions than the one at which it answers",
        member(supportedVersions=["2025-11-25"]),
    ),
    fault(
        "capability-true",
        "capabilities-object",
        "a capability is declared by true",
        capability("logging", True),
    ),
    fault(
        "flag-text",
        "capabilities-object",
        "listChanged is a text",
        capability("prompts", {"listChanged": "yes"}),
    ),
    fault(
        "experimental-list",
        "capabilities-object",
        "experimental capabilities are a list",
        capability("experimental", ["example.com/feature"]),
    ),
    fault("type-missing", "result-type-complete", "the discovery has no resultType", without("resultType")),
    fault(
        "type-partial",
        "result-type-complete",
        "the discovery says that it is not complete",
        member(resultType="partial"),
    ),
    fault("ttl-missing", "cache-hints", "the discovery has no ttlMs", without("ttlMs")),
    fault("ttl-negative", "cache-hints", "the ttlMs of the discovery is negative", member(ttlMs=-1)),
    fault("ttl-text", "cache-hints", "the ttlMs of the discovery is a text", member(ttlMs="60000")),
    fault("scope-missing", "cache-hints", "the discovery has no cacheScope", without("cacheScope")),
    fault(
        "scope-unknown", "cache-hints", "the cacheScope of the discovery is unknown", member(cacheScope="all")
    ),
    fault(
        "anonymous",
        "server-info",
        "the discovery does not say which server it is",
        discovery(lambda result: result["_meta"].pop(SERVER_INFO_KEY)),
    ),
    fault("without-meta", "server-info", "the discovery has no _meta", without("_meta")),
    fault(
        "prompts-missing",
        "capabilities-match-handlers",
        "prompts are declared, and prompts/list is no method of this server",
        refuses(at_modern, 404, METHOD_NOT_FOUND, "Method not found", "prompts/list"),
    ),
    fault(
        "resources-break",
        "capabilities-match-handlers",
        "resources are declared, and resources/list fails",
        refuses(at_modern, 500, INTERNAL_ERROR, "Internal error", "resources/list"),
    ),
    fault(
        "completions-missing",
        "capabilities-match-handlers",
        "completions are declared, and completion/complete is no method of this server",
        refuses(at_modern, 404, METHOD_NOT_FOUND, "Method not found", "completion/complete"),
    ),
    fault(
        "demanded-first",
        "optional-for-client",
        "a client that did not send server/discover gets no list",
        handle(discovery_first),
    ),
    fault(
        "error-lists-fewer",
        "versions-agree-with-error",
        "the error that refuses a version lists fewer versions than the discovery",
        named_in_error(lambda data: data.update(supported=["2026-07-28"])),
    ),
    fault(
        "lists-newer",
        "each-version-served",
        "a version is listed that is refused",
        combine(
            discovery(lambda result: result["supportedVersions"].append(NEVER)),
            named_in_error(lambda data: data.update(supported=[*data["supported"], NEVER])),
        ),
    ),
    fault(
        "lists-handshake",
        "each-version-served",
        "a version with a handshake is listed, and initialize is refused",
        combine(
            discovery(lambda result: result["supportedVersions"].append("2025-11-25")),
            named_in_error(lambda data: data.update(supported=[*data["supported"], "2025-11-25"])),
        ),
        options=MODERN,
    ),
)
