"""Tests of one's own servers: overriding the target, launching, logs, the marker for revisions, the SDK."""

from __future__ import annotations

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="the servers of these tests need mcp 2.x")

APPS = """
import contextlib
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.routing import Mount, Route

def mounted(name="mounted"):
    server = MCPServer(name)

    @server.tool()
    def add(a: int, b: int) -> int:
        "Add two numbers."
        return a + b

    mcp_app = server.streamable_http_app()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with server.session_manager.run():
            yield

    def boom(request):
        raise RuntimeError("boom with " + request.headers.get("x-token", ""))

    return Starlette(routes=[Route("/boom", boom), Mount("/api", mcp_app)], lifespan=lifespan)
"""


def files(pytester: pytest.Pytester, **sources: str) -> None:
    pytester.makepyfile(apps=APPS)
    for name, source in sources.items():
        path = pytester.path / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".py").write_text(source)
    pytester.syspathinsert()


def test_directories_have_targets_of_their_own(pytester: pytest.Pytester, stateful_url: str) -> None:
    override = "import pytest\n@pytest.fixture(scope='session')\ndef mcp_target(mcp_launch, mcp_reference):\n"
    test = "def test_it(mcp_connection, mcp_tour, mcp_revision):\n"
    names = "    assert mcp_tour.target.facts.server_name == 'pytest-mcp-http reference server'\n"
    files(
        pytester,
        test_named=test + names + f"    assert mcp_connection.url == '{stateful_url}'\n",
        a__conftest=override + "    return mcp_reference('stateless', era='modern')\n",
        a__test_a=test + names + "    assert mcp_revision == '2026-07-28'\n",
        b__conftest=override + "    return mcp_launch('apps:mounted', path='/api/mcp')\n",
        b__test_b=test + "    assert mcp_tour.target.facts.server_name == 'mounted'\n",
        dead__conftest=override + "    return 'http://127.0.0.1:9/mcp'\n",
        dead__test_dead="def test_1(mcp_wire): pass\ndef test_2(mcp_wire): pass\n",
        none__conftest=override + "    return None\n",
        none__test_none="def test_none(mcp_wire): pass\n",
    )
    for workers in ((), ("-n", "2", "--dist", "loadfile")):
        result = pytester.runpytest_subprocess(
            "--mcp-url", stateful_url, "--mcp-case", "session.id-visible-ascii", *workers
        )
        assert result.parseoutcomes()["passed"] == 4
        assert result.parseoutcomes()["errors"] == 3
        # Pytest shortens the summary at the end, but not in CI.
        text = result.stdout.str().partition("short test summary info")[0]
        assert text.count("do:   start the server first") == 1
        assert "An earlier test shows the whole diagnosis" in text
        assert "the fixture mcp_target gave None; accepted: the URL" in text


def test_a_target_for_each_test(pytester: pytest.Pytester) -> None:
    files(
        pytester,
        test_each="""
import pytest
from apps import mounted

@pytest.fixture(params=["one", "two"])
def mcp_target(request, mcp_launch):
    with mcp_launch(mounted(request.param), path="/api/mcp") as server:
        yield server

def test_name(mcp_connection, mcp_tour, mcp_target, request):
    assert mcp_tour.target.facts.server_name == request.node.callspec.params["mcp_target"]
    assert mcp_connection.url == mcp_target.url
""",
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_what_a_server_wrote_is_shown_with_the_failing_test(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    files(
        pytester,
        test_logs="""
import httpx
import pytest
from apps import mounted

TOKEN = "tok-5up3r-s3cr3t"

@pytest.fixture(scope="module")
def server(mcp_launch):
    return mcp_launch(mounted, path="/api/mcp", headers={"X-Token": TOKEN})

def get(server, path):
    return httpx.get(server.url.replace("/api/mcp", path), headers={"X-Token": TOKEN}).status_code

def test_earlier(server):
    assert get(server, "/boom") == 500
    assert "boom with ***" in server.log()

def test_fails(server):
    assert get(server, "/boom") == 200

def test_quiet(server):
    assert get(server, "/nothing") == 200

def test_cannot_start(mcp_launch):
    with pytest.raises(Exception, match="No module named 'nowhere'"):
        mcp_launch("nowhere:app")
    with pytest.raises(Exception, match="not both"):
        mcp_launch()
    with pytest.raises(Exception, match="env and cwd are for a command"):
        mcp_launch(mounted, env={})
    with pytest.raises(Exception, match="path: 'x' is not accepted"):
        mcp_launch(mounted, path="x")
""",
    )
    result = pytester.runpytest_subprocess(*workers)
    result.assert_outcomes(passed=2, failed=2)
    text = result.stdout.str()
    assert text.count("- mcp server log: mcp_launch mounted -") == 1
    assert text.count("RuntimeError: boom with ***") == 1


def test_a_command_with_environment_and_directory(pytester: pytest.Pytester) -> None:
    files(
        pytester,
        elsewhere__start="""
import os, sys
print("started in", os.path.basename(os.getcwd()), os.environ["WHO"])
words = [sys.executable, "-m", "reference_server", "--mode=stateless", "--port", sys.argv[1]]
os.execv(sys.executable, words)
""",
        test_command="""
import sys

def test_it(mcp_launch):
    server = mcp_launch(
        command=[sys.executable, "start.py", "{port}"], cwd="elsewhere", env={"WHO": "me"}, startup_timeout=60
    )
    assert "started in elsewhere me" in server.log()
    server.close()
    assert server.closed
""",
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_marker_runs_a_test_at_each_revision(pytester: pytest.Pytester) -> None:
    files(
        pytester,
        conftest="import pytest\n@pytest.fixture(scope='session')\ndef mcp_target(mcp_reference):\n"
        "    return mcp_reference(era='handshake')\n",
        test_revisions="""
import pytest

pytestmark = pytest.mark.mcp_revisions("2025-03-26")

def test_module(mcp_connection, mcp_revision):
    assert mcp_connection.negotiated == mcp_revision == "2025-03-26"

@pytest.mark.mcp_revisions("2025-06-18", "2026-07-28")
def test_closest(mcp_connection, mcp_revision):
    assert mcp_connection.negotiated == mcp_revision

@pytest.mark.mcp_revisions("2026-07-28")
def test_without_a_client(mcp_target, mcp_revision):
    assert False, "skipped before"

def test_no_fixture():
    pass
""",
    )
    for workers in ((), ("-n", "2")):
        result = pytester.runpytest_subprocess("-v", "-rs", *workers)
        result.assert_outcomes(passed=3, skipped=2)
        for name in ("test_module[2025-03-26]", "test_closest[2025-06-18]", "test_closest[2026-07-28]"):
            assert name in result.stdout.str()
        assert "not applicable: the server does not speak 2026-07-28" in result.stdout.str()
    result = pytester.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.mcp_revisions(*revisions): *"])


@pytest.mark.parametrize(
    ("arguments", "extra", "message"),
    [
        ("", "", "it names no revision; accepted: one or more of 2025-03-26"),
        ("'2024-11-05'", "", "'2024-11-05' is not a revision; accepted"),
        ("'2025-11-25', '2025-11-25'", "", "it names a revision twice"),
        (
            "'2025-11-25'",
            "@pytest.mark.parametrize('mcp_revision', ['2025-06-18'])\n",
            "mcp_revision is parametrised as well",
        ),
    ],
)
def test_a_wrong_marker_is_one_error(
    pytester: pytest.Pytester, arguments: str, extra: str, message: str
) -> None:
    pytester.makepyfile(
        f"import pytest\n{extra}@pytest.mark.mcp_revisions({arguments})\ndef test_it(mcp_revision): pass"
    )
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*marker mcp_revisions of *test_it: {message}*"])


def test_client_of_the_sdk(pytester: pytest.Pytester) -> None:
    files(
        pytester,
        test_sdk="""
import pytest
from apps import mounted

TOKEN = "tok-5up3r-s3cr3t"

def guarded():
    app = mounted()

    async def guard(scope, receive, send):
        if scope["type"] == "http" and dict(scope["headers"]).get(b"x-token") != TOKEN.encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app(scope, receive, send)

    return guard

@pytest.fixture(scope="session")
def mcp_target(mcp_launch):
    return mcp_launch(guarded, path="/api/mcp", headers={"X-Token": TOKEN})

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
@pytest.mark.mcp_revisions("2025-03-26", "2025-11-25", "2026-07-28")
async def test_call(mcp_sdk, mcp_revision):
    assert [tool.name for tool in (await mcp_sdk.list_tools()).tools] == ["add"]
    result = await mcp_sdk.call_tool("add", {"a": 1, "b": 2})
    assert result.content[0].text == "3"
    assert mcp_sdk.protocol_version == mcp_revision

def test_sync(mcp_sdk):
    pass
""",
    )
    result = pytester.runpytest_subprocess("-rs", "-W", "error")
    result.assert_outcomes(passed=2, skipped=1, errors=1)
    assert "speaks 2025-11-25 with this server, and cannot choose 2025-03-26" in result.stdout.str()
    assert "mcp_sdk is for async tests with the marker anyio" in result.stdout.str()
