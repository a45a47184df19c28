"""The fixtures for authors of clients, in runs of their own."""

from __future__ import annotations

import pytest

SCRIPTED = """
    import http.client
    import json
    from urllib.parse import urlsplit

    import pytest

    from pytest_mcp_http.errors import RequirementViolated
    from pytest_mcp_http.mock import ANSWER, Script, on, stream


    def initialize(url, accept):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        info = {"name": "mine", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
        connection.request("POST", parts.path, body, {"Accept": accept, "Content-Type": "application/json"})
        text = connection.getresponse().read()
        connection.close()
        return text


    def test_a_good_client(mcp_scripted_server):
        server = mcp_scripted_server("json", revision="2025-11-25")
        initialize(server.url, "application/json, text/event-stream")
        server.judge()
        assert [request.method for request in server.requests] == ["POST"]
        passed = {v.requirement.id for v in server.verdicts() if v.verdict.name == "pass"}
        assert "client.lifecycle.initialize-first" in passed


    def test_a_bad_client(mcp_scripted_server):
        server = mcp_scripted_server("json", revision="2025-11-25")
        initialize(server.url, "application/json")
        with pytest.raises(RequirementViolated, match="client.transport.accept-both") as caught:
            server.judge()
        assert "text/event-stream" in str(caught.value)


    def test_a_script_of_my_own(mcp_scripted_server):
        mine = Script("mine", "Hello.", (on("initialize", stream(b": hi\\n\\n", ANSWER)),))
        server = mcp_scripted_server(mine, revision="2025-11-25")
        assert initialize(server.url, "*/*").startswith(b": hi")


    def test_an_unknown_script(mcp_scripted_server):
        with pytest.raises(ValueError, match="unknown script 'nope'; known are json"):
            mcp_scripted_server("nope")


    def test_a_revision_that_the_script_is_not_for(mcp_scripted_server):
        with pytest.raises(ValueError, match="accepted: 2026-07-28"):
            mcp_scripted_server("annotated", revision="2025-11-25")
"""

RESPX = """
    import httpx
    import pytest


    @pytest.mark.parametrize("sse", [False, True])
    def test_both_eras(mcp_respx, sse):
        mock = mcp_respx("https://mcp.test/mcp", sse=sse)
        mock.tool("add", lambda a, b: a + b)
        call = {"name": "add", "arguments": {"a": 1, "b": 2}}
        with httpx.Client() as client:
            opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
            answer = client.post("https://mcp.test/mcp", json=opening)
            session = answer.headers["mcp-session-id"]
            body = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
            old = client.post("https://mcp.test/mcp", json=body, headers={"Mcp-Session-Id": session})
            meta = {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            body["params"] = {**call, "_meta": meta}
            lines = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "add"}
            new = client.post("https://mcp.test/mcp", json=body, headers=lines)
        for answer in (old, new):
            assert answer.status_code == 200
            assert answer.headers["content-type"] == ("text/event-stream" if sse else "application/json")
            assert '"text":"3"' in answer.text
        assert len(mock.requests) == 3
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_scripted_server(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    pytester.makepyfile(SCRIPTED)
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=5)


def test_respx(pytester: pytest.Pytester) -> None:
    pytest.importorskip("respx")
    pytester.makepyfile(RESPX)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_respx_that_is_not_installed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        sys.modules["respx"] = None

        def test_mine(mcp_respx):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:respx")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install pytest-mcp-http*respx*"])
