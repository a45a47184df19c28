"""Progress: tokens, values that grow, and the end of it."""

from __future__ import annotations

from pytest_mcp_http.assertions.progress import (
    assert_no_progress,
    assert_progress_ends,
    assert_progress_increases,
    assert_progress_messages,
    assert_progress_tokens_exact,
    assert_progress_tokens_known,
    progress_on,
    token_of,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._progress import reports, with_progress, without_token
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._task_messages import judge_end_of_progress, judge_tokens
from pytest_mcp_http.suite._tasks import observed
from pytest_mcp_http.suite._witness import with_two_calls
from pytest_mcp_http.tour import Tour

# Progress under a wrong token is reported once: a token that only changed its type or spelling is not exact,
# one of a finished call did not stop, one of another running call is on the wrong stream (chapter sse), and
# any other is unknown.


@requirement("progress.token-known")
def test_progress_is_about_requests_that_gave_a_token(mcp_tour: Tour) -> None:
    found = with_progress(mcp_tour)
    for stream in found.streams:
        assert_progress_tokens_known(stream, found.tokens)


@requirement("progress.no-token-no-progress")
def test_no_progress_without_token(mcp_tour: Tour) -> None:
    expected = "no progress for a request that gives no progress token"
    for exchange in without_token(mcp_tour):
        assert_no_progress(exchange, expected)
    assert_no_progress(reports(mcp_tour).silent, expected)
    with_progress(mcp_tour)


@requirement("progress.token-echo-exact")
def test_tokens_come_back_as_they_are(mcp_tour: Tour) -> None:
    found = with_progress(mcp_tour)
    for stream in found.streams:
        assert_progress_tokens_exact(stream, found.tokens)


@requirement("progress.increasing")
def test_progress_increases(mcp_tour: Tour) -> None:
    found = with_progress(mcp_tour).streams
    for stream in found:
        assert_progress_increases(stream)
    if all(len(progress_on(stream)) < 2 for stream in found):
        raise NotVerified("progress was reported only once per call")


@requirement("progress.stops-after-completion")
def test_progress_stops_with_the_response(mcp_tour: Tour) -> None:
    finished: list[object] = []
    for calls in with_progress(mcp_tour).rounds:
        for call in calls:
            assert_progress_ends(call, finished)
        finished += [token_of(call) for call in calls]


@requirement("progress.message-useful")
def test_progress_messages_say_something(mcp_tour: Tour) -> None:
    found = with_progress(mcp_tour).streams
    if not any("message" in each.params for stream in found for each in progress_on(stream)):
        raise NotApplicable("no progress has a message")
    for stream in found:
        assert_progress_messages(stream)


@requirement("progress.not-on-listen-stream")
def test_no_progress_on_subscriptions(mcp_tour: Tour) -> None:
    found = with_progress(mcp_tour)
    if found.beside is None:
        raise NotApplicable("the server opens no subscription")
    others = with_two_calls(mcp_tour)[2:]
    if any(progress_on(stream) for stream in others):
        raise NotVerified("progress came on another subscription, see subscriptions.no-request-scoped")
    expected = "it travels with the response to the request that it is about"
    assert_no_progress(found.beside, expected, tokens=found.tokens)


# A task reports progress on streams of its own, under the token of the request that made it.


@requirement("progress.task-token-kept")
def test_tasks_keep_the_token_of_their_request(mcp_tour: Tour) -> None:
    judge_tokens(observed(mcp_tour))


@requirement("progress.task-stops-at-terminal")
def test_progress_stops_with_the_task(mcp_tour: Tour) -> None:
    judge_end_of_progress(observed(mcp_tour))
