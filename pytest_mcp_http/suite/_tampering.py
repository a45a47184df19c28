"""Tampered forms of the state that goes through the client, and what a server made of them.

Whether a state steers anything is not visible from outside, and one that cannot do harm need not be
protected. So a tampered state that is taken is a violation only if it changed the outcome, else a note.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.mrtr import Outcome, outcome_of
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._asking import DROP, Ask, again, final_result
from pytest_mcp_http.wire.exchange import Exchange

GARBAGE: Final = "mcp-http-check"

MAX_VALUES: Final = 4
"""How many values of a readable state are changed, one at a time."""

EXPECTED: Final = (
    "a JSON-RPC error",
    "an input_required result that asks again",
    "a result that reports an error",
    "the outcome of a call without state, if the state is dropped",
)


@dataclass(frozen=True)
class Form:
    """One way to tamper with a state: what was done, and how."""

    name: str
    of: Callable[[str], str]


# -- forms --------------------------------------------------------------------------------------------------


def forms(state: str) -> list[Form]:
    """Return ways to tamper with states like this one: of its text, and of its values if it can be read."""
    found = [
        Form("one character changed", _flipped),
        Form("its second half cut off", lambda text: text[: len(text) // 2]),
        Form("one character more", lambda text: f"{text}A"),
        Form("garbage in its place", lambda _: GARBAGE),
    ]
    count = sum(1 for _ in _versions(state))
    return [
        *found,
        *(Form(f"value {n + 1} changed", _nth_version(n)) for n in range(min(count, MAX_VALUES))),
    ]


def _flipped(text: str) -> str:
    middle = len(text) // 2
    return text[:middle] + _other(text[middle : middle + 1]) + text[middle + 1 :]


def _other(character: str) -> str:
    """Return another character of the same kind, so that what is encoded stays well-formed."""
    for alphabet in ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"):
        if character and character in alphabet:
            return alphabet[(alphabet.index(character) + 1) % len(alphabet)]
    return "A"


def _nth_version(number: int) -> Callable[[str], str]:
    def change(text: str) -> str:
        versions = list(_versions(text))
        return versions[number] if number < len(versions) else _flipped(text)

    return change


def _versions(text: str) -> Iterator[str]:
    """Yield the state with one value changed, for each value that can be read: JSON, plain or in base64."""
    value = _json(text)
    if value is not None:
        for changed in _changed(value):
            yield json.dumps(changed, separators=(",", ":"))
        return
    # A token may have several parts with dots between them.
    parts = text.split(".")
    for index, part in enumerate(parts):
        for changed in _changed(_json(_decoded(part))):
            raw = json.dumps(changed, separators=(",", ":")).encode()
            coded = (base64.b64encode if set("+/") & set(part) else base64.urlsafe_b64encode)(raw).decode()
            padded = coded if part.endswith("=") or len(part) % 4 == 0 else coded.rstrip("=")
            yield ".".join([*parts[:index], padded, *parts[index + 1 :]])


def _decoded(part: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(part.translate(str.maketrans("+/", "-_")) + "=" * (-len(part) % 4))
        return raw.decode()
    except (binascii.Error, ValueError):
        return ""


def _json(text: str) -> Any:
    """Return the JSON object or array that a text holds, or None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def _changed(value: Any) -> Iterator[Any]:
    """Yield copies of a JSON value, each with one other scalar."""
    if isinstance(value, dict):
        for key, member in value.items():
            for changed in _changed(member):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for index, member in enumerate(value):
            for changed in _changed(member):
                yield [*value[:index], changed, *value[index + 1 :]]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    elif isinstance(value, str):
        yield _flipped(value) if value else "A"


# -- judging ------------------------------------------------------------------------------------------------


def judge_tampering(ask: Ask) -> None:
    """Judge what a server makes of tampered forms of the state that it gave.

    Args:
        ask: An ask that our answers complete, and that came with a state.

    Raises:
        RequirementViolated: If a tampered state was taken and changed the outcome; as a note if it was taken,
            and the call does not complete without state.
        NotVerified: If the server gives no state this time, or does not take it any more after the tampered
            forms.
    """
    asked = again(ask)
    if not isinstance(asked.state, str):
        raise NotVerified("the server gave a requestState the first time, and later none")
    taken: list[tuple[Form, Exchange]] = []
    for form in forms(asked.state):
        exchange = asked.retry(asked.answers, state=form.of(asked.state))
        if outcome_of(exchange) is Outcome.COMPLETED:
            taken.append((form, exchange))
    if not taken:
        seen = asked.retry(asked.answers)
        if outcome_of(seen) is not Outcome.COMPLETED:
            raise NotVerified(f"after tampered states the state itself is not taken any more: {seen.summary}")
        return
    without = _completed(ask, lambda _: DROP)
    for form, exchange in taken:
        _judge_effect(ask, form, exchange, without)
    if without is None:
        names = ", ".join(form.name for form, _ in taken)
        violated(
            f"the state was taken with {names}, to no effect; without state the call is not completed",
            EXPECTED,
            taken[0][1],
            note=True,
        )


def _judge_effect(ask: Ask, form: Form, exchange: Exchange, without: object) -> None:
    """Raise `RequirementViolated` if a tampered state brings about another outcome, each time."""
    honest, tampered = [], []
    for _ in range(2):
        honest.append(_completed(ask, lambda state: state))
        tampered.append(_completed(ask, form.of))
    honest.append(_completed(ask, lambda state: state))
    # Results that differ by themselves, by the time or by a count, tell nothing.
    steady = all(each == honest[0] for each in honest) and tampered[0] == tampered[1]
    if None not in honest and steady and tampered[0] not in (None, honest[0], without):
        violated(f"the state was taken with {form.name}, and the outcome changed", EXPECTED, exchange)


def _completed(ask: Ask, change: Callable[[str], object]) -> object:
    """Return the result of a new dialogue with another state; None if it does not complete."""
    asked = again(ask)
    state = asked.state
    return final_result(asked.retry(asked.answers, state=change(state) if isinstance(state, str) else state))
