"""The headers that repeat parts of a message, and what a server does when they do not match."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
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
    assert_mismatch_status,
    was_served,
)
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.suite import _parameter_probes as parameters
from pytest_mcp_http.suite._header_judging import (
    judge_annotations,
    judge_refusals,
    probed,
    refuses,
    refuses_one,
)
from pytest_mcp_http.suite._header_probes import (
    OTHER_NAME,
    Wrong,
    a_request,
    doubled,
    encoded_names,
    methods,
    padded,
    respelt,
    with_name,
    without_name,
)
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._safe_tools import called, safe_tools
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.mirror import NAME_HEADER, PARAM_PREFIX, as_text, sentinel

UNKNOWN_PARAM = f"{PARAM_PREFIX}Conformance-Check"


# -- Mcp-Method -------------------------------------------------------------------------------------------


@requirement("headers.method-missing")
def test_missing_method_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "method missing")


@requirement("headers.method-mismatch")
def test_other_method_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "method mismatch")


@requirement("headers.method-value-case-sensitive")
def test_method_in_another_case_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "method case")


@requirement("headers.method-missing-unknown-method")
def test_missing_method_is_refused_for_unknown_methods(mcp_tour: Tour) -> None:
    for each in probed(mcp_tour, "method unknown"):
        refused_by_others(each.exchange)
        if was_served(each.exchange):
            expected = (
                f"HTTP 400 with JSON-RPC error {HEADER_MISMATCH}",
                "HTTP 404 with JSON-RPC error -32601",
            )
            violated(f"{each.exchange.summary}, to {each.what}", expected, each.exchange)


# -- Mcp-Name ---------------------------------------------------------------------------------------------


@requirement("headers.name-missing-tools-call")
def test_tool_call_without_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name missing tools/call")


@requirement("headers.name-missing-prompts-get")
def test_prompt_without_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name missing prompts/get")


@requirement("headers.name-missing-resources-read")
def test_resource_without_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name missing resources/read")


@requirement("headers.name-mismatch-tools-call")
def test_tool_call_with_other_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name mismatch tools/call")


@requirement("headers.name-mismatch-prompts-get")
def test_prompt_with_other_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name mismatch prompts/get")


@requirement("headers.name-mismatch-resources-read")
def test_resource_with_other_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name mismatch resources/read")


@requirement("headers.name-value-case-sensitive")
def test_name_in_another_case_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name case")


@requirement("headers.name-base64-mismatch")
def test_base64_of_other_name_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "name encoded")


@requirement("headers.name-base64-decoded")
def test_base64_of_name_is_decoded(mcp_tour: Tour) -> None:
    for each in encoded_names(mcp_tour):
        refused_by_others(each.exchange)
        assert_headers_match(each.exchange, each.what)
        if each.otherwise is None and each.exchange.result is None:
            expected = "the request is served, as it is with the name as it stands"
            violated(f"{each.exchange.summary}, to {each.what}", expected, each.exchange)


@requirement("headers.name-not-required-elsewhere")
def test_other_methods_need_no_name(mcp_tour: Tour) -> None:
    for exchange in without_name(mcp_tour):
        if code_in(exchange) != HEADER_MISMATCH:
            continue
        sent = exchange.request.message
        again = with_name(mcp_tour, exchange)
        if code_in(again) == HEADER_MISMATCH:
            raise NotVerified(f"with {NAME_HEADER} too there is {again.summary}")
        violated(
            f"{exchange.summary}, to {sent.method if sent else 'a request'} without {NAME_HEADER}, and "
            f"{again.summary} with it",
            f"anything but error {HEADER_MISMATCH}: this method needs no {NAME_HEADER}",
            exchange,
        )


@requirement("headers.name-on-other-method")
def test_superfluous_name_breaks_nothing(mcp_tour: Tour) -> None:
    exchange = mcp_tour.client.request(methods(mcp_tour)[-1], headers={NAME_HEADER: OTHER_NAME})
    refused_by_others(exchange)
    assert_no_server_error(exchange, ("the request is served", "HTTP 400"))


# -- how ----------------------------------------------------------------------------------------------------


@requirement("headers.reject-status-400")
def test_mismatches_are_refused_with_400(mcp_tour: Tour) -> None:
    judge_refusals(mcp_tour, assert_mismatch_status)


@requirement("headers.reject-code-32020")
def test_mismatches_are_refused_with_their_code(mcp_tour: Tour) -> None:
    judge_refusals(mcp_tour, assert_mismatch_code)


@requirement("headers.field-name-case-insensitive")
def test_header_names_are_case_insensitive(mcp_tour: Tour) -> None:
    mcp_tour.require(mcp_tour.client.send(a_request(mcp_tour)), "a request with usual header names")
    for spell in (str.lower, str.upper):
        exchange = respelt(mcp_tour, spell)
        refused_by_others(exchange)
        if exchange.result is None:
            actual = f"{exchange.summary}, with header names such as {spell(NAME_HEADER)}"
            violated(actual, "the request is served", exchange)


@requirement("headers.ows-trimmed")
def test_blanks_around_values_are_no_part_of_them(mcp_tour: Tour) -> None:
    request = a_request(mcp_tour)
    mcp_tour.require(mcp_tour.client.send(request), "a request without blanks around header values")
    exchange = padded(mcp_tour)
    refused_by_others(exchange)
    if exchange.result is None:
        guilty = [name for name, _ in request.headers.lines if padded(mcp_tour, name).result is None]
        actual = f"{exchange.summary}, with blanks around the value of {', '.join(guilty) or 'every header'}"
        violated(actual, "the request is served", exchange)


@requirement("headers.duplicate-values")
def test_doubled_headers_do_not_slip_through(mcp_tour: Tour) -> None:
    for each in doubled(mcp_tour):
        refused_by_others(each.exchange)
        if was_served(each.exchange):
            expected = (
                f"HTTP 400 with JSON-RPC error {HEADER_MISMATCH}: another reader may take the other line"
            )
            violated(f"{each.exchange.summary}, with {each.what}", expected, each.exchange)


# -- Mcp-Param-* ------------------------------------------------------------------------------------------


@requirement("headers.param-unrecognized-ignored")
def test_unknown_parameter_header_is_ignored(mcp_tour: Tour) -> None:
    method = methods(mcp_tour)[-1]
    exchange = mcp_tour.client.request(method, headers={UNKNOWN_PARAM: "1"})
    refused_by_others(exchange)
    if exchange.result is None:
        violated(f"{exchange.summary}, to {method} with {UNKNOWN_PARAM}", "the request is served", exchange)


@requirement("headers.param-match-accepted")
def test_call_with_matching_headers_is_accepted(mcp_tour: Tour) -> None:
    tools = safe_tools(mcp_tour)
    gravest(
        partial(parameters.judged, Wrong(f"{tool.name!r} with the headers of its arguments", tool.control))
        for tool in tools
    )


@requirement("headers.param-missing-rejected")
def test_call_without_parameter_header_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "parameter missing")


@requirement("headers.param-mismatch-rejected")
def test_call_with_other_parameter_header_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "parameter mismatch")


@requirement("headers.param-null-not-expected")
def test_null_needs_no_header(mcp_tour: Tour) -> None:
    found = parameters.subject(
        mcp_tour, "an argument", lambda p: len(p.path) == 1, prefer=lambda p: p.optional
    )
    parameters.judged(found.call(None, None))


@requirement("headers.param-absent-not-expected")
def test_absent_argument_needs_no_header(mcp_tour: Tour) -> None:
    found = parameters.subject(
        mcp_tour, "an argument that may be left out", lambda p: p.optional and len(p.path) == 1
    )
    exchange = called(mcp_tour, found.tool.name, found.without())
    parameters.judged(Wrong(f"{found.tool.name!r} without {found.parameter.path[0]!r}", exchange))


@requirement("headers.param-base64-decoded")
def test_base64_of_argument_is_decoded(mcp_tour: Tour) -> None:
    found = parameters.a_string(mcp_tour)
    parameters.judged(found.call(found.value, sentinel(found.value)))
    if found.parameter.is_free:
        parameters.judged(found.right(parameters.ACCENTED))


@requirement("headers.param-invalid-chars")
def test_invalid_parameter_header_is_refused(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "parameter broken Base64")
    for each in parameters.raw_accents(mcp_tour):
        refuses_one(each)


@requirement("headers.param-sentinel-exact")
def test_only_the_exact_sentinel_is_base64(mcp_tour: Tour) -> None:
    refuses(mcp_tour, "parameter upper case Base64")
    found = parameters.a_string(mcp_tour)
    for text in parameters.NO_SENTINELS if found.parameter.is_free else ():
        parameters.judged(found.right(text))


@requirement("headers.param-integer-numeric")
def test_integers_are_compared_as_numbers(mcp_tour: Tour) -> None:
    found = parameters.an_integer(mcp_tour)
    text = as_text(found.value)
    mcp_tour.require(found.right(found.value).exchange, f"a call with {found.parameter.header}: {text}")
    parameters.judged(found.call(found.value, f"{text}.0"))


@requirement("headers.param-boolean-form")
def test_booleans_are_compared_in_lower_case(mcp_tour: Tour) -> None:
    found = parameters.a_boolean(mcp_tour)
    for value in (True, False):
        parameters.judged(found.right(value))
    refuses(mcp_tour, "parameter boolean")


@requirement("headers.param-nested-path")
def test_nested_arguments_are_read_where_they_are(mcp_tour: Tour) -> None:
    found = parameters.nested(mcp_tour)
    parameters.judged(found.right(found.value))
    refuses(mcp_tour, "parameter nested")


# -- x-mcp-header -----------------------------------------------------------------------------------------


@requirement("headers.x-mcp-header-non-empty")
def test_header_names_are_not_empty(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_header_names_not_empty)


@requirement("headers.x-mcp-header-token")
def test_header_names_are_tokens(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_header_names_are_tokens)


@requirement("headers.x-mcp-header-unique")
def test_header_names_are_unique(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_header_names_unique)


@requirement("headers.x-mcp-header-primitive")
def test_mirrored_parameters_are_primitive(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_header_types_primitive)


@requirement("headers.x-mcp-header-safe-integer")
def test_mirrored_integers_are_safe(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_header_integers_safe)


@requirement("headers.x-mcp-header-static-path")
def test_mirrored_parameters_are_reachable(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_header_annotations_reachable)


@requirement("headers.x-mcp-header-no-secrets")
def test_no_secrets_are_mirrored(mcp_tour: Tour) -> None:
    judge_annotations(mcp_tour, assert_no_secrets_mirrored)
