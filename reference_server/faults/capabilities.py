"""Faults of the meta chapter in what happens without a capability that the client did not declare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import ASGIApp, Layer, Receive, Scope, Send, context_of, scope_with
from reference_server._jsonrpc import INTERNAL_ERROR, MISSING_CLIENT_CAPABILITY, encode
from reference_server._layers import Response, tee
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults import Fault
from reference_server.faults.jsonrpc import errors, with_error

Json = dict[str, Any]


def refused(change: Callable[[Json], Json]) -> Layer:
    """Change the error for a missing capability; a missing extension has faults of its own."""

    def changed(message: Json) -> Json:
        data = message["error"].get("data") or {}
        return message if "extensions" in data.get("requiredCapabilities", {}) else change(message)

    return errors(changed, MISSING_CLIENT_CAPABILITY)


def with_required(value: object) -> Callable[[Json], Json]:
    """Return a change that names the missing capabilities otherwise."""
    return with_error(data={"requiredCapabilities": value})


def _without_status(response: Response, _: object) -> Response:
    refused = any(m.get("error", {}).get("code") == MISSING_CLIENT_CAPABILITY for m in response.messages)
    return Response(200, response.headers, response.body) if refused else response


def _remembering(inner: ASGIApp) -> ASGIApp:
    """Take what a request declares for declared by all later ones of its connection."""
    declared: dict[Any, Json] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        stated = context.meta.get(CAPABILITIES_KEY)
        if context.is_request and context.is_modern and isinstance(stated, dict):
            known = declared.setdefault(scope["client"], {})
            known.update(stated)
            meta = {**context.meta, CAPABILITIES_KEY: dict(known)}
            body = encode({**context.value, "params": {**context.params, "_meta": meta}})
            scope = scope_with(scope, context.changed(body=body))
        await inner(scope, receive, send)

    return app


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(f"meta.{id}", (f"meta.{requirement}",), ("stateless",), summary=summary, layer=layer)


FAULTS = (
    fault(
        "missing-capability-internal-error",
        "missing-capability-code",
        "A call that needs a client capability which is missing gets -32603.",
        refused(with_error(code=INTERNAL_ERROR)),
    ),
    fault(
        "missing-capability-early-code",
        "missing-capability-code",
        "A call that needs a client capability which is missing gets -32600.",
        refused(with_error(code=-32600)),
    ),
    fault(
        "missing-capability-list",
        "missing-capability-data",
        "The missing capabilities are a list of names.",
        refused(with_required(["elicitation"])),
    ),
    fault(
        "missing-capability-true",
        "missing-capability-data",
        "The missing capability is true instead of an object.",
        refused(with_required({"elicitation": True})),
    ),
    fault(
        "missing-capability-unnamed",
        "missing-capability-data",
        "The error for a missing capability does not name it.",
        refused(lambda m: {**m, "error": {k: v for k, v in m["error"].items() if k != "data"}}),
    ),
    fault(
        "missing-capability-200",
        "missing-capability-http-400",
        "The error for a missing capability comes with 200.",
        tee(lambda c: c.is_modern and c.params.get("name") == "ask_back", _without_status),
    ),
    fault(
        "capabilities-of-connection",
        "capabilities-not-remembered",
        "What a request declares is taken for declared as long as its connection lasts.",
        _remembering,
    ),
)
