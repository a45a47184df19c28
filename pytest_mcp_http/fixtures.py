"""The fixtures that the plugin offers, to the suite and to anybody's tests.

Imported in every pytest run, so it imports pytest and the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from pytest_mcp_http._target import Target
    from pytest_mcp_http.client import McpClient
    from pytest_mcp_http.mock.script import Script
    from pytest_mcp_http.mock.server import MockServer
    from pytest_mcp_http.scripted_server import ScriptedServer
    from pytest_mcp_http.tour import Tour
    from pytest_mcp_http.wire.http import HttpWire


@pytest.fixture(scope="session")
def mcp_target(pytestconfig: pytest.Config) -> Target:
    """Give the server under test, as named by `--mcp-url` and its siblings.

    Override it in the root conftest to point the suite (with `--mcp-suite`) or a test directory at a server
    of your own: return or yield its URL.
    """
    from pytest_mcp_http._run import run_of

    return run_of(pytestconfig).target()


@pytest.fixture(scope="session")
def mcp_revision(pytestconfig: pytest.Config, mcp_target: Target | str) -> str:
    """Give the revision that a test speaks.

    It is the newest revision with the handshake, or the newest modern one of a server that has no handshake.
    Override it in a conftest, or parametrise it, to speak another one.
    """
    from pytest_mcp_http._run import run_of

    return run_of(pytestconfig).default_revision(mcp_target)


@pytest.fixture(scope="session")
def _mcp_sessions(pytestconfig: pytest.Config, mcp_target: Target | str) -> Iterator[None]:
    """End our sessions while the server of an overridden `mcp_target` is still there."""
    from pytest_mcp_http._run import run_of

    yield
    run_of(pytestconfig).end_sessions()


@pytest.fixture(scope="session")
def mcp_wire(pytestconfig: pytest.Config, mcp_target: Target | str, _mcp_sessions: None) -> HttpWire:
    """Give the raw HTTP client, with the limits and TLS settings of the target."""
    from pytest_mcp_http._run import run_of

    return run_of(pytestconfig).wire(mcp_target)


@pytest.fixture(scope="session")
def mcp_tour(
    pytestconfig: pytest.Config, mcp_target: Target | str, mcp_revision: str, _mcp_sessions: None
) -> Tour:
    """Give the recorded visit at `mcp_revision`; made once per process, ended with the run."""
    from pytest_mcp_http._run import run_of

    return run_of(pytestconfig).tour(mcp_target, mcp_revision)


@pytest.fixture
def mcp_connection(
    pytestconfig: pytest.Config, mcp_target: Target | str, mcp_revision: str, _mcp_sessions: None
) -> Iterator[McpClient]:
    """Give an `McpClient` that is connected; its session, if the era has them, is ended after the test."""
    from pytest_mcp_http._run import run_of
    from pytest_mcp_http.client import McpClient

    run = run_of(pytestconfig)
    target = run.resolve(mcp_target)
    with McpClient(target.url, mcp_revision, run.wire(target), headers=target.headers) as client:
        yield client


@pytest.fixture(scope="session")
def mcp_reference() -> Iterator[Callable[..., str]]:
    """Give a factory of bundled reference servers, which end with the run.

    Call it with the mode (`stateless` or `stateful`), and by name with `era` (`handshake`, `modern`, or
    `dual` for both), `faults` and `variants` (iterables of ids), `json_response`, `resumable` and
    `fixtures` (switches). It returns the URL of a server of its own, on a free port of 127.0.0.1, and raises
    `TargetError` for a wrong value or without `mcp` 2.x.
    """
    from pytest_mcp_http._options import Settings
    from pytest_mcp_http._target import open_target

    with ExitStack() as stack:

        def start(
            mode: Literal["stateless", "stateful"] = "stateful",
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
            settings = Settings(reference=mode, reference_options=tuple(options))
            return stack.enter_context(open_target(settings)).target.url

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
