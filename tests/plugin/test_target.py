"""Naming the server under test, and what a bad one says."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable

import pytest

Reference = Callable[..., str]
CASE = ("--mcp-case", "session.id-visible-ascii")


def test_header_says_what_is_judged(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, *CASE)
    result.stdout.fnmatch_lines([f"mcp: {stateful_url} *handshake*2025-11-25*session: yes*"])


@pytest.mark.parametrize("mode", ["stateless", "stateful"])
def test_reference_server(pytester: pytest.Pytester, mode: str) -> None:
    result = pytester.runpytest_subprocess(
        "--mcp-reference", mode, "--mcp-case", "lifecycle.initialize-result"
    )
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])


def test_command(pytester: pytest.Pytester) -> None:
    command = f"{sys.executable} -m reference_server --mode stateful --host {{host}} --port {{port}}"
    result = pytester.runpytest_subprocess("--mcp-command", command, *CASE)
    assert result.parseoutcomes()["passed"] == 1


def test_app(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        my_server="from reference_server import create_app\napp = create_app(mode='stateful')"
    )
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess("--mcp-app", "my_server:app", *CASE)
    assert result.parseoutcomes()["passed"] == 1


def test_ini_names_the_target(pytester: pytest.Pytester, stateful_url: str) -> None:
    pytester.makepyprojecttoml(f'[tool.pytest]\nmcp_url = "{stateful_url}"\n')
    result = pytester.runpytest_subprocess(*CASE)
    assert result.parseoutcomes()["passed"] == 1


def test_fixture_override_names_the_target(pytester: pytest.Pytester, stateful_url: str) -> None:
    pytester.makeconftest(
        f"""
        import pytest

        @pytest.fixture(scope="session")
        def mcp_target():
            return "{stateful_url}"
        """
    )
    for extra in ((), ("-n", "2")):
        result = pytester.runpytest_subprocess("--mcp-suite", *CASE, *extra, "--mcp-report", "r.json")
        assert result.parseoutcomes()["passed"] == 1
        result.stdout.fnmatch_lines(["conformant: 1 passed*(2025-11-25)"])
        assert json.loads((pytester.path / "r.json").read_text())["target"]["url"] == stateful_url


def test_own_fixture_of_the_same_name_does_not_change_the_suite(
    pytester: pytest.Pytester, stateful_url: str
) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef mcp_tour():\n    return 'mine'")
    pytester.makepyfile("def test_mine(mcp_tour):\n    assert mcp_tour == 'mine'")
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, *CASE)
    assert result.parseoutcomes()["passed"] == 2


def test_dead_port_is_one_usage_error(pytester: pytest.Pytester) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = pytester.runpytest_subprocess("--mcp-url", f"http://127.0.0.1:{port}/mcp")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: mcp: *nothing listens*", f"*sent: POST http://127.0.0.1:{port}/mcp*"]
    )
    result.stdout.no_fnmatch_line("*mcp/session*")


def test_overridden_dead_target_is_one_error(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import pytest\n@pytest.fixture(scope='session')\ndef mcp_target():\n    return 'http://127.0.0.1:9/mcp'"
    )
    result = pytester.runpytest_subprocess("--mcp-suite")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*Exit: mcp_target:*"])


def test_fixture_without_a_target_says_what_to_give(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(mcp_connection): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no MCP server is named*--mcp-url*"])


def test_connection_fixture_serves_the_users_tests(pytester: pytest.Pytester, stateful_url: str) -> None:
    pytester.makepyfile(
        """
        def test_ping(mcp_connection):
            assert mcp_connection.request("ping").result == {}
            assert mcp_connection.negotiated == "2025-11-25"
        """
    )
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, *CASE)
    assert result.parseoutcomes()["passed"] == 2


def test_sessions_end_before_an_overridden_server(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import asyncio, threading
        import pytest, uvicorn
        from reference_server import create_app
        from reference_server.serving import config, listen

        @pytest.fixture(scope="session")
        def mcp_target():
            listener = listen("127.0.0.1", 0)
            app = create_app(mode="stateful")
            served = []

            async def counting(scope, receive, send):
                if scope["type"] == "http":
                    served.append(scope["method"])
                await app(scope, receive, send)

            server = uvicorn.Server(config(counting))
            serve = lambda: asyncio.run(server.serve(sockets=[listener]))
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
            assert served[-1] == "DELETE", served
            server.should_exit = True
            thread.join(10)
        """
    )
    result = pytester.runpytest_subprocess("--mcp-suite", *CASE)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 1
    assert "errors" not in outcomes
