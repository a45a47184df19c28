"""Show an exchange to people: masked, bounded, harmless on a terminal, and as a command line.

Must not know verdicts or requirements.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pytest_mcp_http.report.curl import curl
from pytest_mcp_http.report.masking import Secrets, mask_url, visible

if TYPE_CHECKING:
    from pytest_mcp_http.wire.exchange import Exchange
    from pytest_mcp_http.wire.headers import Headers

__all__ = ["curl", "transcript", "transcript_lines"]

SHOWN_BYTES: Final = 2000
"""Body bytes shown unless told otherwise."""

SHOWN_HEADERS: Final = 60
"""Header lines shown of a request or response."""

SHOWN_HEADER_CHARACTERS: Final = 1000
"""Characters shown of a header value."""

SHOWN_CHUNKS: Final = 20
"""Chunks and events listed with their times."""

_ENDS: Final = {
    "eof": "response complete",
    "stopped": "closed by us",
    "timeout": "timed out",
    "reset": "connection broken",
    "too-large": "size limit reached",
    "not-http": "not HTTP",
    "unreachable": "no connection",
}


def transcript(exchange: Exchange, *, limit: int = SHOWN_BYTES) -> dict[str, Any]:
    """Return what may be shown of an exchange, as plain JSON values.

    Secrets are masked, bytes that are no UTF-8 and control characters are escaped, bodies are cut.

    Args:
        exchange: The exchange.
        limit: Body bytes shown, of request and response each.

    Returns:
        `{"url", "request", "response", "end": {"how", "detail", "at"}}`.
        A request is `{"line", "headers", "body"}`; a response has `chunks` and `events` as well, each
        `{"total", "listed"}`, or is None. A body is `{"text", "bytes", "rest"}` (sizes in bytes) or None.
        Times are in seconds since the request was sent.
    """
    secrets = Secrets.of(exchange)
    request = exchange.request
    url = secrets.mask(mask_url(request.url))
    # The request line holds what follows the authority.
    target = re.sub(r"^[^/?#]*", "", url.partition("://")[2])
    return {
        "url": visible(url),
        "request": {
            "line": visible(
                f"{request.method} {target if target.startswith('/') else '/' + target} HTTP/1.1"
            ),
            "headers": _headers(request.headers, secrets),
            "body": _body(request.body, request.headers, secrets, limit),
        },
        "response": _response(exchange, secrets, limit) if exchange.status is not None else None,
        "end": {
            "how": exchange.end.value,
            "detail": visible(secrets.mask(exchange.detail), keep=""),
            "at": round(exchange.ended_at, 3),
        },
    }


def _response(exchange: Exchange, secrets: Secrets, limit: int) -> dict[str, Any]:
    chunks = [
        {"at": round(chunk.at, 3), "bytes": len(chunk.data)} for chunk in exchange.chunks[:SHOWN_CHUNKS]
    ]
    events = [
        {
            "at": round(exchange.arrival(event), 3),
            "type": visible(secrets.mask(event.type))[:SHOWN_HEADER_CHARACTERS],
            "id": None if event.id is None else visible(secrets.mask(event.id))[:SHOWN_HEADER_CHARACTERS],
            "bytes": event.end_offset - event.offset,
        }
        for event in exchange.events[:SHOWN_CHUNKS]
    ]
    return {
        "line": visible(secrets.mask(f"HTTP {exchange.status} {exchange.reason}".rstrip())),
        "headers": _headers(exchange.headers, secrets),
        "body": _body(exchange.body, exchange.headers, secrets, limit),
        "chunks": {"total": len(exchange.chunks), "listed": chunks},
        "events": {"total": len(exchange.events), "listed": events},
    }


def _headers(headers: Headers, secrets: Secrets) -> list[list[str]]:
    lines = [[visible(name), _cut(visible(secrets.header(name, value)))] for name, value in headers]
    if len(lines) > SHOWN_HEADERS:
        return [*lines[:SHOWN_HEADERS], ["...", f"{len(lines) - SHOWN_HEADERS} more header lines"]]
    return lines


def _cut(text: str) -> str:
    rest = len(text) - SHOWN_HEADER_CHARACTERS
    return text if rest <= 0 else f"{text[:SHOWN_HEADER_CHARACTERS]}... ({rest:,} more characters)"


def _body(body: bytes, headers: Headers, secrets: Secrets, limit: int) -> dict[str, Any] | None:
    if not body:
        return None
    coding = headers.get("content-encoding") or "identity"
    if coding.strip().lower() != "identity":
        # Secrets inside of a compressed body cannot be masked.
        return {"text": f"(content coding {visible(_cut(coding))}: not shown)", "bytes": len(body), "rest": 0}
    # Masked before it is cut, or the head of a secret could stand at the cut.
    masked = secrets.mask_bytes(body)
    shown = masked[: _boundary(masked, limit)]
    text = visible(shown.decode("utf-8", "backslashreplace"), keep="\t\n")
    return {"text": text, "bytes": len(body), "rest": len(masked) - len(shown)}


def _boundary(data: bytes, limit: int) -> int:
    """Return the end of the last whole character within the limit."""
    if len(data) <= limit:
        return len(data)
    for end in range(limit, max(limit - 4, 0), -1):
        if data[end] & 0xC0 != 0x80:
            return end
    return limit


def transcript_lines(shown: dict[str, Any]) -> list[str]:
    """Return a transcript as lines in the manner of `curl -v`: `>` sent, `<` received, `*` remarks.

    Args:
        shown: A dict made by `transcript`.
    """
    lines = [f"* {shown['url']}", *_message_lines(">", shown["request"])]
    response = shown["response"]
    if response is not None:
        lines += _message_lines("<", response)
        lines += _time_lines(response)
    end = shown["end"]
    detail = f": {end['detail']}" if end["detail"] else ""
    nothing = "" if response is not None else "no response, "
    return [*lines, f"* {nothing}{_ENDS.get(end['how'], end['how'])} after {end['at']:.3f} s{detail}"]


def _message_lines(mark: str, message: dict[str, Any]) -> list[str]:
    lines = [
        f"{mark} {message['line']}",
        *(f"{mark} {name}: {value}".rstrip() for name, value in message["headers"]),
    ]
    lines.append(mark)
    body = message["body"]
    if body is None:
        return lines
    text = body["text"].removesuffix("\n")
    lines += [f"{mark} {line}" if line else mark for line in text.split("\n")]
    if body["rest"]:
        lines.append(f"* {body['rest']:,} more bytes of body ({body['bytes']:,} in all)")
    return lines


def _time_lines(response: dict[str, Any]) -> list[str]:
    """Say when the parts of a body arrived, where it came in parts."""
    events, chunks = response["events"], response["chunks"]
    if events["total"]:
        listed = [f"{event['type']} at {event['at']:.3f} s" for event in events["listed"]]
        return [_listing("events", listed, events["total"])]
    if chunks["total"] > 1:
        listed = [f"{chunk['bytes']:,} bytes at {chunk['at']:.3f} s" for chunk in chunks["listed"]]
        return [_listing("chunks", listed, chunks["total"])]
    return []


def _listing(what: str, listed: list[str], total: int) -> str:
    more = f", and {total - len(listed)} more" if total > len(listed) else ""
    return f"* {total} {what}: {', '.join(listed)}{more}"
