from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.mrtr import (
    Outcome,
    asks_for_input,
    assert_answered_with_error,
    assert_asked_again,
    assert_input_required_content,
    assert_input_required_type,
    assert_no_input_required,
    assert_not_asked_on_stream,
    assert_not_completed,
    assert_refusal_handled,
    assert_retry_served,
    outcome_of,
)
from pytest_mcp_http.errors import RequirementViolated

ROOTS = {"roots": {"method": "roots/list"}}


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


def error(code: Any = -32602) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}


DONE = result(resultType="complete", content=[])
FAILED = result(resultType="complete", content=[], isError=True)
ASKED = result(resultType="input_required", inputRequests=ROOTS)


@pytest.fixture
def outcomes(reply: Any) -> dict[Outcome, list[Any]]:
    """Return responses of each outcome."""
    return {
        Outcome.COMPLETED: [reply(DONE), reply(result(content=[])), reply(result(isError="yes"))],
        Outcome.FAILED: [reply(FAILED)],
        Outcome.ASKED: [reply(ASKED), reply(result(resultType="task")), reply(result(resultType=None))],
        Outcome.REFUSED: [
            reply(error()),
            reply(error(), status=400),
            reply(status=413),
            reply(b"<p>", status=403),
        ],
        Outcome.BROKEN: [
            reply(status=None),
            reply(status=500),
            reply(error(), status=503),
            reply(status=202),
        ],
    }


def test_outcomes(outcomes: Any) -> None:
    for outcome, responses in outcomes.items():
        for response in responses:
            assert outcome_of(response) is outcome, response.summary


class TestAsking:
    def test_requests_on_the_stream(self, reply: Any) -> None:
        progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
        request = {"jsonrpc": "2.0", "id": "s-1", "method": "roots/list"}
        assert_not_asked_on_stream(reply(progress, ASKED, stream=True))
        with pytest.raises(RequirementViolated, match="the request roots/list on the stream"):
            assert_not_asked_on_stream(reply(progress, request, stream=True))

    def test_methods_that_never_ask(self, reply: Any) -> None:
        for body in (DONE, error(), result(resultType="task", inputRequests={})):
            assert_no_input_required(reply(body))
        with pytest.raises(RequirementViolated, match="result of tools/list"):
            assert_no_input_required(reply(ASKED, sent={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
        with pytest.raises(RequirementViolated, match="of this request"):
            assert_no_input_required(reply(ASKED))

    def test_type(self, reply: Any) -> None:
        for body in (ASKED, DONE, error(), result(content=[], requestState="x"), result(contents=[])):
            assert_input_required_type(reply(body))
        for body, seen in (
            (result(inputRequests=ROOTS), "no resultType"),
            (result(requestState="x", resultType="complete"), "resultType 'complete'"),
            (result(inputRequests=ROOTS, resultType=None), "resultType None"),
        ):
            assert asks_for_input(reply(body))
            with pytest.raises(RequirementViolated, match=seen):
                assert_input_required_type(reply(body))

    def test_content(self, reply: Any) -> None:
        for members in (
            {"inputRequests": {}},
            {"requestState": ""},
            {"inputRequests": ROOTS, "requestState": "x"},
        ):
            assert_input_required_content(reply(result(resultType="input_required", **members)))
        assert_input_required_content(reply(DONE))
        for members in (
            {},
            {"inputRequests": None, "requestState": None},
            {"inputRequests": [], "requestState": 5},
        ):
            with pytest.raises(RequirementViolated, match="without either"):
                assert_input_required_content(reply(result(resultType="input_required", **members)))


def judged(helper: Any, outcomes: Any, *args: Any) -> dict[Outcome, set[str]]:
    """Return what a helper says of each outcome."""
    found: dict[Outcome, set[str]] = {}
    for outcome, responses in outcomes.items():
        for response in responses:
            try:
                helper(response, *args)
                verdict = "good"
            except RequirementViolated as violation:
                verdict = "note" if violation.note else "bad"
            found.setdefault(outcome, set()).add(verdict)
    return found


GOOD, BAD = {"good"}, {"bad"}


class TestRetries:
    def test_served(self, reply: Any, outcomes: Any) -> None:
        found = judged(assert_retry_served, outcomes)
        assert [found[o] for o in Outcome] == [GOOD, GOOD, GOOD, {"bad", "note"}, BAD]
        for code, note in ((-32602, True), (-32000, True), (-32600, False), (-32603, False), ("x", False)):
            with pytest.raises(RequirementViolated) as caught:
                assert_retry_served(reply(error(code)))
            assert caught.value.note is note

    def test_not_completed(self, outcomes: Any) -> None:
        found = judged(assert_not_completed, outcomes, "an array")
        assert [found[o] for o in Outcome] == [BAD, GOOD, GOOD, GOOD, GOOD]

    def test_answered_with_error(self, outcomes: Any) -> None:
        found = judged(assert_answered_with_error, outcomes, "an array")
        assert [found[o] for o in Outcome] == [BAD, BAD, GOOD, {"good", "bad"}, {"good", "bad"}]

    def test_asked_again(self, outcomes: Any) -> None:
        found = judged(assert_asked_again, outcomes)
        assert [found[o] for o in Outcome] == [GOOD, GOOD, GOOD, BAD, BAD]

    def test_refusal_handled(self, reply: Any, outcomes: Any) -> None:
        found = judged(assert_refusal_handled, outcomes, "decline")
        assert [found[o] for o in Outcome] == [GOOD, GOOD, GOOD, GOOD, BAD]
        with pytest.raises(RequirementViolated, match="after the user chose cancel") as caught:
            assert_refusal_handled(reply(error(-32603)), "cancel")
        assert caught.value.note
