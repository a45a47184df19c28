"""Assertions on handles: what a tool gives out so that later calls can name something on the server.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#stateful-tools
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.session import assert_session_ids_unpredictable
from pytest_mcp_http.errors import RequirementViolated

__tracebackhide__ = True  # a failure is about the response, not about this code

_WORD: Final = re.compile(r"[\w~+/=.-]*\w[~+/=]*")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?", re.DOTALL)


def places_of_handles(responses: Sequence[Judged]) -> Mapping[str, list[str]]:
    """Return what is different in each of several results of one tool, by its place there.

    Args:
        responses: The responses to the same call, in order.

    Returns:
        Values by place: members of the structured value or of JSON text, else words of texts. Moments are
            left out.
    """
    found = [dict(_values(response)) for response in responses]
    places = [place for place in (found[0] if found else {}) if all(place in each for each in found)]
    values = {place: [each[place] for each in found] for place in places}
    return {
        place: each
        for place, each in values.items()
        if len(set(each)) == len(each) and not all(map(_MOMENT.fullmatch, each))
    }


@judges("security.handle-random-and-bound")
def assert_handles_unpredictable(responses: Sequence[Judged]) -> None:
    """Assert that the handles in several results of one tool do not follow from one another.

    Whatever is different in each result may be the handle, so one such place that cannot be predicted is
    enough.

    Args:
        responses: The responses to at least three calls that each gave a new handle, made in quick
            succession, in order.

    Raises:
        RequirementViolated: If all that is different counts upwards.
        ValueError: If nothing is different in each result.
    """
    places = places_of_handles(responses)
    if not places:
        raise ValueError("nothing is different in each result")
    counted = [_counts(values) for values in places.values()]
    if all(counted):
        shown = ", ".join(next(iter(places.values()))[:3])
        violated(
            f"handles that count upwards: {shown}",
            "handles that do not follow from one another",
            as_exchange(responses[-1]),
        )


def _counts(values: list[str]) -> bool:
    try:
        assert_session_ids_unpredictable(values)
    except RequirementViolated:
        return True
    return False


def _values(response: Judged) -> Iterator[tuple[str, str]]:
    result = as_exchange(response).result
    if not isinstance(result, dict):
        return
    yield from _leaves(result.get("structuredContent"), "structuredContent")
    content = result.get("content")
    for index, block in enumerate(content if isinstance(content, list) else ()):
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str):
            yield from _leaves(_parsed(text), f"content[{index}]")


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _WORD.findall(text)


def _leaves(value: object, place: str) -> Iterator[tuple[str, str]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        yield from _leaves(member, f"{place}.{name}")
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        yield place, str(value)
