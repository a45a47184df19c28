"""Fuzzing as users see it: options, node ids, reports, safety, what it costs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Before any test: pytester forgets what a test imported, and parts of the SDK cannot be imported twice.
pytest.importorskip("mcp.server.request_state", reason="the reference server needs mcp 2.x")

Reference = Callable[..., str]

needs_extra = pytest.mark.skipif(
    "not __import__('pytest_mcp_http.fuzz').fuzz.is_installed()", reason="needs the extra fuzz"
)

SERVER = """
import json

NAMES = ["", "0", "a", "x", "true", "null", "None", "[]", "mcp-http-check", "tools/call", "x" * 128]
TOOLS = [
    {"name": name, "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": True}}
    for name in NAMES
]
SAFE = {
    "name": "safe",
    "annotations": {"readOnlyHint": True},
    "inputSchema": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[a-z]{2,5}$"},
            "count": {"type": "integer", "minimum": 1, "maximum": 9},
            "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        },
        "required": ["count"],
        "$defs": {"item": {"type": "object", "properties": {"x": {"type": "number"}}}},
    },
}


class Refused(Exception):
    pass


def is_tool(name):
    if isinstance(name, (list, dict)):
        return any(is_tool(each) for each in name)
    return isinstance(name, (int, float)) or str(name).casefold().strip("\\0 \\n") in NAMES


def answer(message):
    method, params = message.get("method"), message.get("params")
    if not isinstance(method, str):
        raise Refused(-32600)
    if "call" in method.casefold():
        if isinstance(params, dict) and params.get("name") is not None and is_tool(params["name"]):
            with open("calls.txt", "a") as file:
                file.write(json.dumps(message) + "\\n")
        if isinstance(params, dict) and params.get("name") == "safe":
            return {"content": [], "isError": True}
        raise Refused(-32602)
    if method == "initialize":
        info = {"name": "dangerous", "version": "1"}
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
    if method not in ("ping", "tools/list"):
        raise Refused(-32601)
    return {"tools": [SAFE, *TOOLS]} if method == "tools/list" else {}


def respond(body):
    id = None
    try:
        message = json.loads(body)
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            raise Refused(-32600)
        id = message.get("id")
        outcome = {"result": answer(message)}
        if "id" not in message:
            return 202, None
    except ValueError:
        outcome = {"error": {"code": -32700, "message": "No JSON"}}
    except Refused as error:
        outcome = {"error": {"code": error.args[0], "message": "No"}}
    return 200, {"jsonrpc": "2.0", "id": id, **outcome}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    with open("bodies.txt", "ab") as file:
        file.write(body + b"\\n")
    status, value = respond(body) if scope["method"] == "POST" else (405, None)
    content = b"" if value is None else json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
"""
"""A server whose tools but one destroy; it finds them under whatever could be read as their names."""


@pytest.fixture
def server(pytester: pytest.Pytester) -> tuple[str, str]:
    """Options that judge the dangerous server."""
    pytester.makepyfile(dangerous=SERVER)
    return "--mcp-app", "dangerous:app"


@needs_extra
def test_properties_are_items_of_a_run_that_asks_for_them(
    pytester: pytest.Pytester, server: tuple[str, str]
) -> None:
    arguments = (*server, "--collect-only", "-q")
    result = pytester.runpytest_subprocess(*arguments, "--mcp-fuzz", "5")
    result.stdout.fnmatch_lines(["mcp/fuzz::test_requests_are_answered[[]2025-11-25[]]"])
    for without in ((), ("--mcp-fuzz", "0")):
        pytester.runpytest_subprocess(*arguments, *without).stdout.no_fnmatch_line("mcp/fuzz*")


@needs_extra
def test_case_selects_properties_by_requirement(pytester: pytest.Pytester, server: tuple[str, str]) -> None:
    result = pytester.runpytest_subprocess(
        *server, "--mcp-fuzz", "5", "--mcp-case", "jsonrpc.invalid-params", "--collect-only", "-q"
    )
    assert [line for line in result.outlines if line.startswith("mcp/")] == [
        "mcp/jsonrpc::test_wrong_params_are_refused[2025-11-25]",
        "mcp/fuzz::test_wrong_params_are_refused[2025-11-25]",
    ]


def test_properties_are_listed_without_the_extra(pytester: pytest.Pytester) -> None:
    result = pytester.run(sys.executable, "-m", "pytest_mcp_http", "list", "--chapter", "transport")
    result.stdout.fnmatch_lines(["    check mcp/fuzz::test_requests_are_answered"])


@needs_extra
def test_finding_is_a_bug_report(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["crash.nul"])
    arguments = ("--mcp-url", url, "-k", "fuzz and requests_are_answered", "--mcp-revision", "2025-11-25")
    options = ("--mcp-fuzz", "100", "--mcp-fuzz-seed", "1", "--mcp-report", "report.json")
    result = pytester.runpytest_subprocess(*arguments, *options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "mcp: fuzzing with 100 requests per revision, --mcp-fuzz-seed 1",
            "FAIL transport.base-protocol-support (MUST) at 2025-11-25",
            "  Check:    mcp/fuzz::test_requests_are_answered",
            "  Expected: a JSON-RPC response, with an HTTP status below 500",
            "  Actual:   HTTP 500, text/plain; * with /params/*",
            "  Reproduce:",
            "    curl *",
        ]
    )
    [row] = json.loads(Path("report.json").read_text())["results"]
    assert row["verdict"] == "fail"
    assert '"\\u0000" (--mcp-fuzz-seed 1)' in row["actual"]


@needs_extra
def test_secrets_stay_secret(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["crash.unknown-member"])
    result = pytester.runpytest_subprocess(
        *(
            "--mcp-url",
            url,
            "--mcp-header",
            "Authorization: Bearer geheim123",
            "--mcp-revision",
            "2025-11-25",
        ),
        *("-k", "fuzz and requests_are_answered", "--mcp-fuzz", "300", "--mcp-fuzz-seed", "1"),
        *("--mcp-call-tools", "none"),
    )
    result.stdout.fnmatch_lines(["FAIL *", '*"Authorization: $MCP_AUTHORIZATION"*'])
    result.stdout.no_fnmatch_line("*geheim*")


@needs_extra
def test_reports_are_the_same_with_xdist(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["crash.nul"])
    arguments = (
        "--mcp-url",
        url,
        "--mcp-call-tools",
        "none",
        "-k",
        "fuzz",
        "--mcp-revision",
        "2025-11-25",
        "--mcp-fuzz",
        "30",
    )
    first = pytester.runpytest_subprocess(*arguments, "-n", "2", "--mcp-report", "parallel.json")
    seed = re.search(r"--mcp-fuzz-seed (\d+)", first.stdout.str())
    assert seed is not None
    pytester.runpytest_subprocess(*arguments, "--mcp-fuzz-seed", seed[1], "--mcp-report", "serial.json")
    assert json.loads(Path("parallel.json").read_text()) == json.loads(Path("serial.json").read_text())


@needs_extra
def test_same_seed_gives_the_same_requests(
    pytester: pytest.Pytester, server: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bodies(seed: str) -> bytes:
        Path("bodies.txt").unlink(missing_ok=True)
        pytester.runpytest_subprocess(*server, "-k", "fuzz", "--mcp-fuzz", "40", "--mcp-fuzz-seed", seed)
        return Path("bodies.txt").read_bytes()

    first = bodies("7")
    assert len(first.splitlines()) > 150
    # Neither the sources of the project nor the order of hashes have a say.
    pytester.makepyfile(helpers='NAMES = ["destroy all", 12345, 1234.5]')
    pytester.makeconftest("import helpers")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    assert bodies("7") == first
    assert bodies("8") != first


@needs_extra
def test_no_destructive_tool_is_ever_called(pytester: pytest.Pytester, server: tuple[str, str]) -> None:
    pytester.runpytest_subprocess(*server, "--mcp-fuzz", "200")
    assert Path("bodies.txt").read_text(errors="replace").count('"name":"safe"') > 150
    assert not Path("calls.txt").exists()


@needs_extra
def test_no_tool_to_call_is_no_pass(pytester: pytest.Pytester, server: tuple[str, str]) -> None:
    result = pytester.runpytest_subprocess(
        *server, "--mcp-fuzz", "5", "-k", "fuzz and arguments", "--mcp-call-tools", "none", "-rs"
    )
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["*--mcp-call-tools none lets no tool be called*"])


@needs_extra
def test_all_tools_are_called_where_the_user_says_so(
    pytester: pytest.Pytester, server: tuple[str, str]
) -> None:
    arguments = (*server, "--mcp-fuzz", "20", "-k", "fuzz", "--mcp-call-tools")
    pytester.runpytest_subprocess(*arguments, "none")
    assert not Path("calls.txt").exists()
    pytester.runpytest_subprocess(*arguments, "all")
    assert Path("calls.txt").exists()


@needs_extra
def test_nothing_is_left_in_the_directory(pytester: pytest.Pytester, server: tuple[str, str]) -> None:
    pytester.runpytest_subprocess(*server, "--mcp-fuzz", "20", "-k", "fuzz", "-p", "no:cacheprovider")
    assert not Path(".hypothesis").exists()


def test_missing_extra_is_one_clear_error(pytester: pytest.Pytester, server: tuple[str, str]) -> None:
    pytester.makepyfile(
        without="""
        import importlib.util

        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if "hypothesis_" in name else found(name, *rest)
        """
    )
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess("-p", "without", *server, "--mcp-fuzz", "5")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(['ERROR: --mcp-fuzz *pip install "pytest-mcp-http[[]fuzz[]]"'])
    assert len(result.errlines) < 5
    # Without a server to judge, an ini value asks for nothing.
    pytester.makeini("[pytest]\nmcp_fuzz = 5")
    assert pytester.runpytest_subprocess("-p", "without").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--mcp-fuzz", "many"), "*--mcp-fuzz: 'many' is not accepted*"),
        (("--mcp-fuzz", "-1"), "*--mcp-fuzz*-1*"),
        (("--mcp-fuzz", "5", "--mcp-fuzz-seed", "x"), "*--mcp-fuzz-seed: 'x' is not accepted*"),
        (("--mcp-fuzz-seed", "5"), "*--mcp-fuzz-seed needs --mcp-fuzz N*"),
    ],
)
def test_wrong_values_are_refused(
    pytester: pytest.Pytester, arguments: tuple[str, ...], message: str
) -> None:
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_runs_without_it_import_no_hypothesis(pytester: pytest.Pytester, server: tuple[str, str]) -> None:
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            heavy = {"hypothesis", "hypothesis_jsonschema", "pytest_mcp_http.fuzz.campaign"}
            print("imported:", sorted(heavy & set(sys.modules)))
        """
    )
    result = pytester.runpytest_subprocess(
        *server, "--mcp-case", "jsonrpc.*", "-p", "no:hypothesispytest", "-s"
    )
    result.stdout.fnmatch_lines(["imported: []"])
