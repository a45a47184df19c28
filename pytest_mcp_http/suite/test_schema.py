"""The shape of messages, by the schema of the negotiated revision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions.schema import (
    assert_all_messages_valid,
    assert_icon_sizes,
    assert_icon_sources,
    assert_icons_same_origin,
    assert_server_messages_allowed,
    assert_size_true,
    icons_in,
    server_messages,
)
from pytest_mcp_http.assertions.tool_results import assert_base64, content_in, encoded_in
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._ownership import CONTENT_TYPES, MESSAGES_VALID
from pytest_mcp_http.suite._recorded import at_revision
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._shapes import calls_seen, judge_shape, judge_shapes, owned_by
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

ALL_TYPES_SINCE = "2025-11-25"
"""The first revision with all types of content that there are."""


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
    # The chapter is the last one: all probes of the others were made before.
    counts = owned_by(MESSAGES_VALID, mcp_tour.revision)
    assert_all_messages_valid(at_revision(mcp_tour), mcp_tour.revision, counts=counts)


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


@requirement("schema.content-types-by-revision")
def test_content_is_of_types_that_the_revision_has(mcp_tour: Tour) -> None:
    if mcp_tour.revision >= ALL_TYPES_SINCE:
        raise NotApplicable("no later revision has more types of content")
    seen = (*mcp_tour.exchanges, *calls_seen(mcp_tour))
    if not any(any(content_in(exchange)) for exchange in seen):
        raise NotVerified("the server sent no content: no prompt, and no result of a tool that may be called")
    for exchange in seen:
        judge_shape(exchange, mcp_tour.revision, CONTENT_TYPES)


@requirement("schema.base64-fields")
def test_binary_content_is_base64(mcp_tour: Tour) -> None:
    found = [each for each in (*mcp_tour.exchanges, *calls_seen(mcp_tour)) if encoded_in(each)]
    if not found:
        raise NotApplicable("the server sent no binary content")
    for exchange in found:
        assert_base64(exchange)
