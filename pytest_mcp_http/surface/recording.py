"""Reads the surface of a server from a tour: plain JSON, in an order that does not depend on the server.

Knows the lists of the protocol; nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_mcp_http._diagnosis import without_secrets
from pytest_mcp_http.errors import McpHttpError
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, MAX_PAGES

Surface = dict[str, Any]
"""The name of the server, and its items by section and by what identifies each."""

KEYS: Final[Mapping[str, str]] = {
    "tools": "name",
    "prompts": "name",
    "resources": "uri",
    "resourceTemplates": "uriTemplate",
}
"""Sections, each with the member that identifies an item."""

_METHOD_NOT_FOUND: Final = -32601


def surface_of(tour: Tour) -> Surface:
    """Return the surface that a tour saw. The values of secret headers are masked in it.

    Raises:
        McpHttpError: If a list did not arrive whole.
    """
    if tour.opening.result is None:
        raise _incomplete(tour, f"{tour.steps[0].method} got {tour.opening.summary}")
    surface: Surface = {"server": tour.target.facts.server_name}
    for capability, methods in LISTS.items():
        if capability not in tour.capabilities:
            continue
        for method, section in methods:
            if _is_offered(tour, method):
                _require_whole(tour, method)
                surface[section] = _by_key(tour.items(method, section), KEYS[section])
    secrets = [value for _, value in tour.target.secret_lines]
    masked: Surface = _masked(surface, secrets)
    return masked


def _is_offered(tour: Tour, method: str) -> bool:
    """Return False for templates that a server with resources does not know of."""
    steps = tour.named(method)
    return not (
        method == "resources/templates/list" and steps and steps[0].exchange.error_code == _METHOD_NOT_FOUND
    )


def _require_whole(tour: Tour, method: str) -> None:
    pages = [step.exchange for step in tour.steps if step.method == method]
    for page in pages:
        if page.result is None:
            raise _incomplete(tour, f"{method} got {page.summary}")
    last = pages[-1].result if pages else None
    if isinstance(last, dict) and isinstance(last.get("nextCursor"), str):
        raise _incomplete(tour, f"{method} has more than {MAX_PAGES} pages, or comes back to a page")


def _incomplete(tour: Tour, reason: str) -> McpHttpError:
    return McpHttpError(f"the surface at {tour.revision} is not known: {reason}")


def _by_key(items: list[dict[str, Any]], key: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        name = identity = str(item.get(key, ""))
        count = 1
        while name in found:
            # A server may break the rule that names are unique; nothing gets lost here.
            count += 1
            name = f"{identity} ({count})"
        found[name] = _canonical({member: value for member, value in item.items() if member != key})
        _drop_volatile(found[name])
    return dict(sorted(found.items()))


def _drop_volatile(item: dict[str, Any]) -> None:
    """Leave out what says something about the content of a resource, not about what is offered."""
    item.pop("size", None)
    if isinstance(item.get("annotations"), dict):
        item["annotations"].pop("lastModified", None)


def _canonical(value: Any) -> Any:
    """Return a value with sorted members; the names of a `required` list have no order of their own."""
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _canonical(each) for name, each in sorted(value.items())}
    required = found.get("required")
    if isinstance(required, list) and all(isinstance(name, str) for name in required):
        found["required"] = sorted(required)
    return found


def _masked(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return without_secrets(value, secrets)
    if isinstance(value, list):
        return [_masked(each, secrets) for each in value]
    if isinstance(value, dict):
        return {_masked(name, secrets): _masked(each, secrets) for name, each in value.items()}
    return value
