"""Faults of what pages in a browser are let do: answers to preflights, and header lines of real answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS, Layer
from reference_server._context import HeaderLines as Lines
from reference_server._context import RequestContext as Context
from reference_server._layers import answer_instead, combine, rewrite_response_start
from reference_server.faults import Fault

BOTH: Final = ("stateful", "stateless")
STATEFUL: Final = ("stateful",)

ORIGIN: Final = "access-control-allow-origin"
METHODS: Final = "access-control-allow-methods"
HEADERS: Final = "access-control-allow-headers"
EXPOSED: Final = "access-control-expose-headers"
CREDENTIALS: Final = "access-control-allow-credentials"

MAX_AGE: Final = "access-control-max-age"

Change = Callable[[Lines, Context], Iterable[tuple[str, str]]]
Select = Callable[[int, Context], bool]


def is_preflight(status: int, context: Context) -> bool:
    """Select answers to preflights."""
    return context.method == "OPTIONS"


def asks_for_mcp(status: int, context: Context) -> bool:
    """Select answers to preflights that ask for a header line of MCP."""
    return is_preflight(status, context) and "mcp-" in (
        context.header("access-control-request-headers") or ""
    )


def is_real(status: int, context: Context) -> bool:
    """Select answers to all else."""
    return context.method != "OPTIONS"


def changed(change: Change, select: Select = lambda status, context: True) -> Layer:
    """Change the header lines of answers to a page.

    Args:
        change: Gets the lines and the context.
        select: Gets status and context.
    """

    def rewrite(status: int, lines: Lines, context: Context) -> tuple[int, Iterable[tuple[str, str]]]:
        chosen = context.header("origin") is not None and select(status, context)
        return status, change(lines, context) if chosen else lines

    return rewrite_response_start(rewrite)


def without(name: str) -> Change:
    """Leave a header line out."""
    return lambda lines, _: [line for line in lines if line[0] != name]


def with_value(name: str, value: str) -> Change:
    """Give a header line another value."""
    return lambda lines, _: [*(line for line in lines if line[0] != name), (name, value)]


def without_member(name: str, *members: str) -> Change:
    """Leave members of a list header out, those that begin like this."""

    def change(lines: Lines, _: Context) -> list[tuple[str, str]]:
        return [(key, _less(value, members) if key == name else value) for key, value in lines]

    return change


def _less(value: str, members: tuple[str, ...]) -> str:
    return ", ".join(part for part in value.split(", ") if not part.startswith(members))


def with_trailing_slash(lines: Lines, context: Context) -> Lines:
    """Write the allowed origin like an address."""
    return tuple((name, f"{value}/" if name == ORIGIN else value) for name, value in lines)


def wildcard(*names: str) -> Change:
    """Allow everything by the sign for it."""
    return lambda lines, _: [(name, "*" if name in names else value) for name, value in lines]


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    modes: tuple[str, ...] = BOTH,
    revisions: tuple[str, ...] = REVISIONS,
    rig: str = "browser",
    options: Mapping[str, bool] | None = None,
) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(
        f"browsers.{name}",
        (f"browsers.{requirement}",),
        modes,
        summary=summary,
        layer=layer,
        options=options or {},
        revisions=revisions,
        rig=rig,
    )


FAULTS = (
    fault(
        "preflight-405",
        "preflight-status",
        "OPTIONS gets 405, with leave to read it",
        combine(
            changed(with_value(ORIGIN, "*"), is_preflight),
            answer_instead(lambda c: c.method == "OPTIONS", 405, [("allow", "GET, POST, DELETE")]),
        ),
    ),
    fault(
        "preflight-redirected",
        "preflight-status",
        "OPTIONS is redirected to the path with a slash",
        answer_instead(lambda c: c.method == "OPTIONS", 307, [("location", "/mcp/")]),
    ),
    fault(
        "preflight-401",
        "preflight-not-authenticated",
        "OPTIONS is asked for a token",
        answer_instead(lambda c: c.method == "OPTIONS", 401, [("www-authenticate", "Bearer")]),
    ),
    fault(
        "preflight-without-origin",
        "preflight-origin",
        "the answer to a preflight allows no origin",
        changed(without(ORIGIN), is_preflight),
    ),
    fault(
        "preflight-origin-slash",
        "preflight-origin",
        "the answer to a preflight allows the origin with a slash at its end",
        changed(with_trailing_slash, is_preflight),
    ),
    fault(
        "preflight-silent",
        "preflight-origin",
        "the answer to a preflight that asks for a header line of MCP says nothing of CORS",
        changed(without(ORIGIN), asks_for_mcp),
    ),
    fault(
        "preflight-without-delete",
        "preflight-methods",
        "the answer to a preflight allows GET and POST only",
        changed(with_value(METHODS, "GET, POST"), is_preflight),
        STATEFUL,
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "preflight-without-type",
        "preflight-headers",
        "the answer to a preflight does not allow Content-Type",
        changed(without_member(HEADERS, "content-type"), is_preflight),
    ),
    fault(
        "preflight-without-version",
        "preflight-headers",
        "the answer to a preflight does not allow MCP-Protocol-Version",
        changed(without_member(HEADERS, "mcp-protocol-version"), is_preflight),
        revisions=REVISIONS[1:],
    ),
    fault(
        "preflight-without-session",
        "preflight-session-header",
        "the answer to a preflight does not allow Mcp-Session-Id",
        changed(without_member(HEADERS, "mcp-session-id"), is_preflight),
        STATEFUL,
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "preflight-without-resumption",
        "preflight-resumption-header",
        "the answer to a preflight does not allow Last-Event-ID",
        changed(without_member(HEADERS, "last-event-id"), is_preflight),
        STATEFUL,
        HANDSHAKE_REVISIONS,
        options={"resumable": True},
    ),
    fault(
        "preflight-without-method",
        "preflight-mirrored-headers",
        "the answer to a preflight does not allow Mcp-Method and Mcp-Name",
        changed(without_member(HEADERS, "mcp-method", "mcp-name"), is_preflight),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "preflight-without-parameters",
        "preflight-mirrored-headers",
        "the answer to a preflight does not allow Mcp-Param-*",
        changed(without_member(HEADERS, "mcp-param-"), is_preflight),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "preflight-any-header",
        "preflight-authorization",
        "the answer to a preflight allows header lines by * only",
        changed(wildcard(HEADERS), is_preflight),
        rig="browser-token",
    ),
    fault(
        "answers-without-origin",
        "response-origin",
        "only answers to preflights allow the origin",
        changed(without(ORIGIN), is_real),
    ),
    fault(
        "refusals-without-origin",
        "response-origin",
        "refusals do not allow the origin",
        changed(without(ORIGIN), lambda status, context: is_real(status, context) and status >= 400),
    ),
    fault(
        "origin-twice",
        "one-allowed-origin",
        "two layers of the server each allow the origin",
        changed(lambda lines, _: [*lines, *(line for line in lines if line[0] == ORIGIN)]),
    ),
    fault(
        "session-not-exposed",
        "expose-session-id",
        "only answers to preflights expose Mcp-Session-Id",
        changed(without_member(EXPOSED, "mcp-session-id"), is_real),
        STATEFUL,
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "login-not-exposed",
        "expose-www-authenticate",
        "a 401 does not expose WWW-Authenticate",
        changed(without_member(EXPOSED, "www-authenticate"), lambda status, context: status == 401),
        rig="browser-token",
    ),
    fault(
        "credentials-misspelt",
        "credentials",
        "credentials are allowed by the word True",
        changed(lambda lines, _: [*lines, (CREDENTIALS, "True")]),
    ),
    fault(
        "credentials-for-all",
        "credentials",
        "credentials are allowed to every origin",
        changed(lambda lines, _: [*wildcard(ORIGIN)(lines, _), (CREDENTIALS, "true")]),
    ),
    fault(
        "preflight-not-kept",
        "max-age",
        "the answer to a preflight does not say how long it holds",
        changed(without(MAX_AGE), is_preflight),
    ),
    fault(
        "preflight-kept-for-nothing",
        "max-age",
        "the answer to a preflight holds for no second",
        changed(with_value(MAX_AGE, "0"), is_preflight),
    ),
)
