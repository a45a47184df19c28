"""How requests are sent: method, Accept, bodies.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client_rules.play import Play
from pytest_mcp_http.client_rules.registering import rule
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.mock.socket_server import Recorded
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE
from pytest_mcp_http.wire.headers import parse_media_type
from pytest_mcp_http.wire.jsonrpc import Kind

_REFUSED = re.compile(r"0(\.0{0,3})?")
"""A weight that says what is not accepted."""


@rule("client.transport.uses-post")
def uses_post(play: Play) -> None:
    """Find a message that was sent with another method."""
    play.need(play.requests, f"the client sent nothing of {play.revision}")
    for record in play.requests:
        request = record.exchange.request
        if request.method != "POST" and request.message and request.message.kind is not Kind.INVALID:
            violated(f"a JSON-RPC message was sent with {request.method}", "POST", record.exchange)


@rule("client.transport.accept-both")
def accept_both(play: Play) -> None:
    """Find a POST whose Accept header does not list both media types."""
    _each_accepts(play.posts, (JSON_TYPE, SSE_TYPE))


@rule("client.transport.accept-get")
def accept_get(play: Play) -> None:
    """Find a GET whose Accept header does not list event streams."""
    gets = [record for record in play.requests if record.exchange.request.method == "GET"]
    _each_accepts(play.need(gets, "the client sent no GET"), (SSE_TYPE,))


def _each_accepts(records: Iterable[Recorded], types: tuple[str, ...]) -> None:
    note: RequirementViolated | None = None
    for record in records:
        lines = record.exchange.request.headers.get_all("accept")
        listed = [media for line in lines for part in line.split(",") if (media := parse_media_type(part))]
        names = {
            media.essence
            for media in listed
            if media.parameters.get("q") not in ("0", "0.0", "0.00", "0.000")
        }
        missing = [name for name in types if name not in names]
        if not missing:
            continue
        covered = all({name, f"{name.partition('/')[0]}/*", "*/*"} & names for name in missing)
        found = RequirementViolated(
            f"Accept is {', '.join(lines)!r}" if lines else "there is no Accept header",
            expected=(f"an Accept header that lists {' and '.join(types)}",),
            exchange=record.exchange,
            # A wildcard takes both types, only it does not list them.
            note=covered,
        )
        if not covered:
            raise found
        note = note or found
    if note is not None:
        raise note


@rule("client.transport.single-message")
def single_message(play: Play) -> None:
    """Find a body that is not one message, or a batch where there are none or of two kinds."""
    for record in play.posts:
        message = record.exchange.request.message
        if message is None:
            violated("the body is empty", "one JSON-RPC message", record.exchange)
        if message.kind is not Kind.BATCH:
            continue
        if play.revision != "2025-03-26":
            violated("the body is a batch", "one JSON-RPC message", record.exchange)
        responses = {member.kind in (Kind.RESULT, Kind.ERROR) for member in message.members}
        if len(responses) > 1:
            violated(
                "a batch mixes responses with other messages",
                ("a batch of requests and notifications", "a batch of responses"),
                record.exchange,
            )
        if any(member.method == "initialize" for member in message.members):
            violated("a batch holds initialize", "initialize alone", record.exchange)


@rule("client.transport.utf8")
def utf8(play: Play) -> None:
    """Find a body that is not UTF-8."""
    plain = True
    for record in play.posts:
        body = record.exchange.request.body
        plain = plain and body.isascii()
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            violated(f"the body is not UTF-8 at byte {error.start}", "UTF-8", record.exchange)
    play.need(() if plain else play.posts, "every body was ASCII, which all codings share")


@rule("client.transport.no-responses")
def no_responses(play: Play) -> None:
    """Find a response that the client sent."""
    for sent in play.messages:
        if sent.message.kind in (Kind.RESULT, Kind.ERROR):
            violated(
                "the client sent a JSON-RPC response", "requests and notifications only", sent.record.exchange
            )
