"""Probes of `Mcp-Param-*`, the headers that repeat arguments of a tool: calls of safe tools."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.assertions.headers import assert_headers_match
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._arguments import example, has_type
from pytest_mcp_http.suite._header_probes import Wrong
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._safe_tools import (
    Parameter,
    SafeTool,
    annotated_parameters,
    called,
    safe_tools,
)
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.mirror import as_text, encode_value, sentinel, value_at
from pytest_mcp_http.wire.raw import send_raw

OTHER_TEXT: Final = "conformance-check-2"
ACCENTED: Final = "Größe"
"""A text whose characters HTTP once allowed in headers, so a lenient server might compare it as it is."""

NO_SENTINELS: Final = ("=?BASE64?SGVsbG8=?=", "=?base64?SGVsbG8=")
"""Texts that are nearly in the Base64 sentinel, and mean themselves."""


# -- one parameter ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A parameter to probe, of a tool that serves its calls."""

    tour: Tour
    tool: SafeTool
    parameter: Parameter

    @property
    def value(self) -> Any:
        """A value of the parameter: that of the tool's arguments, or one made up."""
        found = value_at(self.tool.arguments, self.parameter.path)
        return found if has_type(found, self.parameter.type) else example(self.parameter.schema)

    def arguments(self, value: object) -> dict[str, Any]:
        """Return the tool's arguments with a value of the parameter.

        Raises:
            NotVerified: If the objects around the parameter cannot be made up.
        """
        arguments: dict[str, Any] = copy.deepcopy(dict(self.tool.arguments))
        inner, schema = arguments, self.tool.schema
        for name in self.parameter.path[:-1]:
            schema = schema["properties"][name]
            outer = inner.setdefault(name, example(schema))
            if not isinstance(outer, dict):
                raise NotVerified(f"no value could be made up for {name!r} of {self.tool.name!r}")
            inner = outer
        inner[self.parameter.path[-1]] = value
        return arguments

    def without(self) -> dict[str, Any]:
        """Return the tool's arguments without the parameter, which is one of the tool's own."""
        return {name: value for name, value in self.tool.arguments.items() if name != self.parameter.path[0]}

    def call(self, value: object, header: str | None) -> Wrong:
        """Call the tool with a value of the parameter, and another value, or None, in the header."""
        headers = {self.parameter.header: header}
        exchange = called(self.tour, self.tool.name, self.arguments(value), headers)
        told = f"with {self.parameter.header}: {header}" if header is not None else "without the header"
        return Wrong(f"{self.tool.name!r} with {self.parameter.path[-1]!r} {value!r}, {told}", exchange)

    def right(self, value: object) -> Wrong:
        """Call the tool with a value of the parameter, and the same in the header."""
        return self.call(value, encode_value(as_text(value) or ""))


def judged(call: Wrong) -> None:
    """Judge that a call with right headers was not refused for them.

    Raises:
        RequirementViolated: If it was.
        NotVerified: If it was not served for another reason.
    """
    refused_by_others(call.exchange)
    assert_headers_match(call.exchange, call.what)
    if call.exchange.result is None:
        raise NotVerified(f"{call.what} got {call.exchange.summary}")


def subject(
    tour: Tour, kind: str, fits: Callable[[Parameter], bool], *, prefer: Callable[[Parameter], bool] = bool
) -> Subject:
    """Return a parameter of some kind to probe.

    Args:
        tour: The tour.
        kind: What it is to be, for the reason why there is none.
        fits: Selects parameters.
        prefer: Selects those that are better than others.

    Raises:
        NotApplicable: If no tool has such a parameter.
        NotVerified: If no tool with such a parameter can be called and serves calls.
    """
    tools = safe_tools(tour)
    if not any(fits(each) for found in annotated_parameters(tour).values() for each in found):
        raise NotApplicable(f"no header repeats {kind}")
    found = [
        Subject(tour, tool, each)
        for tool in tools
        if tool.control.result is not None
        for each in tool.parameters
        if fits(each)
    ]
    found = [each for each in found if each.value is not None]
    if not found:
        raise NotVerified(f"no call of a tool with {kind} that a header repeats was served")
    return next((each for each in found if prefer(each.parameter)), found[0])


def any_parameter(tour: Tour) -> Subject:
    """Return a parameter of a tool's own to probe, a string if there is one."""
    return subject(tour, "an argument", lambda p: len(p.path) == 1, prefer=lambda p: p.type == "string")


def a_string(tour: Tour) -> Subject:
    """Return a string parameter to probe, one that takes any text if there is one."""
    return subject(tour, "a string", lambda p: p.type == "string", prefer=lambda p: p.is_free)


def free_text(tour: Tour) -> Subject | None:
    """Return a parameter that takes any text, or None if no string parameter that can be probed does."""
    found = a_string(tour)
    return found if found.parameter.is_free else None


def a_boolean(tour: Tour) -> Subject:
    """Return a boolean parameter to probe."""
    return subject(tour, "a boolean", lambda p: p.type == "boolean")


def an_integer(tour: Tour) -> Subject:
    """Return an integer parameter to probe."""
    return subject(tour, "an integer", lambda p: p.type == "integer")


def nested(tour: Tour) -> Subject:
    """Return a parameter inside an object to probe."""
    return subject(tour, "an argument inside an object", lambda p: len(p.path) > 1)


# -- calls that have to be refused ------------------------------------------------------------------------


def other_value(value: object) -> str:
    """Return the text of another value of the same type."""
    if isinstance(value, bool):
        return str(as_text(not value))
    return str(value + 1) if isinstance(value, int) else OTHER_TEXT


def _missing(tour: Tour) -> list[Wrong]:
    found = any_parameter(tour)
    return [found.call(found.value, None)]


def _mismatch(tour: Tour) -> list[Wrong]:
    found = any_parameter(tour)
    text = other_value(found.value)
    values = (text, sentinel(text)) if found.parameter.type == "string" else (text,)
    return [found.call(found.value, each) for each in values]


def _broken_base64(tour: Tour) -> list[Wrong]:
    found = a_string(tour)
    return [found.call(found.value, "=?base64?%%%?=")]


def _upper_case_base64(tour: Tour) -> list[Wrong]:
    found = a_string(tour)
    return [found.call(found.value, sentinel(found.value).replace("base64", "BASE64", 1))]


def _boolean(tour: Tour) -> list[Wrong]:
    found = a_boolean(tour)
    return [found.call(value, as_text(not value)) for value in (True, False)]


def _nested(tour: Tour) -> list[Wrong]:
    found = nested(tour)
    return [found.call(found.value, other_value(found.value))]


PARAMETER_PROBES: Final[Mapping[str, Callable[[Tour], list[Wrong]]]] = MappingProxyType(
    {
        "parameter missing": _missing,
        "parameter mismatch": _mismatch,
        "parameter broken Base64": _broken_base64,
        "parameter upper case Base64": _upper_case_base64,
        "parameter boolean": _boolean,
        "parameter nested": _nested,
    }
)
"""Calls that have to be refused for their `Mcp-Param-*` headers."""


def raw_accents(tour: Tour) -> list[Wrong]:
    """Return what calls got whose header has the argument's own characters, which no header may have."""
    found = free_text(tour)
    if found is None:
        return []
    calls = []
    for encoding in ("utf-8", "latin-1"):
        request = tour.client.build(
            "POST",
            tour.client.message(
                "tools/call", {"name": found.tool.name, "arguments": found.arguments(ACCENTED)}
            ),
            {found.parameter.header: ACCENTED.encode(encoding).decode("latin-1")},
        )
        exchange = send_raw(request, limits=tour.wire.limits, context=tour.wire.context)
        calls.append(Wrong(f"{found.tool.name!r} with raw {encoding} in {found.parameter.header}", exchange))
    return calls
