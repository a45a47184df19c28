"""Conversations with the tools of the role `ask` in both eras: what they ask for, and what answers lead to.

The smallest valid answers go to a client that can do everything; clients that declare less are asked by fewer
tools. A visit to a URL is agreed to and never made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_mcp_http.answering import (
    MAX_ROUNDS,
    Answer,
    Asked,
    ClientError,
    input_requests,
)
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.input_requests import CAPABILITIES, asked_in
from pytest_mcp_http.assertions.mrtr import Outcome, outcome_of
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite import _asking
from pytest_mcp_http.suite._answers import answer
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT

PATIENCE: Final = 6.0
"""Longest time that a call is waited for whose tool may wait for a user in vain."""

BESIDE_SECONDS: Final = 60.0
"""Longest time that a stream beside such calls is held open."""

ELICIT: Final = "elicitation/create"
SAMPLE: Final = "sampling/createMessage"
ROOTS: Final = "roots/list"

COMPLETE: Final = "notifications/elicitation/complete"


@dataclass(frozen=True)
class Talk:
    """A call of a tool of the role, and all that it asked for.

    Attributes:
        params: The params of the call.
        exchanges: All its exchanges, the last one with the final answer.
        asked: What was asked for.
    """

    params: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]
    asked: tuple[Asked, ...]

    @property
    def exchange(self) -> Exchange:
        """The exchange with the final answer, if there is one."""
        return self.exchanges[-1]

    @property
    def completed(self) -> bool:
        """Whether the call ended well."""
        return outcome_of(self.exchange) is Outcome.COMPLETED

    def requests(self, method: str) -> list[Mapping[str, Any]]:
        """Return the params of what was asked for by a method."""
        found = [each.request for each in self.asked if each.request.get("method") == method]
        return [each["params"] if isinstance(each.get("params"), dict) else {} for each in found]


@dataclass(frozen=True)
class Talks:
    """The conversations of a client that can do everything.

    Attributes:
        all: The conversations, in order.
        beside: The stream that was open beside them at a handshake revision, or None.
        foreign: The same of another session, where notifications may be sent to the wrong one.
    """

    all: tuple[Talk, ...]
    beside: Exchange | None = None
    foreign: Exchange | None = None

    @property
    def exchanges(self) -> list[Exchange]:
        """All exchanges on which something may be asked for."""
        return [
            *(exchange for talk in self.all for exchange in talk.exchanges),
            *([self.beside] if self.beside is not None else []),
        ]


def everything(tour: Tour) -> Mapping[str, object]:
    """Return the capabilities of a client that can do all that the revision has."""
    if tour.revision >= "2025-11-25":
        return _asking.EVERYTHING
    found: dict[str, object] = {"sampling": {}, "roots": {}}
    return found if tour.revision < "2025-06-18" else {**found, "elicitation": {}}


def smallest(method: str, params: Mapping[str, Any]) -> object:
    """Return the smallest valid answer; a visit to a URL is agreed to."""
    if method == ELICIT and params.get("mode") == "url":
        return {"action": "accept"}
    found = answer({"method": method, "params": params})
    return ClientError(-32601, f"{method} is not implemented") if found is None else found


# -- clients ------------------------------------------------------------------------------------------------


def client_with(tour: Tour, capabilities: Mapping[str, object]) -> McpClient:
    """Return a client that declared some capabilities and may call tools at once; the same for the same.

    Raises:
        NotVerified: If no session could be opened.
    """

    def make() -> McpClient:
        client = _asking.asking_client(tour, capabilities)
        if tour.dialect.sessions and client.connect().negotiated is None:
            raise NotVerified(f"no session could be opened: initialize got {client.log[0].summary}")
        return client

    return tour.memo(f"asking client {capabilities}", make)


def talk(tour: Tour, params: Mapping[str, Any], answers: Answer | None, *, rounds: int = MAX_ROUNDS) -> Talk:
    """Call a tool of the role, as a client that can do everything, and answer what it asks for.

    Args:
        tour: The tour.
        params: The params of the call.
        answers: What is answered; None to leave the call once something is asked for.
        rounds: How often the server is answered.

    Raises:
        NotVerified: If authentication or a rate limit answered.
    """
    client = client_with(tour, everything(tour))
    if not any(not asked.related for each in called(tour).all for asked in each.asked):
        return _talk(tour, client, params, answers, rounds=rounds)
    with _listening(client) as beside:
        return _talk(tour, client, params, answers, rounds=rounds, beside=beside)


def _talk(
    tour: Tour,
    client: McpClient,
    params: Mapping[str, Any],
    answers: Answer | None,
    *,
    rounds: int = MAX_ROUNDS,
    beside: McpStream | None = None,
) -> Talk:
    limits = replace(tour.wire.limits, total=min(tour.wire.limits.total, PATIENCE))
    # Without a stream there is nothing to look at, and looking would slow the call down.
    watched = beside if beside is not None and beside.alive and beside.exchange.ok else None
    found = client.converse("tools/call", dict(params), answers, beside=watched, rounds=rounds, limits=limits)
    refused_by_others(found.exchange)
    return Talk(params, found.exchanges, found.asked)


@contextmanager
def _listening(client: McpClient) -> Iterator[McpStream | None]:
    """Open the stream on which a server may ask besides; there is none in the modern era."""
    if not client.dialect.sessions:
        yield None
        return
    with client.listen(limits=replace(client.wire.limits, total=BESIDE_SECONDS)) as stream:
        yield stream


def _leave_all(
    tour: Tour, calls: Iterable[Mapping[str, Any]], capabilities: Mapping[str, object]
) -> list[Talk]:
    """Make some calls as a client that declared some capabilities; leave each once it asks for something."""
    client = client_with(tour, capabilities)
    found = []
    with _listening(client) as beside:
        for params in calls:
            seen = len(beside.exchange.messages) if beside is not None else 0
            each = _talk(tour, client, params, None, beside=beside)
            exchanges = each.exchanges
            if beside is not None and len(beside.exchange.messages) > seen:
                exchanges = (*exchanges, beside.exchange)
            found.append(Talk(params, exchanges, each.asked))
    return found


def _calls(tour: Tour) -> list[dict[str, Any]]:
    return [
        role.params(key=f"mcp-http-check-{number}", ms=1, n=1)
        for number, role in enumerate(tour.roles("ask"))
    ]


# -- conversations ------------------------------------------------------------------------------------------


def undeclared(tour: Tour) -> list[Talk]:
    """Call each tool of the role as a client that declared nothing: the first calls of all.

    Raises:
        NotVerified: If there is no such tool.
    """

    def probe() -> list[Talk]:
        if not tour.dialect.sessions:
            return [Talk(call.params, (call.exchange,), ()) for call in _asking.undeclared_calls(tour)]
        return _leave_all(tour, _calls(tour), {})

    return tour.memo("talks-undeclared", probe)


def talks(tour: Tour) -> Talks:
    """Call each tool of the role as a client that can do everything, and answer all that it asks for.

    Raises:
        NotVerified: If there is no such tool, or none asked for anything.
    """
    found = called(tour)
    if not any(each.asked for each in found.all):
        seen = found.all[0].exchange
        raise NotVerified(f"no tool of the role ask asked for anything: {seen.summary}")
    return found


def called(tour: Tour) -> Talks:
    """Return the same, whether anything was asked for or not.

    Raises:
        NotVerified: If there is no such tool; in the modern era also if none asked for anything.
    """

    def probe() -> Talks:
        undeclared(tour)
        return _on_streams(tour) if tour.dialect.sessions else _by_retries(tour)

    return tour.memo("talks", probe)


def _on_streams(tour: Tour) -> Talks:
    calls, client = _calls(tour), client_with(tour, everything(tour))
    with ExitStack() as stack:
        beside = stack.enter_context(_listening(client))
        foreign = None
        if tour.revision == "2025-11-25":
            other = tour.new_client(capabilities=everything(tour)).connect()
            foreign = stack.enter_context(_listening(other))
        found = tuple(_talk(tour, client, params, smallest, beside=beside) for params in calls)
        return Talks(found, *(stream.close() if stream is not None else None for stream in (beside, foreign)))


def _by_retries(tour: Tour) -> Talks:
    """Return the dialogues that other checks of the era hold anyhow, in the same form."""
    found = []
    try:
        dialogues = {id(each.first): each for each in _asking.dialogues(tour)}
    except NotVerified:
        dialogues = {}
    for ask in _asking.asks(tour):
        dialogue = dialogues.get(id(ask))
        exchanges = (ask.exchange, *(dialogue.retries if dialogue is not None else ()))
        asked = [each for exchange in exchanges for each in (input_requests(exchange) or {}).values()]
        found.append(Talk(ask.params, exchanges, tuple(Asked(each, ABSENT, True, None) for each in asked)))
    return Talks(tuple(found))


def asking_for(tour: Tour, method: str) -> list[Talk]:
    """Return the conversations in which something was asked for by a method.

    Raises:
        NotApplicable: If there is none.
        NotVerified: If nothing was asked for at all.
    """
    found = [each for each in talks(tour).all if each.requests(method)]
    if not found:
        raise NotApplicable(f"no tool of the role ask sends {method}")
    return found


def forms(tour: Tour) -> list[Talk]:
    """Return the conversations in which the user was asked to fill in a form.

    Raises:
        NotApplicable: If there is none.
        NotVerified: If nothing was asked for at all.
    """
    found = [each for each in asking_for(tour, ELICIT) if any(map(is_form, each.requests(ELICIT)))]
    if not found:
        raise NotApplicable("no tool of the role ask asks for a form to be filled in")
    return found


def is_form(params: Mapping[str, Any]) -> bool:
    """Tell whether an elicitation is one in form mode."""
    return bool(params.get("mode", "form") == "form")


def restricted(tour: Tour, capabilities: Mapping[str, object]) -> list[Exchange]:
    """Return the calls of a client that declared some capabilities, of tools that ask for things of the kind.

    Raises:
        NotVerified: If nothing was asked for at all.
    """

    def probe() -> list[Exchange]:
        wanted = [
            each.params
            for each in talks(tour).all
            if any(CAPABILITIES.get(str(asked.request.get("method"))) in capabilities for asked in each.asked)
        ]
        found = _leave_all(tour, wanted, capabilities)
        return [exchange for each in found for exchange in each.exchanges]

    return tour.memo(f"restricted talks {capabilities}", probe)


def judge_undeclared(tour: Tour, method: str) -> None:
    """Judge that a client which declared nothing is not asked for something.

    Raises:
        RequirementViolated: If it is.
        NotApplicable: If no tool asks for it at all.
        NotVerified: If no tool asks for anything.
    """
    for each in undeclared(tour):
        for exchange in each.exchanges:
            if any(request["method"] == method for _, request in asked_in(exchange)):
                violated(
                    f"{method} to a client that did not declare {CAPABILITIES[method]}",
                    ["a result that reports an error", "a JSON-RPC error", "a result that does without"],
                    exchange,
                )
    asking_for(tour, method)
