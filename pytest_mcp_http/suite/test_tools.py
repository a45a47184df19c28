"""Tools: their list, names and schemas, results of calls, and how wrong calls are refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.changes import assert_list_change_announced
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.lists import assert_same_items, assert_same_order
from pytest_mcp_http.assertions.tool_results import (
    assert_content_well_formed,
    assert_resources_declared,
    assert_structured_conforms,
    assert_structured_in_text,
    content_in,
    structured_in,
)
from pytest_mcp_http.assertions.tool_schemas import (
    UnjudgeableSchemaError,
    assert_references_resolve,
    assert_schemas_valid,
)
from pytest_mcp_http.assertions.tools import (
    assert_execution_error_in_result,
    assert_input_error_in_result,
    assert_inputs_validated,
    assert_tool_calls_unsupported,
    assert_tool_name_lengths,
    assert_tool_names_ascii,
    assert_tool_names_unique,
    assert_tool_names_without_specials,
    assert_unknown_tool_code,
    assert_unknown_tool_refused,
    is_tool_success,
    tools_in,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.suite._changes import changed_list
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._lists import listings
from pytest_mcp_http.suite._principals import other_users, tool_attempts
from pytest_mcp_http.suite._replicas import named, tool_lists
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._resources import undeclared_lists
from pytest_mcp_http.suite._shapes import judge_shape
from pytest_mcp_http.suite._tool_inputs import wrong_by_composition, wrong_calls
from pytest_mcp_http.suite._tool_lists import (
    declares_tools,
    judge_tools,
    list_pages,
    listed_undeclared,
    unknown_call,
)
from pytest_mcp_http.suite._tool_probes import (
    failing_calls,
    judge_malformed,
    malformed_calls,
    other_case,
    output_schemas,
    results_with,
    tool_results,
)
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

# -- the list ---------------------------------------------------------------------------------------------


@requirement("tools.capability-declared")
def test_tools_are_declared(mcp_tour: Tour) -> None:
    if declares_tools(mcp_tour):
        return
    exchange = listed_undeclared(mcp_tour)
    tools = tools_in(exchange)
    if not tools:
        raise NotApplicable("the server has no tools")
    violated(
        f"{len(tools)} tools, although tools is not declared", ["tools is declared", "no tools"], exchange
    )


@requirement("tools.list-answered")
def test_list_of_tools_is_one(mcp_tour: Tour) -> None:
    for page in list_pages(mcp_tour):
        if page.result is None:
            raise NotVerified(f"tools/list got {page.summary}, see discover.capabilities-match-handlers")
        judge_shape(page, mcp_tour.revision, "tools.list-answered")


@requirement("tools.list-answered.legacy")
def test_list_of_tools_is_given(mcp_tour: Tour) -> None:
    pages = list_pages(mcp_tour)
    if pages[0].result is None:
        if code_in(pages[0]) == METHOD_NOT_FOUND or not pages[0].answered:
            raise NotVerified(f"tools/list got {pages[0].summary}, see lifecycle.capability-method-agreement")
        violated(f"{pages[0].summary}, to tools/list", "a result with the tools", pages[0])
    for page in pages:
        judge_shape(page, mcp_tour.revision, "tools.list-answered.legacy")


@requirement("tools.list-not-per-connection")
def test_tools_are_the_same_on_every_connection(mcp_tour: Tour) -> None:
    found = listings(mcp_tour, "tools")
    for each in (found.first, found.later):
        assert_same_items(each.exchange, each.items, found.before.items, each.when)


@requirement("tools.list-deterministic-order")
def test_tools_come_in_the_same_order(mcp_tour: Tour) -> None:
    first, *others = listings(mcp_tour, "tools").all
    for each in others:
        assert_same_order(each.exchange, each.items, first.items, each.when)


# -- names ------------------------------------------------------------------------------------------------


@requirement("tools.name-length")
def test_names_are_neither_empty_nor_long(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, assert_tool_name_lengths)


@requirement("tools.name-charset")
def test_letters_and_digits_of_names_are_ascii(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, assert_tool_names_ascii)


@requirement("tools.name-no-special")
def test_names_have_no_special_characters(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, assert_tool_names_without_specials)


@requirement("tools.name-unique")
def test_names_are_unique(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, assert_tool_names_unique)


@requirement("tools.name-case-sensitive")
def test_names_are_case_sensitive(mcp_tour: Tour) -> None:
    name, exchange = other_case(mcp_tour)
    if is_tool_success(exchange):
        if is_tool_success(unknown_call(mcp_tour)):
            raise NotVerified("tools that do not exist can be called, see tools.unknown-tool-error")
        violated(f"the name {name!r} runs the tool {name.swapcase()!r}", "an unknown tool", exchange)


# -- schemas ----------------------------------------------------------------------------------------------


@requirement("tools.input-schema-object")
def test_input_schemas_are_objects(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, lambda page: judge_shape(page, mcp_tour.revision, "tools.input-schema-object"))


@requirement("tools.input-schema-type-object")
def test_input_schemas_describe_objects(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, lambda page: judge_shape(page, mcp_tour.revision, "tools.input-schema-type-object"))


@requirement("tools.output-schema-root-object")
def test_output_schemas_describe_objects(mcp_tour: Tour) -> None:
    if not any("outputSchema" in tool for tool in mcp_tour.items("tools/list", "tools")):
        raise NotApplicable("no tool has an outputSchema")
    judge_tools(
        mcp_tour, lambda page: judge_shape(page, mcp_tour.revision, "tools.output-schema-root-object")
    )


@requirement("tools.schemas-valid-in-dialect")
def test_schemas_are_valid_in_their_dialect(mcp_tour: Tour) -> None:
    def judge(page: Exchange) -> None:
        judge_shape(page, mcp_tour.revision, "tools.schemas-valid-in-dialect")
        judgeable(assert_schemas_valid, page)

    judge_tools(mcp_tour, judge)


@requirement("tools.schema-2020-12-keywords")
def test_schemas_of_2020_12_are_served_and_heeded(mcp_tour: Tour) -> None:
    judge_tools(mcp_tour, partial(judgeable, assert_references_resolve))
    for call in wrong_by_composition(mcp_tour):
        assert_inputs_validated(call.exchange, call.what)


def judgeable(judge: Callable[..., object], *given: object) -> None:
    """Judge by schemas of the server, which may be beyond us.

    Raises:
        NotVerified: If one is.
    """
    try:
        judge(*given)
    except UnjudgeableSchemaError as error:
        raise NotVerified(f"a schema cannot be judged: {error}") from None


# -- results ----------------------------------------------------------------------------------------------


@requirement("tools.result-content-array")
def test_results_have_content(mcp_tour: Tour) -> None:
    for call in tool_results(mcp_tour):
        judge_shape(call.exchange, mcp_tour.revision, "tools.result-content-array")


@requirement("tools.content-blocks-valid")
def test_content_blocks_are_valid(mcp_tour: Tour) -> None:
    for call in tool_results(mcp_tour):
        judge_shape(call.exchange, mcp_tour.revision, "tools.content-blocks-valid")
        assert_content_well_formed(call.exchange)


@requirement("tools.embedded-resource-capability")
def test_embedded_resources_are_declared(mcp_tour: Tour) -> None:
    found = results_with(mcp_tour, "an embedded resource", embeds_resource)
    if mcp_tour.capabilities.get("resources") is None and lists_resources(mcp_tour):
        raise NotVerified("the server lists resources all the same, see resources.capability-declared")
    for call in found:
        assert_resources_declared(call.exchange, mcp_tour.capabilities)


def lists_resources(tour: Tour) -> bool:
    """Tell whether a server that declares no resources has some."""
    lists = [(each.result, member) for _, member, each in undeclared_lists(tour)]
    return any(isinstance(result, dict) and result.get(member) for result, member in lists)


def embeds_resource(exchange: Exchange) -> bool:
    """Tell whether a tool result has an embedded resource."""
    return any(block.get("type") == "resource" for _, block in content_in(exchange))


@requirement("tools.structured-content-object")
def test_structured_values_are_objects(mcp_tour: Tour) -> None:
    for call in results_with(mcp_tour, "structuredContent", lambda each: any(structured_in(each))):
        judge_shape(call.exchange, mcp_tour.revision, "tools.structured-content-object")


@requirement("tools.structured-text-fallback")
def test_structured_values_are_there_as_text(mcp_tour: Tour) -> None:
    found = results_with(mcp_tour, "structuredContent", lambda each: any(structured_in(each)))
    gravest(partial(assert_structured_in_text, call.exchange, mcp_tour.revision) for call in found)


@requirement("tools.output-schema-conforms")
def test_structured_values_fit_the_output_schema(mcp_tour: Tour) -> None:
    found = output_schemas(mcp_tour)
    gravest(
        partial(judgeable, assert_structured_conforms, call.exchange, schema, mcp_tour.revision)
        for call, schema in found
    )


@requirement("tools.execution-error-in-result")
def test_tools_that_fail_say_so_in_a_result(mcp_tour: Tour) -> None:
    gravest(partial(assert_execution_error_in_result, call.exchange) for call in failing_calls(mcp_tour))


# -- calls that are refused -------------------------------------------------------------------------------


@requirement("tools.unknown-tool-error")
def test_unknown_tools_are_errors(mcp_tour: Tour) -> None:
    list_pages(mcp_tour)
    assert_unknown_tool_refused(unknown_call(mcp_tour))


@requirement("tools.unknown-tool-code")
def test_unknown_tools_are_invalid_params(mcp_tour: Tour) -> None:
    list_pages(mcp_tour)
    exchange = unknown_call(mcp_tour)
    if exchange.result is not None or exchange.error is None:
        raise NotVerified("an unknown tool gets no JSON-RPC error, see tools.unknown-tool-error")
    assert_unknown_tool_code(exchange)


@requirement("tools.call-unsupported")
def test_calls_are_refused_without_tools(mcp_tour: Tour) -> None:
    if declares_tools(mcp_tour):
        raise NotApplicable("the server declares tools")
    if tools_in(listed_undeclared(mcp_tour)):
        raise NotVerified("the server has tools, see tools.capability-declared")
    assert_tool_calls_unsupported(unknown_call(mcp_tour))


@requirement("tools.malformed-call")
def test_malformed_calls_are_protocol_errors(mcp_tour: Tour) -> None:
    gravest(partial(judge_malformed, mcp_tour, answer) for answer in malformed_calls(mcp_tour))


@requirement("tools.validate-inputs")
def test_wrong_arguments_are_refused(mcp_tour: Tour) -> None:
    list_pages(mcp_tour)
    for call in wrong_calls(mcp_tour):
        assert_inputs_validated(call.exchange, call.what)


@requirement("tools.input-validation-is-error")
def test_wrong_arguments_are_errors_of_the_tool(mcp_tour: Tour) -> None:
    list_pages(mcp_tour)
    found = [call for call in wrong_calls(mcp_tour) if not is_tool_success(call.exchange)]
    if not found:
        raise NotVerified("wrong arguments are not refused at all, see tools.validate-inputs")
    gravest(
        partial(assert_input_error_in_result, call.exchange, mcp_tour.revision, call.what) for call in found
    )


@requirement("tools.list-changed")
def test_changed_tools_are_announced(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "tools").heard, "tools")


@requirement("tools.list-changed.listen")
def test_changed_tools_are_announced_to_listeners(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "tools").heard[:1], "tools")


@requirement("tools.list-order-across-replicas")
def test_replicas_list_the_same_tools(mcp_tour: Tour) -> None:
    (_, expected, _), *others = tool_lists(mcp_tour)
    for url, names, exchange in others:
        if names == expected:
            continue
        odd = sorted(set(names) ^ set(expected))
        what = f"other tools ({', '.join(odd[:5])})" if odd else "the same tools in another order"
        violated(f"{what} at {named(url)}", "the same tools in the same order at every replica", exchange)


@requirement("tools.access-control")
def test_tools_have_access_control(mcp_tour: Tour) -> None:
    for attempt in tool_attempts(mcp_tour, other_users(mcp_tour)):
        if is_tool_success(attempt.exchange):
            violated(
                f"{attempt.exchange.summary}, for {attempt.what} with {attempt.other}",
                "a refusal: the tool is for the first user alone",
                attempt.exchange,
            )
