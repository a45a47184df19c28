"""The shape of messages, by the schema of the negotiated revision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions.schema import (
    Filter,
    assert_icon_sizes,
    assert_icon_sources,
    assert_icons_same_origin,
    assert_messages_valid,
    assert_server_messages_allowed,
    assert_size_true,
    icons_in,
    server_messages,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._ownership import MESSAGES_VALID, owner_of
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange


def owned_by(id: str) -> Filter:
    """Count the violations that break one requirement."""
    return lambda method, violation: owner_of(method, violation) == id


def judge_shapes(tour: Tour, id: str) -> None:
    """Judge the places of all messages of the tour that belong to one requirement."""
    for exchange in tour.exchanges:
        assert_messages_valid(exchange, tour.revision, counts=owned_by(id))


def judge_icons(tour: Tour, judge: Callable[[Exchange], object]) -> None:
    """Judge the icons of the tour.

    Raises:
        NotApplicable: If there are none.
    """
    found = [exchange for exchange in tour.exchanges if icons_in(exchange)]
    if not found:
        raise NotApplicable("the server has no icons")
    for exchange in found:
        judge(exchange)


@requirement("schema.messages-valid")
def test_messages_are_valid(mcp_tour: Tour) -> None:
    if not any(exchange.messages for exchange in mcp_tour.exchanges):
        raise NotVerified("the server sent no JSON-RPC message")
    judge_shapes(mcp_tour, MESSAGES_VALID)


@requirement("schema.server-messages-allowed")
def test_server_messages_are_allowed(mcp_tour: Tour) -> None:
    found = [exchange for exchange in mcp_tour.exchanges if server_messages(exchange)]
    if not found:
        raise NotApplicable("the server sent no request and no notification during the visit")
    gravest(partial(assert_server_messages_allowed, exchange, mcp_tour.revision) for exchange in found)


@requirement("schema.implementation-fields")
def test_server_info_has_name_and_version(mcp_tour: Tour) -> None:
    if mcp_tour.dialect.info_in(mcp_tour.opening.result) is None:
        raise NotApplicable(f"the answer to {mcp_tour.dialect.opening} has no serverInfo")
    judge_shapes(mcp_tour, "schema.implementation-fields")


@requirement("schema.annotations-tool")
def test_tool_annotations(mcp_tour: Tour) -> None:
    if not any("annotations" in tool for tool in mcp_tour.items("tools/list", "tools")):
        raise NotApplicable("no tool has annotations")
    judge_shapes(mcp_tour, "schema.annotations-tool")


@requirement("schema.prompt-argument-shape")
def test_prompt_arguments(mcp_tour: Tour) -> None:
    if not any("arguments" in prompt for prompt in mcp_tour.items("prompts/list", "prompts")):
        raise NotApplicable("no prompt has arguments")
    judge_shapes(mcp_tour, "schema.prompt-argument-shape")


@requirement("schema.size-number")
def test_sizes_are_numbers_of_bytes(mcp_tour: Tour) -> None:
    resources = [item for item in mcp_tour.items("resources/list", "resources") if "size" in item]
    if not resources:
        raise NotApplicable("no resource has a size")
    judge_shapes(mcp_tour, "schema.size-number")
    sizes = {item.get("uri"): item["size"] for item in resources}
    for step in mcp_tour.named("resources/read"):
        sent = step.exchange.request.message
        uri = sent.params.get("uri") if sent is not None and isinstance(sent.params, dict) else None
        if uri in sizes:
            assert_size_true(step.exchange, sizes[uri])


@requirement("schema.icon-src")
def test_icon_sources(mcp_tour: Tour) -> None:
    judge_icons(mcp_tour, assert_icon_sources)


@requirement("schema.icon-sizes")
def test_icon_sizes(mcp_tour: Tour) -> None:
    judge_icons(mcp_tour, assert_icon_sizes)


@requirement("schema.icon-same-origin")
def test_icons_are_same_origin(mcp_tour: Tour) -> None:
    judge_icons(mcp_tour, assert_icons_same_origin)
