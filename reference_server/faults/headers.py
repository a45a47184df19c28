"""Faults of `Mcp-Method` and `Mcp-Name`: what is not compared, what is demanded, how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcp.shared.inbound import decode_header_value, encode_header_value

from reference_server._context import RAW_HEAD, RAW_NAMES, Layer, RequestContext
from reference_server._jsonrpc import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, error_message
from reference_server._layers import Call, answer_instead, handle, rewrite_request_headers
from reference_server.corrections_modern import (
    METHOD_HEADER,
    NAME_HEADER,
    NAMED_BY,
    NAMED_BY_EXTENSIONS,
    SERVED_METHODS,
)
from reference_server.faults import Fault

ONE_MODE: Final = ("stateless",)
BOTH: Final = ("stateless", "stateful")

SENTINEL: Final = "=?base64?"

Predicate = Callable[[RequestContext], bool]


def sent_name(context: RequestContext) -> str | None:
    """Return what the request names, where a header has to repeat it."""
    name = context.params.get(NAMED_BY.get(context.rpc_method or "", ""))
    return name if context.is_modern and isinstance(name, str) else None


def repaired(select: Predicate) -> Layer:
    """Let the server inside see the headers that belong to the body of selected requests."""

    async def run(call: Call) -> None:
        context = call.context
        if context.is_modern and context.is_request and select(context):
            context = context.with_header(METHOD_HEADER, context.rpc_method)
            name = sent_name(context)
            context = context.with_header(NAME_HEADER, None if name is None else encode_header_value(name))
        await call.forward(context)

    return handle(run)


def refusing(select: Predicate, status: int, code: int | None, message: str) -> Layer:
    """Refuse selected requests of the modern era in another way than they should be."""
    return answer_instead(
        lambda c: c.is_modern and c.is_request and select(c),
        status,
        body=lambda c: None if code is None else error_message(code, message, request_id=c.rpc_id),
    )


# -- which requests -----------------------------------------------------------------------------------------


def lacks_method(context: RequestContext) -> bool:
    """Select requests without `Mcp-Method`."""
    return context.header(METHOD_HEADER) is None


def has_other_method(context: RequestContext) -> bool:
    """Select requests whose `Mcp-Method` is another method in any letter case."""
    stated = context.header(METHOD_HEADER)
    return stated is not None and stated.lower() != (context.rpc_method or "").lower()


def has_method_in_other_case(context: RequestContext) -> bool:
    """Select requests whose `Mcp-Method` differs in letter case alone."""
    stated = context.header(METHOD_HEADER)
    return stated is not None and stated != context.rpc_method and not has_other_method(context)


def lacks_name(method: str) -> Predicate:
    """Select requests of a method without `Mcp-Name`."""
    return lambda c: c.rpc_method == method and sent_name(c) is not None and c.header(NAME_HEADER) is None


def has_encoded_name(context: RequestContext) -> bool:
    """Select requests whose `Mcp-Name` is in the Base64 sentinel."""
    return sent_name(context) is not None and (context.header(NAME_HEADER) or "").startswith(SENTINEL)


def has_name_in_other_case(context: RequestContext) -> bool:
    """Select requests whose `Mcp-Name` differs in letter case alone."""
    stated, name = context.header(NAME_HEADER), sent_name(context)
    return None not in (stated, name) and stated != name and str(stated).lower() == str(name).lower()


def has_other_name(*methods: str) -> Predicate:
    """Select requests of some methods whose `Mcp-Name` is another name, plainly."""

    def select(context: RequestContext) -> bool:
        stated, name = context.header(NAME_HEADER), sent_name(context)
        if context.rpc_method not in methods or stated is None or name is None:
            return False
        return not has_encoded_name(context) and stated.lower() != name.lower()

    return select


def needs_name(context: RequestContext) -> bool:
    """Select requests that have to carry an `Mcp-Name`."""
    return context.rpc_method in {*NAMED_BY, *NAMED_BY_EXTENSIONS}


def has_superfluous_name(context: RequestContext) -> bool:
    """Select requests with an `Mcp-Name` that need none."""
    return not needs_name(context) and context.header(NAME_HEADER) is not None


def lacks_superfluous_name(context: RequestContext) -> bool:
    """Select requests that need no `Mcp-Name` and have none, although their params have a name."""
    named = "name" in context.params and not needs_name(context)
    return named and context.header(NAME_HEADER) is None


# -- layers ---------------------------------------------------------------------------------------------


def literal_names(context: RequestContext) -> RequestContext:
    """Take an `Mcp-Name` in the sentinel for a name that looks like this."""
    if not has_encoded_name(context):
        return context
    return context.with_header(NAME_HEADER, encode_header_value(context.header(NAME_HEADER) or ""))


def changed(change: Callable[[RequestContext], RequestContext]) -> Layer:
    """Let the server inside see another request."""

    async def run(call: Call) -> None:
        await call.forward(change(call.context))

    return handle(run)


def one_line_of(name: str, which: int) -> Layer:
    """Look at one line only of a header that is there several times."""

    def lines(context: RequestContext) -> tuple[tuple[str, str], ...]:
        values = context.header_values(name)
        rest = tuple(line for line in context.headers if line[0] != name)
        return (*rest, (name, values[which])) if values else context.headers

    return rewrite_request_headers(lambda _, context: lines(context))


def spelt_as_written(name: str) -> Layer:
    """Find a header only where it is spelt as the specification spells it."""

    async def run(call: Call) -> None:
        names = call.scope.get("state", {}).get(RAW_NAMES, ())
        misspelt = any(each.lower() == name.lower() and each != name for each in names)
        await call.forward(call.context.with_header(name, None) if misspelt else None)

    return handle(run)


async def _keep_blanks(call: Call) -> None:
    """Refuse requests with more blanks before the value of a header than the usual one, or with any after."""
    head: bytes = call.scope.get("state", {}).get(RAW_HEAD, b"")
    for line in head.split(b"\r\n")[1:]:
        value = line.partition(b":")[2]
        if value.startswith(b" " * 2) or value != value.rstrip(b" \t"):
            body = error_message(
                INVALID_REQUEST, "A header value is not known", request_id=call.context.rpc_id
            )
            await call.answer(400, (), body)
            return
    await call.forward()


# -- faults -------------------------------------------------------------------------------------------------


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(f"headers.{id}", (f"headers.{requirement}",), ONE_MODE, summary=summary, layer=layer)


FAULTS: Final = (
    fault(
        "method-not-demanded",
        "method-missing",
        "A request without Mcp-Method is served.",
        repaired(lambda c: lacks_method(c) and c.rpc_method in SERVED_METHODS),
    ),
    fault(
        "discover-without-method",
        "method-missing",
        "server/discover is served without Mcp-Method, since a client begins with it.",
        repaired(lambda c: lacks_method(c) and c.rpc_method == "server/discover"),
    ),
    fault(
        "method-not-compared",
        "method-mismatch",
        "Any Mcp-Method will do.",
        repaired(has_other_method),
    ),
    fault(
        "method-compared-without-case",
        "method-value-case-sensitive",
        "Mcp-Method is compared without regard to letter case.",
        repaired(has_method_in_other_case),
    ),
    fault(
        "unknown-method-swallowed",
        "method-missing-unknown-method",
        "An unknown method without Mcp-Method is taken for a notification.",
        answer_instead(lambda c: c.is_modern and lacks_method(c) and c.rpc_method not in SERVED_METHODS, 202),
    ),
    *(
        fault(
            f"name-not-demanded-{method.replace('/', '-')}",
            f"name-missing-{method.replace('/', '-')}",
            f"{method} is looked at without Mcp-Name.",
            repaired(lacks_name(method)),
        )
        for method in NAMED_BY
    ),
    *(
        fault(
            f"name-not-compared-{method.replace('/', '-')}",
            f"name-mismatch-{method.replace('/', '-')}",
            f"Any Mcp-Name will do for {method}.",
            repaired(has_other_name(method)),
        )
        for method in NAMED_BY
    ),
    fault(
        "name-mismatch-runs",
        "name-mismatch-tools-call",
        "A tool call with another Mcp-Name gets a result.",
        answer_instead(
            lambda c: c.is_request and has_other_name("tools/call")(c),
            200,
            body=lambda c: {
                "jsonrpc": "2.0",
                "id": c.rpc_id,
                "result": {"resultType": "complete", "content": []},
            },
        ),
    ),
    fault(
        "name-compared-without-case",
        "name-value-case-sensitive",
        "Mcp-Name is compared without regard to letter case.",
        repaired(has_name_in_other_case),
    ),
    fault(
        "name-not-decoded",
        "name-base64-decoded",
        "An Mcp-Name in Base64 is compared as it stands.",
        changed(literal_names),
    ),
    fault(
        "encoded-name-not-compared",
        "name-base64-mismatch",
        "An Mcp-Name in Base64 is decoded and compared with nothing.",
        repaired(
            lambda c: has_encoded_name(c) and decode_header_value(c.header(NAME_HEADER)) != sent_name(c)
        ),
    ),
    fault(
        "name-demanded-for-params",
        "name-not-required-elsewhere",
        "Mcp-Name is demanded wherever the params have a name, whatever the method.",
        refusing(lacks_superfluous_name, 400, HEADER_MISMATCH, "The Mcp-Name header is missing"),
    ),
    fault(
        "superfluous-name-crashes",
        "name-on-other-method",
        "An Mcp-Name where none belongs makes the server fail.",
        answer_instead(lambda c: c.is_modern and has_superfluous_name(c), 500),
    ),
    fault(
        "mismatch-200",
        "reject-status-400",
        "Another Mcp-Method gets its error with HTTP 200.",
        refusing(has_other_method, 200, HEADER_MISMATCH, "The Mcp-Method header differs from the method"),
    ),
    fault(
        "mismatch-422",
        "reject-status-400",
        "Another Mcp-Name gets its error with HTTP 422.",
        refusing(has_other_name(*NAMED_BY), 422, HEADER_MISMATCH, "The Mcp-Name header differs"),
    ),
    fault(
        "mismatch-crashes",
        "reject-status-400",
        "A missing Mcp-Name makes the server fail.",
        refusing(lacks_name("resources/read"), 500, None, ""),
    ),
    fault(
        "mismatch-bare",
        "reject-code-32020",
        "A missing Mcp-Method gets HTTP 400 without a body.",
        refusing(lacks_method, 400, None, ""),
    ),
    fault(
        "mismatch-invalid-params",
        "reject-code-32020",
        "Another Mcp-Name gets the code of wrong params.",
        refusing(has_other_name(*NAMED_BY), 400, INVALID_PARAMS, "The Mcp-Name header differs"),
    ),
    fault(
        "method-spelt-exactly",
        "field-name-case-insensitive",
        "Mcp-Method is found only if it is spelt like this.",
        spelt_as_written("Mcp-Method"),
    ),
    fault(
        "name-spelt-exactly",
        "field-name-case-insensitive",
        "Mcp-Name is found only if it is spelt like this.",
        spelt_as_written("Mcp-Name"),
    ),
    Fault(
        "headers.blanks-kept",
        ("headers.ows-trimmed",),
        BOTH,
        summary="Blanks around the value of a header are taken for a part of it.",
        layer=handle(_keep_blanks),
    ),
    fault(
        "doubled-method-first",
        "duplicate-values",
        "Of two Mcp-Method lines the first counts.",
        one_line_of(METHOD_HEADER, 0),
    ),
    fault(
        "doubled-name-last",
        "duplicate-values",
        "Of two Mcp-Name lines the last counts.",
        one_line_of(NAME_HEADER, -1),
    ),
)
