"""How the headers chapter judges: whether what is wrong was refused, how it was refused, what tools say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from pytest_mcp_http.assertions._base import Judged, violated
from pytest_mcp_http.assertions.header_annotations import annotated_tools
from pytest_mcp_http.assertions.headers import assert_mismatch_refused, assert_mismatch_status, was_served
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.suite._header_probes import PROBES, Wrong
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._parameter_probes import PARAMETER_PROBES
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour

ALL_PROBES: Final = {**PROBES, **PARAMETER_PROBES}
"""Every request that has to be refused for its headers, by name of the probe."""

MASKED: Final = (
    "the server refuses the name itself with this answer, and may do so before it looks at headers"
)


def probed(tour: Tour, name: str) -> list[Wrong]:
    """Return what requests with a wrong header got; they are sent once."""
    return tour.memo(f"headers: {name}", lambda: ALL_PROBES[name](tour))


def all_refused(tour: Tour) -> Iterator[Wrong]:
    """Yield every request that was refused for its headers, however."""
    for name in ALL_PROBES:
        with suppress(NotApplicable, NotVerified):
            for each in probed(tour, name):
                if (
                    each.exchange.status not in (401, 429)
                    and not each.masked
                    and not was_served(each.exchange)
                ):
                    yield each


def refuses(tour: Tour, name: str) -> None:
    """Judge that no request of a probe was served; how they were refused is for others."""
    gravest(partial(refuses_one, each) for each in probed(tour, name))


def refuses_one(wrong: Wrong) -> None:
    """Judge that a request with a wrong header was not served."""
    refused_by_others(wrong.exchange)
    if wrong.masked:
        expected = f"HTTP 400 with JSON-RPC error {HEADER_MISMATCH}"
        violated(f"{wrong.exchange.summary}, to {wrong.what}: {MASKED}", expected, wrong.exchange, note=True)
    assert_mismatch_refused(wrong.exchange, wrong.what)


def judge_refusals(tour: Tour, judge: Callable[[Judged, str], object]) -> None:
    """Judge every refusal.

    Raises:
        NotVerified: If nothing was refused for its headers; that this is wrong is told by other checks.
    """
    refusals = list(all_refused(tour))
    if not refusals:
        raise NotVerified("no request was refused for its headers")
    # A server that crashed or hung sent no error whose code could be judged; its status is.
    gravest(
        partial(judge, each.exchange, each.what)
        for each in refusals
        if judge is assert_mismatch_status or (each.exchange.status or 500) < 500
    )


def judge_annotations(tour: Tour, judge: Callable[[Judged], object]) -> None:
    """Judge every page of the tools.

    Raises:
        NotApplicable: If no tool is annotated.
        NotVerified: If the tools could not be listed.
    """
    if "tools" not in tour.capabilities:
        raise NotApplicable("the server declares no tools")
    pages = [step.exchange for step in tour.steps if step.method == "tools/list"]
    if all(page.result is None for page in pages):
        raise NotVerified("the tools could not be listed")
    annotated = [page for page in pages if annotated_tools(page)]
    if not annotated:
        raise NotApplicable("no tool has an x-mcp-header")
    gravest(partial(judge, page) for page in annotated)
