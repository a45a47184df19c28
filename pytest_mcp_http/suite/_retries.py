"""Odd retries of calls that ask back: malformed, of users who decline, and none at all."""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.mrtr import Outcome, is_input_required, outcome_of
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._answers import malformed
from pytest_mcp_http.suite._asking import Ask, again, final_result, unanswered
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

NOT_SERVED: Final = (Outcome.REFUSED, Outcome.BROKEN)


def judge_exhaustion(tour: Tour, first: Ask, abandoned: list[Exchange], refusal: Exchange) -> None:
    """Judge a refusal after calls that were left without a retry.

    Raises:
        RequirementViolated: If the server serves their retries, and then calls again.
        NotVerified: If it does not: it may just limit how often it is called.
    """
    waiting = [Ask(first.client, first.params, each) for each in abandoned if is_input_required(each)]
    retries = [ask.retry(ask.answers or {}) for ask in waiting]
    later = (first.client.request("tools/call", dict(first.params)), tour.client.plain())
    if any(outcome_of(exchange) in NOT_SERVED for exchange in (*retries, *later)):
        raise NotVerified(f"calls are limited in another way: {refusal.summary}")
    violated(
        f"{refusal.summary}, after {len(waiting)} calls that were not retried, until they were",
        "requests are served whether earlier calls are retried or not",
        refusal,
    )


def malformed_retries(tour: Tour) -> list[tuple[str, Ask, Exchange]]:
    """Return what retries with malformed answers got, each with what is malformed.

    Raises:
        NotVerified: If no call needs answers.
    """

    def probe() -> list[tuple[str, Ask, Exchange]]:
        needing = [ask for ask, without in unanswered(tour) if outcome_of(without) is not Outcome.COMPLETED]
        if not needing:
            raise NotVerified("the calls of the tools of the role ask are completed without answers as well")
        found = []
        for number, ask in enumerate(needing):
            answers = {key: malformed(each) for key, each in ask.requests.items()}
            shapes: dict[str, object] = {
                "arrays in place of the answers": {key: [1] for key in ask.requests},
                "answers of other types": answers,
                # What holds the answers is read in the same way, whatever they are.
                **({"an array as inputResponses": [answers]} if number == 0 else {}),
            }
            found += [(what, ask, again(ask).retry(shape)) for what, shape in shapes.items()]
        return found

    return tour.memo("malformed-retries", probe)


def is_taken_for_decline(ask: Ask, exchange: Exchange) -> bool:
    """Tell whether a retry got the same result as one of a user who declines."""
    if not ask.asks_for("elicitation/create"):
        return False
    return final_result(with_action(again(ask), "decline")) == final_result(exchange)


def with_action(ask: Ask, action: str) -> Exchange:
    """Send an action without content to each elicitation, and valid answers to all else."""
    answers = dict(ask.answers or {})
    for key, each in ask.requests.items():
        if each.get("method") == "elicitation/create":
            answers[key] = {"action": action}
    return ask.retry(answers)
