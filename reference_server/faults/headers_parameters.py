"""Faults of `Mcp-Param-*` and of `x-mcp-header`: how arguments and headers are compared, what tools say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from mcp.shared.inbound import (
    decode_header_value,
    encode_header_value,
    mcp_param_headers,
    x_mcp_header_map,
)

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import HEADER_MISMATCH, INVALID_PARAMS
from reference_server.corrections_modern import PARAM_HEADERS
from reference_server.faults import Fault
from reference_server.faults.headers import SENTINEL, changed, fault, refusing
from reference_server.faults.schema import result_of
from reference_server.tools import TOOLS

TOOL: Final = "route_query"
"""The tool with arguments that headers repeat; see `witness_tools`."""

REGION: Final = f"{PARAM_HEADERS}region"
PRIORITY: Final = f"{PARAM_HEADERS}priority"
DRY_RUN: Final = f"{PARAM_HEADERS}dry-run"
TENANT: Final = f"{PARAM_HEADERS}tenant"

_UPPER: Final = re.compile(r"=\?BASE64\?")


def arguments(context: RequestContext) -> dict[str, Any]:
    """Return the arguments of a call of the tool; empty for other requests."""
    if not context.is_modern or context.rpc_method != "tools/call" or context.params.get("name") != TOOL:
        return {}
    found = context.params.get("arguments")
    return found if isinstance(found, dict) else {}


def right_headers(context: RequestContext) -> dict[str, str]:
    """Return the headers that belong to the arguments, names in lower case."""
    found = mcp_param_headers(x_mcp_header_map(TOOLS[TOOL].input_schema()), arguments(context))
    return {name.lower(): value for name, value in found.items()}


def overlooked(*names: str, where: Callable[[str | None], bool]) -> Layer:
    """Let the server inside see the right values of headers whose values are selected."""

    def change(context: RequestContext) -> RequestContext:
        for name, value in right_headers(context).items():
            if name in names and where(context.header(name)):
                context = context.with_header(name, value)
        return context

    return changed(change)


def read_as(name: str, read: Callable[[str], str]) -> Layer:
    """Let the server inside see another value of a header of the tool's calls."""

    def change(context: RequestContext) -> RequestContext:
        value = context.header(name)
        return context if value is None or not arguments(context) else context.with_header(name, read(value))

    return changed(change)


def refused(
    select: Callable[[RequestContext], bool], *, status: int = 400, code: int = HEADER_MISMATCH
) -> Layer:
    """Refuse selected calls of the tool for their headers."""
    return refusing(lambda c: bool(arguments(c)) and select(c), status, code, "The headers do not fit")


def is_plain(value: str | None) -> bool:
    """Select header values that are no attempt at the Base64 sentinel."""
    return value is not None and value.isascii() and not value.startswith("=?")


def is_broken(value: str | None) -> bool:
    """Select header values in the sentinel that hold no Base64."""
    return value is not None and decode_header_value(value) is None


def differs(context: RequestContext) -> bool:
    """Select calls whose plain `Mcp-Param-Region` is another one."""
    value = context.header(REGION)
    return is_plain(value) and value != right_headers(context).get(REGION)


def has_unknown_header(context: RequestContext) -> bool:
    """Select requests for a list with a header for the parameter of a tool."""
    listing = context.is_request and str(context.rpc_method).endswith("/list")
    return listing and any(name.startswith(PARAM_HEADERS) for name, _ in context.headers)


def annotated(properties: Mapping[str, Any], **keywords: Any) -> Layer:
    """Give a tool that nobody calls unasked more properties, and its schema more keywords."""

    def change(result: dict[str, Any]) -> None:
        tool = next(each for each in result["tools"] if each["name"] == "start_transaction")
        tool["inputSchema"]["properties"].update(properties)
        tool["inputSchema"].update(keywords)

    return result_of("tools/list", change)


def mark(value: Any, **keywords: Any) -> dict[str, Any]:
    """Return the schema of a property that a header repeats; a string unless the keywords say otherwise."""
    return {"type": "string", **keywords, "x-mcp-header": value}


FAULTS: Final[tuple[Fault, ...]] = (
    fault(
        "param-not-demanded",
        "param-missing-rejected",
        "An argument without the header that repeats it is taken.",
        overlooked(REGION, PRIORITY, DRY_RUN, TENANT, where=lambda value: value is None),
    ),
    fault(
        "param-not-compared",
        "param-mismatch-rejected",
        "Any Mcp-Param-Region will do.",
        overlooked(REGION, where=is_plain),
    ),
    fault(
        "encoded-param-not-compared",
        "param-mismatch-rejected",
        "Any Mcp-Param-Region in Base64 will do.",
        overlooked(REGION, where=lambda v: (v or "").startswith(SENTINEL) and not is_broken(v)),
    ),
    fault(
        "param-match-refused",
        "param-match-accepted",
        "Headers that repeat arguments are refused as if they did not match.",
        refused(lambda c: c.header(REGION) is not None),
    ),
    fault(
        "param-demanded-for-null",
        "param-null-not-expected",
        "An argument that is null needs the header.",
        refused(lambda c: any(value is None for value in arguments(c).values())),
    ),
    fault(
        "param-demanded-if-absent",
        "param-absent-not-expected",
        "An argument that is left out needs the header.",
        refused(lambda c: "priority" not in arguments(c)),
    ),
    fault(
        "param-not-decoded",
        "param-base64-decoded",
        "A header in Base64 is compared as it stands.",
        read_as(
            REGION, lambda v: encode_header_value(v) if v.startswith(SENTINEL) and not is_broken(v) else v
        ),
    ),
    fault(
        "param-decoded-as-latin-1",
        "param-base64-decoded",
        "A header in Base64 is decoded to Latin-1.",
        read_as(REGION, lambda v: encode_header_value(_as_latin_1(v)) if v.startswith(SENTINEL) else v),
    ),
    fault(
        "param-raw-utf-8",
        "param-invalid-chars",
        "A header with characters beyond ASCII is read as UTF-8.",
        read_as(REGION, lambda v: v if v.isascii() else encode_header_value(_as_utf_8(v))),
    ),
    fault(
        "param-raw-latin-1",
        "param-invalid-chars",
        "A header with characters beyond ASCII is read as Latin-1.",
        read_as(REGION, lambda v: v if v.isascii() else encode_header_value(v)),
    ),
    fault(
        "param-broken-base64",
        "param-invalid-chars",
        "A header whose Base64 cannot be read is not compared.",
        overlooked(REGION, where=is_broken),
    ),
    fault(
        "param-sentinel-any-case",
        "param-sentinel-exact",
        "The sentinel is read in any letter case.",
        read_as(REGION, lambda v: _UPPER.sub(SENTINEL, v)),
    ),
    fault(
        "param-sentinel-without-end",
        "param-sentinel-exact",
        "A header that only begins like the sentinel is refused.",
        refused(lambda c: _has_half_sentinel(c.header(REGION) or "")),
    ),
    fault(
        "param-integer-as-text",
        "param-integer-numeric",
        "Integers are compared as texts.",
        refused(lambda c: "." in (c.header(PRIORITY) or "")),
    ),
    fault(
        "param-boolean-not-compared",
        "param-boolean-form",
        "Booleans are not compared.",
        overlooked(DRY_RUN, where=lambda value: value in ("true", "false")),
    ),
    fault(
        "param-nested-not-compared",
        "param-nested-path",
        "Arguments inside objects are not compared.",
        overlooked(TENANT, where=lambda value: value is not None),
    ),
    fault(
        "param-nested-looked-up-outside",
        "param-nested-path",
        "An argument inside an object is looked for beside the object.",
        refused(lambda c: c.header(TENANT) is not None and "tenant" not in arguments(c)),
    ),
    fault(
        "param-mismatch-422",
        "reject-status-400",
        "Another Mcp-Param-Region gets its error with HTTP 422.",
        refused(differs, status=422),
    ),
    fault(
        "param-mismatch-invalid-params",
        "reject-code-32020",
        "Another Mcp-Param-Region gets the code of wrong params.",
        refused(differs, code=INVALID_PARAMS),
    ),
    fault(
        "unknown-param-refused",
        "param-unrecognized-ignored",
        "A header for a parameter that no tool has is refused.",
        refusing(has_unknown_header, 400, HEADER_MISMATCH, "There is no such parameter"),
    ),
    fault(
        "annotation-empty",
        "x-mcp-header-non-empty",
        "A tool has an empty x-mcp-header.",
        annotated({"note": mark("")}),
    ),
    fault(
        "annotation-blank",
        "x-mcp-header-token",
        "A tool has an x-mcp-header with a blank.",
        annotated({"note": mark("My Note")}),
    ),
    fault(
        "annotation-line-break",
        "x-mcp-header-token",
        "A tool has an x-mcp-header with a line break.",
        annotated({"note": mark("Note\r\nX-Injected: 1")}),
    ),
    fault(
        "annotation-true",
        "x-mcp-header-token",
        "A tool has an x-mcp-header that is no string.",
        annotated({"note": mark(True)}),
    ),
    fault(
        "annotation-twice",
        "x-mcp-header-unique",
        "A tool has two x-mcp-header that differ in letter case only.",
        annotated({"note": mark("Note"), "remark": mark("NOTE")}),
    ),
    fault(
        "annotation-number",
        "x-mcp-header-primitive",
        "A number is mirrored.",
        annotated({"weight": mark("Weight", type="number")}),
    ),
    fault(
        "annotation-object",
        "x-mcp-header-primitive",
        "An object is mirrored.",
        annotated({"filter": mark("Filter", type=["object", "null"])}),
    ),
    fault(
        "annotation-large-integer",
        "x-mcp-header-safe-integer",
        "A mirrored integer has a default that a double cannot hold.",
        annotated({"serial": mark("Serial", type="integer", default=2**53)}),
    ),
    fault(
        "annotation-in-array",
        "x-mcp-header-static-path",
        "The items of an array are mirrored.",
        annotated({"notes": {"type": "array", "items": mark("Note")}}),
    ),
    fault(
        "annotation-in-definition",
        "x-mcp-header-static-path",
        "A definition is mirrored that a property refers to.",
        annotated({"note": {"$ref": "#/$defs/Note"}}, **{"$defs": {"Note": mark("Note")}}),
    ),
    fault(
        "annotation-in-alternative",
        "x-mcp-header-static-path",
        "An alternative is mirrored.",
        annotated({"note": {"anyOf": [mark("Note"), {"type": "integer"}]}}),
    ),
    fault(
        "annotation-of-root",
        "x-mcp-header-static-path",
        "The arguments as a whole are mirrored.",
        annotated({}, **{"x-mcp-header": "Arguments"}),
    ),
    fault(
        "secret-mirrored",
        "x-mcp-header-no-secrets",
        "An API key is mirrored.",
        annotated({"apiKey": mark("Caller")}),
    ),
)


def _as_latin_1(value: str) -> str:
    text = decode_header_value(value)
    return value if text is None else text.encode().decode("latin-1")


def _as_utf_8(value: str) -> str:
    return value.encode("latin-1").decode("utf-8", "replace")


def _has_half_sentinel(value: str) -> bool:
    return value.startswith(SENTINEL) and not value.endswith("?=")
