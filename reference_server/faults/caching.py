"""Faults of the hints on how long, and by whom, a result may be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._layers import rewrite_message
from reference_server.faults import Fault
from reference_server.faults.schema import result_of

Json = dict[str, Any]

TTL = "ttlMs"
SCOPE = "cacheScope"


def fault(id: str, requirement: str, summary: str, layer: Layer, *, paged: str = "none") -> Fault:
    """Make a fault of the era that has the hints."""
    return Fault(
        f"caching.{id}",
        (f"caching.{requirement}",),
        ("stateless",),
        summary=summary,
        layer=layer,
        options={"paged": paged},
    )


def without(method: str, *names: str) -> Layer:
    """Leave hints out of the results of one method."""
    return result_of(method, lambda result: [result.pop(name, None) for name in names])


def with_hints(method: str, **hints: Any) -> Layer:
    """Set hints in the results of one method, in the era that has them."""
    return result_of(method, lambda result: result.update(hints) if TTL in result else None)


def on_second_page(method: str, change: Callable[[Json], object]) -> Layer:
    """Change the second page of a list."""

    def changed(message: Any, context: RequestContext) -> Any:
        if context.rpc_method != method or "cursor" not in context.params or "result" not in message:
            return message
        result = dict(message["result"])
        change(result)
        return {**message, "result": result}

    return rewrite_message(changed)


def on_interim(message: Any, context: RequestContext) -> Any:
    """Give hints with what asks for input."""
    result = message.get("result")
    if not isinstance(result, dict) or result.get("resultType") != "input_required":
        return message
    return {**message, "result": {**result, TTL: 1000, SCOPE: "private"}}


FAULTS = (
    fault(
        "tools-without-hints",
        "hints-tools-list",
        "tools/list has no hints",
        without("tools/list", TTL, SCOPE),
    ),
    fault(
        "tools-without-scope", "hints-tools-list", "tools/list has ttlMs only", without("tools/list", SCOPE)
    ),
    fault(
        "prompts-without-ttl",
        "hints-prompts-list",
        "prompts/list has cacheScope only",
        without("prompts/list", TTL),
    ),
    fault(
        "resources-without-hints",
        "hints-resources-list",
        "resources/list has no hints",
        without("resources/list", TTL, SCOPE),
    ),
    fault(
        "templates-without-hints",
        "hints-templates-list",
        "resources/templates/list has no hints",
        without("resources/templates/list", TTL, SCOPE),
    ),
    fault(
        "contents-without-hints",
        "hints-resources-read",
        "resources/read has no hints",
        without("resources/read", TTL, SCOPE),
    ),
    fault(
        "ttl-negative",
        "ttl-non-negative",
        "a list that must not be kept says -1",
        with_hints("resources/list", ttlMs=-1),
    ),
    fault("ttl-text", "ttl-non-negative", "ttlMs is a text", with_hints("prompts/list", ttlMs="60000")),
    fault(
        "ttl-fraction", "ttl-non-negative", "ttlMs has a fraction", with_hints("resources/read", ttlMs=0.5)
    ),
    fault("ttl-null", "ttl-non-negative", "ttlMs is null", with_hints("tools/list", ttlMs=None)),
    fault(
        "scope-shared",
        "scope-values",
        "cacheScope is a word of HTTP",
        with_hints("tools/list", cacheScope="shared"),
    ),
    fault(
        "scope-letter-case",
        "scope-values",
        "cacheScope is in capitals",
        with_hints("resources/read", cacheScope="PUBLIC"),
    ),
    fault("scope-null", "scope-values", "cacheScope is null", with_hints("resources/list", cacheScope=None)),
    fault(
        "scope-differs-on-pages",
        "scope-same-on-pages",
        "the second page of a list has another cacheScope",
        on_second_page("tools/list", lambda result: result.update({SCOPE: "private"})),
        paged="all",
    ),
    fault(
        "second-page-without-hints",
        "hints-every-page",
        "the second page of a list has no hints",
        on_second_page("resources/list", lambda result: [result.pop(TTL), result.pop(SCOPE)]),
        paged="all",
    ),
    fault(
        "second-page-without-ttl",
        "hints-every-page",
        "the second page of a list has no ttlMs",
        on_second_page("tools/list", lambda result: result.pop(TTL)),
        paged="all",
    ),
    fault(
        "hints-on-interim",
        "none-on-input-required",
        "a result that asks for input has hints",
        rewrite_message(on_interim),
    ),
)
