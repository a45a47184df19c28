"""Two users: what the first is offered and the other is not, and what the other gets who asks for it anyway.

The other is the second user, or the first with fewer scopes. Tools are called by the rules for all tools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http._login import lacking
from pytest_mcp_http._roles import Role
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.tools import is_tool_success
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._authorization import bearer, guard, lines_with
from pytest_mcp_http.suite._lists import pages_of
from pytest_mcp_http.suite._tool_calls import callable_if_any
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import made_up_arguments
from pytest_mcp_http.wire.exchange import Exchange

MAX_ITEMS: Final = 3
"""Items of a kind that the other user asks for."""

NO_SECOND: Final = (
    "no second user is given: add a second --mcp-header 'Authorization: Bearer env:SECOND_TOKEN'"
)

_KEYS: Final = {"tools": "name", "prompts": "name", "resources": "uri", "resourceTemplates": "uriTemplate"}
_METHODS: Final = {
    "tools": "tools/list",
    "prompts": "prompts/list",
    "resources": "resources/list",
    "resourceTemplates": "resources/templates/list",
}


@dataclass(frozen=True)
class Other:
    """Another user than the first.

    Attributes:
        name: Who it is, for messages.
        client: A client that speaks for it and may send requests at once.
    """

    name: str
    client: McpClient


@dataclass(frozen=True)
class Attempt:
    """The same request by the first user, whom it succeeds for, and by another.

    Attributes:
        what: What was asked for.
        other: Who asked.
        exchange: What the other got.
        again: Sends it as the other once more.
    """

    what: str
    other: str
    exchange: Exchange
    again: Callable[[], Exchange]


def second(tour: Tour) -> Other:
    """Return the second user.

    Raises:
        NotApplicable: If the server is open to all.
        NotVerified: If none is given, or the server does not let it in.
    """
    guard(tour)
    if not tour.target.second_headers:
        raise NotVerified(NO_SECOND)
    return tour.memo("second user", lambda: _opened(tour, "the second user", tour.target.headers_of_second))


def lesser(tour: Tour) -> Other:
    """Return the first user with fewer scopes.

    Raises:
        NotApplicable: If the server is open to all.
        NotVerified: If no such token is given, or the server does not let it in.
    """
    token = _lesser_token(tour)
    return tour.memo(
        "lesser user", lambda: _opened(tour, "a token with fewer scopes", lines_with(tour, token))
    )


def _lesser_token(tour: Tour) -> str:
    bearer(tour)
    if "less-scope" not in tour.target.tokens:
        raise NotVerified(lacking("less-scope"))
    return tour.target.tokens["less-scope"]


def other_users(tour: Tour) -> list[Other]:
    """Return every other user.

    Raises:
        NotApplicable: If the server is open to all.
        NotVerified: If there is none.
    """
    guard(tour)
    reasons: list[str] = []
    found = [each for find in (second, lesser) if (each := _other(tour, find, reasons)) is not None]
    if not found:
        raise NotVerified("; or ".join(reasons))
    return found


def _other(tour: Tour, find: Callable[[Tour], Other], reasons: list[str]) -> Other | None:
    try:
        return find(tour)
    except (NotVerified, NotApplicable) as reason:
        reasons.append(str(reason))
        return None


def client_of(
    tour: Tour, lines: tuple[tuple[str, str], ...], capabilities: Mapping[str, object] | None = None
) -> McpClient:
    """Return a client that speaks with other header lines, and has sent nothing; close it when done."""
    found = McpClient(tour.target.url, tour.revision, tour.wire, headers=lines, capabilities=capabilities)
    found.schemas.update(tour.client.schemas)
    return found


def _opened(tour: Tour, name: str, lines: tuple[tuple[str, str], ...]) -> Other:
    client = tour.add_client(client_of(tour, lines))
    exchange = client.open()
    if exchange.result is None:
        raise NotVerified(f"{name} is not let in: {tour.dialect.opening} got {exchange.summary}")
    if tour.dialect.sessions:
        client.initialized()
    return Other(name, client)


# -- what one is offered and the other is not ---------------------------------------------------------------


def hidden(tour: Tour, kind: str, other: Other) -> list[dict[str, Any]]:
    """Return the items that the first user is offered and another is not.

    Both are asked now, each in a session of its own: a list may change, also with what was done in a session.

    Args:
        tour: The tour.
        kind: A key of the result of the list, for example `tools`.
        other: The other user.
    """

    def probe() -> list[dict[str, Any]]:
        if not tour.items(_METHODS[kind], kind):
            return []
        mine, theirs = (_listed(each.client, kind) for each in (_first(tour), other))
        if theirs is None:
            # Without the whole list nothing is known to be missing from it.
            return []
        seen = {item.get(_KEYS[kind]) for item in theirs}
        listed = [item for item in mine or () if isinstance(item.get(_KEYS[kind]), str)]
        return [item for item in listed if item[_KEYS[kind]] not in seen]

    return tour.memo(f"hidden {kind} of {other.name}", probe)


def _first(tour: Tour) -> Other:
    """Return the first user in a session of its own."""
    return tour.memo("first user", lambda: _opened(tour, "the first user", tour.target.headers))


def _listed(client: McpClient, kind: str) -> list[dict[str, Any]] | None:
    """Return a list of all pages; None if one of them is none."""
    found: list[dict[str, Any]] = []
    for page in pages_of(client, _METHODS[kind]):
        items = page.result.get(kind) if isinstance(page.result, dict) else None
        if not isinstance(items, list):
            return None
        found += [item for item in items if isinstance(item, dict)]
    return found


def tool_attempts(tour: Tour, who: list[Other]) -> list[Attempt]:
    """Call what the first user alone may call: tools of the role `restricted`, those not listed to others.

    Raises:
        NotVerified: If there is none that may be called and succeeds for the first user.
    """
    named = _restricted(tour)
    free = {tool.name: tool.params for tool in callable_if_any(tour)}
    found = []
    for other in who:
        missing = [item["name"] for item in hidden(tour, "tools", other)]
        calls = {role.tool: role.params() for role in named}
        calls.update({name: free[name] for name in missing if name in free})
        for name, params in list(calls.items())[:MAX_ITEMS]:
            control = tour.client.request("tools/call", params)
            if is_tool_success(control):
                found.append(_attempt(f"a call of {name}", other, "tools/call", params))
    if not found:
        raise NotVerified(
            "no tool is known that the first user alone may call: name one that is safe to call in the ini "
            "value mcp_roles: restricted = NAME {}"
        )
    return found


def _restricted(tour: Tour) -> tuple[Role, ...]:
    try:
        return tour.roles("restricted")
    except NotVerified:
        return ()


def prompt_attempts(tour: Tour, who: list[Other]) -> list[Attempt]:
    """Ask for prompts that are listed to the first user alone.

    Raises:
        NotVerified: If there is none that the first user gets.
    """
    found = []
    for other in who:
        for prompt in hidden(tour, "prompts", other)[:MAX_ITEMS]:
            arguments = made_up_arguments(prompt)
            if arguments is None:
                continue
            params = {"name": prompt["name"], **({"arguments": arguments} if arguments else {})}
            if tour.client.request("prompts/get", params).result is not None:
                found.append(_attempt(f"the prompt {prompt['name']}", other, "prompts/get", params))
    if not found:
        raise NotVerified("no prompt is listed to the first user alone")
    return found


def resource_attempts(tour: Tour, who: list[Other]) -> list[Attempt]:
    """Read resources that are listed to the first user alone.

    Raises:
        NotVerified: If there is none that the first user can read.
    """
    found = []
    for other in who:
        for resource in hidden(tour, "resources", other)[:MAX_ITEMS]:
            params = {"uri": resource["uri"]}
            if tour.client.request("resources/read", params).result is not None:
                found.append(_attempt(f"the resource {resource['uri']}", other, "resources/read", params))
    if not found:
        raise NotVerified("no resource is listed to the first user alone")
    return found


def _attempt(what: str, other: Other, method: str, params: dict[str, Any]) -> Attempt:
    def send() -> Exchange:
        return other.client.request(method, params)

    return Attempt(what, other.name, send(), send)


# -- too few scopes -----------------------------------------------------------------------------------------


def scope_refusal(tour: Tour) -> Attempt:
    """Return a request that succeeds for the first user and is refused with fewer scopes.

    Raises:
        NotVerified: If no such token is given, or nothing that may be tried is refused with it.
    """

    def probe() -> Attempt:
        token = _lesser_token(tour)
        client = tour.add_client(client_of(tour, lines_with(tour, token)))
        first = client.open()
        if first.result is None:
            return Attempt(tour.dialect.opening, "a token with fewer scopes", first, client.open)
        tries: list[Attempt] = []
        for find in (tool_attempts, prompt_attempts, resource_attempts):
            with suppress(NotVerified):
                tries += find(tour, [lesser(tour)])
        refused = [each for each in tries if not _succeeded(each.exchange)]
        if not refused:
            raise NotVerified(
                "nothing that may be tried is refused with fewer scopes: name a tool that is, and is safe to "
                "call, in the ini value mcp_roles: restricted = NAME {}"
            )
        # An HTTP refusal says more than an error of the tool.
        return min(refused, key=lambda each: each.exchange.status == 200)

    return tour.memo("scope refusal", probe)


def _succeeded(exchange: Exchange) -> bool:
    return exchange.result is not None and code_in(exchange) is None and not _is_tool_error(exchange)


def _is_tool_error(exchange: Exchange) -> bool:
    result = exchange.result
    return isinstance(result, dict) and result.get("isError") is True


def forbidden(tour: Tour) -> Attempt:
    """Return such a request that is refused with 403.

    Raises:
        NotVerified: If it is refused in another way, which `authorization.insufficient-scope-403` reports.
    """
    found = scope_refusal(tour)
    if found.exchange.status != 403:
        raise NotVerified(f"no 403: {found.what} with fewer scopes got {found.exchange.summary}")
    return found
