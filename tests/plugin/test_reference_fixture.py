"""The bundled reference server in anybody's tests."""

from __future__ import annotations

import pytest


def test_reference_servers_are_started_on_demand(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx
        import pytest

        from pytest_mcp_http.assertions import (
            RequirementViolated, assert_no_session_id, assert_session_id,
        )

        HEADERS = {"Accept": "application/json, text/event-stream"}
        INITIALIZE = {
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "mine", "version": "1"},
            },
        }

        def initialize(url):
            return httpx.post(url, json=INITIALIZE, headers=HEADERS, timeout=20)

        def test_modes(mcp_reference):
            assert_session_id(initialize(mcp_reference("stateful")))
            assert_no_session_id(initialize(mcp_reference("stateless", json_response=True)))

        def test_fault(mcp_reference):
            with pytest.raises(RequirementViolated):
                assert_session_id(initialize(mcp_reference(faults=["session.id-with-space"])))

        @pytest.mark.parametrize("era, status", [("handshake", 400), ("dual", 405)])
        def test_eras(mcp_reference, era, status):
            headers = {**HEADERS, "MCP-Protocol-Version": "2026-07-28"}
            url = mcp_reference("stateful", era=era)
            assert httpx.get(url, headers=headers, timeout=20).status_code == status

        def test_wrong_value(mcp_reference):
            with pytest.raises(Exception, match="did you mean session.id-with-space"):
                mcp_reference(faults=["session.id-with-spaces"])
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=5)


def test_judged_as_the_options_say(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def mcp_target(mcp_reference):
            return mcp_reference("stateful")
        """
    )
    pytester.makepyfile(
        """
        def test_no_credentials_of_another_server(mcp_tour):
            assert not mcp_tour.target.headers
        """
    )
    monkeypatch.setenv("TOKEN_OF_ANOTHER", "Bearer 7wq")
    result = pytester.runpytest(
        *("--mcp-suite", "--mcp-header", "Authorization: env:TOKEN_OF_ANOTHER", "--mcp-idle-budget", "0.5"),
        *("--mcp-case", "deployment.idle-stream", "--mcp-revision", "2025-11-25"),
    )
    result.assert_outcomes(passed=2)
