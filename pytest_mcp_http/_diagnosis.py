"""Turns an exchange that does not answer `initialize` into one clear error: sent, got, and what to do.

Knows HTTP and JSON-RPC; sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from pytest_mcp_http._option_values import mask_url
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, REVISIONS
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.jsonrpc import Kind

SHOWN_BODY: Final = 200
"""Characters of a body that a diagnosis shows."""

_SHORTEST_SECRET: Final = 4
# How a TLS alert begins, as it is shown: what a TLS server says to a plain request.
_TLS_RECORD: Final = r"\x15\x03"


class NotReady(TargetError):  # noqa: N818 - reads as what it says
    """A target that may still be starting: try again while there is time."""


def of_answer(exchange: Exchange, revision: str) -> TargetError | None:
    """Return what keeps an exchange from being an answer to `initialize`.

    Args:
        exchange: The exchange in which `initialize` was sent.
        revision: The revision it asked for.

    Returns:
        None for a result with a protocol version, and for a JSON-RPC error: a server may refuse a revision.
    """
    if not exchange.answered:
        return _no_answer(exchange, revision)
    if exchange.status in _STATUS or not (exchange.ok or exchange.status == 400):
        return _refusal(exchange, revision)
    if exchange.error is not None:
        return None
    return _broken_end(exchange, revision) or _broken_answer(exchange, revision)


def refused(exchange: Exchange, revision: str) -> TargetError:
    """Say that a server answered `initialize` with a JSON-RPC error at every revision."""
    return _error(
        exchange,
        revision,
        "the server refuses initialize at every revision of the Streamable HTTP handshake "
        f"({', '.join(HANDSHAKE_REVISIONS)})",
        "read the server's log; the answer above is that to the newest revision",
    )


def other_versions(exchange: Exchange, revision: str, versions: Sequence[str]) -> TargetError:
    """Say that a server negotiates only versions that have no requirements here."""
    shown = ", ".join(_text(version) for version in versions)
    return _error(
        exchange,
        revision,
        f"the server negotiates {shown} only, and that is not a revision judged here "
        f"({', '.join(HANDSHAKE_REVISIONS)})",
        "upgrade the server or its SDK; it is not judged against revisions that it does not speak",
    )


def other_modern(exchange: Exchange, revision: str, evidence: str) -> TargetError:
    """Say that a server speaks the modern era, but no revision of it that is judged here."""
    return _error(
        exchange,
        revision,
        f"the server speaks no revision that is judged here ({', '.join(REVISIONS)}): {_text(evidence)}",
        "upgrade pytest-mcp-http, or the server if it is older",
    )


def fell_over(exchange: Exchange, revision: str) -> TargetError:
    """Say that a server answered `initialize`, and no longer does after a method that it does not know."""
    return _error(
        exchange,
        revision,
        "it answered initialize, and no longer does since it got server/discover, which it does not know",
        "restart the server, and upgrade it or its SDK: any unknown method ends it",
    )


def may_be_modern(exchange: Exchange) -> bool:
    """Tell whether what kept `initialize` from being answered can be how a modern server refuses it.

    A server of the modern era alone refuses `initialize` in a way that the specification leaves open. What
    stands in front of any server (a gateway, a login, a limit) and what is no HTTP answers in its place.
    """
    if not exchange.answered:
        return exchange.end in (End.TIMEOUT, End.RESET)
    status = exchange.status or 0
    return status not in _IN_FRONT and not 300 <= status < 400 and exchange.end is not End.TOO_LARGE


# -- no response head -----------------------------------------------------------------------------------


def _no_answer(exchange: Exchange, revision: str) -> TargetError:
    detail = exchange.detail
    if exchange.end is End.UNREACHABLE:
        return _unreachable(exchange, revision)
    if exchange.end is End.TIMEOUT:
        return _error(
            exchange,
            revision,
            "the server took the connection but did not answer in time",
            "look whether it hangs; a slow server needs a longer --mcp-first-byte-timeout",
        )
    if exchange.end is End.NOT_HTTP:
        headline, advice = "what answers at this address breaks HTTP", "check host and port"
        if "head is longer" in detail:
            headline, advice = "the response head does not end", "check what runs at this port"
        elif _TLS_RECORD in detail:
            advice = "begin the URL with https://: the server seems to want TLS"
        return _error(exchange, revision, headline, advice)
    return _error(
        exchange,
        revision,
        "the server closed the connection without an answer",
        "read the server's log; check host and port, and http:// against https://",
        kind=NotReady,
    )


def _unreachable(exchange: Exchange, revision: str) -> TargetError:
    detail = exchange.detail
    if detail.startswith("unknown host"):
        return _error(
            exchange, revision, "the host is not known", "check the spelling of the host in the URL"
        )
    if detail.startswith("TLS"):
        return _error(
            exchange,
            revision,
            "the TLS handshake failed",
            "give the authority with --mcp-ca FILE, or --mcp-insecure for a test server; "
            "a server without TLS needs http://",
        )
    if "refused" in detail:
        headline, advice = (
            "nothing listens at this address",
            "start the server first, or correct host and port",
        )
    else:
        headline = "no connection could be made"
        advice = "check host, port and firewall; a slow network needs a longer --mcp-connect-timeout"
    return _error(exchange, revision, headline, advice, kind=NotReady)


# -- a response head that refuses -----------------------------------------------------------------------

_STARTING: Final = frozenset({502, 503, 504})
_IN_FRONT: Final = _STARTING | {401, 403, 407, 421, 429}
_CREDENTIALS: Final = "give credentials: --mcp-header 'Authorization: Bearer env:TOKEN'"
_STATUS: Final = {
    401: ("the server wants credentials", _CREDENTIALS),
    403: (
        "the server forbids the request",
        _CREDENTIALS + ", or let the server accept this host name (Host and Origin validation)",
    ),
    404: (
        "there is no MCP endpoint at this path",
        "check the path of the URL (or --mcp-path); /mcp is common",
    ),
    405: (
        "this path does not take POST",
        "check the path of the URL (or --mcp-path); the older HTTP+SSE transport cannot be judged",
    ),
    406: (
        "the server refuses an Accept header that names both media types",
        "check what answers at this path",
    ),
    407: ("a proxy wants credentials", "reach the server without the proxy"),
    415: ("the server does not take application/json", "check what answers at this path"),
    421: (
        "the server does not answer for this host name",
        "let the server accept this Host (allowed hosts, DNS rebinding protection), or use a name it accepts",
    ),
    429: ("the server limits the rate of requests", "wait, or lift the limit for the test"),
}


def _refusal(exchange: Exchange, revision: str) -> TargetError:
    status = exchange.status or 0
    if status in _STATUS:
        return _error(exchange, revision, *_STATUS[status])
    if 300 <= status < 400:
        return _error(
            exchange,
            revision,
            "the server redirects",
            "give the final URL: redirects are not followed on purpose",
        )
    if status >= 500:
        return _error(
            exchange,
            revision,
            "the server fails",
            "read the server's log, or that of the gateway in front of it",
            kind=NotReady if status in _STARTING else TargetError,
        )
    return _error(exchange, revision, "the server refuses the request", "check what answers at this URL")


# -- a response that is no answer -----------------------------------------------------------------------


def _broken_end(exchange: Exchange, revision: str) -> TargetError | None:
    if exchange.response is not None and exchange.end is not End.TOO_LARGE:
        return None
    if exchange.end is End.TOO_LARGE:
        return _error(exchange, revision, "the answer is too large", "check what answers at this URL")
    if exchange.end is End.TIMEOUT:
        return _error(
            exchange,
            revision,
            "the answer began but did not come to its end in time",
            "look whether the server hangs; a slow server needs a longer --mcp-exchange-timeout",
        )
    if exchange.end in (End.RESET, End.NOT_HTTP):
        return _error(
            exchange,
            revision,
            "the answer breaks off",
            "read the server's log, or that of the gateway",
            kind=NotReady,
        )
    return None


def _broken_answer(exchange: Exchange, revision: str) -> TargetError | None:
    if exchange.essence == "text/html":
        return _error(
            exchange,
            revision,
            "a web page answers, not an MCP server",
            "check the path of the URL (or --mcp-path), and whether a login page stands in front",
        )
    response = exchange.response
    if response is None:
        return _error(exchange, revision, _why_no_response(exchange), "check what answers at this URL")
    result = response.result
    if isinstance(result, dict) and isinstance(result.get("protocolVersion"), str):
        return None
    return _error(
        exchange,
        revision,
        "the result of initialize has no protocolVersion",
        "check whether this is an MCP server; without a version there is nothing to judge it by",
    )


def _why_no_response(exchange: Exchange) -> str:
    if not exchange.body:
        return "the answer to initialize is empty"
    if exchange.is_sse and not exchange.received:
        return "the event stream holds no message"
    if not exchange.received:
        return "the answer is neither JSON nor an event stream"
    message = exchange.received[0].message
    if message.kind is Kind.INVALID:
        codes = {finding.code for finding in message.findings}
        not_json = codes & {"invalid-json", "invalid-utf8", "trailing-data", "too-deep"}
        return "the answer is not JSON" if not_json else "the answer is JSON, but not JSON-RPC"
    return "the answer has no JSON-RPC response to initialize"


# -- the message ----------------------------------------------------------------------------------------


def _error(
    exchange: Exchange, revision: str, headline: str, advice: str, *, kind: type[TargetError] = TargetError
) -> TargetError:
    request = exchange.request
    lines = [
        f"The MCP server cannot be judged: {headline}.",
        f"  sent: {request.method} {mask_url(request.url)} (initialize, protocolVersion {revision})",
        f"  got:  {_masked(_got(exchange), exchange)}",
        f"  do:   {advice}",
    ]
    return kind("\n".join(lines))


def _got(exchange: Exchange) -> str:
    parts = [_text(exchange.summary, 400)]
    parts += [
        f"{name}: {_text(mask_url(value) if name == 'Location' else value)}"
        for name in ("Location", "WWW-Authenticate", "Allow", "Retry-After")
        if (value := exchange.headers.get(name)) is not None
    ]
    error = exchange.error
    if error is not None and isinstance(error.get("message"), str):
        parts.append(f"message: {_text(str(error['message']))}")
    elif exchange.body and exchange.result is None:
        parts.append(f"body begins: {_text(exchange.body[: 4 * SHOWN_BODY].decode('utf-8', 'replace'))}")
    return "\n        ".join(parts)


def _text(text: str, limit: int = SHOWN_BODY) -> str:
    """Return a text of the server's on one line, safe to print, cut to a length."""
    flat = " ".join(text.split())
    safe = "".join(character if character.isprintable() else "?" for character in flat)
    return safe if len(safe) <= limit else safe[:limit] + "..."


def _masked(text: str, exchange: Exchange) -> str:
    request = exchange.request
    values = [value for name, value in request.headers if name.lower() in request.secrets]
    return without_secrets(text, values + [value for _, value in parse_qsl(urlsplit(request.url).query)])


def without_secrets(text: str, values: Iterable[str]) -> str:
    """Return a text with every secret value in it masked.

    Args:
        text: What a server sent or wrote; it may repeat what it was given.
        values: The secret values.
    """
    # Of "Bearer TOKEN" the token alone is as secret as the whole value; the scheme is not.
    parts = (part for value in values for part in (value, *value.split()[1:]))
    secrets = {part for part in parts if len(part) >= _SHORTEST_SECRET}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
