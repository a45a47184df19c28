from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_counter_offer,
    assert_legacy_initialize_refused,
    assert_negotiated,
    assert_unsupported_version_400,
    assert_unsupported_version_code,
    assert_unsupported_version_data,
    assert_version_header_refused,
    assert_version_refused,
    assert_version_unsupported,
    assert_versions_named,
)
from pytest_mcp_http.assertions.version import supported_in_error
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


# -- the version of each request ----------------------------------------------------------------------------

VERSION = "1999-01-01"
SERVED = "2026-07-28"
DATA = {"supported": [SERVED, "2025-11-25"], "requested": VERSION}


def error(code: object, data: object = None) -> dict[str, object]:
    found = {"code": code, "message": "no", **({} if data is None else {"data": data})}
    return {"jsonrpc": "2.0", "id": 1, "error": found}


def test_version_header_refused(reply: Reply) -> None:
    assert_version_header_refused(reply(error(-32020), status=400), "without it")
    for wrong in (
        reply(error(-32020)),
        reply(error(-32020), status=404),
        reply(error(-32602), status=400),
        reply(status=400),
        reply(status=None),
        reply(result("x")),
    ):
        with pytest.raises(RequirementViolated, match="without it") as failure:
            assert_version_header_refused(wrong, "without it", also=(-32022,))
        assert not failure.value.note


def test_version_header_refused_by_a_rule_that_holds_as_well_is_noted(reply: Reply) -> None:
    for status, note in ((400, True), (200, False)):
        with pytest.raises(RequirementViolated) as failure:
            assert_version_header_refused(reply(error(-32022), status=status), "so", also=(-32022,))
        assert failure.value.note is note


def test_unsupported_version_400(reply: Reply) -> None:
    assert_unsupported_version_400(reply(status=400), VERSION)
    for wrong in (reply(result("x")), reply(error(-32022)), reply(status=404), reply(status=None)):
        with pytest.raises(RequirementViolated, match=VERSION):
            assert_unsupported_version_400(wrong, VERSION)


def test_unsupported_version_code(reply: Reply) -> None:
    assert_unsupported_version_code(reply(error(-32022), status=404), VERSION)
    for wrong in (reply(error(-32602), status=400), reply(status=400), reply(error("-32022"), status=400)):
        with pytest.raises(RequirementViolated, match=VERSION):
            assert_unsupported_version_code(wrong, VERSION)


def test_unsupported_version_data(reply: Reply) -> None:
    assert_unsupported_version_data(reply(error(-32022, DATA), status=400), VERSION, SERVED)
    for wrong in (
        None,
        [],
        {},
        {**DATA, "supported": []},
        {**DATA, "supported": SERVED},
        {**DATA, "supported": [SERVED, 5]},
        {**DATA, "supported": ["2025-11-25"]},
        {"supported": [SERVED]},
        {**DATA, "requested": SERVED},
    ):
        with pytest.raises(RequirementViolated):
            assert_unsupported_version_data(reply(error(-32022, wrong), status=400), VERSION, SERVED)


def test_supported_in_error(reply: Reply) -> None:
    assert supported_in_error(reply(error(-32022, DATA))) == (SERVED, "2025-11-25")
    for other in (error(-32022), error(-32022, []), error(-32022, {"supported": 5}), error(-32602, DATA)):
        assert supported_in_error(reply(other)) == ()
    assert supported_in_error(reply(result("x"))) == ()


def test_version_unsupported(reply: Reply) -> None:
    assert_version_unsupported(reply(error(-32022), status=400), "it")
    assert_version_unsupported(reply(error(-32601), status=404), "it", also={-32601: 404})
    for wrong in (
        reply(error(-32022)),
        reply(error(-32601), status=404),
        reply(error(-32022), status=404),
        reply(status=400),
        reply(status=None),
        reply(result("x")),
    ):
        with pytest.raises(RequirementViolated, match="to it"):
            assert_version_unsupported(wrong, "it")


def test_legacy_initialize_refused(reply: Reply) -> None:
    for fine in (reply(error(-32020), status=400), reply(status=400), reply(b"Speak 2026-07-28", status=400)):
        assert_legacy_initialize_refused(fine)
    for wrong in (
        reply(error(-32601), status=404),
        reply(error(-32020)),
        reply(result("x")),
        reply(status=None),
    ):
        with pytest.raises(RequirementViolated):
            assert_legacy_initialize_refused(wrong)


def test_versions_named(reply: Reply) -> None:
    for fine in (
        reply(error(-32020, {"supported": [SERVED]}), status=400),
        reply(b"Speak 2026-07-28", status=404),
    ):
        assert_versions_named(fine, SERVED)
    for wrong in (reply(error(-32020), status=400), reply(status=400), reply(b"No", status=400)):
        with pytest.raises(RequirementViolated):
            assert_versions_named(wrong, SERVED)
