"""Sends changed requests to a server, watches whether it survives, and keeps what broke an oracle first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Final

from pytest_mcp_http.client import SESSION_HEADER, VERSION_HEADER, McpClient
from pytest_mcp_http.errors import NotVerified, RequirementViolated
from pytest_mcp_http.fuzz import Plan
from pytest_mcp_http.fuzz.engine import Enough, search
from pytest_mcp_http.fuzz.mutation import Base, Mutation, is_harmless
from pytest_mcp_http.fuzz.oracles import ORACLES, Oracle, Sent
from pytest_mcp_http.fuzz.requests import protocol_requests, tool_requests
from pytest_mcp_http.fuzz.values import mutations
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import SHORT_LINGER
from pytest_mcp_http.wire.jsonrpc import encode
from pytest_mcp_http.wire.mirror import mirrored

LEAST_SECONDS: Final = 30.0
SECONDS_PER_EXAMPLE: Final = 1.0
"""Time for all examples together, and as much again to simplify what was found."""

CALL_SECONDS: Final = 2.0
"""Time that one call of a tool may take; what takes longer is not judged."""

MAX_SLOW_CALLS: Final = 2
"""Calls of one tool that took longer, after which it is not called any more."""


@dataclass(frozen=True)
class Finding:
    """The first request that broke what an oracle judges.

    Attributes:
        sent: The request and what it got.
        outcome: The violation.
    """

    sent: Sent
    outcome: RequirementViolated


class Campaign:
    """Requests with one node changed, sent to one server at one revision.

    Args:
        tour: The visit, which tells what the server offers.
        plan: How many requests, and which.
        bases: The valid requests.
        oracles: What has to hold; once every one of them is broken, no more requests are sent.

    Attributes:
        findings: The gravest first violation of each oracle that met one.
        judged: How many requests each oracle had something to say about.
        stopped: Why the search ended early, if it did, and after how many requests.
    """

    def __init__(
        self, tour: Tour, plan: Plan, bases: Iterable[Base], oracles: Sequence[Oracle] = ORACLES
    ) -> None:
        self._tour = tour
        self._oracles = oracles
        self._plan = plan
        self.findings: dict[Oracle, Finding] = {}
        self.judged: Counter[Oracle] = Counter()
        self.stopped = ""
        self._sent = 0
        self._seconds = max(LEAST_SECONDS, plan.examples * SECONDS_PER_EXAMPLE)
        self._deadline = time.monotonic() + self._seconds
        self._slow: Counter[str] = Counter()
        self._passed: dict[Oracle, set[str]] = {oracle: set() for oracle in oracles}
        self._session = ExitStack()
        self._used: set[tuple[type, object]] = set()
        limits = tour.wire.limits
        self._limits = replace(limits, total=limits.head, linger=SHORT_LINGER)
        self._call_limits = replace(self._limits, total=min(CALL_SECONDS, limits.total))
        with self._session:
            self._begin()
            self._bases = [base for base in bases if self._is_served(base)]
            if not self._bases:
                raise NotVerified("no valid request of those to be changed is served")
            search(mutations(self._bases), self._explore, plan.examples, plan.seed)

    # -- what was found -------------------------------------------------------------------------------------

    def simplest(self, oracle: Oracle) -> Finding:
        """Return the simplest request that breaks what an oracle judges as the first one did."""
        first = self.findings[oracle]
        self._deadline = time.monotonic() + self._seconds
        last: Finding | None = None

        def is_like_first(mutation: Mutation) -> bool:
            nonlocal last
            if mutation.key in self._passed[oracle]:
                return False
            sent = self._send(mutation)
            _, outcome = _judged(oracle, sent)
            if outcome is None or outcome.note != first.outcome.note:
                return False
            last = Finding(sent, outcome)
            return True

        with self._session:
            try:
                self._begin()
            except NotVerified:
                return first  # it does not answer any more
            search(mutations(self._bases), is_like_first, self._plan.examples, self._plan.seed)
        if last is not None:
            return last
        if first.sent.exchange.status in (502, 503, 504):
            raise NotVerified(f"{first.sent.exchange.summary} once, and not when the requests were repeated")
        return first

    # -- one request after the other ------------------------------------------------------------------------

    def _explore(self, mutation: Mutation) -> bool:
        sent = self._send(mutation)
        for oracle in self._oracles:
            judged, outcome = _judged(oracle, sent)
            self.judged[oracle] += judged
            if outcome is None:
                self._passed[oracle].add(mutation.key)
            elif oracle not in self.findings or (self.findings[oracle].outcome.note and not outcome.note):
                self.findings[oracle] = Finding(sent, outcome)
        if sent.after is not None and sent.after.result is None:
            self._stop("the server does not answer any more")
        if all(
            oracle in self.findings and not self.findings[oracle].outcome.note for oracle in self._oracles
        ):
            raise Enough
        return False

    def _send(self, mutation: Mutation) -> Sent:
        """Send a changed request, and a plain one after it.

        Raises:
            Enough: If the time is over, or the server must be left alone.
        """
        if time.monotonic() > self._deadline:
            self._stop(f"the time limit of {self._seconds:g} s ended it")
        base = mutation.base
        self._renew_for(mutation)
        message = mutation.message(self._client.next_id())
        names = {} if base.tool is None else {base.tool["name"]}
        nothing = Exchange(self._client.build("POST", b""), end=End.UNREACHABLE, detail="not sent")
        if not is_harmless(message, names) or self._slow[base.name] >= MAX_SLOW_CALLS:
            return Sent(mutation, message, self._tour.revision, nothing, None, self._tour.dialect.plain)
        exchange = self._post(base, message)
        self._sent += 1
        if exchange.status in (401, 429):
            self._stop(f"authentication or a rate limit answered: {exchange.summary}")
        if base.tool is not None and exchange.end is End.TIMEOUT:
            self._slow[base.name] += 1
        after = self._alive(wait=base.tool is not None and exchange.end is End.TIMEOUT)
        return Sent(mutation, message, self._tour.revision, exchange, after, self._tour.dialect.plain)

    def _post(self, base: Base, message: object) -> Exchange:
        client = self._client
        if base.opens:
            target = self._tour.target
            client = McpClient(target.url, self._tour.revision, self._tour.wire, headers=target.headers)
        # Headers are those of the unchanged request where the changed one has nothing to put there, so that
        # they are not what is wrong with it.
        headers: dict[str, str | None] = {}
        if client.dialect.per_request:
            headers.update(mirrored(base.message, client.schemas))
            headers.update(mirrored(message, client.schemas))
        if base.opens:
            headers.update({SESSION_HEADER: None, VERSION_HEADER: None})
        limits = self._limits if base.tool is None else self._call_limits
        exchange = client.send(client.build("POST", encode(message), headers), limits=limits)
        client.log.clear()  # thousands of exchanges that nobody reads
        if base.opens:
            client.session_id = exchange.headers.get(SESSION_HEADER) if exchange.ok else None
            client.close()
        return exchange

    def _alive(self, *, wait: bool) -> Exchange | None:
        """Return what a plain request gets; a session that the server ended is replaced by a new one."""
        plain = self._client.plain(limits=self._limits)
        if plain.result is None and plain.status in (400, 404) and self._client.session_id is not None:
            self._renew()
            plain = self._client.plain(limits=self._limits)
        if plain.status in (401, 429):
            self._stop(f"authentication or a rate limit answered: {plain.summary}")
        if plain.result is None and wait:
            self._stop("the server was busy with a call of a tool")
        return plain

    def _is_served(self, base: Base) -> bool:
        """Tell whether a valid request gets a response: the control of all that follows."""
        if base.tool is not None and not is_harmless(base.message, {base.tool["name"]}):
            return False
        id = self._client.next_id()
        exchange = self._post(base, base.with_id(id))
        refused_by_others(exchange)
        if exchange.status is None or exchange.status >= 500 or exchange.response_to(id) is None:
            return False
        return self._client.plain(limits=self._limits).result is not None

    def _stop(self, why: str) -> None:
        self.stopped = f"{why}, after {self._sent} of {self._plan.examples} requests"
        raise Enough

    # -- sessions -------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._client: McpClient = self._session.enter_context(self._tour.session())
        self._client.schemas = dict(self._tour.client.schemas)
        self._used.clear()
        self._tour.require(self._client.plain(), f"{self._tour.dialect.plain} before the changed requests")

    def _renew(self) -> None:
        self._session.close()
        with suppress(NotVerified):
            self._begin()

    def _renew_for(self, mutation: Mutation) -> None:
        """Change the session before an id is used again in it, which a client must not do."""
        message = mutation.message(None)
        id = message.get("id") if isinstance(message, dict) else None
        if not mutation.of_id or id is None or isinstance(id, (list, dict)):
            return
        if (type(id), id) in self._used and self._client.session_id is not None:
            self._renew()
        self._used.add((type(id), id))


def _judged(oracle: Oracle, sent: Sent) -> tuple[bool, RequirementViolated | None]:
    """Return whether there was anything to judge, and what was violated."""
    try:
        return oracle(sent), None
    except RequirementViolated as outcome:
        return True, outcome


SOURCES: Final[dict[str, Callable[[Tour], list[Base]]]] = {
    "protocol": protocol_requests,
    "tools": tool_requests,
}
"""Where the valid requests come from."""


def campaign(tour: Tour, plan: Plan, source: str) -> Campaign:
    """Return what was found with the requests of a source; they are sent once per tour.

    Raises:
        NotVerified: If there are none, or the server does not serve them.
    """
    return tour.memo(f"fuzz: {source}", lambda: Campaign(tour, plan, SOURCES[source](tour)))


def judge(tour: Tour, plan: Plan, oracle: Oracle) -> None:
    """Judge the answers to all changed requests, and show the simplest one that broke what holds.

    Args:
        tour: The visit.
        plan: How many requests, and which.
        oracle: What has to hold.

    Raises:
        RequirementViolated: If a request broke it.
        NotVerified: If no request showed it, or the search ended early.
    """
    reasons: list[str] = []
    notes: list[RequirementViolated] = []
    judged = 0
    for source in SOURCES:
        try:
            found = campaign(tour, plan, source)
            if oracle in found.findings:
                outcome = _reported(found.simplest(oracle), plan)
                if not outcome.note:
                    raise outcome
                notes.append(outcome)
        except NotVerified as reason:
            reasons.append(str(reason))
            continue
        judged += found.judged[oracle]
        if found.stopped:
            raise NotVerified(found.stopped) if not notes else notes[0]
    if notes:
        raise notes[0]
    if not judged:
        raise NotVerified("; ".join(reasons) or f"none of {plan.examples} changed requests showed it")


def _reported(finding: Finding, plan: Plan) -> RequirementViolated:
    mutation, outcome = finding.sent.mutation, finding.outcome
    return RequirementViolated(
        f"{outcome.actual}; {mutation.base.name} with {mutation} (--mcp-fuzz-seed {plan.seed})",
        expected=outcome.expected,
        exchange=finding.sent.exchange,
        note=outcome.note,
    )
