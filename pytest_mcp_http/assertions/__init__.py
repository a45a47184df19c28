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
from pytest_mcp_http.assertions.caching import (
    assert_cache_hints,
    assert_cache_scope_valid,
    assert_no_cache_hints,
    assert_one_cache_scope,
    assert_ttl_valid,
)
from pytest_mcp_http.assertions.capabilities import (
    assert_missing_capability,
    assert_required_capabilities,
)
from pytest_mcp_http.assertions.codes import (
    assert_code_retired,
    assert_custom_codes_outside,
    assert_defined_code_fits,
    assert_legacy_codes_avoided,
    assert_reserved_codes_defined,
)
from pytest_mcp_http.assertions.http import (
    assert_accepted,
    assert_accepted_or_refused,
    assert_no_server_error,
    assert_status,
)
from pytest_mcp_http.assertions.input_requests import (
    assert_input_keys_unique,
    assert_input_requests_declared,
    assert_input_requests_valid,
    assert_sampling_messages,
    assert_url_elicitations,
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
from pytest_mcp_http.assertions.mrtr import (
    assert_answered_with_error,
    assert_asked_again,
    assert_input_required_content,
    assert_input_required_type,
    assert_no_input_required,
    assert_not_asked_on_stream,
    assert_not_completed,
    assert_refusal_handled,
    assert_retry_served,
)
from pytest_mcp_http.assertions.refusals import (
    assert_invalid_params,
    assert_invalid_request,
    assert_method_not_found,
    assert_parse_error,
    assert_refused,
)
from pytest_mcp_http.assertions.results import (
    assert_result_type,
    assert_result_type_known,
    assert_server_info,
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
from pytest_mcp_http.assertions.trace import (
    assert_trace_context,
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
    "assert_answered_with_error",
    "assert_asked_again",
    "assert_batch_accepted_silently",
    "assert_batch_member_refused",
    "assert_batch_received",
    "assert_batch_responses",
    "assert_cache_hints",
    "assert_cache_scope_valid",
    "assert_capability_shapes",
    "assert_code_retired",
    "assert_counter_offer",
    "assert_custom_codes_outside",
    "assert_defined_code_fits",
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
    "assert_icon_sizes",
    "assert_icon_sources",
    "assert_icons_same_origin",
    "assert_id_echoed",
    "assert_initialize_result",
    "assert_initialized_accepted",
    "assert_input_keys_unique",
    "assert_input_requests_declared",
    "assert_input_requests_valid",
    "assert_input_required_content",
    "assert_input_required_type",
    "assert_invalid_params",
    "assert_invalid_request",
    "assert_jsonrpc_version",
    "assert_legacy_codes_avoided",
    "assert_message_outcome",
    "assert_messages_valid",
    "assert_meta_keys_valid",
    "assert_meta_prefixes_free",
    "assert_meta_prefixes_reverse_dns",
    "assert_method_not_found",
    "assert_method_offered",
    "assert_missing_capability",
    "assert_negotiated",
    "assert_no_cache_hints",
    "assert_no_empty_events",
    "assert_no_input_required",
    "assert_no_internals",
    "assert_no_invented_id",
    "assert_no_reply",
    "assert_no_response_on_get",
    "assert_no_server_error",
    "assert_no_session_id",
    "assert_not_asked_on_stream",
    "assert_not_closed_early",
    "assert_not_completed",
    "assert_nothing_offered",
    "assert_notifications_declared",
    "assert_notifications_without_id",
    "assert_one_cache_scope",
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
    "assert_refusal_handled",
    "assert_refusal_status",
    "assert_refused",
    "assert_request_content_type",
    "assert_required_capabilities",
    "assert_reserved_codes_defined",
    "assert_result_id",
    "assert_result_or_error",
    "assert_result_type",
    "assert_result_type_known",
    "assert_retry_before_end",
    "assert_retry_served",
    "assert_same_items",
    "assert_same_order",
    "assert_sampling_messages",
    "assert_server_info",
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
    "assert_trace_context",
    "assert_ttl_valid",
    "assert_url_elicitations",
    "assert_utf8_body",
    "assert_version_refused",
    "assert_well_formed_stream",
]
