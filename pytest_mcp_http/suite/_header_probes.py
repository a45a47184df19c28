"""Probes of the headers chapter: requests of which one header does not match the body, or is written oddly.

Nothing else is wrong with them where that can be had without running a tool: prompts and resources are those
that the server lists, so only the header can be why one is refused. Tools are named that no server has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.client import VERSION_HEADER, HeaderChanges
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.suite._probes import served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_METHOD, UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind
from pytest_mcp_http.wire.mirror import METHOD_HEADER, NAME_HEADER, NAMED, encode_value, sentinel
from pytest_mcp_http.wire.raw import send_raw

OTHER_NAME: Final = f"{UNKNOWN_NAME}-2"
ENCODED_NAME: Final = f"{UNKNOWN_NAME}-ø"
"""A name that no header can carry as it is."""

CAPABILITIES: Final[Mapping[str, str]] = MappingProxyType(
    {"prompts/get": "prompts", "resources/read": "resources", "tools/call": "tools"}
)
"""Methods that need `Mcp-Name`, each with the capability that offers it; those that tell most first."""


@dataclass(frozen=True)
class Wrong:
    """A request with a wrong header, and what it got.

    Attributes:
        what: The request in words.
        exchange: The exchange.
        otherwise: The refusal of the same request with right headers, if something else is wrong with it.
    """

    what: str
    exchange: Exchange
    otherwise: Exchange | None = None

    @property
    def masked(self) -> bool:
        """Whether it got the same refusal as with right headers: which of two faults comes first is open."""
        other = self.otherwise
        if other is None or self.exchange.status != other.status:
            return False
        code = code_in(self.exchange)
        return code == code_in(other) if code is not None else failed(self.exchange) and failed(other)


def failed(exchange: Exchange) -> bool:
    """Tell whether a tool call got a result that says that it failed."""
    return isinstance(exchange.result, dict) and exchange.result.get("isError") is True


def asked(
    tour: Tour,
    method: str,
    params: object,
    headers: HeaderChanges,
    what: str,
    otherwise: Exchange | None = None,
) -> Wrong:
    """Send a request with other headers than belong to it."""
    exchange = tour.client.request(method, params, headers=headers)
    return Wrong(f"{method} {what}", exchange, otherwise)


# -- Mcp-Method -------------------------------------------------------------------------------------------


def methods(tour: Tour) -> list[str]:
    """Return methods that the server serves without a name: the plain one, and a list if there is one."""
    served(tour)
    lists = (method for each in LISTS.values() for method, _ in each)
    found = (m for m in lists if any(step.exchange.result is not None for step in tour.named(m)))
    return [tour.dialect.plain, *list(found)[:1]]


def _method_missing(tour: Tour) -> list[Wrong]:
    return [asked(tour, m, ABSENT, {METHOD_HEADER: None}, f"without {METHOD_HEADER}") for m in methods(tour)]


def _method_mismatch(tour: Tour) -> list[Wrong]:
    found = methods(tour)
    others = found[::-1] if len(found) > 1 else ["tools/list"]
    return [
        asked(tour, method, ABSENT, {METHOD_HEADER: other}, f"with {METHOD_HEADER}: {other}")
        for method, other in zip(found, others, strict=True)
    ]


def _method_case(tour: Tour) -> list[Wrong]:
    return [
        asked(tour, m, ABSENT, {METHOD_HEADER: m.upper()}, f"with {METHOD_HEADER}: {m.upper()}")
        for m in methods(tour)
    ]


def _method_unknown(tour: Tour) -> list[Wrong]:
    served(tour)
    otherwise = tour.named("unknown method")[0].exchange if tour.named("unknown method") else None
    what = f"without {METHOD_HEADER}"
    return [asked(tour, UNKNOWN_METHOD, ABSENT, {METHOD_HEADER: None}, what, otherwise)]


# -- Mcp-Name ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """Something that a request can name.

    Attributes:
        method: Method of the request.
        name: What it names.
        otherwise: The refusal of such a request with right headers, for a name that does not exist.
    """

    method: str
    name: str
    otherwise: Exchange | None = None

    @property
    def params(self) -> dict[str, Any]:
        """The params of a request."""
        return {NAMED[self.method]: self.name, **({"arguments": {}} if self.method == "tools/call" else {})}

    def with_header(self, tour: Tour, value: str | None, what: str) -> Wrong:
        """Send a request with another `Mcp-Name`, or without (None)."""
        return asked(tour, self.method, self.params, {NAME_HEADER: value}, what, self.otherwise)


def targets(tour: Tour, method: str) -> list[Target]:
    """Return what a method can name: what it served during the visit, or a tool that does not exist.

    Raises:
        NotApplicable: If the server does not declare the capability.
        NotVerified: If there is nothing to name.
    """
    if CAPABILITIES[method] not in tour.capabilities:
        raise NotApplicable(f"the server declares no {CAPABILITIES[method]}")
    if method == "tools/call":
        unknown = Target(method, UNKNOWN_NAME)
        refusal = tour.memo(
            "headers: unknown tool", lambda: tour.client.request(unknown.method, unknown.params)
        )
        told = code_in(refusal) not in (None, HEADER_MISMATCH) or refusal.result is not None
        if not told:
            raise NotVerified(f"tools/call of a tool that does not exist got {refusal.summary}")
        return [replace(unknown, otherwise=refusal)]
    sent = [step.exchange.request.message for step in tour.named(method) if step.exchange.result is not None]
    found = [m.params[NAMED[method]] for m in sent if m is not None and isinstance(m.params, dict)]
    if not found:
        raise NotVerified(f"the visit found nothing that {method} serves")
    return [Target(method, name) for name in found]


def all_targets(tour: Tour) -> list[Target]:
    """Return what all methods can name, those that tell most first.

    Raises:
        NotApplicable: If the server declares no prompts, resources or tools.
        NotVerified: If there is nothing to name.
    """
    outcomes = [_targets_or_reason(tour, method) for method in CAPABILITIES]
    found = [target for each in outcomes if isinstance(each, list) for target in each]
    if not found:
        reasons = [each for each in outcomes if not isinstance(each, list)]
        raise min(reasons, key=lambda reason: isinstance(reason, NotApplicable))
    return found


def _targets_or_reason(tour: Tour, method: str) -> list[Target] | NotApplicable | NotVerified:
    try:
        return targets(tour, method)
    except (NotApplicable, NotVerified) as reason:
        return reason


def _name_missing(tour: Tour, method: str) -> list[Wrong]:
    return [targets(tour, method)[0].with_header(tour, None, f"without {NAME_HEADER}")]


def _name_mismatch(tour: Tour, method: str) -> list[Wrong]:
    return [targets(tour, method)[0].with_header(tour, OTHER_NAME, f"with {NAME_HEADER}: {OTHER_NAME}")]


def _name_case(tour: Tour) -> list[Wrong]:
    found = [each for each in all_targets(tour) if each.name.swapcase() != each.name]
    if not found:
        raise NotVerified("no name that could be asked for has letters")
    value = encode_value(found[0].name.swapcase())
    return [found[0].with_header(tour, value, f"of {found[0].name!r} with {NAME_HEADER}: {value}")]


def _name_encoded(tour: Tour) -> list[Wrong]:
    what = f"with the Base64 of another name in {NAME_HEADER}"
    return [all_targets(tour)[0].with_header(tour, sentinel(OTHER_NAME), what)]


PROBES: Final[Mapping[str, Callable[[Tour], list[Wrong]]]] = MappingProxyType(
    {
        "method missing": _method_missing,
        "method mismatch": _method_mismatch,
        "method case": _method_case,
        "method unknown": _method_unknown,
        **{f"name missing {method}": partial(_name_missing, method=method) for method in NAMED},
        **{f"name mismatch {method}": partial(_name_mismatch, method=method) for method in NAMED},
        "name case": _name_case,
        "name encoded": _name_encoded,
    }
)
"""Requests that have to be refused for their headers."""


# -- headers that are right, written in another way -------------------------------------------------------


def encoded_names(tour: Tour) -> list[Wrong]:
    """Return what requests got whose `Mcp-Name` is the Base64 of the right name, one per method."""
    found: list[Wrong] = []
    for target in {each.method: each for each in reversed(all_targets(tour))}.values():
        # A tool that does not exist may be called anything, also what needs the Base64.
        named = target if target.otherwise is None else replace(target, name=ENCODED_NAME)
        what = f"with the Base64 of the name in {NAME_HEADER}"
        found.append(named.with_header(tour, sentinel(named.name), what))
    return found


def a_request(tour: Tour) -> Request:
    """Build a request that is served and has as many headers as can be had without running a tool."""
    with suppress(NotApplicable, NotVerified):
        found = all_targets(tour) if tour.dialect.per_request else []
        for target in found:
            if target.otherwise is None:
                return tour.client.build("POST", tour.client.message(target.method, target.params))
    return tour.client.build("POST", tour.client.message(tour.dialect.plain))


def respelt(tour: Tour, spell: Callable[[str], str]) -> Exchange:
    """Send a request with the names of its MCP headers in another letter case."""
    request = a_request(tour)
    ours = {name.lower() for name in (VERSION_HEADER, METHOD_HEADER, NAME_HEADER)}
    lines = [(spell(name) if name.lower() in ours else name, value) for name, value in request.headers.lines]
    return tour.client.send(replace(request, headers=Headers(lines)))


def padded(tour: Tour, name: str | None = None) -> Exchange:
    """Send a request with blanks around the values of its headers, or of one; not of the user's own."""
    request = a_request(tour)
    lines = [
        (key, value if key.lower() in request.secrets or name not in (None, key) else f" {value} \t")
        for key, value in request.headers.lines
    ]
    request = replace(request, headers=Headers(lines))
    return send_raw(request, limits=tour.wire.limits, context=tour.wire.context)


def doubled(tour: Tour) -> list[Wrong]:
    """Return what requests got that have a header twice, once right and once wrong, in either order."""
    served(tour)
    request = a_request(tour)
    found: list[Wrong] = []
    for name, wrong in ((METHOD_HEADER, "tools/list"), (NAME_HEADER, OTHER_NAME)):
        right = request.headers.get(name)
        for values in ((right, wrong), (wrong, right)) if right is not None else ():
            rest = [line for line in request.headers.lines if line[0].lower() != name.lower()]
            twice = replace(request, headers=Headers([*rest, *((name, str(value)) for value in values)]))
            found.append(Wrong(f"{name}: {values[0]} and {name}: {values[1]}", tour.client.send(twice)))
    return found


# -- Mcp-Name where none is needed ------------------------------------------------------------------------


def without_name(tour: Tour) -> list[Exchange]:
    """Return the requests that need no `Mcp-Name` and had none: those of the visit, and one with a name."""
    exchanges = [each for each in tour.exchanges if _is_request(each)]
    if tour.opening.result is not None:
        # What has a name among its params needs the header no more than other requests of its method.
        exchanges.append(tour.client.plain({"name": UNKNOWN_NAME}))
    return [each for each in exchanges if NAME_HEADER not in each.request.headers]


def _is_request(exchange: Exchange) -> bool:
    sent = exchange.request.message
    return sent is not None and sent.kind is Kind.REQUEST and sent.method not in NAMED


def with_name(tour: Tour, exchange: Exchange) -> Exchange:
    """Send a request of the visit again, with an `Mcp-Name`."""
    sent = exchange.request.message
    assert sent is not None
    headers = {NAME_HEADER: UNKNOWN_NAME}
    if sent.method == "subscriptions/listen":
        with tour.client.listen(headers=headers) as stream:
            return stream.close()
    return tour.client.request(str(sent.method), sent.params, headers=headers)
