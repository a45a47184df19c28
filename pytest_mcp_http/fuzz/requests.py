"""The valid requests that are going to be changed: those that the server offers, and calls of its tools.

It must not know Hypothesis or what is judged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.fuzz.mutation import CALL, Base, Node, Path, nodes
from pytest_mcp_http.suite._arguments import example
from pytest_mcp_http.suite._tool_calls import may_call
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_NAME, UNKNOWN_URI
from pytest_mcp_http.wire.jsonrpc import ABSENT, json_type

SAMPLES: Final = 1
"""Prompts, and resources, that are asked for."""

MAX_TOOLS: Final = 20
"""Tools that are called."""

LONG_ROLES: Final = ("ask", "progress", "slow", "task")
"""Roles whose tools take their time or wait for the client, whatever their arguments are."""

EXTRA: Final = "mcp-http-check"
"""A member that no request has."""

OPTIONAL: Final[Mapping[str, Mapping[Path, str]]] = {
    "completion/complete": {("params", "context"): "object"},
    "initialize": {("params", "clientInfo", "title"): "string"},
    "prompts/get": {("params", "arguments"): "object"},
    "prompts/list": {("params", "cursor"): "string"},
    "resources/list": {("params", "cursor"): "string"},
    "resources/templates/list": {("params", "cursor"): "string"},
    "tools/list": {("params", "cursor"): "string"},
}
"""Members that a request may have besides those of the valid one, with their JSON type, by method."""

REQUIRED: Final[Mapping[str, Mapping[Path, str]]] = {
    "completion/complete": {
        ("params", "argument"): "object",
        ("params", "argument", "name"): "string",
        ("params", "argument", "value"): "string",
        ("params", "ref"): "object",
        ("params", "ref", "type"): "string",
    },
    "logging/setLevel": {("params", "level"): "string"},
    "prompts/get": {("params", "name"): "string"},
    "resources/read": {("params", "uri"): "string"},
    CALL: {("params", "name"): "string"},
}
"""Members that a request must have, with their JSON type, by method."""


def protocol_requests(tour: Tour) -> list[Base]:
    """Return a valid request of each kind that the server declares; none calls a tool that exists."""
    return [
        Base(name, _message(tour, method, params), opens=method == "initialize")
        for name, method, params in _offered(tour)
    ]


def tool_requests(tour: Tour) -> list[Base]:
    """Return a valid call of each tool that may be called with arguments that are made up.

    A role is no leave to do that: it comes with arguments of its own.

    Raises:
        NotVerified: If there is none; the sentence says why.
    """
    found: list[Base] = []
    reasons: list[str] = []
    long = {role.tool for name in LONG_ROLES for role in _named(tour, name)}
    for tool in tour.items("tools/list", "tools"):
        name, schema = tool.get("name"), tool.get("inputSchema")
        if not isinstance(name, str) or not isinstance(schema, dict):
            continue
        if not may_call(tour, tool):
            reasons.append(f"{name!r} does not declare readOnlyHint")
        elif name in long:
            reasons.append(f"{name!r} takes its time")
        elif len(found) < MAX_TOOLS:
            # A copy: the value may be a default that stands in what the visit recorded.
            arguments = copy.deepcopy(example(schema))
            params = {"name": name, "arguments": arguments if isinstance(arguments, dict) else {}}
            found.append(Base(f"{CALL} {name}", _message(tour, CALL, params), tool=tool))
    if tour.target.call_tools == "none":
        raise NotVerified("--mcp-call-tools none lets no tool be called")
    if not found:
        why = "; ".join(reasons[:3]) or "the server lists no tool"
        raise NotVerified(f"no tool may be called with arguments that are made up: {why}")
    return found


def places(base: Base) -> dict[str, list[Node]]:
    """Return the nodes of a request that can be changed, by kind: `member`, `envelope` and `meta`.

    Of a call of a tool these are its arguments only, so that no other tool is ever called.
    """
    message = base.with_id(0)
    if base.tool is not None:
        return {"member": list(_arguments(base))}
    found: dict[str, list[Node]] = {"member": [], "envelope": [Node(base, (), message)], "meta": []}
    for path, before in nodes(message):
        kind = "envelope" if len(path) == 1 else "meta" if path[1] == "_meta" else "member"
        found[kind].append(Node(base, path, before))
    known = {node.path for kind in found.values() for node in kind}
    for path in OPTIONAL.get(base.method, ()):
        if path not in known:
            found["member"].append(Node(base, path, ABSENT))
    found["member"].append(Node(base, ("params", EXTRA), ABSENT))
    found["envelope"].append(Node(base, (EXTRA,), ABSENT))
    meta = base.message.get("params", {}).get("_meta")
    places_in_meta = ["progressToken", EXTRA] if isinstance(meta, dict) else []
    found["meta"] += [Node(base, ("params", "_meta", name), ABSENT) for name in places_in_meta]
    return found


def stated(node: Node) -> Any:
    """Return what is known of the values of a node as a JSON Schema; True if that is nothing."""
    tool = node.base.tool
    if tool is not None:
        return subschema(tool["inputSchema"], node.path[2:])
    kind = OPTIONAL.get(node.base.method, {}).get(node.path)
    return {"type": kind or json_type(node.before)} if kind or node.before is not ABSENT else True


def breaks_required(base: Base, path: Path, after: Any) -> bool:
    """Tell whether a required member is left out or has another JSON type."""
    wanted = REQUIRED.get(base.method, {}).get(path)
    return base.tool is None and wanted is not None and json_type(after) != wanted


def subschema(schema: Any, path: Path) -> Any:
    """Return what a schema says of a place in its values; True, which takes anything, if that is nothing."""
    for key in path:
        members = schema.get("properties") if isinstance(schema, Mapping) else None
        if isinstance(key, int):
            schema = schema.get("items", True) if isinstance(schema, Mapping) else True
        else:
            schema = members.get(key, True) if isinstance(members, Mapping) else True
    return schema


def _arguments(base: Base) -> Iterator[Node]:
    arguments = base.message["params"]["arguments"]
    top: Path = ("params", "arguments")
    for path, before in nodes(arguments, top):
        yield Node(base, path, before)
    assert base.tool is not None
    properties = base.tool["inputSchema"].get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if name not in arguments:
            yield Node(base, (*top, name), ABSENT)
    yield Node(base, (*top, EXTRA), ABSENT)
    yield Node(base, top, arguments)


def _message(tour: Tour, method: str, params: dict[str, Any]) -> dict[str, Any]:
    message = tour.client.message(method, params, id=None)
    return {name: value for name, value in message.items() if name != "id"}


def _offered(tour: Tour) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, method and params of each request, simple ones first."""
    dialect, capabilities = tour.dialect, tour.capabilities
    yield dialect.plain, dialect.plain, {}
    for capability, methods in LISTS.items():
        for method, _ in methods if capability in capabilities else ():
            yield method, method, {}
    if "tools" in capabilities:
        yield f"{CALL} of no tool", CALL, {"name": UNKNOWN_NAME, "arguments": {}}
    prompts = _strings(tour, "prompts/list", "prompts", "name")
    for name in (*prompts, *((UNKNOWN_NAME,) if "prompts" in capabilities else ())):
        yield f"prompts/get {name}", "prompts/get", {"name": name}
    for uri in (
        *_strings(tour, "resources/list", "resources", "uri"),
        *((UNKNOWN_URI,) if "resources" in capabilities else ()),
    ):
        yield f"resources/read {uri}", "resources/read", {"uri": uri}
    if "completions" in capabilities:
        for ref in _references(tour):
            params = {"ref": ref, "argument": {"name": EXTRA, "value": "a"}}
            yield f"completion/complete {ref['type']}", "completion/complete", params
    if "logging" in capabilities and dialect.sessions:
        yield "logging/setLevel", "logging/setLevel", {"level": "warning"}
    if dialect.sessions:
        yield "initialize", "initialize", copy.deepcopy(tour.client.initialize_params())


def _references(tour: Tour) -> Iterator[dict[str, str]]:
    for name in _strings(tour, "prompts/list", "prompts", "name")[:1]:
        yield {"type": "ref/prompt", "name": name}
    for uri in _strings(tour, "resources/templates/list", "resourceTemplates", "uriTemplate")[:1]:
        yield {"type": "ref/resource", "uri": uri}


def _strings(tour: Tour, method: str, member: str, key: str) -> list[str]:
    found = [item.get(key) for item in tour.items(method, member)]
    return [each for each in found if isinstance(each, str)][:SAMPLES]


def _named(tour: Tour, role: str) -> tuple[Any, ...]:
    try:
        return tour.roles(role)
    except NotVerified:
        return ()
