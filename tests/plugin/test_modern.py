"""The fixtures against a server that has no handshake, in one process and on workers."""

from __future__ import annotations

import pytest

TESTS = """
    def test_connection(mcp_connection, mcp_revision):
        assert mcp_revision == mcp_connection.negotiated == "2026-07-28"
        assert mcp_connection.session_id is None
        assert mcp_connection.plain().result["supportedVersions"]

    def test_tour(mcp_tour):
        assert mcp_tour.opening.request.message.method == "server/discover"
        assert mcp_tour.listening.is_sse
"""

OVERRIDE = """
    import pytest

    @pytest.fixture(scope="session", params=["2025-06-18", "2026-07-28"])
    def mcp_revision(request):
        return request.param
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_own_tests_of_a_modern_server(
    pytester: pytest.Pytester, modern_url: str, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(
        f"--mcp-url={modern_url}", "--mcp-case=tools.list-deterministic-order", *workers
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*modern*", "conformant: 1 passed*(2026-07-28)"],
    )


def test_own_tests_of_both_eras_by_one_override(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(OVERRIDE)
    pytester.makepyfile("""
        def test_lists(mcp_connection, mcp_revision):
            assert mcp_connection.revision == mcp_revision
            assert mcp_connection.request("tools/list").result["tools"]
    """)
    result = pytester.runpytest_subprocess("--mcp-reference=stateful", "-m", "not mcp_requirement", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_lists?2025-06-18?*", "*test_lists?2026-07-28?*"])
