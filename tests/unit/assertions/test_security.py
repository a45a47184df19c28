from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from pytest_mcp_http.assertions.security import (
    assert_anonymous_refusal,
    assert_no_internals,
    assert_origin_not_granted,
    assert_origin_refused,
    assert_preflight,
    is_served,
)
from pytest_mcp_http.assertions.session import assert_session_ids_unpredictable
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.suite import _addresses
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.headers import Headers

ORIGIN = "https://attacker.invalid"


def failed(message: str = "No", **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": -32600, "message": message, **members}}


def from_origin(exchange: Exchange, *lines: tuple[str, str]) -> Exchange:
    request = replace(exchange.request, headers=Headers((("Origin", ORIGIN),)))
    return replace(exchange, request=request, headers=Headers((*exchange.headers.items(), *lines)))


def test_served_is_a_success_without_error(reply: Any) -> None:
    assert is_served(reply(status=202))
    assert is_served(reply({"jsonrpc": "2.0", "id": 1, "result": {}}))
    assert not is_served(reply(failed()))
    assert not is_served(reply(status=403))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 421])
def test_refusal_has_any_status_at_first(reply: Any, status: int) -> None:
    assert_origin_refused(reply(status=status), "2025-06-18")


def test_refusal_may_be_a_plain_error_at_first(reply: Any) -> None:
    assert_origin_refused(reply(failed()), "2025-03-26")


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25"])
def test_served_origin_is_a_violation(reply: Any, revision: str) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_origin_refused(from_origin(reply(status=202)), revision, "a notification")
    assert caught.value.actual == f"HTTP 202, empty body, for a notification with Origin: {ORIGIN}"


def test_refusal_is_403_at_the_latest_revision(reply: Any) -> None:
    assert_origin_refused(reply(status=403), "2025-11-25")
    with pytest.raises(RequirementViolated, match="HTTP 400"):
        assert_origin_refused(reply(status=400), "2025-11-25")


def test_refusal_names_no_request(reply: Any) -> None:
    assert_anonymous_refusal(reply(failed(), status=403))
    assert_anonymous_refusal(reply({**failed(), "id": None}, status=403))
    assert_anonymous_refusal(reply(b"Forbidden", status=403))
    with pytest.raises(RequirementViolated, match="the id 7") as caught:
        assert_anonymous_refusal(reply({**failed(), "id": 7}, status=403))
    assert caught.value.note


@pytest.mark.parametrize(
    ("message", "data", "what"),
    [
        ("Failed", 'Traceback (most recent call last):\n  File "x.py", line 1', "a stack trace"),
        ("Failed", {"stack": "Error: x\n    at read (/srv/a.js:3:9)"}, "a stack trace"),
        ("Failed in handlers.py:107", None, "a place in source code"),
        ("No such file: /home/me/data.txt", None, "a path of the server's file system"),
        (r"Cannot open C:\data\secret.txt", None, "a path of the server's file system"),
    ],
)
def test_internals_in_errors_are_noted(reply: Any, message: str, data: object, what: str) -> None:
    with pytest.raises(RequirementViolated, match=f"^Expected: .*\nActual:   {what} in an error") as caught:
        assert_no_internals(reply({**failed(message, data=data), "id": 1}, status=400))
    assert caught.value.note


def test_internals_in_plain_bodies_are_noted(reply: Any) -> None:
    with pytest.raises(RequirementViolated, match="a stack trace"):
        assert_no_internals(reply(b"<pre>Traceback (most recent call last):</pre>", status=500))


@pytest.mark.parametrize(
    "message",
    [
        "Unknown resource: https://example.com/home/x",
        "Unknown tool: a/usr/b",
        "Not found: file:///etc",
        "Serving at /mcp",
    ],
)
def test_errors_that_show_nothing(reply: Any, message: str) -> None:
    assert_no_internals(reply({**failed(message, data={"uri": "x://y"}), "id": 1}))


@pytest.mark.parametrize("status", [200, 204, 403, 404, 405])
def test_preflight_answers(reply: Any, status: int) -> None:
    assert_preflight(reply(status=status), open_server=True)


def test_preflight_that_is_no_preflight_is_noted(reply: Any) -> None:
    for exchange in (reply(failed()), reply(status=401), reply(status=500), reply(status=None)):
        with pytest.raises(RequirementViolated, match="for OPTIONS") as caught:
            assert_preflight(exchange, open_server=True)
        assert caught.value.note
    assert_preflight(reply(status=401), open_server=False)


def test_origin_that_is_granted_by_name_is_noted(reply: Any) -> None:
    assert_origin_not_granted(from_origin(reply(), ("Access-Control-Allow-Origin", "*")))
    with pytest.raises(RequirementViolated, match="repeats whatever origin") as caught:
        assert_origin_not_granted(from_origin(reply(), ("Access-Control-Allow-Origin", ORIGIN)))
    assert caught.value.note


CONSTANT = "-5ca1ab1edeadbea7ba5eba11c0ffee00"


@pytest.mark.parametrize(
    "ids",
    [
        [f"{n}{CONSTANT}" for n in range(7, 15)],
        [f"{n:08x}" for n in range(250, 262)],
        [f"session-{n}" for n in (9, 10, 11, 12)],
        [f"{0x4F3A1B20 + n * n:08x}{CONSTANT}" for n in range(1, 9)],
        ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW", "01ARZ3NDEKTSV4RRFFQ69G5FAX"],
    ],
    ids=["counter-and-constant", "counter", "counter-over-ten", "clock-and-constant", "counting-ulid"],
)
def test_ids_that_follow_from_one_another(ids: list[str]) -> None:
    with pytest.raises(RequirementViolated, match="ids that count upwards"):
        assert_session_ids_unpredictable(ids)


def test_ids_that_hide_few_digits_before_a_constant() -> None:
    ids = [f"{digits}{CONSTANT}" for digits in ("9c41", "03be", "e277", "58d0")]
    with pytest.raises(RequirementViolated, match="ids that differ in few places"):
        assert_session_ids_unpredictable(ids)


@pytest.mark.parametrize(
    "ids",
    [
        [
            "9f86d081884c7d659a2feaa0c55ad015",
            "60303ae22b998861bce3b28f33eec1be",
            "fd61a03af4f77d870fc21e05e7e80678",
        ],
        [
            "0198a-d081884c7d659a2feaa0c55ad015a3",
            "0198b-3ae22b998861bce3b28f33eec1be75",
            "0198c-a03af4f77d870fc21e05e7e806",
        ],
        ["same", "same", "same"],
        ["93841", "17203", "55012"],
    ],
    ids=["random", "ordered-and-random", "equal", "short"],
)
def test_ids_that_are_random_or_the_business_of_others(ids: list[str]) -> None:
    assert_session_ids_unpredictable(ids)


def test_addresses_of_this_machine_are_no_loopback_and_can_be_bound() -> None:
    for address in _addresses.own_addresses():
        assert not address.startswith("127.")
        assert address != "::1"


def test_addresses_that_are_loopback_or_not_ours_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = ["127.0.0.2", "::1", "0.0.0.0", "169.254.1.1", "fe80::1", "198.51.100.7", "2001:db8::7"]
    monkeypatch.setattr(_addresses, "_candidates", lambda: iter(candidates))
    assert _addresses.own_addresses() == ()


def test_port_that_accepts_and_port_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert _addresses.accepts("127.0.0.1", port)
    assert not _addresses.accepts("127.0.0.1", port)
