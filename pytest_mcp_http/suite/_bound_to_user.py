"""What belongs to one user, in the hands of another: sessions, states, tasks, handles, kept answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.handles import places_of_handles
from pytest_mcp_http.assertions.mrtr import Outcome, is_input_required, outcome_of
from pytest_mcp_http.assertions.subscriptions import acknowledged_types
from pytest_mcp_http.assertions.tasks import tasks_in
from pytest_mcp_http.assertions.tools import is_tool_success
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.report.masking import MADE_UP_TOKEN
from pytest_mcp_http.suite._asking import EVERYTHING, Ask, asking_client, asks
from pytest_mcp_http.suite._authorization import (
    bearer,
    guard,
    in_session,
    judge_not_served,
    list_methods,
    stripped,
)
from pytest_mcp_http.suite._handles import handles_given
from pytest_mcp_http.suite._principals import MAX_ITEMS, Other, client_of, hidden, other_users, second
from pytest_mcp_http.suite._probes import needs_session
from pytest_mcp_http.suite._task_jobs import declares, jobs
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import FIRST_MESSAGE
from pytest_mcp_http.wire.exchange import Exchange

FOREIGN: Final = "a refusal, as of what does not exist"

_VOLATILE: Final = frozenset({"_meta", "ttlMs", "cacheScope"})


# -- sessions -----------------------------------------------------------------------------------------------


def judge_session_with_made_up_token(tour: Tour) -> None:
    """Judge that the id of a live session does not make a token good that was made up."""
    bearer(tour)
    headers = {"Authorization": f"Bearer {MADE_UP_TOKEN}"}
    plain = tour.dialect.plain
    exchange = in_session(tour, lambda client: client.plain(headers=headers), plain)
    judge_not_served(exchange, f"{plain} in the session of a user, with a token that was made up")


def judge_session_of_another(tour: Tour) -> None:
    """Judge that the session of the first user is none for the second."""
    needs_session(tour)
    other = second(tour)
    tour.require(other.client.plain(), f"{tour.dialect.plain} of the second user")
    headers = dict(tour.target.second_headers)
    plain = tour.dialect.plain
    exchange = in_session(tour, lambda client: client.plain(headers=headers), plain)
    judge_not_served(
        exchange, f"{plain} of the second user in the session of the first", "HTTP 404, or 401 or 403"
    )


def judge_messages_without_token(tour: Tour) -> None:
    """Judge that nothing is taken without credentials: a notification, and requests other than lists."""
    found = guard(tour)
    if not tour.target.headers:
        raise NotVerified(f"{found.method} asks for credentials, and none are given")
    lacking = stripped(tour)
    # Where the opening is open to all, so may be the cheapest request.
    requests = [tour.dialect.plain] if found.method == tour.dialect.opening else list_methods(tour)[:1]
    with tour.session() as client:
        for method in requests:
            tour.require(client.request(method), f"{method} with the credentials")
            judge_not_served(client.request(method, headers=lacking), f"{method} without credentials")
        params = {"requestId": "never-sent"}
        if client.notify("notifications/cancelled", params).ok:
            exchange = client.notify("notifications/cancelled", params, headers=lacking)
            judge_not_served(exchange, "a notification without credentials")


# -- states, tasks, handles ---------------------------------------------------------------------------------


def judge_state_of_another(tour: Tour) -> None:
    """Judge that a state which the first user got completes no call of the second."""
    other = second(tour)
    ask = _answerable(tour)
    client = tour.add_client(client_of(tour, tour.target.headers_of_second, EVERYTHING))
    taken = replace(ask, client=client).retry(ask.answers)
    if outcome_of(taken) is Outcome.COMPLETED:
        violated(
            f"{taken.summary}, for a state that was given to the first user and sent by {other.name}",
            ["a JSON-RPC error", "the question once more"],
            taken,
        )
    control = ask.retry(ask.answers)
    if outcome_of(control) is not Outcome.COMPLETED and not is_input_required(control):
        raise NotVerified(f"the state is not taken from the first user either: {control.summary}")


def _answerable(tour: Tour) -> Ask:
    """Return a call of the first user that was just answered with a question and a state."""
    for ask in asks(tour):
        if ask.answers is None or not isinstance(ask.state, str):
            continue
        client = asking_client(tour, EVERYTHING)
        fresh = Ask(client, ask.params, client.request("tools/call", dict(ask.params)))
        if fresh.answers is not None and isinstance(fresh.state, str):
            return fresh
    raise NotVerified("no tool of the role ask gave a state with a question that we can answer")


def judge_task_of_another(tour: Tour) -> None:
    """Judge that a task of the first user is none for the second."""
    job = jobs(tour)[0]
    other = second(tour)
    params = {**job.timed("mcp-http-check", 1, 0.05), "task": {"ttl": 60_000}}
    owner = tour.add_client(tour.new_client()).connect()
    created = owner.request("tools/call", params)
    result = created.result
    task = result.get("task") if isinstance(result, dict) else None
    id = task.get("taskId") if isinstance(task, dict) else None
    if not isinstance(id, str):
        raise NotVerified(f"a call of {job.tool} as a task got {created.summary}")
    tour.require(owner.request("tasks/get", {"taskId": id}), "tasks/get of the first user")
    methods = ["tasks/get", *(["tasks/cancel"] if declares(tour, "cancel") else []), "tasks/result"]
    for method in methods:
        exchange = other.client.request(method, {"taskId": id})
        if exchange.result is not None:
            violated(f"{exchange.summary}, to {method} of the task of another user", FOREIGN, exchange)
    if declares(tour, "list"):
        exchange = other.client.request("tasks/list", {})
        if any(each.get("taskId") == id for each in tasks_in(exchange)):
            violated("the task of another user in the list", "the tasks of the user who asks", exchange)


def judge_handle_of_another(tour: Tour) -> None:
    """Judge that a handle which the first user got is of no use to the second."""
    guard(tour)
    keeper = tour.roles("keeper")[0]
    other = second(tour)
    given = handles_given(tour)
    place, values = next(iter(places_of_handles(given).items()))
    params = keeper.params(handle=values[-1])
    control = tour.client.request("tools/call", params)
    if not is_tool_success(control):
        raise NotVerified(f"{keeper.tool} with the handle at {place} got {control.summary}")
    exchange = other.client.request("tools/call", params)
    if is_tool_success(exchange):
        violated(
            f"{exchange.summary}, to {keeper.tool} with a handle that was given to another user",
            FOREIGN,
            exchange,
        )


# -- what is offered to one only ----------------------------------------------------------------------------


def judge_subscription(tour: Tour) -> None:
    """Judge that nobody can subscribe to a resource that is listed to the first user alone."""
    if not _takes_subscriptions(tour):
        raise NotApplicable("the server takes no subscriptions to resources")
    tried = False
    for other in other_users(tour):
        for resource in hidden(tour, "resources", other)[:MAX_ITEMS]:
            uri = resource["uri"]
            control = _subscribed(tour, tour.client, uri)
            if control is None:
                continue
            tried = True
            exchange = _subscribed(tour, other.client, uri)
            if exchange is not None:
                violated(
                    f"{exchange.summary}, to a subscription of {other.name} to {uri}",
                    "a refusal: the resource is listed to the first user alone",
                    exchange,
                )
    if not tried:
        raise NotVerified("no resource is listed to the first user alone that it can subscribe to")


def _takes_subscriptions(tour: Tour) -> bool:
    declared = tour.capabilities.get("resources")
    return isinstance(declared, dict) and declared.get("subscribe") is True


def _subscribed(tour: Tour, client: McpClient, uri: str) -> Exchange | None:
    """Subscribe and unsubscribe; return the exchange that granted it, or None."""
    if tour.dialect.sessions:
        exchange = client.request("resources/subscribe", {"uri": uri})
        if exchange.result is None:
            return None
        client.request("resources/unsubscribe", {"uri": uri})
        return exchange
    with client.listen(notifications={"resourceSubscriptions": [uri]}) as stream:
        stream.wait(lambda exchange: bool(exchange.messages), FIRST_MESSAGE)
        exchange = stream.close()
    granted = acknowledged_types(exchange).get("resourceSubscriptions")
    return exchange if isinstance(granted, list) and uri in granted else None


def judge_completions(tour: Tour) -> None:
    """Judge that nothing is suggested for a prompt or template that is listed to the first user alone."""
    if "completions" not in tour.capabilities:
        raise NotApplicable("the server does not declare completions")
    tried = False
    for other in other_users(tour):
        refs = _hidden_refs(tour, other)
        for ref, name in tour.completable():
            named = ref.get("uri") or ref.get("name")
            if named not in refs:
                continue
            params = {"ref": ref, "argument": {"name": name, "value": ""}}
            if not _values(tour.client.request("completion/complete", params)):
                continue
            tried = True
            exchange = other.client.request("completion/complete", params)
            if _values(exchange):
                violated(
                    f"suggestions for {named} to {other.name}",
                    "a refusal, or no values: it is listed to the first user alone",
                    exchange,
                )
    if not tried:
        raise NotVerified("nothing that is listed to the first user alone has suggestions")


def _hidden_refs(tour: Tour, other: Other) -> set[object]:
    templates = {item["uriTemplate"] for item in hidden(tour, "resourceTemplates", other)}
    return templates | {item["name"] for item in hidden(tour, "prompts", other)}


def _values(exchange: Exchange) -> list[Any]:
    result = exchange.result
    completion = result.get("completion") if isinstance(result, dict) else None
    values = completion.get("values") if isinstance(completion, dict) else None
    return values if isinstance(values, list) else []


def judge_public_answers(tour: Tour) -> None:
    """Judge that an answer which may be kept for all is the same for two users."""
    other = second(tour)
    requests: list[tuple[str, Mapping[str, Any]]] = [
        (step.method, _params_of(step.exchange))
        for step in tour.steps
        if step.exchange.result is not None and _is_public(step.exchange)
    ]
    if not requests:
        raise NotApplicable("the server gave no result with the cacheScope public")
    for method, params in requests:
        first, theirs, again = (
            client.request(method, dict(params)) for client in (tour.client, other.client, tour.client)
        )
        if not (_is_public(theirs) and _is_public(first)) or _shown(first) != _shown(again):
            continue
        if _shown(theirs) != _shown(first):
            violated(
                f"{method} with the cacheScope public is different for {other.name}",
                ["the same result for every user", 'the cacheScope "private"'],
                theirs,
            )


def _params_of(exchange: Exchange) -> dict[str, Any]:
    message = exchange.request.message
    params = message.params if message is not None and isinstance(message.params, dict) else {}
    return {name: value for name, value in params.items() if name != "_meta"}


def _is_public(exchange: Exchange) -> bool:
    return isinstance(exchange.result, dict) and exchange.result.get("cacheScope") == "public"


def _shown(exchange: Exchange) -> dict[str, Any]:
    result = exchange.result if isinstance(exchange.result, dict) else {}
    return {name: value for name, value in result.items() if name not in _VOLATILE}
