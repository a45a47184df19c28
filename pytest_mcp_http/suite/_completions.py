"""Completions of the visit, and probes with references, arguments and values that are wrong or missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.suite._probes import declared, served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import SAMPLES, UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange

METHOD: Final = "completion/complete"

ARGUMENT: Final[Mapping[str, str]] = {"name": "x", "value": ""}
UNKNOWN_PROMPT: Final[Mapping[str, Any]] = {
    "ref": {"type": "ref/prompt", "name": UNKNOWN_NAME},
    "argument": ARGUMENT,
}
"""Params that name a prompt which no server has."""

LONG_VALUE: Final = "x" * 100_000


def offers_completions(tour: Tour) -> bool:
    """Tell whether completions are declared; null is a malformed way to leave a capability out."""
    return tour.capabilities.get("completions") is not None


def completions(tour: Tour) -> list[Exchange]:
    """Return what the completions of the visit got.

    Raises:
        NotApplicable: If the server declares none.
        NotVerified: If there is nothing to complete.
    """
    if not offers_completions(tour):
        raise NotApplicable("the server declares no completions")
    found = [step.exchange for step in tour.named(METHOD)]
    if not found:
        raise NotVerified("no prompt with an argument is listed, and no template with a variable")
    return found


def completed(tour: Tour) -> list[Exchange]:
    """Return the completions of the visit that got a result.

    Raises:
        NotApplicable: If the server declares none.
        NotVerified: If none did.
    """
    all = completions(tour)
    found = [exchange for exchange in all if exchange.result is not None]
    if not found:
        raise NotVerified(f"no completion was served: {all[0].summary}")
    return found


def undeclared_completions(tour: Tour) -> list[Exchange]:
    """Return what completions got from a server that does not declare them.

    Raises:
        NotApplicable: If it does.
        NotVerified: If the capabilities cannot be read.
    """
    declared(tour)
    if offers_completions(tour):
        raise NotApplicable("the server declares completions")

    def probe() -> list[Exchange]:
        served(tour)
        known = [
            {"ref": ref, "argument": {**ARGUMENT, "name": name}} for ref, name in tour.completable()[:SAMPLES]
        ]
        return [tour.client.request(METHOD, params) for params in (*known, UNKNOWN_PROMPT)]

    return tour.memo("undeclared-completions", probe)


def offered(tour: Tour) -> None:
    """Make sure that completions are declared, and that their method exists: the control of odd completions.

    Raises:
        NotApplicable: If they are not declared.
        NotVerified: If the method does not exist, which other chapters report.
    """
    if not offers_completions(tour):
        raise NotApplicable("the server declares no completions")
    if code_in(unknown_prompt(tour)) == METHOD_NOT_FOUND:
        raise NotVerified(f"{METHOD} is an unknown method")


def unknown_prompt(tour: Tour) -> Exchange:
    """Return what the completion of an argument of an unknown prompt got."""
    return tour.memo("completion-unknown", lambda: tour.client.request(METHOD, dict(UNKNOWN_PROMPT)))


def incomplete(tour: Tour) -> dict[str, Exchange]:
    """Return what completions got that lack a member of their params."""
    offered(tour)
    ref, argument = known(tour)
    missing = {"without argument": {"ref": ref}, "without ref": {"argument": argument}}
    return {what: tour.client.request(METHOD, params) for what, params in missing.items()}


def malformed(tour: Tour) -> dict[str, Exchange]:
    """Return what completions got with members of a wrong type, or of no known kind."""
    offered(tour)
    ref, argument = known(tour)
    wrong = {
        "an object as value": {"ref": ref, "argument": {**argument, "value": {}}},
        "a number as name": {"ref": ref, "argument": {**argument, "name": 5}},
        "a text as ref": {"ref": "ref/prompt", "argument": argument},
        "an unknown type of ref": {"ref": {**ref, "type": "ref/mcp-http-check"}, "argument": argument},
    }
    return {what: tour.client.request(METHOD, params) for what, params in wrong.items()}


def long(tour: Tour) -> Exchange:
    """Return what a completion with a very long value got."""
    offered(tour)
    ref, argument = known(tour)
    return tour.client.request(METHOD, {"ref": ref, "argument": {**argument, "value": LONG_VALUE}})


def known(tour: Tour) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return a reference and an argument that can be completed, else those of an unknown prompt."""
    for ref, name in tour.completable():
        return ref, {**ARGUMENT, "name": name}
    return UNKNOWN_PROMPT["ref"], ARGUMENT
