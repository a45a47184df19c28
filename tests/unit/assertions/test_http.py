from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_accepted,
    assert_no_server_error,
    assert_status,
)
from pytest_mcp_http.wire.exchange import Exchange

Reply = Callable[..., Exchange]


def test_status(reply: Reply) -> None:
    assert_status(reply(status=405), 400, 405)
    with pytest.raises(RequirementViolated, match="HTTP 404") as failure:
        assert_status(reply(status=404), 400, 405)
    assert failure.value.expected == ("HTTP 400", "HTTP 405")
    with pytest.raises(RequirementViolated, match="no response"):
        assert_status(reply(status=None), 400)


def test_accepted(reply: Reply) -> None:
    assert_accepted(reply(status=202))
    for wrong in (reply(status=200), reply(status=204), reply({}, status=202)):
        with pytest.raises(RequirementViolated):
            assert_accepted(wrong)


def test_no_server_error(reply: Reply) -> None:
    assert_no_server_error(reply(status=499))
    for wrong in (reply(status=500), reply(status=None)):
        with pytest.raises(RequirementViolated):
            assert_no_server_error(wrong)
