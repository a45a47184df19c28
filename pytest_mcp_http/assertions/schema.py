"""Assertions on the shape of MCP messages, and on icons and sizes, which the schemas only describe.

Source: https://modelcontextprotocol.io/specification/2025-11-25/schema
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.spec import unions
from pytest_mcp_http.spec.messages import (
    Violation,
    validate_error,
    validate_result,
    validate_server_message,
)
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

MAX_SHOWN: Final = 120
"""Most characters of a value that a finding quotes."""

MAX_KINDS: Final = 5
"""Most kinds of violations that one message tells."""

_INDEX: Final = re.compile(r"\[\d+\]")

Filter = Callable[[str, Violation], bool]
"""Gets the method and a violation, and tells whether it counts."""


def schema_violations(response: Judged, revision: str) -> list[tuple[str, Violation]]:
    """Compare every message of a response with the schema of its method.

    Args:
        response: The response.
        revision: The revision that was negotiated.

    Returns:
        Method and violation, in the order of the messages. The method of a result or an error is that of the
        request in the exchange; results are left out where there is none with that id.
    """
    exchange = as_exchange(response)
    found: list[tuple[str, Violation]] = []
    for message in exchange.messages:
        if message.kind is jsonrpc.Kind.RESULT:
            method = _asked_for(exchange, message)
            found += [(method, each) for each in validate_result(method, revision, message.result)]
        elif message.kind is jsonrpc.Kind.ERROR:
            method = _asked_for(exchange, message)
            found += [(method, each) for each in validate_error(message.error, revision)]
        elif message.kind in (jsonrpc.Kind.REQUEST, jsonrpc.Kind.NOTIFICATION):
            method = message.method or ""
            found += [(method, each) for each in validate_server_message(message.value, revision)]
    return found


def _asked_for(exchange: Exchange, response: jsonrpc.Message) -> str:
    """Return the method of the request that a response answers, or an empty string."""
    sent = exchange.request.message
    for request in (sent, *sent.members) if sent is not None else ():
        if request.method is not None and jsonrpc.same_id(request.id, response.id):
            return request.method
    return ""


@judges("schema.messages-valid")
def assert_messages_valid(
    response: Judged, revision: str, *, counts: Filter = lambda method, violation: True
) -> Exchange:
    """Assert that every JSON-RPC message of a response has the shape that the revision gives it.

    Extra members are legal everywhere.

    Args:
        response: The response, with the request that it answers.
        revision: The revision that was negotiated.
        counts: Tells which violations count; default all.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For the first violation that counts, with the number of all.
    """
    exchange = as_exchange(response)
    found = [(method, each) for method, each in schema_violations(exchange, revision) if counts(method, each)]
    if found:
        method, first = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        violated(
            f"{method}: {first.path}: {first.message}{more}; the value: {_shown(first.value)}",
            f"a message that is valid by the schema of {revision}",
            exchange,
        )
    return exchange


@dataclass(frozen=True, slots=True)
class ViolationKind:
    """Violations of one rule at one place of the messages of one method, whatever the index in a list.

    Attributes:
        method: Method of the request that was answered, or of the server's own message.
        first: The first violation.
        exchange: Where it was seen.
        count: How often it was seen.
    """

    method: str
    first: Violation
    exchange: Exchange
    count: int


def violation_kinds(
    responses: Iterable[Judged], revision: str, *, counts: Filter = lambda method, violation: True
) -> list[ViolationKind]:
    """Compare every message of many responses with the schema of its method, and gather what is alike.

    Args:
        responses: The responses, each with the request that it answers.
        revision: The revision that was negotiated.
        counts: Tells which violations count; default all.

    Returns:
        The kinds of violations, in the order in which they were seen first.
    """
    found: dict[tuple[str, str, str], ViolationKind] = {}
    for response in responses:
        exchange = as_exchange(response)
        for method, violation in schema_violations(exchange, revision):
            if not counts(method, violation):
                continue
            key = (method, _INDEX.sub("[]", violation.path), violation.rule)
            known = found.get(key)
            found[key] = (
                ViolationKind(method, violation, exchange, 1)
                if known is None
                else replace(known, count=known.count + 1)
            )
    return list(found.values())


@judges("schema.messages-valid")
def assert_all_messages_valid(
    responses: Iterable[Judged], revision: str, *, counts: Filter = lambda method, violation: True
) -> None:
    """Assert that every JSON-RPC message of many responses has the shape that the revision gives it.

    Each kind of violation is told once, with how often it was seen, its place and its value.

    Args:
        responses: The responses, each with the request that it answers.
        revision: The revision that was negotiated.
        counts: Tells which violations count; default all.

    Raises:
        RequirementViolated: If there is a violation that counts; its exchange is that of the first.
    """
    kinds = violation_kinds(responses, revision, counts=counts)
    if not kinds:
        return
    told = [
        f"{kind.method}: {kind.first.path}: {kind.first.message}; the value: {_shown(kind.first.value)}"
        + (f" ({kind.count} times)" if kind.count > 1 else "")
        for kind in kinds[:MAX_KINDS]
    ]
    more = [f"and {len(kinds) - MAX_KINDS} more kinds"] if len(kinds) > MAX_KINDS else []
    violated(
        "; ".join(told + more), f"messages that are valid by the schema of {revision}", kinds[0].exchange
    )


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def server_messages(response: Judged) -> list[jsonrpc.Message]:
    """Return the requests and notifications of the server in a response."""
    kinds = (jsonrpc.Kind.REQUEST, jsonrpc.Kind.NOTIFICATION)
    return [message for message in as_exchange(response).messages if message.kind in kinds]


@judges("schema.server-messages-allowed")
def assert_server_messages_allowed(response: Judged, revision: str) -> Exchange:
    """Assert that the server sent only requests and notifications that its revision has for servers.

    Notifications of a vendor are legal. Requests of one are noted: clients answer them with an error.

    Args:
        response: The response.
        revision: The revision that was negotiated.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a message that only clients send, or that another revision defines.
    """
    exchange = as_exchange(response)
    for message in server_messages(exchange):
        request = message.kind is jsonrpc.Kind.REQUEST
        allowed = (unions.SERVER_REQUESTS if request else unions.SERVER_NOTIFICATIONS)[revision]
        defined = unions.DEFINED_REQUESTS if request else unions.DEFINED_NOTIFICATIONS
        known = message.method in defined or message.method in allowed
        if message.method in allowed or not (known or request):
            continue
        violated(
            f"the {message.kind.value} {message.method}",
            [f"{'requests' if request else 'notifications'} that servers send at {revision}"]
            + ([] if request else ["notifications of a vendor"]),
            exchange,
            note=not known,
        )
    return exchange


@dataclass(frozen=True, slots=True)
class FoundIcon:
    """One icon and the place where it stands, for example `result.tools[0].icons[1]`."""

    value: dict[str, Any]
    path: str

    @property
    def src(self) -> object:
        """The `src` member, whatever its type; None when there is none."""
        return self.value.get("src")


_ICON_HOLDERS: Final = ("serverInfo", "tools", "prompts", "resources", "resourceTemplates")
_SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"


def icons_in(response: Judged) -> list[FoundIcon]:
    """Return the icons of server, tools, prompts, resources and templates in the results of a response."""
    found: list[FoundIcon] = []
    for message in as_exchange(response).responses:
        result = message.result
        for name in _ICON_HOLDERS if isinstance(result, dict) else ():
            found += _icons(result.get(name), f"result.{name}")
        meta = result.get("_meta") if isinstance(result, dict) else None
        info = meta.get(_SERVER_INFO) if isinstance(meta, dict) else None
        found += _icons(info, f"result._meta[{json.dumps(_SERVER_INFO)}]")
    return found


def _icons(holder: object, path: str) -> Iterator[FoundIcon]:
    if isinstance(holder, list):
        for index, item in enumerate(holder):
            if isinstance(item, dict):
                yield from _icons(item, f"{path}[{index}]")
    icons = holder.get("icons") if isinstance(holder, dict) else None
    for index, icon in enumerate(icons if isinstance(icons, list) else ()):
        if isinstance(icon, dict):
            yield FoundIcon(icon, f"{path}.icons[{index}]")


@judges("schema.icon-src")
def assert_icon_sources(response: Judged) -> Exchange:
    """Assert that every icon has a `src` that is an http, https or data URI.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `src` is missing, no string, relative, or of another scheme.
    """
    exchange = as_exchange(response)
    for icon in icons_in(exchange):
        src = icon.src
        if not isinstance(src, str) or not _is_icon_uri(src):
            violated(
                f"{icon.path}.src is {_shown(src)}" if "src" in icon.value else f"{icon.path} has no src",
                ["an absolute http or https URL", "a data URI"],
                exchange,
            )
    return exchange


def _is_icon_uri(src: str) -> bool:
    if src[:5].lower() == "data:":
        return True
    try:
        parts = urlsplit(src)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


@judges("schema.icon-sizes")
def assert_icon_sizes(response: Judged) -> Exchange:
    """Assert that every size of every icon is `any`, or a width and a height such as `48x48`.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if a size is another string; other types break the schema.
    """
    exchange = as_exchange(response)
    for icon in icons_in(exchange):
        sizes = icon.value.get("sizes")
        for size in sizes if isinstance(sizes, list) else ():
            if isinstance(size, str) and not re.fullmatch(r"[1-9]\d*x[1-9]\d*|any", size):
                violated(f"{icon.path}.sizes has {_shown(size)}", ["48x48", "any"], exchange, note=True)
    return exchange


@judges("schema.icon-same-origin")
def assert_icons_same_origin(response: Judged) -> Exchange:
    """Assert that every icon comes from the origin of the server, or is embedded.

    Args:
        response: The response, with the URL of the request that it answers.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if an icon is at another origin, which clients are told to verify.
    """
    exchange = as_exchange(response)
    own = _origin(exchange.request.url)
    for icon in icons_in(exchange):
        if isinstance(icon.src, str) and icon.src[:4].lower() == "http" and _is_icon_uri(icon.src):
            other = _origin(icon.src)
            if other != own:
                violated(
                    f"{icon.path}.src is at {other}", [f"an icon at {own}", "a data URI"], exchange, note=True
                )
    return exchange


def _origin(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port or default}"


@judges("schema.size-number")
def assert_size_true(response: Judged, size: float) -> Exchange:
    """Assert that the content of a resource has the size that the list of resources gave.

    Args:
        response: The response to `resources/read`.
        size: The `size` member of the resource, in bytes.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if there is one content and it has another size: the schema says what
            the number means, but content may change.
    """
    exchange = as_exchange(response)
    result = exchange.result
    contents = result.get("contents") if isinstance(result, dict) else None
    if isinstance(contents, list) and len(contents) == 1 and isinstance(contents[0], dict):
        actual = _length(contents[0])
        if actual is not None and actual != size:
            violated(f"a size of {size:g}, and {actual} bytes", f"a size of {actual}", exchange, note=True)
    return exchange


def _length(content: dict[str, Any]) -> int | None:
    if isinstance(content.get("text"), str):
        return len(content["text"].encode("utf-8", "surrogatepass"))
    if isinstance(content.get("blob"), str):
        try:
            return len(base64.b64decode(content["blob"], validate=True))
        except (binascii.Error, ValueError):
            return None
    return None
