"""Dialogues with the tools of the role `ask`: what they ask for, our answers, and retries of all kinds.

Which kind a tool asks for is not known, so a client that can do everything calls it first. The answers are
the smallest that are valid. Each probe that a server may take for the end of a dialogue begins a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_mcp_http.answering import input_requests
from pytest_mcp_http.assertions.input_requests import CAPABILITIES
from pytest_mcp_http.assertions.mrtr import Outcome, is_input_required, outcome_of
from pytest_mcp_http.assertions.schema import server_messages
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._answers import answer
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.jsonrpc import Kind

EVERYTHING: Final[Mapping[str, object]] = {
    "elicitation": {"form": {}, "url": {}},
    "sampling": {"context": {}, "tools": {}},
    "roots": {},
}
"""Client capabilities with which a server may ask for anything."""

MAX_ROUNDS: Final = 5
"""How often one call is answered; a server that never ends must not hold us."""

MAX_DEFERRALS: Final = 3
"""How often a call is repeated that asks for nothing but to be repeated."""

KEEP: Final = object()
"""Stands for the state that the server gave, in a retry."""

DROP: Final = object()
"""Stands for no state, in a retry."""


@dataclass(frozen=True)
class Call:
    """A call of a tool of the role, and its answer.

    Attributes:
        client: Who called.
        params: The params of the call, the same in each retry.
        exchange: The call and its answer.
    """

    client: McpClient
    params: Mapping[str, Any]
    exchange: Exchange


@dataclass(frozen=True)
class Ask(Call):
    """A call whose answer asks for something.

    Attributes:
        rounds: How many rounds of answers were sent before.
    """

    rounds: int = 0

    @property
    def requests(self) -> Mapping[str, Mapping[str, Any]]:
        """What is asked for, by key, as far as it is an object."""
        return input_requests(self.exchange) or {}

    @property
    def state(self) -> object:
        """The state that the server gave, or `DROP`."""
        result = self.exchange.result
        return result.get("requestState", DROP) if isinstance(result, dict) else DROP

    @property
    def answers(self) -> dict[str, object] | None:
        """Our answer to each request; None if one of them takes a user, or is none that we know."""
        found = {key: answer(request) for key, request in self.requests.items()}
        return None if None in found.values() else found

    def asks_for(self, method: str) -> bool:
        """Tell whether something is asked for by a method."""
        return any(request.get("method") == method for request in self.requests.values())

    def retry(self, responses: object, *, state: object = KEEP) -> Exchange:
        """Send the call again, under a fresh id.

        Args:
            responses: `inputResponses`, be they legal or not.
            state: `requestState`, be it legal or not; default as the server gave it.

        Raises:
            NotVerified: If authentication or a rate limit answered, or the time for an answer ran out: what
                a tool does with valid answers may take long.
        """
        params = {**self.params, "inputResponses": responses}
        sent = self.state if state is KEEP else state
        if sent is not DROP:
            params["requestState"] = sent
        exchange = self.client.request("tools/call", params)
        refused_by_others(exchange)
        if exchange.end is End.TIMEOUT and exchange.response is None:
            raise NotVerified(f"a retry got no answer in time: {exchange.summary}")
        return exchange


@dataclass(frozen=True)
class Dialogue:
    """All rounds of one call.

    Attributes:
        first: The ask with which it began.
        last: The last ask that was answered.
        retries: What each retry got, in order.
    """

    first: Ask
    last: Ask
    retries: list[Exchange] = field(default_factory=list)

    @property
    def completed(self) -> bool:
        """Whether the call ended well."""
        return outcome_of(self.retries[-1]) is Outcome.COMPLETED


# -- asking -------------------------------------------------------------------------------------------------


def asking_client(tour: Tour, capabilities: Mapping[str, object]) -> McpClient:
    """Return a client that declares some capabilities, and knows which arguments headers mirror."""
    client = tour.new_client(capabilities=capabilities)
    client.schemas.update(tour.client.schemas)
    return client


def undeclared_calls(tour: Tour) -> list[Call]:
    """Call each tool of the role as a client that declares nothing.

    These are the first calls of all, so that a server has seen nothing declared.

    Raises:
        NotVerified: If there is no such tool.
    """
    return tour.memo("asking-undeclared", lambda: _calls(tour, asking_client(tour, {})))


def first_calls(tour: Tour) -> list[Call]:
    """Call each tool of the role as a client that can do everything.

    Raises:
        NotVerified: If there is no such tool.
    """

    def probe() -> list[Call]:
        undeclared_calls(tour)
        return _calls(tour, asking_client(tour, EVERYTHING))

    return tour.memo("asking-first", probe)


def asks(tour: Tour) -> list[Ask]:
    """Return the first calls that asked for something.

    Raises:
        NotVerified: If none did.
    """

    def probe() -> list[Ask]:
        calls = first_calls(tour)
        found = [ask for call in calls if (ask := _asked(call)) is not None]
        if not found:
            raise NotVerified(f"no tool of the role ask asked for anything: {calls[0].exchange.summary}")
        return found

    return tour.memo("asks", probe)


def interim_results(tour: Tour) -> list[Exchange]:
    """Return the exchanges with an `input_required` result: of the visit, and of all rounds of our calls.

    Raises:
        NotVerified: If there is none.
    """
    found = list(tour.exchanges)
    reason = "nothing was asked for"
    try:
        found += [call.exchange for call in first_calls(tour)]
        found += [ask.exchange for ask in asks(tour)]
        found += [exchange for dialogue in dialogues(tour) for exchange in dialogue.retries]
    except NotVerified as error:
        reason = str(error)
    interim = {id(exchange): exchange for exchange in found if is_input_required(exchange)}
    if not interim:
        raise NotVerified(reason)
    return list(interim.values())


def again(ask: Ask) -> Ask:
    """Begin a new dialogue with the same call, up to the same round.

    Raises:
        NotVerified: If the server does not ask this time.
    """
    found = _asked(Call(ask.client, ask.params, ask.client.request("tools/call", dict(ask.params))))
    for _ in range(ask.rounds):
        answers = found.answers if found is not None else None
        if found is not None and answers is not None:
            found = _next(found, found.retry(answers))
    if found is None or (found.answers is None and ask.answers is not None):
        raise NotVerified("the same call asked for something the first time, and later not")
    return found


def _calls(tour: Tour, client: McpClient) -> list[Call]:
    found = []
    for number, role in enumerate(tour.roles("ask")):
        params = role.params(key=f"mcp-http-check-{number}", ms=1, n=1)
        request = client.build("POST", client.message("tools/call", params))
        # A server that asks by a request of its own waits for an answer that does not come.
        exchange = client.wire.send(request, stop=_has_request)
        refused_by_others(exchange)
        found.append(Call(client, params, exchange))
    return found


def _has_request(exchange: Exchange) -> bool:
    return any(message.kind is Kind.REQUEST for message in server_messages(exchange))


def _asked(call: Call) -> Ask | None:
    """Return what a call asks for, after it was repeated for as long as it asks for that alone."""
    ask = Ask(call.client, call.params, call.exchange)
    for _ in range(MAX_DEFERRALS):
        if input_requests(ask.exchange) != {} or ask.state is DROP:
            break
        ask = Ask(call.client, call.params, ask.retry({}))
    return ask if ask.requests else None


def _next(ask: Ask, exchange: Exchange) -> Ask | None:
    """Return the ask that a retry got, if it got one."""
    found = Ask(ask.client, ask.params, exchange, ask.rounds + 1)
    return found if found.requests else None


# -- answering ----------------------------------------------------------------------------------------------


def dialogues(tour: Tour) -> list[Dialogue]:
    """Answer all that is asked for, until each call ends.

    Raises:
        NotVerified: If nothing is asked for that can be answered without a user.
    """

    def probe() -> list[Dialogue]:
        found = [_played(ask) for ask in asks(tour) if ask.answers is not None]
        if not found:
            raise NotVerified("what the tools of the role ask want cannot be answered without a user")
        return found

    return tour.memo("asking-dialogues", probe)


def _played(first: Ask) -> Dialogue:
    ask: Ask | None = first
    retries: list[Exchange] = []
    last = first
    while ask is not None and (answers := ask.answers) is not None and len(retries) < MAX_ROUNDS:
        last = ask
        retries.append(ask.retry(answers))
        ask = _next(ask, retries[-1])
    return Dialogue(first, last, retries)


def completing(tour: Tour) -> list[Ask]:
    """Return the last ask of each call that ended well: the positive control of odd retries.

    One tool that asks for the same kinds of things in several ways counts once.

    Raises:
        NotVerified: If no call did.
    """
    found = [dialogue for dialogue in dialogues(tour) if dialogue.completed]
    if not found:
        seen = dialogues(tour)[0].retries[-1]
        raise NotVerified(f"no call of a tool of the role ask was completed by our answers: {seen.summary}")
    kinds = {
        (
            dialogue.first.params["name"],
            *sorted(str(request.get("method")) for request in dialogue.first.requests.values()),
        ): dialogue.last
        for dialogue in reversed(found)
    }
    return list(reversed(kinds.values()))


def unanswered(tour: Tour) -> list[tuple[Ask, Exchange]]:
    """Retry without any answer; return each ask with what its retry got.

    Raises:
        NotVerified: If no call would be completed by answers.
    """

    def probe() -> list[tuple[Ask, Exchange]]:
        return [(ask, ask.retry({})) for ask in map(again, completing(tour))]

    return tour.memo("asking-unanswered", probe)


def final_result(exchange: Exchange) -> object:
    """Return the result of a call without its `_meta`; None if it did not end well."""
    result = exchange.result
    if outcome_of(exchange) is not Outcome.COMPLETED or not isinstance(result, dict):
        return None
    return {name: member for name, member in result.items() if name != "_meta"}


def capabilities_without(ask: Ask) -> Mapping[str, object]:
    """Return all client capabilities but those that an ask needs."""
    needed = {CAPABILITIES.get(str(request.get("method"))) for request in ask.requests.values()}
    return {name: value for name, value in EVERYTHING.items() if name not in needed}
