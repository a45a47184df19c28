"""Assertion helpers for tests of MCP servers over HTTP; the bundled suite calls the same ones.

They take an `Exchange` of ours or any response object with `status_code`, `headers` and `content`. They are
plain functions: each fails with `RequirementViolated`, which says what was expected, what came, and where.
"""

from __future__ import annotations

from pytest_mcp_http.assertions._base import (
    as_exchange,
)
from pytest_mcp_http.assertions.batch import (
    assert_batch_accepted_silently,
    assert_batch_member_refused,
    assert_batch_received,
    assert_batch_responses,
    assert_empty_batch_refused,
)
from pytest_mcp_http.assertions.header_annotations import (
    assert_header_annotations_reachable,
    assert_header_integers_safe,
    assert_header_names_are_tokens,
    assert_header_names_not_empty,
    assert_header_names_unique,
    assert_header_types_primitive,
    assert_no_secrets_mirrored,
)
from pytest_mcp_http.assertions.headers import (
    assert_headers_match,
    assert_mismatch_code,
    assert_mismatch_refused,
    assert_mismatch_status,
)
from pytest_mcp_http.assertions.http import (
    assert_accepted,
    assert_accepted_or_refused,
    assert_no_server_error,
    assert_status,
)
from pytest_mcp_http.assertions.jsonrpc import (
    assert_error_code_integer,
    assert_error_id,
    assert_error_message_concise,
    assert_error_shape,
    assert_id_echoed,
    assert_jsonrpc_version,
    assert_no_invented_id,
    assert_no_reply,
    assert_notifications_without_id,
    assert_result_id,
    assert_result_or_error,
)
from pytest_mcp_http.assertions.lifecycle import (
    assert_capability_shapes,
    assert_initialize_result,
    assert_initialized_accepted,
    assert_method_offered,
    assert_nothing_offered,
    assert_notifications_declared,
    assert_only_pings,
    assert_ping_prompt,
    assert_ping_result,
)
from pytest_mcp_http.assertions.lists import (
    assert_same_items,
    assert_same_order,
)
from pytest_mcp_http.assertions.meta import (
    assert_meta_keys_valid,
    assert_meta_prefixes_free,
    assert_meta_prefixes_reverse_dns,
)
from pytest_mcp_http.assertions.refusals import (
    assert_invalid_params,
    assert_invalid_request,
    assert_method_not_found,
    assert_parse_error,
    assert_refused,
)
from pytest_mcp_http.assertions.resumability import (
    assert_event_ids_unique,
)
from pytest_mcp_http.assertions.schema import (
    assert_icon_sizes,
    assert_icon_sources,
    assert_icons_same_origin,
    assert_messages_valid,
    assert_server_messages_allowed,
    assert_size_true,
)
from pytest_mcp_http.assertions.security import (
    assert_anonymous_refusal,
    assert_no_internals,
    assert_origin_not_granted,
    assert_origin_refused,
    assert_preflight,
)
from pytest_mcp_http.assertions.session import (
    assert_no_session_id,
    assert_session_gone,
    assert_session_id,
    assert_session_ids_unique,
    assert_session_ids_unpredictable,
)
from pytest_mcp_http.assertions.sse import (
    assert_ends_with_response,
    assert_event_types,
    assert_events_are_messages,
    assert_no_empty_events,
    assert_no_response_on_get,
    assert_not_closed_early,
    assert_one_response,
    assert_primed,
    assert_retry_before_end,
    assert_stream_answers,
    assert_well_formed_stream,
)
from pytest_mcp_http.assertions.transport import (
    assert_allow_header,
    assert_event_stream_or_405,
    assert_message_outcome,
    assert_one_json_object,
    assert_refusal_body,
    assert_refusal_status,
    assert_request_content_type,
    assert_serves_get,
    assert_text_intact,
    assert_utf8_body,
)
from pytest_mcp_http.assertions.version import (
    assert_counter_offer,
    assert_negotiated,
    assert_version_refused,
)
from pytest_mcp_http.errors import RequirementViolated

__all__ = [
    "RequirementViolated",
    "as_exchange",
    "assert_accepted",
    "assert_accepted_or_refused",
    "assert_allow_header",
    "assert_anonymous_refusal",
    "assert_batch_accepted_silently",
    "assert_batch_member_refused",
    "assert_batch_received",
    "assert_batch_responses",
    "assert_capability_shapes",
    "assert_counter_offer",
    "assert_empty_batch_refused",
    "assert_ends_with_response",
    "assert_error_code_integer",
    "assert_error_id",
    "assert_error_message_concise",
    "assert_error_shape",
    "assert_event_ids_unique",
    "assert_event_stream_or_405",
    "assert_event_types",
    "assert_events_are_messages",
    "assert_header_annotations_reachable",
    "assert_header_integers_safe",
    "assert_header_names_are_tokens",
    "assert_header_names_not_empty",
    "assert_header_names_unique",
    "assert_header_types_primitive",
    "assert_headers_match",
    "assert_icon_sizes",
    "assert_icon_sources",
    "assert_icons_same_origin",
    "assert_id_echoed",
    "assert_initialize_result",
    "assert_initialized_accepted",
    "assert_invalid_params",
    "assert_invalid_request",
    "assert_jsonrpc_version",
    "assert_message_outcome",
    "assert_messages_valid",
    "assert_meta_keys_valid",
    "assert_meta_prefixes_free",
    "assert_meta_prefixes_reverse_dns",
    "assert_method_not_found",
    "assert_method_offered",
    "assert_mismatch_code",
    "assert_mismatch_refused",
    "assert_mismatch_status",
    "assert_negotiated",
    "assert_no_empty_events",
    "assert_no_internals",
    "assert_no_invented_id",
    "assert_no_reply",
    "assert_no_response_on_get",
    "assert_no_secrets_mirrored",
    "assert_no_server_error",
    "assert_no_session_id",
    "assert_not_closed_early",
    "assert_nothing_offered",
    "assert_notifications_declared",
    "assert_notifications_without_id",
    "assert_one_json_object",
    "assert_one_response",
    "assert_only_pings",
    "assert_origin_not_granted",
    "assert_origin_refused",
    "assert_parse_error",
    "assert_ping_prompt",
    "assert_ping_result",
    "assert_preflight",
    "assert_primed",
    "assert_refusal_body",
    "assert_refusal_status",
    "assert_refused",
    "assert_request_content_type",
    "assert_result_id",
    "assert_result_or_error",
    "assert_retry_before_end",
    "assert_same_items",
    "assert_same_order",
    "assert_server_messages_allowed",
    "assert_serves_get",
    "assert_session_gone",
    "assert_session_id",
    "assert_session_ids_unique",
    "assert_session_ids_unpredictable",
    "assert_size_true",
    "assert_status",
    "assert_stream_answers",
    "assert_text_intact",
    "assert_utf8_body",
    "assert_version_refused",
    "assert_well_formed_stream",
]
