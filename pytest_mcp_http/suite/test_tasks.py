"""Tasks: the experimental feature of 2025-11-25, and the extension of 2026-07-28."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import error_in
from pytest_mcp_http.assertions.tasks import (
    assert_no_related_task,
    assert_result_related,
    assert_task_created,
    assert_task_final,
    assert_task_id,
    assert_task_ids_unguessable,
    assert_task_params_refused,
    assert_task_timestamp,
    assert_task_transitions,
    assert_task_ttl,
    task_status,
    tasks_in,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._bound_to_user import judge_task_of_another
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._task_calls import (
    judge_forbidden,
    judge_ignored,
    judge_refused,
    required_calls,
)
from pytest_mcp_http.suite._task_extension_judging import (
    judge_durable,
    judge_failures,
    judge_gate,
    judge_header,
    judge_legacy_param,
    judge_need,
    judge_opt_in,
    judge_removed,
    judge_stream,
    judge_types,
    judge_unknown,
)
from pytest_mcp_http.suite._task_judging import (
    anonymous_ids,
    described,
    ended,
    is_gone,
    judge_blocking,
    judge_declaration,
    judge_error,
    judge_failed,
    judge_final,
    judge_list_of_others,
    judge_prompt,
    judge_result,
    judge_swapped,
    judge_unique_ids,
    judge_waiting,
    polled,
    refused_runs,
    unknown_tasks,
    worked,
)
from pytest_mcp_http.suite._task_lists import judge_cursors, judge_small_list
from pytest_mcp_http.suite._task_messages import (
    judge_asking_status,
    judge_question_augmentation,
    judge_question_relation,
    judge_relation,
    judge_status_notifications,
)
from pytest_mcp_http.suite._tasks import LONG_TICKS, cancelled_task, observed
from pytest_mcp_http.suite._tasks_extension import tasks
from pytest_mcp_http.tour import Tour

# -- what is declared ---------------------------------------------------------------------------------------


@requirement("tasks.capability-declared")
def test_task_support_is_declared(mcp_tour: Tour) -> None:
    judge_declaration(mcp_tour)


@requirement("tasks.undeclared-ignored")
def test_task_param_is_ignored_where_tasks_are_not_declared(mcp_tour: Tour) -> None:
    judge_ignored(mcp_tour)


@requirement("tasks.no-list-without-identity")
def test_tasks_of_others_are_not_listed(mcp_tour: Tour) -> None:
    judge_list_of_others(mcp_tour)


@requirement("tasks.tool-required-plain-refused")
def test_plain_call_of_a_task_only_tool_is_refused(mcp_tour: Tour) -> None:
    for exchange in required_calls(mcp_tour):
        judge_refused(exchange)


@requirement("tasks.tool-forbidden-refused")
def test_task_of_a_tool_without_support_is_refused(mcp_tour: Tour) -> None:
    judge_forbidden(mcp_tour)


# -- making tasks -------------------------------------------------------------------------------------------


@requirement("tasks.create-result")
def test_accepted_request_gets_a_task(mcp_tour: Tour) -> None:
    for run in observed(mcp_tour).runs:
        assert_task_created(run.created)


@requirement("tasks.create-prompt")
def test_task_is_answered_at_once(mcp_tour: Tour) -> None:
    judge_prompt(observed(mcp_tour))


@requirement("tasks.id-string")
def test_task_ids_are_strings(mcp_tour: Tour) -> None:
    for run in observed(mcp_tour).made:
        assert_task_id(run.created)


@requirement("tasks.id-unique")
def test_task_ids_are_unique(mcp_tour: Tour) -> None:
    judge_unique_ids(observed(mcp_tour))


@requirement("tasks.unguessable-ids")
def test_task_ids_cannot_be_guessed(mcp_tour: Tour) -> None:
    assert_task_ids_unguessable(anonymous_ids(mcp_tour))


@requirement("tasks.initial-working")
def test_tasks_begin_as_working(mcp_tour: Tour) -> None:
    for run in observed(mcp_tour).made:
        if tasks_in(run.created) and task_status(run.created) != "working":
            violated(f"a new task that is {task_status(run.created)!r}", "working", run.created)


# -- how tasks move -----------------------------------------------------------------------------------------


@requirement("tasks.valid-transitions")
def test_tasks_have_only_defined_statuses(mcp_tour: Tour) -> None:
    for run in observed(mcp_tour).made:
        assert_task_transitions(run.described)


@requirement("tasks.terminal-final")
def test_ended_tasks_keep_their_status(mcp_tour: Tour) -> None:
    judge_final(observed(mcp_tour))


@requirement("tasks.input-required-status")
def test_task_that_asks_says_so(mcp_tour: Tour) -> None:
    judge_asking_status(observed(mcp_tour))


@requirement("tasks.input-request-related")
def test_what_is_asked_for_names_its_task(mcp_tour: Tour) -> None:
    judge_question_relation(observed(mcp_tour))


@requirement("tasks.requestor-gated")
def test_client_without_tasks_is_asked_for_none(mcp_tour: Tour) -> None:
    judge_question_augmentation(observed(mcp_tour))


@requirement("tasks.failed-status-message")
def test_failed_tasks_say_why(mcp_tour: Tour) -> None:
    judge_failed(observed(mcp_tour))


# -- what tasks say of themselves ---------------------------------------------------------------------------


@requirement("tasks.created-at")
def test_tasks_say_when_they_were_made(mcp_tour: Tour) -> None:
    gravest(partial(assert_task_timestamp, each, "createdAt") for each in described(observed(mcp_tour)))


@requirement("tasks.last-updated-at")
def test_tasks_say_when_they_changed(mcp_tour: Tour) -> None:
    gravest(partial(assert_task_timestamp, each, "lastUpdatedAt") for each in described(observed(mcp_tour)))


@requirement("tasks.ttl-in-get")
def test_polls_say_how_long_a_task_is_kept(mcp_tour: Tour) -> None:
    for exchange in polled(observed(mcp_tour)):
        assert_task_ttl(exchange)


@requirement("tasks.no-sse-for-get")
def test_polls_get_no_event_stream(mcp_tour: Tour) -> None:
    exchange = unknown_tasks(mcp_tour)["tasks/get"]
    if exchange.ok and exchange.is_sse:
        violated("an event stream, in answer to tasks/get", "application/json", exchange)


# -- results ------------------------------------------------------------------------------------------------


@requirement("tasks.result-final")
def test_result_of_a_task_is_that_of_its_request(mcp_tour: Tour) -> None:
    runs = [run for run in ended(observed(mcp_tour)) if run.result is not None]
    gravest(partial(judge_result, run, mcp_tour.revision) for run in runs)


@requirement("tasks.result-blocks")
def test_result_waits_for_the_end(mcp_tour: Tour) -> None:
    seen = observed(mcp_tour)
    gravest(partial(judge_waiting, run) for run in seen.runs)
    for run in worked(seen):
        judge_blocking(run)


@requirement("tasks.result-error-same")
def test_error_of_a_task_is_that_of_its_request(mcp_tour: Tour) -> None:
    for run in refused_runs(observed(mcp_tour)):
        judge_error(run)


# -- related tasks ------------------------------------------------------------------------------------------


@requirement("tasks.related-task-meta")
def test_notifications_of_a_task_name_it(mcp_tour: Tour) -> None:
    judge_relation(observed(mcp_tour))


@requirement("tasks.result-related-meta")
def test_results_name_their_task(mcp_tour: Tour) -> None:
    results = [run for run in ended(observed(mcp_tour)) if run.result is not None and run.result.result]
    if not results:
        raise NotVerified("tasks/result got no result")
    for run in results:
        assert run.result is not None
        assert_result_related(run.result, str(run.task_id))


@requirement("tasks.param-is-truth")
def test_param_outweighs_metadata(mcp_tour: Tour) -> None:
    judge_swapped(observed(mcp_tour))


@requirement("tasks.no-related-meta-in-get")
def test_descriptions_of_tasks_carry_no_related_task(mcp_tour: Tour) -> None:
    for exchange in described(observed(mcp_tour), new=False):
        assert_no_related_task(exchange)


@requirement("tasks.status-notification-meta")
def test_status_notifications_carry_no_related_task(mcp_tour: Tour) -> None:
    judge_status_notifications(observed(mcp_tour))


# -- the list -----------------------------------------------------------------------------------------------


@requirement("tasks.list-complete")
def test_tasks_that_can_be_polled_are_listed(mcp_tour: Tour) -> None:
    judge_small_list(mcp_tour)


@requirement("tasks.list-next-cursor")
def test_list_goes_on_while_there_are_more(mcp_tour: Tour) -> None:
    judge_cursors(mcp_tour)


# -- cancelling ---------------------------------------------------------------------------------------------


@requirement("tasks.cancel-terminal-32602")
def test_ended_tasks_cannot_be_cancelled(mcp_tour: Tour) -> None:
    seen = observed(mcp_tour)
    if seen.refused_cancel is None:
        raise NotVerified("no task ended, or the server does not declare tasks.cancel")
    assert_task_params_refused(seen.refused_cancel, "tasks/cancel of a task that has ended")


@requirement("tasks.cancel-before-reply")
def test_cancelled_tasks_are_cancelled_at_once(mcp_tour: Tour) -> None:
    found = cancelled_task(mcp_tour)
    for exchange in (found.reply, found.after[0]):
        if task_status(exchange) != "cancelled" and not (exchange is found.after[0] and is_gone(exchange)):
            violated(f"a task that is {task_status(exchange)!r} when it was cancelled", "cancelled", exchange)


@requirement("tasks.cancel-sticks")
def test_cancelled_tasks_stay_cancelled(mcp_tour: Tour) -> None:
    assert_task_final([cancelled_task(mcp_tour).reply, *cancelled_task(mcp_tour).after])


@requirement("tasks.cancel-stops")
def test_cancelling_stops_the_work(mcp_tour: Tour) -> None:
    found = cancelled_task(mcp_tour)
    if found.counted_before is None or found.counted is None:
        raise NotVerified("it takes tools of the roles slow and witness, the slow one also in the role task")
    if found.counted_before >= LONG_TICKS:
        raise NotVerified("the work was done before it could be cancelled")
    if found.counted >= LONG_TICKS:
        violated(f"all {found.counted} ticks were counted after it was cancelled", "fewer ticks", found.reply)


# -- refusals -----------------------------------------------------------------------------------------------


@requirement("tasks.unknown-id-32602")
def test_unknown_tasks_get_invalid_params(mcp_tour: Tour) -> None:
    for method, exchange in unknown_tasks(mcp_tour).items():
        if method != "tasks/list":
            assert_task_params_refused(exchange, f"{method} of a task that there is not")


@requirement("tasks.invalid-cursor-32602")
def test_unknown_cursor_gets_invalid_params(mcp_tour: Tour) -> None:
    found = unknown_tasks(mcp_tour)
    if "tasks/list" not in found:
        raise NotApplicable("the server does not declare tasks.list")
    assert_task_params_refused(found["tasks/list"], "tasks/list with a cursor that was never given out")


@requirement("tasks.informative-errors")
def test_refusals_say_why(mcp_tour: Tour) -> None:
    errors = [each for each in unknown_tasks(mcp_tour).values() if error_in(each) is not None]
    if not errors:
        raise NotVerified("no request got a JSON-RPC error")
    for exchange in errors:
        if not str((error_in(exchange) or {}).get("message") or "").strip():
            violated("an error without a message", "a message that says why", exchange)


# -- the extension ------------------------------------------------------------------------------------------


@requirement("tasks.ext-opt-in")
def test_tasks_take_the_extension(mcp_tour: Tour) -> None:
    judge_opt_in(mcp_tour)


@requirement("tasks.ext-required-32021")
def test_calls_that_need_a_task_say_so(mcp_tour: Tour) -> None:
    judge_need(mcp_tour)


@requirement("tasks.ext-result-type")
def test_tasks_alone_have_their_result_type(mcp_tour: Tour) -> None:
    judge_types(mcp_tour)


@requirement("tasks.ext-durable")
def test_new_tasks_can_be_polled_at_once(mcp_tour: Tour) -> None:
    gravest(partial(judge_durable, call) for call in tasks(mcp_tour))


@requirement("tasks.ext-unknown-id")
def test_unknown_tasks_are_refused(mcp_tour: Tour) -> None:
    judge_unknown(mcp_tour)


@requirement("tasks.ext-methods-non-declaring")
def test_methods_take_the_extension(mcp_tour: Tour) -> None:
    judge_gate(mcp_tour)


@requirement("tasks.ext-result-removed")
def test_methods_of_the_experimental_feature_are_gone(mcp_tour: Tour) -> None:
    judge_removed(mcp_tour)


@requirement("tasks.ext-legacy-param-ignored")
def test_task_param_means_nothing(mcp_tour: Tour) -> None:
    judge_legacy_param(mcp_tour)


@requirement("tasks.ext-legacy-capability-absent")
def test_capability_of_the_experimental_feature_is_gone(mcp_tour: Tour) -> None:
    if "tasks" in mcp_tour.capabilities:
        violated("capabilities.tasks", "the extension, or neither", mcp_tour.opening)


@requirement("tasks.ext-mcp-name-validated")
def test_header_that_names_a_task_is_compared(mcp_tour: Tour) -> None:
    judge_header(mcp_tour)


@requirement("tasks.ext-failed-only-jsonrpc")
def test_tasks_fail_with_jsonrpc_errors_only(mcp_tour: Tour) -> None:
    judge_failures(mcp_tour)


@requirement("tasks.ext-no-log-on-task-stream")
def test_tasks_report_no_progress_on_subscriptions(mcp_tour: Tour) -> None:
    judge_stream(mcp_tour)


@requirement("tasks.bound-to-auth")
def test_tasks_are_bound_to_the_user(mcp_tour: Tour) -> None:
    judge_task_of_another(mcp_tour)
