"""Odd answers to what tools ask for, in both eras: wrong forms, no roots, models that only use tools."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.answering import Answer, ClientError
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.mrtr import Outcome, assert_not_completed, outcome_of
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite import _asking
from pytest_mcp_http.suite._answers import sampled, tool_uses, wrong_content
from pytest_mcp_http.suite._asking import Ask, asking_client, final_result
from pytest_mcp_http.suite._conversations import (
    ELICIT,
    ROOTS,
    SAMPLE,
    Talk,
    asking_for,
    is_form,
    smallest,
    talk,
)
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

TOOL_ROUNDS: Final = 12
"""How often a model that never stops using tools answers."""

VALID_MS: Final = 100
"""How long the tool of the role `lapse` is told to take answers, at least."""

ROUND_TRIPS: Final = 4
"""Calls that fit into that time, so that an answer over a network comes early enough."""

MAX_VALID_MS: Final = 10_000
"""Longest time that is waited for a state to lapse."""

USES: Final = ("mcp-http-check-1", "mcp-http-check-2")

MALFORMED_CONTENT: Final[Mapping[str, object]] = {
    "a text block without text": {"type": "text"},
    "a text block whose text is a number": {"type": "text", "text": 5},
}


def completed(found: list[Talk]) -> list[Talk]:
    """Return the conversations whose valid answers led to a complete result: the positive control.

    Raises:
        NotVerified: If there is none.
    """
    usable = [each for each in found if each.completed]
    if not usable:
        raise NotVerified(f"valid answers do not complete the call: {found[0].exchange.summary}")
    return usable


# -- forms --------------------------------------------------------------------------------------------------


class _Once:
    """Answers the first form in an odd way and all else in the smallest valid one; asked again it declines.

    Attributes:
        again: Whether the same form was asked for again.
    """

    def __init__(self, odd: Answer) -> None:
        self._odd = odd
        self._schema: object = None
        self.again = False

    def __call__(self, method: str, params: Mapping[str, Any]) -> object:
        if method != ELICIT or not is_form(params):
            return smallest(method, params)
        if self._schema is None:
            self._schema = params.get("requestedSchema", {})
            return self._odd(method, params)
        if params.get("requestedSchema", {}) == self._schema:
            self.again = True
            return {"action": "decline"}
        return smallest(method, params)


def judge_wrong_forms(tour: Tour, found: list[Talk]) -> None:
    """Judge what becomes of forms whose fields have values that do not fit.

    Raises:
        RequirementViolated: If a call is completed with them, and not as one whose user declined.
        NotVerified: If valid answers complete no call.
    """
    usable = [each for each in completed(found) if any(map(_has_fields, each.requests(ELICIT)))]
    if not usable:
        raise NotVerified("no form has a field that could be filled in wrongly")
    for each in usable:
        odd = _Once(lambda _, params: _accepted(wrong_content(params.get("requestedSchema"))))
        exchange = talk(tour, each.params, odd).exchange
        if odd.again or outcome_of(exchange) is not Outcome.COMPLETED:
            continue
        declined = talk(tour, each.params, _Once(lambda *_: {"action": "decline"})).exchange
        if final_result(declined) != final_result(exchange):
            assert_not_completed(exchange, "fields of wrong types in the form")


def judge_declined_forms(tour: Tour, found: list[Talk]) -> None:
    """Judge whether it makes a difference that the user declines.

    Raises:
        RequirementViolated: As a note, if the result is the same as when the user accepts.
        NotVerified: If valid answers complete no call, or the result differs each time by itself.
    """
    for each in completed(found):
        accepted = final_result(each.exchange)
        declined = talk(tour, each.params, _Once(lambda *_: {"action": "decline"}))
        if final_result(declined.exchange) == accepted:
            violated(
                "the result is the same whether the user accepts or declines",
                ["a result that tells whether the user accepted", "an error"],
                declined.exchange,
                note=True,
            )


def _accepted(content: Mapping[str, object]) -> object:
    return {"action": "accept", "content": content}


def _has_fields(params: Mapping[str, Any]) -> bool:
    return is_form(params) and bool(wrong_content(params.get("requestedSchema")))


# -- sampling -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToolLoop:
    """A conversation in which the model uses tools each time that it may.

    Attributes:
        talk: The conversation.
        answers: How often the model used tools.
    """

    talk: Talk
    answers: int


def tool_loops(tour: Tour) -> list[ToolLoop]:
    """Let the model use tools wherever a sampling request has some.

    Raises:
        NotApplicable: If none has.
        NotVerified: If no tool asked for anything.
    """

    def probe() -> list[ToolLoop]:
        found = [
            each for each in asking_for(tour, SAMPLE) if any(p.get("tools") for p in each.requests(SAMPLE))
        ]
        if not found:
            raise NotApplicable("no tool of the role ask sends sampling/createMessage with tools")
        return [_looped(tour, each) for each in found]

    return tour.memo("tool-loops", probe)


def _looped(tour: Tour, first: Talk) -> ToolLoop:
    used = 0

    def use(method: str, params: Mapping[str, Any]) -> object:
        nonlocal used
        if method != SAMPLE or not params.get("tools"):
            return smallest(method, params)
        used += 1
        return tool_uses(params, tuple(f"{name}-{used}" for name in USES))

    return ToolLoop(talk(tour, first.params, use, rounds=TOOL_ROUNDS), used)


def after_tool_use(tour: Tour) -> list[Exchange]:
    """Return the exchanges in which the server may have answered uses of tools.

    Raises:
        NotApplicable: If no sampling request has tools.
        NotVerified: If the server never asked again after tools were used.
    """
    loops = [each for each in tool_loops(tour) if len(each.talk.requests(SAMPLE)) > 1]
    if not loops:
        raise NotVerified("the server did not ask the model again after it used tools")
    return [exchange for each in loops for exchange in each.talk.exchanges]


def judge_malformed_samples(tour: Tour) -> None:
    """Judge what becomes of messages with malformed content, and of a model that never stops using tools.

    Raises:
        RequirementViolated: If a call is completed with malformed content; as a note if the server goes on
            after many uses of tools.
        NotApplicable: If no tool asks for sampling.
        NotVerified: If valid answers complete no call.
    """
    for each in completed(asking_for(tour, SAMPLE)):
        for what, content in MALFORMED_CONTENT.items():
            given = sampled(content)
            answers = _except(SAMPLE, given)
            exchange = talk(tour, each.params, answers, rounds=len(each.asked)).exchange
            assert_not_completed(exchange, what)
    for loop in tool_loops(tour) if tour.revision >= "2025-11-25" and _uses_tools(tour) else ():
        if loop.answers >= TOOL_ROUNDS:
            violated(
                f"the model is asked again after it used tools {loop.answers} times",
                "a limit of such rounds",
                loop.talk.exchange,
                note=True,
            )


def _uses_tools(tour: Tour) -> bool:
    return any(p.get("tools") for each in asking_for(tour, SAMPLE) for p in each.requests(SAMPLE))


def judge_retention(tour: Tour) -> None:
    """Judge whether what the model said in one call stands in the request of the next.

    Raises:
        RequirementViolated: If it does.
        NotApplicable: If no tool asks for sampling.
        NotVerified: If valid answers complete no call.
    """
    for each in completed(asking_for(tour, SAMPLE)):
        nonce = f"mcp-http-check-{secrets.token_hex(8)}"
        answers = _except(SAMPLE, sampled({"type": "text", "text": nonce}))
        talk(tour, each.params, answers)
        later = talk(tour, each.params, smallest)
        if any(nonce in str(params.get("messages")) for params in later.requests(SAMPLE)):
            violated(
                "a sampling request holds what the model said in an earlier call",
                "the messages of this call only",
                later.exchange,
            )


def _except(method: str, given: object) -> Answer:
    return lambda asked, params: given if asked == method else smallest(asked, params)


# -- roots --------------------------------------------------------------------------------------------------


def judge_roots(tour: Tour) -> None:
    """Judge what becomes of calls whose client has no roots, cannot list them, or has others than before.

    Raises:
        RequirementViolated: If the server breaks; as a note for an internal error with another HTTP status.
        NotApplicable: If no tool asks for roots.
        NotVerified: If it breaks with usual roots as well.
    """
    odd: Mapping[str, object] = {
        "no roots": {"roots": []},
        "an error in place of roots": ClientError(-32601, "roots are not supported"),
        "roots that changed": {"roots": [{"uri": "file:///mcp-http-check/changed"}]},
    }
    for each in asking_for(tour, ROOTS):
        if outcome_of(each.exchange) is Outcome.BROKEN:
            raise NotVerified(f"with usual roots the call got {each.exchange.summary}")
        for what, given in odd.items():
            found = talk(tour, each.params, _except(ROOTS, given))
            exchange = found.exchange
            if not found.requests(ROOTS):
                raise NotVerified(
                    f"the same call asked for roots the first time, and later not: {exchange.summary}"
                )
            broken = outcome_of(exchange) is Outcome.BROKEN
            if broken or exchange.error_code == -32603:
                violated(
                    f"{exchange.summary}, to a client with {what}",
                    ["a result", "a result that reports an error", "a JSON-RPC error that says why"],
                    exchange,
                    note=not broken,
                )


# -- states that are not for ever ---------------------------------------------------------------------------


def judge_lapse(tour: Tour) -> None:
    """Judge whether a state is refused after the time for which the tool says that it is valid.

    Raises:
        RequirementViolated: If it is not.
        NotVerified: If no tool is named for it, or answers in time do not complete the call.
    """
    role = tour.roles("lapse")[0]
    began = time.monotonic()
    _first(tour, role, VALID_MS)
    milliseconds = max(VALID_MS, round((time.monotonic() - began) * 1000 * ROUND_TRIPS))
    if milliseconds > MAX_VALID_MS:
        raise NotVerified(f"a call takes too long to wait until a state lapses: {milliseconds} ms")
    ask = _first(tour, role, milliseconds)
    _require_completed(ask.retry(ask.answers), role)
    ask = _first(tour, role, milliseconds)
    time.sleep(milliseconds / 1000 * 1.2)
    assert_not_completed(ask.retry(ask.answers), f"a state that was valid for {milliseconds} ms, after them")


def judge_single_use(tour: Tour) -> None:
    """Judge whether a state is refused the second time by a tool that takes each once only.

    Raises:
        RequirementViolated: If it is not.
        NotVerified: If no tool is named for it, or answers do not complete the call.
    """
    role = tour.roles("once")[0]
    ask = _first(tour, role, VALID_MS)
    answers = ask.answers
    _require_completed(ask.retry(answers), role)
    assert_not_completed(ask.retry(answers), "a state that was used before")


def _first(tour: Tour, role: Role, milliseconds: int) -> Ask:
    """Call a tool; return what it asks for.

    Raises:
        NotVerified: If it asks for nothing that can be answered without a user, or gives no state.
    """
    client: McpClient = tour.memo("lapsing client", lambda: asking_client(tour, _asking.EVERYTHING))
    params = role.params(ms=milliseconds)
    ask = Ask(client, params, client.request("tools/call", params))
    if not ask.requests or ask.answers is None or not isinstance(ask.state, str):
        raise NotVerified(f"the tool {role.tool} of the role {role.name} got {ask.exchange.summary}")
    return ask


def _require_completed(exchange: Exchange, role: Role) -> None:
    if outcome_of(exchange) is not Outcome.COMPLETED:
        raise NotVerified(f"valid answers do not complete the call of {role.tool}: {exchange.summary}")
