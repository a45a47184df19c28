from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_acknowledged_first,
    assert_acknowledges_requested,
    assert_acknowledges_supported,
    assert_listen_served,
    assert_nothing_before_acknowledgement,
    assert_offered_acknowledged,
    assert_own_subscription,
    assert_subscription_id,
    assert_subscription_id_present,
)
from pytest_mcp_http.assertions.subscriptions import acknowledged_types, asked_for, offered_types
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import notification, request

Reply = Callable[..., Exchange]

KEY = "io.modelcontextprotocol/subscriptionId"
UPDATED = "notifications/resources/updated"
CAPABILITIES = {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "prompts": "odd"}


def listen(id: object = 1, **asked: object) -> dict[str, Any]:
    return request("subscriptions/listen", {"notifications": asked}, id=id)


def about(method: str, id: object = 1, **params: object) -> dict[str, Any]:
    return notification(method, {"_meta": {KEY: id}, **params})


def ack(id: object = 1, **granted: object) -> dict[str, Any]:
    return about("notifications/subscriptions/acknowledged", id, notifications=granted)


def test_filters_are_read_without_what_asks_for_nothing(reply: Reply) -> None:
    asked = listen(toolsListChanged=True, promptsListChanged=False, resourceSubscriptions=[])
    assert asked_for(reply(sent=asked)) == {"toolsListChanged": True}
    assert acknowledged_types(reply(ack(toolsListChanged=False), stream=True)) == {}
    for odd in (request("subscriptions/listen", {"notifications": []}, id=1), [1], None):
        assert asked_for(reply(sent=odd)) == {}
    assert acknowledged_types(reply(about("notifications/subscriptions/acknowledged"), stream=True)) == {}


def test_offered_types_are_those_of_declared_capabilities() -> None:
    assert offered_types(CAPABILITIES) == ("toolsListChanged", "resourceSubscriptions")
    assert offered_types({"tools": {"listChanged": "yes"}, "resources": None}) == ()


def test_listen_is_served_unless_it_is_refused(reply: Reply) -> None:
    assert_listen_served(reply(ack(), stream=True))
    assert_listen_served(reply({"jsonrpc": "2.0", "id": 1, "result": {}}))
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}}
    assert_listen_served(reply(ack(), error, stream=True))
    for refusal in (reply(error), reply(error, status=404), reply(status=500), reply(status=None)):
        with pytest.raises(RequirementViolated, match="subscriptions/listen got"):
            assert_listen_served(refusal)


def test_offered_types_that_are_not_acknowledged_earn_a_note(reply: Reply) -> None:
    asked = listen(toolsListChanged=True, promptsListChanged=True)
    assert_offered_acknowledged(reply(ack(toolsListChanged=True), sent=asked, stream=True), CAPABILITIES)
    with pytest.raises(RequirementViolated, match="toolsListChanged was asked for") as caught:
        assert_offered_acknowledged(reply(ack(), sent=asked, stream=True), CAPABILITIES)
    assert caught.value.note


def test_acknowledgement_has_to_come_and_no_request_before_it(reply: Reply) -> None:
    assert_acknowledged_first(reply(ack(), stream=True))
    assert_acknowledged_first(reply(about(UPDATED), ack(), stream=True))
    for bodies in (
        [],
        [about(UPDATED)],
        [request("ping", id=1), ack()],
        [{"jsonrpc": "2.0", "id": 1, "result": {}}, ack()],
    ):
        with pytest.raises(RequirementViolated, match="acknowledgement") as caught:
            assert_acknowledged_first(reply(*bodies, stream=True))
        assert not caught.value.note
    with pytest.raises(RequirementViolated, match="2 acknowledgements") as caught:
        assert_acknowledged_first(reply(ack(), ack(), stream=True))
    assert caught.value.note
    assert_acknowledged_first(reply(ack(), ack(2), stream=True))


def test_no_notification_comes_before_the_acknowledgement(reply: Reply) -> None:
    assert_nothing_before_acknowledgement(reply(ack(), about(UPDATED), stream=True))
    assert_nothing_before_acknowledgement(reply(about(UPDATED), stream=True))
    assert_nothing_before_acknowledgement(reply(stream=True))
    with pytest.raises(RequirementViolated, match=f"{UPDATED} came before"):
        assert_nothing_before_acknowledgement(reply(about(UPDATED), ack(), stream=True))


@pytest.mark.parametrize(
    ("granted", "why"),
    [
        ({"promptsListChanged": True}, "capabilities.prompts.listChanged is not declared"),
        ({"noSuchType": True}, "there is no such type"),
        ({"resourceSubscriptions": ["a:1", "a:2"]}, "'a:2' is acknowledged unasked"),
    ],
)
def test_unsupported_types_are_not_acknowledged(reply: Reply, granted: dict[str, Any], why: str) -> None:
    asked = listen(
        toolsListChanged=True, promptsListChanged=True, noSuchType=True, resourceSubscriptions=["a:1"]
    )
    fine = ack(toolsListChanged=True, resourceSubscriptions=["a:1"], resourcesListChanged=True)
    assert_acknowledges_supported(reply(fine, sent=asked, stream=True), CAPABILITIES)
    with pytest.raises(RequirementViolated, match=why):
        assert_acknowledges_supported(reply(ack(**granted), sent=asked, stream=True), CAPABILITIES)


def test_a_malformed_flag_leaves_open_what_is_supported(reply: Reply) -> None:
    stream = reply(ack(promptsListChanged=True), sent=listen(promptsListChanged=True), stream=True)
    assert_acknowledges_supported(stream, {"prompts": {"listChanged": "yes"}})
    for flags in ({}, {"listChanged": False}, {"listChanged": None}):
        with pytest.raises(RequirementViolated, match="listChanged is not declared"):
            assert_acknowledges_supported(stream, {"prompts": flags})


def test_types_that_were_not_asked_for_are_not_acknowledged(reply: Reply) -> None:
    asked = listen(toolsListChanged=True)
    fine = ack(toolsListChanged=True, promptsListChanged=False, resourceSubscriptions=[])
    assert_acknowledges_requested(reply(fine, sent=asked, stream=True))
    with pytest.raises(RequirementViolated, match="promptsListChanged is acknowledged unasked"):
        assert_acknowledges_requested(reply(ack(promptsListChanged=True), sent=asked, stream=True))


@pytest.mark.parametrize("id", [0, 7, "sub-ü", ""])
def test_notifications_name_the_id_of_the_request(reply: Reply, id: Any) -> None:
    stream = reply(ack(id), about(UPDATED, id), sent=listen(id), stream=True)
    assert_subscription_id_present(stream)
    assert_subscription_id(stream)


@pytest.mark.parametrize("wrong", ["7", None, 8, False, [7]])
def test_other_ids_are_wrong(reply: Reply, wrong: Any) -> None:
    stream = reply(ack(7), about(UPDATED, wrong), sent=listen(7), stream=True)
    assert_subscription_id_present(stream)
    with pytest.raises(RequirementViolated, match="names the subscription"):
        assert_subscription_id(stream)


@pytest.mark.parametrize("params", [{}, {"_meta": {}}, {"_meta": 1}, []])
def test_notifications_without_an_id_are_found(reply: Reply, params: Any) -> None:
    stream = reply(ack(), notification(UPDATED, params), sent=listen(), stream=True)
    assert_subscription_id(stream)
    with pytest.raises(RequirementViolated, match=f"{UPDATED} without {KEY}"):
        assert_subscription_id_present(stream)


def test_streams_carry_nothing_of_others(reply: Reply) -> None:
    stream = reply(ack(1), ack(2), sent=listen(1), stream=True)
    assert_subscription_id(stream, others=[2])
    assert_own_subscription(stream, ["2", 3])
    with pytest.raises(RequirementViolated, match="of the subscription 2 came on this stream"):
        assert_own_subscription(stream, [2])
