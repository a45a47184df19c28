from __future__ import annotations

import json

import pytest

from pytest_mcp_http._discover import Facts
from pytest_mcp_http._target import Target
from pytest_mcp_http._verdict import record, verdict_of
from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated
from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

BROKEN = RequirementViolated("HTTP 400", expected=["HTTP 404"])
NOTED = RequirementViolated("HTTP 400", expected=["HTTP 404"], note=True)


@pytest.mark.parametrize(
    ("outcome", "level", "strict", "name"),
    [
        (None, "MUST", False, "pass"),
        (BROKEN, "MUST", False, "fail"),
        (BROKEN, "MUST NOT", False, "fail"),
        (BROKEN, "SHOULD", False, "warn"),
        (BROKEN, "SHOULD NOT", False, "warn"),
        (BROKEN, "SHOULD", True, "fail"),
        (BROKEN, "MAY", True, "note"),
        (NOTED, "MUST", True, "note"),
        (NotApplicable("no sessions"), "MUST", False, "not-applicable"),
        (NotVerified("no control"), "MUST", True, "not-verified"),
        (ZeroDivisionError("ours"), "MUST", False, "error"),
    ],
)
def test_verdict_follows_outcome_and_level(
    outcome: BaseException | None, level: str, strict: bool, name: str
) -> None:
    assert verdict_of(outcome, level, strict=strict).name == name


def test_record_is_plain_json_without_secrets() -> None:
    request = Request(
        "POST", "http://127.0.0.1/mcp", Headers((("X-Key", "s3cr3t-value"),)), b"{}", frozenset({"x-key"})
    )
    broken = RequirementViolated("HTTP 400", expected=["HTTP 404"], exchange=Exchange(request, status=400))
    row = record(
        verdict_of(broken, "MUST"),
        requirements()["session.terminated-404"],
        "2025-11-25",
        "mcp/session::test_x[2025-11-25]",
        None,
    )
    text = json.dumps(row)
    assert "s3cr3t-value" not in text
    assert row["check"] == "mcp/session::test_x"
    assert row["section"].endswith("/2025-11-25/basic/transports#session-management")
    assert row["curl"].startswith("curl ")


@pytest.mark.parametrize(
    ("token", "variable"),
    [
        ("Bearer of-the-first", "$MCP_AUTHORIZATION"),
        ("Bearer of-the-second", "$MCP_AUTHORIZATION_SECOND_USER"),
        ("Bearer with-less", "$MCP_AUTHORIZATION_LESS_SCOPE"),
    ],
)
def test_command_line_says_whose_credentials_were_sent(token: str, variable: str) -> None:
    url = "http://127.0.0.1/mcp"
    target = Target(
        url,
        Facts("small", "1", ("2025-11-25",)),
        (("Authorization", "Bearer of-the-first"),),
        second_headers=(("authorization", "Bearer of-the-second"),),
        tokens={"less-scope": "with-less"},
    )
    sent = Exchange(Request("POST", url, Headers((("Authorization", token),)), b"{}"), status=200)
    row = record(
        verdict_of(RequirementViolated("HTTP 200", expected=["HTTP 403"], exchange=sent), "MUST"),
        requirements()["session.terminated-404"],
        "2025-11-25",
        "mcp/session::test_x[2025-11-25]",
        target,
    )
    assert f'"Authorization: {variable}"' in row["curl"]
