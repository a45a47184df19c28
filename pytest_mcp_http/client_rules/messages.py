"""The JSON-RPC messages of a client: ids, progress tokens, cursors, cancellations."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client_rules.play import Play, Sent, show
from pytest_mcp_http.client_rules.registering import rule
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.mock.server import SESSION_HEADER
from pytest_mcp_http.wire.jsonrpc import json_type, same_id

# Each of these has a rule of its own.
_ELSEWHERE = ("invalid-utf8", "id-null", "id-type", "id-float", "id-missing", "notification-with-id")


@rule("client.jsonrpc.valid")
def valid(play: Play) -> None:
    """Find a body that is no JSON-RPC, or has something wrong with it."""
    for record in play.posts:
        message = record.exchange.request.message
        for member in (message, *message.members) if message is not None else ():
            wrong = [finding for finding in member.findings if finding.code not in _ELSEWHERE]
            if wrong:
                violated(wrong[0].detail, "JSON-RPC 2.0", record.exchange)


@rule("client.jsonrpc.request-id")
def request_id(play: Play) -> None:
    """Find a request whose id is no string and no integer."""
    requests = [sent for sent in play.calls() if not _is_notification(sent)]
    for sent in play.need(requests, "the client sent no request"):
        id = sent.message.id
        integer = isinstance(id, int) and not isinstance(id, bool)
        if not (isinstance(id, str) or integer or (isinstance(id, float) and id.is_integer())):
            violated(f"the id is {id!r}", ("a string", "an integer"), sent.record.exchange)


def _is_notification(sent: Sent) -> bool:
    return (sent.message.method or "").startswith("notifications/")


@rule("client.jsonrpc.unique-ids")
def unique_ids(play: Play) -> None:
    """Find two requests with one id: in a session, or at the same time in the modern era."""
    seen: dict[tuple[object, str, object], Sent] = {}
    opened = 0
    for sent in play.need(play.calls(), "the client sent no request"):
        if not isinstance(sent.message.id, (str, int, float)) or _is_notification(sent):
            continue
        if sent.message.method == "initialize":
            opened += 1
        exchange = sent.record.exchange
        # The request that begins a session does not carry its id yet.
        begun = exchange.headers.get(SESSION_HEADER)
        session = begun or exchange.request.headers.get(SESSION_HEADER) or opened
        key = (session, json_type(sent.message.id), sent.message.id)
        first = seen.get(key)
        if first is not None and (not play.modern or _under_way(first, sent.record.at)):
            violated(
                f"{sent.message.method} has the id {sent.message.id!r} of an earlier request",
                "an id that is new",
                sent.record.exchange,
            )
        seen[key] = sent


def _under_way(sent: Sent, at: float) -> bool:
    """Return whether a request was neither answered nor given up at a time."""
    ends = [end for end in (sent.record.answered_at, sent.record.left_at) if end is not None]
    # The client has an answer in its hands before the connection is done with it.
    received = sent.record.exchange.chunks
    ends += [sent.record.at + received[-1].at] if received and sent.record.exchange.response else []
    return not ends or at < min(ends)


@rule("client.jsonrpc.notification-id")
def notification_id(play: Play) -> None:
    """Find a notification with an id."""
    found = [sent for sent in play.messages if _is_notification(sent)]
    for sent in play.need(found, "the client sent no notification"):
        if "id" in sent.message.value:
            violated(f"{show(sent)} was sent", "no id", sent.record.exchange)


# -- progress, pages ------------------------------------------------------------------------------------


def _tokens(play: Play) -> tuple[Sent, ...]:
    return play.need(
        (sent for sent in play.calls() if "progressToken" in sent.meta), "the client sent no progress token"
    )


@rule("client.progress.token-type")
def token_type(play: Play) -> None:
    """Find a progress token that is no string and no integer."""
    for sent in _tokens(play):
        token = sent.meta["progressToken"]
        if not isinstance(token, (str, int)) or isinstance(token, bool):
            violated(f"the progress token is {token!r}", ("a string", "an integer"), sent.record.exchange)


@rule("client.progress.token-unique")
def token_unique(play: Play) -> None:
    """Find a progress token of two requests that were under way at the same time."""
    seen: list[Sent] = []
    for sent in _tokens(play):
        token = sent.meta["progressToken"]
        for first in seen:
            if same_id(first.meta["progressToken"], token) and _under_way(first, sent.record.at):
                violated(
                    f"{show(sent)} has the progress token {token!r} of {show(first)}",
                    "a token that no request in progress has",
                    sent.record.exchange,
                )
        seen.append(sent)


@rule("client.pagination.opaque-cursor")
def opaque_cursor(play: Play) -> None:
    """Compare the cursors of the client with those that it got."""
    lists = play.calls("tools/list")
    known = [sent.result["nextCursor"] for sent in lists if sent.result and "nextCursor" in sent.result]
    asked = [sent for sent in lists if "cursor" in sent.params]
    for sent in play.need(asked, "the client asked for no next page"):
        if sent.params["cursor"] not in known:
            shown = " or ".join(repr(cursor) for cursor in known)
            violated(f"the cursor is {sent.params['cursor']!r}", shown, sent.record.exchange)


# -- cancellation ---------------------------------------------------------------------------------------


def _cancelled(play: Play) -> tuple[Sent, ...]:
    return play.need(play.notifications("notifications/cancelled"), "the client cancelled nothing")


def _named(sent: Sent, requests: Iterable[Sent]) -> Sent | None:
    """Return the request that a cancellation names."""
    return next((each for each in requests if same_id(each.message.id, sent.params.get("requestId"))), None)


@rule("client.cancellation.own-requests")
def own_requests(play: Play) -> None:
    """Find a cancellation of a request that there was not."""
    for sent in _cancelled(play):
        # The two may overtake each other on their ways, so the order tells nothing.
        if _named(sent, play.calls()) is None:
            violated(
                f"the cancellation names {sent.params.get('requestId')!r}",
                "the id of a request of the client",
                sent.record.exchange,
            )


@rule("client.cancellation.not-initialize")
def not_initialize(play: Play) -> None:
    """Find a cancellation of initialize."""
    first = play.need(play.calls("initialize"), "the client sent no initialize")[0]
    if first.record.answered_at is not None:
        raise NotVerified("initialize was answered")
    for sent in play.notifications("notifications/cancelled"):
        named = _named(sent, play.calls())
        if named is not None and named.message.method == "initialize":
            violated("the client cancelled initialize", "no cancellation", sent.record.exchange)
    if not play.left(first.record):
        raise NotVerified("the client did not give initialize up")


@rule("client.cancellation.on-timeout")
def on_timeout(play: Play) -> None:
    """Expect that a request which is given up is cancelled."""
    held = [sent for sent in play.calls("tools/call") if sent.record.exchange.status is None]
    sent = play.need(held, "the client did not call the tool that is not answered")[0]
    if play.modern:
        if play.left(sent.record):
            return
        # A client that sends its calls at the same time has not given this one up.
        went_on = play.after(sent.record.at + play.timeout / 2)
        if play.contract and went_on:
            violated(
                "the client went on and kept the response of the call open",
                "the response of the call is closed",
                sent.record.exchange,
            )
        raise NotVerified("the client did not give the call up")
    if any(_named(each, [sent]) for each in play.notifications("notifications/cancelled")):
        return
    if not play.contract or not play.left(sent.record):
        raise NotVerified("the client did not give the call up")
    violated(
        "the client closed the connection of a call and did not cancel it",
        "notifications/cancelled with the id of the call",
        sent.record.exchange,
    )
