"""The fixtures that the plugin offers, to the suite and to anybody's tests.

Imported in every pytest run, so it imports pytest and the standard library only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from pytest_mcp_http._target import RunningTarget, Target
    from pytest_mcp_http.client import McpClient
    from pytest_mcp_http.mock.script import Script
    from pytest_mcp_http.mock.server import MockServer
    from pytest_mcp_http.scripted_server import ScriptedServer
    from pytest_mcp_http.tour import Tour
    from pytest_mcp_http.wire.http import HttpWire


@pytest.fixture(scope="session")
def mcp_target(pytestconfig: pytest.Config) -> Target:
    """Give the server under test, as named by `--mcp-url` and its siblings.

    Override it in the root conftest for the suite (with `--mcp-suite`), or in any conftest or test file for
    the tests below it: return or yield the URL of a server of your own, or what `mcp_launch` returns.
    """
    from pytest_mcp_http._run import run_of

    return run_of(pytestconfig).target()


@pytest.fixture
def mcp_revision(request: pytest.FixtureRequest, pytestconfig: pytest.Config, mcp_target: object) -> str:
    """Give the revision that a test speaks.

    It is the newest revision with the handshake, or the newest modern one of a server that has no handshake.
    Mark a test with `mcp_revisions`, override this in a conftest, or parametrise it, to speak another one.
    """
    from pytest_mcp_http._run import run_of

    given: str | None = getattr(request, "param", None)
    return run_of(pytestconfig).default_revision(mcp_target) if given is None else given


@pytest.fixture
def mcp_wire(pytestconfig: pytest.Config, mcp_target: object) -> HttpWire:
    """Give the raw HTTP client, with the limits and TLS settings of the target."""
    from pytest_mcp_http._run import run_of

    return run_of(pytestconfig).wire(mcp_target)


@pytest.fixture
def mcp_tour(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, mcp_target: object, mcp_revision: str
) -> Tour:
    """Give the recorded visit at `mcp_revision`; made once per process and target, ended with the target."""
    from pytest_mcp_http._run import run_of

    run = run_of(pytestconfig)
    if hasattr(request.function, "mcp_requirement"):
        run.judge(mcp_target, mcp_revision)
    return run.tour(mcp_target, mcp_revision)


@pytest.fixture
def mcp_connection(pytestconfig: pytest.Config, mcp_target: object, mcp_revision: str) -> Iterator[McpClient]:
    """Give an `McpClient` that is connected; its session, if the era has them, is ended after the test.

    A server that refuses to open is no error here: the calls that return a value say so.
    """
    from pytest_mcp_http._run import run_of
    from pytest_mcp_http.client import McpClient

    run = run_of(pytestconfig)
    target = run.spoken(mcp_target, mcp_revision)
    client = McpClient(target.url, mcp_revision, run.wire(target), headers=target.headers)
    try:
        yield client.connect()
    finally:
        client.close()


@pytest.fixture
def mcp_sdk_options() -> dict[str, Any]:
    """Give the arguments of the client of `mcp_sdk`; override it to pass callbacks."""
    return {}


@pytest.fixture
async def mcp_sdk(
    request: pytest.FixtureRequest,
    pytestconfig: pytest.Config,
    mcp_target: object,
    mcp_revision: str,
    mcp_sdk_options: dict[str, Any],
) -> AsyncIterator[Any]:
    """Give the client of the official SDK, connected: a `ClientSession` of `mcp` 1.x, a `Client` of 2.x.

    It is for asynchronous tests that carry the marker `anyio`.
    """
    from pytest_mcp_http._run import run_of
    from pytest_mcp_http._sdk import connect

    run = run_of(pytestconfig)
    target = run.spoken(mcp_target, mcp_revision)
    # Without a wish the newest revision that both speak will do.
    wished = "mcp_revision" in getattr(getattr(request.node, "callspec", None), "params", {})
    exactly = wished or mcp_revision != target.default_revision
    async with connect(target, mcp_revision, mcp_sdk_options, exactly=exactly) as client:
        yield client


@pytest.fixture(scope="session")
def mcp_launch(pytestconfig: pytest.Config) -> Iterator[Callable[..., RunningTarget]]:
    """Give a factory that starts servers of your own, which end with the run, or earlier when you close them.

    Call it with an ASGI application, a factory without arguments, or the name of one (`module:app`), or with
    `command=`, a command line with `{port}` or its words; and by name with `path`, `headers`,
    `startup_timeout` (seconds), `env` and `cwd`. It returns a server with `url`, `log()` and `close()`, which
    is a context manager too, and raises `TargetError` for a server that does not start or answer.
    """
    from pytest_mcp_http._launcher import launch
    from pytest_mcp_http._run import run_of
    from pytest_mcp_http.errors import TargetError

    run = run_of(pytestconfig)
    with ExitStack() as stack:

        def start(app: object = None, **options: Any) -> RunningTarget:
            __tracebackhide__ = True
            try:
                server = stack.enter_context(launch(run.settings, app, **options))
            except TargetError as error:
                # The message is the whole diagnosis; the way through our own code helps nobody.
                raise TargetError(str(error)) from None
            run.servers.append(server)
            return server

        yield start


@pytest.fixture(scope="session")
def mcp_reference(pytestconfig: pytest.Config) -> Iterator[Callable[..., str]]:
    """Give a factory of bundled reference servers, which end with the run.

    Call it with the mode (`stateless`, `stateful` or `shared`), and by name with `era` (`handshake`,
    `modern`, or `dual` for both), `faults` and `variants` (iterables of ids), `json_response`, `resumable`
    and `fixtures` (switches). It returns the URL of a server of its own, on a free port of 127.0.0.1, and
    raises `TargetError` for a wrong value or without `mcp` 2.x.
    """
    from pytest_mcp_http._run import run_of
    from pytest_mcp_http._target import open_target

    with ExitStack() as stack:

        def start(
            mode: Literal["stateless", "stateful", "shared"] = "stateful",
            *,
            era: Literal["handshake", "modern", "dual"] = "dual",
            faults: Iterable[str] = (),
            variants: Iterable[str] = (),
            json_response: bool = False,
            resumable: bool = False,
            fixtures: bool = False,
        ) -> str:
            options = [f"era={era}"]
            options += [f"fault={id}" for id in faults] + [f"variant={name}" for name in variants]
            options += ["json-response"] * json_response + ["resumable"] * resumable + ["fixtures"] * fixtures
            run = run_of(pytestconfig)
            settings = run.settings.of_another(
                reference=mode,
                reference_options=tuple(options),
                path="/mcp",
                # It asks for no credentials, and those of another server are not for it.
                headers=(),
                second_headers=(),
                tokens=(),
                oauth=None,
            )
            server = stack.enter_context(open_target(settings))
            run.servers.append(server)
            return server.url

        yield start


@pytest.fixture
def mcp_scripted_server() -> Iterator[Callable[..., ScriptedServer]]:
    """Give a factory of servers that play a script to a client and judge it; they end with the test.

    Call it with the name of a bundled script or a `Script` of your own, and by name with `revision`. It
    returns a `ScriptedServer` on a free port of 127.0.0.1, and raises `ValueError` for an unknown script or
    a revision that it is not for.
    """
    from pytest_mcp_http.scripted_server import ScriptedServer

    with ExitStack() as stack:

        def start(script: Script | str = "json", *, revision: str | None = None) -> ScriptedServer:
            return stack.enter_context(ScriptedServer(script, revision))

        yield start


@pytest.fixture
def mcp_respx() -> Iterator[Callable[..., MockServer]]:
    """Give a factory of mock servers behind a URL, for clients that use httpx; needs the extra `respx`.

    Call it with a URL and the arguments of `MockServer`. Requests for other URLs are errors of respx.
    """
    try:
        import respx
    except ImportError:
        raise pytest.UsageError(
            "the fixture mcp_respx needs more packages: pip install pytest-mcp-http[respx]"
        ) from None
    from pytest_mcp_http.mock.server import MockServer
    from pytest_mcp_http.mock.transport import handler

    with respx.mock(assert_all_called=False) as router:

        def mount(url: str = "https://mcp.test/mcp", *revisions: str, **options: Any) -> MockServer:
            mock = MockServer(*revisions, **options)
            router.route(url=url).mock(side_effect=handler(mock))
            return mock

        yield mount
