"""The wheel in environments of its own, beside `mcp` 1.x and beside 2.x.

One test for each, since making an environment takes longer than all that is seen in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from pytest_mcp_http.spec.registry import requirements
from tests.conftest import running_reference
from tests.wheel.conftest import Environment

OLD_SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("old")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

app = server.streamable_http_app()
"""


def totals(user: Environment) -> dict[str, int]:
    """Return how often each verdict is in the report that the last run wrote."""
    report = json.loads((user.folder / "report.json").read_text(encoding="utf-8"))
    return dict(report["totals"])


def assert_lists_requirements(user: Environment, *, with_faults: bool) -> None:
    listed = user.run("pytest_mcp_http", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    rows = json.loads(listed.stdout)
    assert [row["id"] for row in rows] == list(requirements())
    assert any(row["faults"] for row in rows) == with_faults
    assert ('pip install "mcp>=2"' in listed.stderr) != with_faults


def test_beside_the_old_sdk(environment: Callable[[str], Environment]) -> None:
    user = environment("mcp<2")
    assert_lists_requirements(user, with_faults=False)

    with running_reference(mode="stateful") as url:
        judged = user.run("pytest", "--mcp-url", url, "--mcp-report", "report.json")
    assert judged.returncode == 0, judged.stdout
    found = totals(user)
    assert found["pass"] > 500
    assert found["fail"] == found["warn"] == 0

    (user.folder / "old_server.py").write_text(OLD_SERVER, encoding="utf-8")
    judged = user.run(
        "pytest", "--mcp-app", "old_server:app", "--mcp-report", "report.json", "--mcp-case=tools.*"
    )
    assert judged.returncode == 0, judged.stdout
    assert totals(user)["pass"] > 5

    for command, code in (
        (("pytest", "--mcp-reference", "stateful"), 4),
        (("reference_server", "--list-faults"), 2),
        (("reference_server", "scale", "--replicas", "2"), 2),
    ):
        refused = user.run(*command)
        assert refused.returncode == code
        printed = refused.stdout + refused.stderr
        assert 'pip install "mcp>=2"' in printed
        assert "Traceback" not in printed


def test_beside_the_new_sdk(environment: Callable[[str], Environment]) -> None:
    user = environment("mcp>=2")
    assert_lists_requirements(user, with_faults=True)

    judged = user.run("pytest", "--mcp-reference", "shared", "--mcp-report", "report.json")
    assert judged.returncode == 0, judged.stdout
    assert totals(user)["pass"] > 500

    served = user.run("reference_server", "--list-faults")
    assert "session.id-with-space" in served.stdout
