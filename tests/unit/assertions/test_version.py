from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_counter_offer,
    assert_negotiated,
    assert_version_refused,
)
from pytest_mcp_http.wire.exchange import Exchange

Reply = Callable[..., Exchange]


def result(version: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": version}}


ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Unsupported protocol version"}}


def test_negotiated(reply: Reply) -> None:
    assert_negotiated(reply(result("2025-11-25")), "2025-11-25")
    for wrong in (reply(result("2025-06-18")), reply(result(None)), reply(ERROR), reply(status=400)):
        with pytest.raises(RequirementViolated):
            assert_negotiated(wrong, "2025-11-25")


def test_counter_offer(reply: Reply) -> None:
    assert assert_counter_offer(reply(result("2025-11-25")), "1999-01-01") == "2025-11-25"
    for wrong in (reply(result("1999-01-01")), reply(status=400), reply(ERROR, status=500)):
        with pytest.raises(RequirementViolated) as failure:
            assert_counter_offer(wrong, "1999-01-01")
        assert not failure.value.note
    with pytest.raises(RequirementViolated) as failure:
        assert_counter_offer(reply(ERROR, status=400), "1999-01-01")
    assert failure.value.note


def test_version_refused(reply: Reply) -> None:
    assert_version_refused(reply(status=400), "1999-01-01")
    for wrong in (reply(result("x")), reply(status=404), reply(status=None)):
        with pytest.raises(RequirementViolated):
            assert_version_refused(wrong, "1999-01-01")
