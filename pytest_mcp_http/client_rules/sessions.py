"""Lifecycle, sessions and versions of the handshake era, and the way back to it."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client_rules.play import Play, Sent
from pytest_mcp_http.client_rules.registering import rule
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.mock.scripts import UNKNOWN_VERSION
from pytest_mcp_http.mock.server import SESSION_HEADER, VERSION_HEADER
from pytest_mcp_http.mock.socket_server import Recorded
from pytest_mcp_http.wire.jsonrpc import Kind, json_type


def _message_method(record: Recorded) -> str | None:
    message = record.exchange.request.message
    return message.method if message is not None else None


def _later(play: Play) -> tuple[Recorded, ...]:
    """Return the requests after the first answer to initialize, without those that begin a session."""
    found = play.after(play.openings[0].record.answered_at)
    return play.need(
        (record for record in found if _message_method(record) != "initialize"),
        "the client sent nothing after initialize",
    )


def _shown(record: Recorded) -> str:
    return _message_method(record) or record.exchange.request.method


# -- sessions -------------------------------------------------------------------------------------------


@rule("client.session.header")
def session_header(play: Play) -> None:
    """Find a request after initialize without the session id."""
    known = [id for _, id in play.sessions]
    for record in _later(play):
        given = record.exchange.request.headers.get(SESSION_HEADER)
        if given not in known:
            actual = f"{_shown(record)} was sent " + (
                "without Mcp-Session-Id" if given is None else "with another Mcp-Session-Id"
            )
            violated(actual, "the session id of the answer to initialize", record.exchange)


def _lost(play: Play) -> Recorded:
    """Return the first request that met the end of its session."""
    lost = [
        record
        for record in play.requests
        if record.exchange.status == 404
        and SESSION_HEADER in record.exchange.request.headers
        and record.exchange.request.method != "DELETE"
    ]
    return play.need(lost, "no request was refused for an ended session")[0]  # type: ignore[no-any-return]


@rule("client.session.reinitialize-after-404")
def reinitialize_after_404(play: Play) -> None:
    """Expect an initialize after the session was lost."""
    lost = _lost(play)
    later = play.after(lost.at)
    if any(_message_method(record) == "initialize" for record in later):
        return
    if not later and not play.contract:
        raise NotVerified("the client sent nothing after its session was lost")
    sent = ", ".join(_shown(record) for record in later) or "nothing"
    violated(f"after the 404 the client sent {sent}", "an initialize request", lost.exchange)


@rule("client.session.initialize-without-id")
def initialize_without_id(play: Play) -> None:
    """Find an initialize after the session was lost that carries a session id."""
    lost = _lost(play)
    again = [record for record in play.after(lost.at) if _message_method(record) == "initialize"]
    for record in play.need(again, "the client began no new session"):
        if SESSION_HEADER in record.exchange.request.headers:
            violated("initialize was sent with Mcp-Session-Id", "no Mcp-Session-Id", record.exchange)


@rule("client.session.delete")
def delete(play: Play) -> None:
    """Expect a DELETE with the session id."""
    known = [id for _, id in play.sessions]
    for record in play.requests:
        request = record.exchange.request
        if request.method == "DELETE" and request.headers.get(SESSION_HEADER) in known:
            return
    if not play.contract:
        raise NotVerified("the client did not end its session so far")
    violated("the client ended without DELETE", "DELETE with Mcp-Session-Id", play.requests[-1].exchange)


# -- lifecycle ------------------------------------------------------------------------------------------


@rule("client.lifecycle.initialize-first")
def initialize_first(play: Play) -> None:
    """Look at the first message."""
    first = play.messages[0] if play.messages else None
    if first is None or first.message.kind is not Kind.REQUEST or first.message.method != "initialize":
        record = first.record if first else play.posts[0]
        violated(f"the first message is {_shown(record)}", "an initialize request", record.exchange)


@rule("client.lifecycle.initialize-params")
def initialize_params(play: Play) -> None:
    """Look at the params of initialize."""
    for sent in play.need(play.calls("initialize"), "the client sent no initialize"):
        info = sent.params.get("clientInfo")
        types = {
            "protocolVersion": (json_type(sent.params.get("protocolVersion")), "string"),
            "capabilities": (json_type(sent.params.get("capabilities")), "object"),
            "clientInfo": (json_type(info), "object"),
        }
        if isinstance(info, dict):
            types["clientInfo.name"] = (json_type(info.get("name")), "string")
            types["clientInfo.version"] = (json_type(info.get("version")), "string")
        for name, (got, wanted) in types.items():
            if got != wanted:
                seen = "missing or null" if got == "null" else f"a JSON {got}"
                violated(f"{name} is {seen}", f"{name} is a JSON {wanted}", sent.record.exchange)


@rule("client.lifecycle.initialized")
def initialized(play: Play) -> None:
    """Expect the notification that the client is ready, if the client goes on at all."""
    first = play.openings[0]
    others = [
        sent
        for sent in play.calls()
        if sent.message.method not in ("initialize", "ping")
        and sent.record.at > (first.record.answered_at or 0)
    ]
    if play.notifications("notifications/initialized"):
        return
    play.need(others, "the client sent no request after initialize")
    violated(
        f"{_shown(others[0].record)} was sent, and notifications/initialized never",
        "notifications/initialized",
        others[0].record.exchange,
    )


@rule("client.lifecycle.no-early-requests")
def no_early_requests(play: Play) -> None:
    """Find a request that came before the answer to initialize had begun."""
    first = play.openings[0].record
    began = first.at + first.exchange.chunks[0].at if first.exchange.chunks else first.at
    for sent in play.calls():
        if first.at <= sent.record.at < began and sent.message.method not in ("initialize", "ping"):
            violated(
                f"{sent.message.method} was sent before initialize was answered",
                "ping, or nothing",
                sent.record.exchange,
            )


@rule("client.lifecycle.answers-ping")
def answers_ping(play: Play) -> None:
    """Expect an empty result for each ping of the server."""
    asked = [
        (record, message)
        for record in play.requests
        for message in record.exchange.requests
        if message.method == "ping"
    ]
    for record, ping in play.need(asked, "the server sent no ping"):
        replies = [
            sent
            for sent in play.messages
            if sent.message.kind in (Kind.RESULT, Kind.ERROR) and sent.message.id == ping.id
        ]
        if not replies:
            if play.left(record):
                raise NotVerified("the client closed the stream that brought the ping")
            violated("the ping was not answered", "a response with an empty result", record.exchange)
        result = replies[0].message.result
        if not isinstance(result, dict) or set(result) - {"_meta"}:
            violated(
                "the ping was answered with something else", "an empty result", replies[0].record.exchange
            )


# -- versions -------------------------------------------------------------------------------------------


def _versioned(play: Play) -> tuple[Recorded, ...]:
    """Return the requests after a version was agreed on."""
    if (play.openings[0].result or {}).get("protocolVersion") == UNKNOWN_VERSION:
        raise NotVerified("no version was agreed on")
    return _later(play)


@rule("client.version.header")
def version_header(play: Play) -> None:
    """Find a request after initialize without the version header."""
    for record in _versioned(play):
        if VERSION_HEADER not in record.exchange.request.headers:
            violated(f"{_shown(record)} was sent without it", "MCP-Protocol-Version", record.exchange)


@rule("client.version.header-value")
def version_header_value(play: Play) -> None:
    """Compare the version header with what was negotiated."""
    negotiated = {str((sent.result or {}).get("protocolVersion")) for sent in play.openings}
    given = [record for record in _versioned(play) if VERSION_HEADER in record.exchange.request.headers]
    for record in play.need(given, "no request had MCP-Protocol-Version"):
        value = record.exchange.request.headers.get(VERSION_HEADER)
        if value not in negotiated:
            violated(f"MCP-Protocol-Version is {value!r}", " or ".join(sorted(negotiated)), record.exchange)


@rule("client.version.disconnects")
def disconnects(play: Play) -> None:
    """Find a message after an answer with a version that no client supports."""
    first = play.openings[0]
    if (first.result or {}).get("protocolVersion") != UNKNOWN_VERSION:
        raise NotVerified("the server answered with a version that there is")
    for record in play.after(first.record.answered_at):
        if record.exchange.request.method != "DELETE" and _message_method(record) != "initialize":
            violated(
                f"{_shown(record)} was sent after the server answered with version {UNKNOWN_VERSION}",
                "no more messages",
                record.exchange,
            )


@rule("client.version.no-fallback")
def no_fallback(play: Play) -> None:
    """Find an initialize after an error that only a server of the modern era sends."""
    refused: list[Sent] = [sent for sent in play.calls() if sent.record.exchange.status == 400]
    first = play.need(refused, "no request was refused")[0]
    for record in play.records:
        if record.at > first.record.at and _message_method(record) == "initialize":
            violated(
                "initialize was sent after an error of the modern era",
                ("a request with a version that the error lists", "no more requests"),
                record.exchange,
            )
