"""The visit that a tour records: each method that the server declares, in the order that the era asks for.

Nothing here calls a tool, and everything that is opened is closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.wire.exchange import End, Exchange

MAX_PAGES: Final = 10
"""Pages of one list that the visit follows; a server that never ends a list must not hold us."""

SAMPLES: Final = 3
"""Prompts and resources of each kind that the visit fetches, and arguments that it asks completions for."""

STREAM_SECONDS: Final = 60.0
"""Longest time that the stream which runs beside the visit is held open."""

FIRST_MESSAGE: Final = 1.0
"""Seconds that the acknowledgement of a subscription may take before the visit goes on without it."""

LISTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "tools": (("tools/list", "tools"),),
    "prompts": (("prompts/list", "prompts"),),
    "resources": (("resources/list", "resources"), ("resources/templates/list", "resourceTemplates")),
}
"""Capability -> its list methods, each with the member of the result that holds the items."""

MADE_UP: Final = "conformance:check"
"""The value of each required argument of a prompt. It is a URI as well, since
a prompt may use it for one."""

_EXPRESSION: Final = re.compile(r"\{[+#./;?&]?([^{}]*)\}")
_VARIABLE: Final = re.compile(r"[\w.%]+")

UNKNOWN_METHOD: Final = "mcp-http-check/no-such-method"
UNKNOWN_NAME: Final = "mcp-http-check-no-such-name"
UNKNOWN_URI: Final = f"mcp-http-check://{UNKNOWN_NAME}"


@dataclass(frozen=True)
class Step:
    """One exchange of the visit.

    Attributes:
        name: What it was: `opening`, `plain`, a method, or a method with what is special about it.
        method: JSON-RPC method, or the HTTP method for GET and DELETE.
        exchange: The exchange.
    """

    name: str
    method: str
    exchange: Exchange


@dataclass
class Visit:
    """What one visit recorded.

    Attributes:
        client: Who visits.
        steps: Every exchange, in order.
        stream: The stream for what no request asked for, or the refusal: a GET, or `subscriptions/listen`.
            It was held open during the visit.
        held_up: The request that got no answer while that stream was open, if there was one; the stream was
            then closed for the rest of the visit.
    """

    client: McpClient
    steps: list[Step] = field(default_factory=list)
    stream: Exchange | None = None
    held_up: Exchange | None = None

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """The capabilities that the server declared; empty when it declared none or no object."""
        result = self.steps[0].exchange.result
        found = result.get("capabilities") if isinstance(result, dict) else None
        return found if isinstance(found, dict) else {}

    def items(self, method: str, member: str) -> list[dict[str, Any]]:
        """Return the items of a list, of all pages, as far as they are objects."""
        found: list[dict[str, Any]] = []
        for step in self.steps:
            result = step.exchange.result
            if step.method == method and isinstance(result, dict) and isinstance(result.get(member), list):
                found += [item for item in result[member] if isinstance(item, dict)]
        return found

    def go(self) -> None:
        """Visit the server."""
        client = self.client
        if self._add("opening", client.dialect.opening, client.open()).result is None:
            return
        if client.dialect.sessions:
            self._add("notifications/initialized", "notifications/initialized", client.initialized())
        stream = self._listen()
        try:
            plain = client.plain()
            if stream.alive and plain.response is None and plain.end is End.TIMEOUT:
                self.held_up = plain
                stream.close()
                plain = client.plain()
            self._add("plain", client.dialect.plain, plain)
            self._request(client.dialect.plain, {}, name="plain (string id)", id="plain-1")
            self._lists()
            self._fetches()
            self._completions()
            self._errors()
            self._notifications()
        finally:
            self.stream = stream.close()

    def _listen(self) -> McpStream:
        stream = self.client.listen(limits=replace(self.client.wire.limits, total=STREAM_SECONDS))
        if not self.client.dialect.sessions:
            stream.wait(lambda exchange: bool(exchange.messages), FIRST_MESSAGE)
        return stream

    def _add(self, name: str, method: str, exchange: Exchange) -> Exchange:
        self.steps.append(Step(name, method, exchange))
        return exchange

    def _request(
        self, method: str, params: dict[str, Any] | None = None, *, name: str = "", id: object = None
    ) -> Exchange:
        kwargs: dict[str, Any] = {} if id is None else {"id": id}
        if params is not None:
            kwargs["params"] = params
        return self._add(name or method, method, self.client.request(method, **kwargs))

    def _lists(self) -> None:
        for capability, methods in LISTS.items():
            if capability not in self.capabilities:
                continue
            for method, _ in methods:
                self._pages(method)
        if "logging" in self.capabilities and self.client.dialect.sessions:
            self._request("logging/setLevel", {"level": "warning"})

    def _pages(self, method: str) -> None:
        result = self._request(method).result
        seen: set[str] = set()
        while (
            isinstance(result, dict) and isinstance(result.get("nextCursor"), str) and len(seen) < MAX_PAGES
        ):
            cursor = result["nextCursor"]
            if cursor in seen:
                return
            seen.add(cursor)
            result = self._request(method, {"cursor": cursor}, name=f"{method} (next page)").result

    def _fetches(self) -> None:
        prompts = [
            item for item in self.items("prompts/list", "prompts") if isinstance(item.get("name"), str)
        ]
        free = [prompt for prompt in prompts if made_up_arguments(prompt) == {}]
        demanding = [prompt for prompt in prompts if made_up_arguments(prompt)]
        for prompt in free[:SAMPLES]:
            self._request("prompts/get", {"name": prompt["name"]})
        for prompt in demanding[:SAMPLES]:
            params = {"name": prompt["name"], "arguments": made_up_arguments(prompt)}
            self._request("prompts/get", params, name="prompts/get (arguments)")
        for resource in self.items("resources/list", "resources")[:SAMPLES]:
            if isinstance(resource.get("uri"), str):
                self._request("resources/read", {"uri": resource["uri"]})

    def _completions(self) -> None:
        if "completions" not in self.capabilities:
            return
        for ref, name in self.completable()[:SAMPLES]:
            params = {"ref": ref, "argument": {"name": name, "value": ""}}
            self._request("completion/complete", params)

    def completable(self) -> list[tuple[dict[str, str], str]]:
        """Return what completions can be asked for: references, each with the name of an argument.

        The first argument of each prompt and template comes before the second of any.
        """
        found = []
        for prompt in self.items("prompts/list", "prompts"):
            if isinstance(prompt.get("name"), str):
                ref = {"type": "ref/prompt", "name": prompt["name"]}
                found += [(place, ref, name) for place, name in enumerate(argument_names(prompt))]
        for template in self.items("resources/templates/list", "resourceTemplates"):
            if isinstance(template.get("uriTemplate"), str):
                ref = {"type": "ref/resource", "uri": template["uriTemplate"]}
                found += [(place, ref, name) for place, name in enumerate(variables_in(ref["uri"]))]
        return [(ref, name) for _, ref, name in sorted(found, key=lambda each: each[0])]

    def _errors(self) -> None:
        self._request(UNKNOWN_METHOD, name="unknown method", id="e-1")
        if "tools" in self.capabilities:
            # No name at all: reaches the validation of the call and can run nothing.
            self._request("tools/call", {"arguments": {}}, name="tools/call without name", id="e-2")
        if "prompts" in self.capabilities:
            self._request("prompts/get", {"name": UNKNOWN_NAME}, name="prompts/get unknown", id="e-3")
        if "resources" in self.capabilities:
            self._request("resources/read", {"uri": UNKNOWN_URI}, name="resources/read unknown", id="e-4")

    def _notifications(self) -> None:
        for method, params in (
            ("notifications/cancelled", {"requestId": "never-sent", "reason": "conformance check"}),
            ("notifications/roots/list_changed", None),
        ):
            kwargs: dict[str, Any] = {} if params is None else {"params": params}
            self._add(method, method, self.client.notify(method, **kwargs))


def argument_names(prompt: Mapping[str, Any]) -> list[str]:
    """Return the names of the arguments of a listed prompt."""
    return [each["name"] for each in _arguments(prompt) if isinstance(each.get("name"), str)]


def made_up_arguments(prompt: Mapping[str, Any]) -> dict[str, str] | None:
    """Return a value for each required argument of a listed prompt; None if one has no name."""
    names = [each.get("name") for each in _arguments(prompt) if each.get("required")]
    found = {name: MADE_UP for name in names if isinstance(name, str)}
    return found if all(isinstance(name, str) for name in names) else None


def _arguments(prompt: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for each in _listed(prompt.get("arguments")) if isinstance(each, dict)]


def variables_in(template: str) -> list[str]:
    """Return the names of the variables of a URI template.

    Source: https://www.rfc-editor.org/rfc/rfc6570#section-2.3
    """
    parts = (part for inner in _EXPRESSION.findall(template) for part in inner.split(","))
    return [found[0] for part in parts if (found := _VARIABLE.match(part.strip()))]


def _listed(value: object) -> list[Any]:
    """Return a list of the server's, and an empty one for whatever else stands there."""
    return value if isinstance(value, list) else []
