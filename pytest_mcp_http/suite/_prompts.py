"""What the server's prompts gave: those of the visit, and probes with arguments that are missing or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.assertions.content import blocks_in
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.mrtr import is_input_required
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.suite._probes import declared, served
from pytest_mcp_http.suite._versions import earlier_versions
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import argument_names, made_up_arguments
from pytest_mcp_http.wire.exchange import Exchange

FETCHES: Final = ("prompts/get", "prompts/get (arguments)")
"""Steps of the visit that fetch a listed prompt."""

WRONG_VALUES: Final[Mapping[str, object]] = {"the number 5": 5, "an object": {}}
"""Values of an argument that are no strings."""


@dataclass(frozen=True)
class WrongArgument:
    """What a prompt got whose argument is no string."""

    what: str
    value: object
    exchange: Exchange


def offers_prompts(tour: Tour) -> bool:
    """Tell whether the prompts capability is declared; null is a malformed way to leave one out."""
    return tour.capabilities.get("prompts") is not None


def owned_elsewhere(tour: Tour, exchange: Exchange) -> bool:
    """Tell whether other chapters judge the refusal of a list: no such method, or a missed session."""
    status = exchange.status
    refused = status is not None and 400 <= status < 500 and tour.session_id is None
    misses_a_session = refused and (tour.dialect.sessions or bool(earlier_versions(tour)))
    return misses_a_session or code_in(exchange) == METHOD_NOT_FOUND


def listed_prompts(tour: Tour) -> list[dict[str, Any]]:
    """Return the listed prompts that have a name.

    Raises:
        NotApplicable: If the server declares no prompts, or lists none.
    """
    if not offers_prompts(tour):
        raise NotApplicable("the server declares no prompts")
    found = [each for each in tour.items("prompts/list", "prompts") if isinstance(each.get("name"), str)]
    if not found:
        raise NotApplicable("the server lists no prompt")
    return found


def fetched(tour: Tour) -> list[Exchange]:
    """Return what the fetches of the visit got.

    Raises:
        NotApplicable: If the server has no prompts.
        NotVerified: If none could be fetched.
    """
    listed_prompts(tour)
    found = [step.exchange for step in tour.named(*FETCHES)]
    if not found:
        raise NotVerified("no listed prompt has arguments that could be made up")
    return found


def rendered(tour: Tour) -> list[Exchange]:
    """Return the fetches that gave messages.

    Raises:
        NotApplicable: If the server has no prompts.
        NotVerified: If no fetch did.
    """
    all = fetched(tour)
    found = [each for each in all if isinstance(each.result, dict) and not is_input_required(each)]
    if not found:
        raise NotVerified(f"no prompt could be fetched: {all[0].summary}")
    return found


def with_blocks(tour: Tour, kind: str) -> list[Exchange]:
    """Return the fetches whose messages have content of a kind.

    Raises:
        NotApplicable: If there is none.
    """
    found = [exchange for exchange in rendered(tour) if blocks_in(exchange, kind)]
    if not found:
        raise NotApplicable(f"no prompt of the visit has content of the type {kind}")
    return found


def undeclared_list(tour: Tour) -> Exchange:
    """Return what `prompts/list` got from a server that does not declare prompts.

    Raises:
        NotApplicable: If it does.
        NotVerified: If the capabilities cannot be read.
    """
    declared(tour)
    if offers_prompts(tour):
        raise NotApplicable("the server declares prompts")

    def probe() -> Exchange:
        served(tour)
        return tour.client.request("prompts/list")

    return tour.memo("undeclared-prompts", probe)


def without_arguments(tour: Tour) -> Exchange:
    """Return what a prompt with a required argument got when it was fetched without arguments.

    Raises:
        NotApplicable: If no prompt has a required argument.
        NotVerified: If the server does not know the method.
    """
    demanding = [prompt for prompt in listed_prompts(tour) if made_up_arguments(prompt)]
    if not demanding:
        raise NotApplicable("no listed prompt has a required argument")
    served(tour)
    return known_method(tour.client.request("prompts/get", {"name": demanding[0]["name"]}))


def with_wrong_arguments(tour: Tour) -> list[WrongArgument]:
    """Return what a prompt got when one of its arguments was no string, and all others right.

    Raises:
        NotApplicable: If no prompt has an argument.
        NotVerified: If the server does not know the method.
    """
    for prompt in listed_prompts(tour):
        names, others = argument_names(prompt), made_up_arguments(prompt)
        if names and others is not None:
            break
    else:
        raise NotApplicable("no listed prompt has an argument")
    served(tour)
    found = []
    for what, value in WRONG_VALUES.items():
        params = {"name": prompt["name"], "arguments": {**others, names[0]: value}}
        exchange = known_method(tour.client.request("prompts/get", params))
        found.append(WrongArgument(what, value, exchange))
    return found


def known_method(exchange: Exchange) -> Exchange:
    """Return what `prompts/get` got.

    Raises:
        NotVerified: If the server does not know the method, which `prompts.get-messages` reports.
    """
    if code_in(exchange) == METHOD_NOT_FOUND:
        raise NotVerified(f"prompts/get is an unknown method: {exchange.summary}")
    return exchange
