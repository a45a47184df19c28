"""The same question asked by different clients, who are to get the same answer."""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.dialect import CLIENT_INFO
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT

CLIENTS: Final[tuple[object, ...]] = (
    {"name": "example-desktop", "version": "1.0.0"},
    {"name": "example-agent", "title": "Example", "version": "0.0.1-beta"},
    ABSENT,
)
"""What clients say of themselves; the last one says nothing."""

_OWN: Final = ("_meta", "ttlMs", "nextCursor")
"""Members of a result that may differ each time."""


def same_for_every_client(tour: Tour) -> None:
    """Judge that different clients get the same list, or the same discovery if there is no list.

    Raises:
        NotVerified: If the first client is not served, or its answer changes by itself.
    """
    lists = [method for methods in LISTS.values() for method, _ in methods]
    listed = [step.method for step in tour.steps if step.name in lists and step.exchange.result is not None]
    method = next(iter(listed), tour.dialect.plain)

    def ask(client: object) -> Exchange:
        exchange = tour.client.request(method, {}, meta={CLIENT_INFO: client})
        refused_by_others(exchange)
        return exchange

    first = tour.require(ask(CLIENTS[0]), method)
    others = [ask(client) for client in CLIENTS[1:]]
    if _offered(ask(CLIENTS[0])) != _offered(first):
        raise NotVerified(f"{method} gives the same client different answers")
    for client, exchange in zip(CLIENTS[1:], others, strict=True):
        if client is ABSENT and exchange.result is None:
            continue  # meta.client-info-optional
        if _offered(exchange) != _offered(first):
            named = "no clientInfo" if client is ABSENT else f"clientInfo {client}"
            violated(f"{method} differs with {named}", "the same answer for every client", exchange)


def _offered(exchange: Exchange) -> object:
    """Return what a result offers, without what may differ each time and whatever the order of a list."""
    result = exchange.result
    if not isinstance(result, dict):
        return None
    return {name: _unordered(value) for name, value in result.items() if name not in _OWN}


def _unordered(value: Any) -> Any:
    return sorted(map(_text, value)) if isinstance(value, list) else value


def _text(item: Any) -> str:
    shown = {key: value for key, value in item.items() if key != "_meta"} if isinstance(item, dict) else item
    return json.dumps(shown, sort_keys=True)
