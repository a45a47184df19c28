"""Recording the surface of a server, and being told of its drift."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

RUN = ("-k", "surface", "--mcp-surface", "surface.json")


def test_surface_is_recorded_compared_and_accepted(
    pytester: pytest.Pytester, reference: Callable[..., str]
) -> None:
    url = reference(mode="stateless")
    file = pytester.path / "surface.json"
    result = pytester.runpytest_subprocess("--mcp-url", url, *RUN)
    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    assert "run once with --mcp-surface-update" in result.stdout.str()
    result = pytester.runpytest_subprocess("--mcp-url", url, *RUN, "--mcp-surface-update", "-n", "2")
    assert result.parseoutcomes()["passed"] == 1
    written, stamp = file.read_text(), file.stat().st_mtime_ns
    assert pytester.runpytest_subprocess("--mcp-url", url, *RUN).ret == 0

    content = json.loads(written)
    for surface in content["surfaces"]:
        tool = surface["tools"]["analyze_text"]
        tool["inputSchema"]["required"] = []
        surface["tools"]["gone"] = {}
    file.write_text(json.dumps(content))
    result = pytester.runpytest_subprocess("--mcp-url", url, *RUN)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        [
            "    breaking    tool analyze_text: argument text became required",
            "    breaking    tool gone: removed",
            "--- recorded, at *",
            "+++ the server now",
            '-    "gone": {}',
        ]
    )
    result = pytester.runpytest_subprocess("--mcp-url", url, *RUN, "--mcp-surface-update")
    assert result.parseoutcomes()["passed"] == 1
    assert file.read_text() == written
    stamp = file.stat().st_mtime_ns
    pytester.runpytest_subprocess("--mcp-url", url, *RUN, "--mcp-surface-update")
    assert file.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other"}'])
def test_a_foreign_file_is_refused_at_the_start(pytester: pytest.Pytester, content: str) -> None:
    (pytester.path / "surface.json").write_text(content)
    result = pytester.runpytest_inprocess("--mcp-url", "http://127.0.0.1:9/mcp", *RUN, "--mcp-surface-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--mcp-surface: *a file that --mcp-surface-update wrote*"])
    assert (pytester.path / "surface.json").read_text() == content
