"""Subscriptions: whether they are served, what is acknowledged, what their streams carry and how they end."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.changes import assert_update_announced, assert_updates_asked_for
from pytest_mcp_http.assertions.refusals import assert_invalid_params, is_refusal
from pytest_mcp_http.assertions.subscription_streams import (
    REQUEST_SCOPED,
    assert_closing_result,
    assert_graceful_end,
    assert_long_lived,
    assert_nothing_request_scoped,
    assert_requested_types_only,
    assert_stays_open,
    ended_at_once,
    ended_later,
)
from pytest_mcp_http.assertions.subscriptions import (
    STREAM,
    acknowledged_types,
    acknowledgement,
    assert_acknowledged_first,
    assert_acknowledges_requested,
    assert_acknowledges_supported,
    assert_listen_served,
    assert_nothing_before_acknowledgement,
    assert_offered_acknowledged,
    assert_own_subscription,
    assert_subscription_id,
    assert_subscription_id_present,
    listen_id,
    offered_types,
    subscription_of,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_REQUEST, METHOD_NOT_FOUND
from pytest_mcp_http.suite._changes import announced_resources, changed_resources
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import declared, refused_by_others
from pytest_mcp_http.suite._replicas import announced_elsewhere, named
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._subscriptions import (
    FIRST_ID,
    SECOND_ID,
    acknowledged_stream,
    empty_stream,
    first_stream,
    many_streams,
    odd_streams,
    open_stream,
    reopened_stream,
    second_stream,
    served_listen,
    single_streams,
    streams,
    together,
    with_params,
)
from pytest_mcp_http.suite._witness import two_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, same_id


@requirement("subscriptions.listen-served")
def test_offered_notifications_can_be_subscribed_to(mcp_tour: Tour) -> None:
    if not offered_types(mcp_tour.capabilities):
        raise NotApplicable("the server declares neither listChanged nor subscribe")
    exchange = assert_listen_served(first_stream(mcp_tour))
    if acknowledgement(exchange) is not None:
        assert_offered_acknowledged(exchange, mcp_tour.capabilities)


@requirement("subscriptions.listen-unsupported")
def test_server_without_notifications_refuses_or_acknowledges(mcp_tour: Tour) -> None:
    if offered_types(mcp_tour.capabilities):
        raise NotApplicable("the server declares listChanged or subscribe")
    exchange = first_stream(mcp_tour)
    if exchange.error_code != METHOD_NOT_FOUND and acknowledgement(exchange) is None:
        expected = (f"HTTP 404 with JSON-RPC error {METHOD_NOT_FOUND}", f"{STREAM} with an acknowledgement")
        violated(f"subscriptions/listen got {exchange.summary}", expected, exchange, note=True)


@requirement("subscriptions.sse-reply")
def test_subscription_is_a_stream_that_stays_open(mcp_tour: Tour) -> None:
    if served_listen(mcp_tour).is_sse:
        for stream in single_streams(mcp_tour):
            assert_stays_open(stream)
    else:
        assert_stays_open(served_listen(mcp_tour))


@requirement("subscriptions.no-immediate-result")
def test_subscription_is_not_over_at_once(mcp_tour: Tour) -> None:
    assert_long_lived(acknowledged_stream(mcp_tour))


@requirement("subscriptions.ack-first")
def test_acknowledgement_comes_first(mcp_tour: Tour) -> None:
    assert_acknowledged_first(open_stream(mcp_tour))


@requirement("subscriptions.nothing-before-ack")
def test_no_notification_comes_before_the_acknowledgement(mcp_tour: Tour) -> None:
    for stream in streams(mcp_tour):
        assert_nothing_before_acknowledgement(stream)


@requirement("subscriptions.ack-filter-subset")
def test_unsupported_types_are_not_acknowledged(mcp_tour: Tour) -> None:
    for stream in streams(mcp_tour):
        assert_acknowledges_supported(stream, declared(mcp_tour))


@requirement("subscriptions.ack-partial-request")
def test_only_requested_types_are_acknowledged(mcp_tour: Tour) -> None:
    for stream in (second_stream(mcp_tour), empty_stream(mcp_tour)):
        assert_acknowledges_requested(stream)


@requirement("subscriptions.id-present")
def test_notifications_name_their_subscription(mcp_tour: Tour) -> None:
    for stream in streams(mcp_tour):
        assert_subscription_id_present(stream)


@requirement("subscriptions.id-value")
def test_subscriptions_are_named_by_the_id_of_the_request(mcp_tour: Tour) -> None:
    acknowledged_stream(mcp_tour)
    pair = {FIRST_ID: together(mcp_tour).first, SECOND_ID: together(mcp_tour).second}
    for id, stream in pair.items():
        if stream is not None:
            assert_subscription_id(stream, others=pair.keys() - {id})
    for stream in odd_streams(mcp_tour):
        refused_by_others(stream)
        if acknowledgement(stream) is None:
            sent = stream.request.message
            what = f"a subscription with the id {sent.id!r}" if sent is not None else "a subscription"
            violated(f"{what} got {stream.summary}", "an acknowledgement that names this id", stream)
        assert_subscription_id(stream)


@requirement("subscriptions.multiple-concurrent")
def test_client_may_have_two_subscriptions(mcp_tour: Tour) -> None:
    acknowledged_stream(mcp_tour)
    pair = together(mcp_tour)
    _beside(mcp_tour, pair.second, stayed=pair.first_stayed, what="a second subscription of the client")


@requirement("subscriptions.same-id-two-clients")
def test_two_clients_may_use_the_same_id(mcp_tour: Tour) -> None:
    second_stream(mcp_tour)
    pair = together(mcp_tour)
    if not pair.first_stayed:
        raise NotVerified("the first stream ended before the second client came")
    what = "a subscription of another client under the same id"
    _beside(mcp_tour, pair.twin, stayed=pair.first_stayed_by_twin, what=what)


def _beside(tour: Tour, other: Exchange | None, *, stayed: bool, what: str) -> None:
    """Judge a stream that was opened beside the first, and what became of the first."""
    assert other is not None  # it was opened, since the first was acknowledged
    refused_by_others(other)
    expected = "both are acknowledged and stay open"
    if acknowledgement(other) is None:
        violated(f"{what} got {other.summary}", expected, other)
    if stayed:
        return
    if any(ended_at_once(stream) or ended_later(stream) for stream in single_streams(tour)):
        raise NotVerified("the streams of this server end on their own")
    violated(f"the first stream ended when {what} was opened", expected, together(tour).first)


@requirement("subscriptions.concurrent-no-mixup")
def test_streams_carry_their_own_subscription_only(mcp_tour: Tour) -> None:
    second = second_stream(mcp_tour)
    assert_own_subscription(acknowledged_stream(mcp_tour), [SECOND_ID])
    assert_own_subscription(second, [FIRST_ID])


@requirement("subscriptions.only-requested-types")
def test_only_requested_types_are_sent(mcp_tour: Tour) -> None:
    for stream in streams(mcp_tour):
        assert_requested_types_only(stream)


@requirement("subscriptions.only-requested-uris")
def test_only_requested_resources_are_announced(mcp_tour: Tour) -> None:
    found = announced_resources(mcp_tour)
    own_updates(found.stream, found.watched)
    if found.beside is None:
        raise NotVerified("no second stream could be opened for another resource")
    own_updates(found.beside, found.beside_watched)


def own_updates(stream: Exchange, asked: tuple[str, ...]) -> None:
    """Judge the updates on a stream, if they are its own: others belong to `concurrent-no-mixup`."""
    named = [subscription_of(message) for message in stream.notifications]
    if any(tag is not ABSENT and not same_id(tag, listen_id(stream)) for tag in named):
        raise NotVerified("notifications of another subscription came, see subscriptions.concurrent-no-mixup")
    assert_updates_asked_for(stream, asked)


@requirement("subscriptions.resource-updated")
def test_changes_of_resources_are_announced(mcp_tour: Tour) -> None:
    found = changed_resources(mcp_tour)
    assert_update_announced([found.stream], found.updated)


@requirement("subscriptions.no-request-scoped")
def test_progress_and_log_messages_stay_with_their_request(mcp_tour: Tour) -> None:
    for stream in streams(mcp_tour):
        assert_nothing_request_scoped(stream)
    calls = two_calls(mcp_tour)
    if calls.listening is None:
        raise NotVerified("no subscription was open while the slow tool ran")
    assert_nothing_request_scoped(calls.listening)
    if not any(message.method in REQUEST_SCOPED for message in calls.left.notifications):
        raise NotVerified("the slow tool, which was asked for progress, reported none")


@requirement("subscriptions.graceful-result")
def test_server_that_ends_a_stream_answers_first(mcp_tour: Tour) -> None:
    ended = [stream for stream in single_streams(mcp_tour) if ended_later(stream)]
    if not ended:
        raise NotVerified("the server ended no stream, as long as we kept them open")
    for stream in ended:
        assert_graceful_end(stream)


@requirement("subscriptions.graceful-result-meta")
def test_closing_result_names_the_subscription(mcp_tour: Tour) -> None:
    answered = [s for s in (*streams(mcp_tour), *single_streams(mcp_tour)) if s.responses]
    if not answered:
        raise NotVerified("no stream ended with a result, as long as we kept them open")
    for stream in answered:
        assert_closing_result(stream)


@requirement("subscriptions.bad-filter")
def test_malformed_filter_is_refused(mcp_tour: Tour) -> None:
    acknowledged_stream(mcp_tour)
    flag_as_text = {"notifications": {"toolsListChanged": "yes"}}
    *answers, flag = with_params(mcp_tour, {}, {"notifications": []}, flag_as_text)
    for answer in (*answers, flag):
        refused_by_others(answer)
    gravest(partial(filter_refused, answer) for answer in answers)
    if not is_refusal(flag):
        # Reading "yes" as true harms nobody, and no sentence forbids it.
        violated(f"a flag that is text got {flag.summary}", "JSON-RPC error -32602", flag, note=True)


def filter_refused(answer: Exchange) -> None:
    """Judge the answer to a listen request whose filter is missing, or an array."""
    granted = acknowledged_types(answer)
    if acknowledgement(answer) is not None and not granted:
        # Taking either for a filter that asks for nothing harms nobody, and no sentence forbids it.
        actual = f"a filter that is missing, or an array, got {answer.summary}"
        violated(actual, "JSON-RPC error -32602", answer, note=True)
    assert_invalid_params(answer, tolerated=(INVALID_REQUEST,))


@requirement("subscriptions.reissue-after-drop")
def test_dropped_subscription_can_be_opened_anew(mcp_tour: Tour) -> None:
    again = reopened_stream(mcp_tour)
    refused_by_others(again)
    if acknowledgement(again) is None:
        what = "the same subscription, opened again after its stream was dropped,"
        violated(f"{what} got {again.summary}", "a new acknowledgement", again)


@requirement("subscriptions.no-server-state-after-close")
def test_closed_subscriptions_are_let_go(mcp_tour: Tour) -> None:
    for number, stream in enumerate(many_streams(mcp_tour), start=1):
        refused_by_others(stream)
        if acknowledgement(stream) is None:
            actual = f"after {number - 1} subscriptions were opened and closed, the next got {stream.summary}"
            violated(actual, "closing a stream frees what it held", stream, note=True)


@requirement("subscriptions.cross-replica-delivery")
def test_change_is_announced_at_every_replica(mcp_tour: Tour) -> None:
    for kind, url, stream in announced_elsewhere(mcp_tour):
        method = f"notifications/{kind}/list_changed"
        if all(message.method != method for message in stream.notifications):
            actual = f"the list of {kind} changed, and nothing came on a stream of {named(url)}"
            violated(actual, method, stream)
