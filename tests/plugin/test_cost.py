"""A run that does not use the plugin pays nothing for it."""

from __future__ import annotations

import pytest

PROBE = """
    import sys

    def test_modules():
        heavy = {"httpx", "httpcore", "h11", "jsonschema", "mcp", "uvicorn", "httpx_sse"}
        assert not heavy & set(sys.modules)
        ours = {".".join(name.split(".")[:2]) for name in sys.modules}
        assert not ours & {f"pytest_mcp_http.{name}" for name in ("wire", "suite", "report", "tour")}
"""


def test_unused_plugin_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PROBE)
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:respx")
    result.assert_outcomes(passed=1)


def test_unused_plugin_prints_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_ok(): pass")
    result = pytester.runpytest_subprocess()
    result.stdout.no_fnmatch_line("*mcp:*")
    result.stdout.no_fnmatch_line("*MCP conformance*")


def test_disabled_plugin_removes_every_option(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("-p", "no:mcp_http", "--help")
    result.stdout.no_fnmatch_line("*--mcp-url*")
