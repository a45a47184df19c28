"""What all tests share: a reference server that runs in a thread of the test process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

with suppress(ImportError):
    # pytester forgets what an inner run imported first. The compiled half of cryptography does not, and then
    # refuses the types of a second import, so it has to be imported before.
    import cryptography.hazmat.primitives.hashes
    import cryptography.hazmat.primitives.kdf.hkdf  # noqa: F401

pytest_plugins = ["pytester"]


@contextmanager
def running_reference(**options: object) -> Iterator[str]:
    """Run the reference server on a free port of 127.0.0.1 and give its URL."""
    with running_replicas(1, **options) as urls:
        yield urls[0]


@contextmanager
def running_replicas(count: int, **options: object) -> Iterator[tuple[str, ...]]:
    """Run one reference server on several ports, as replicas that share all they know; give their URLs."""
    import uvicorn

    from reference_server import create_app
    from reference_server.serving import config, listen

    listeners = [listen("127.0.0.1", 0) for _ in range(count)]
    server = uvicorn.Server(config(create_app(**options)))  # type: ignore[arg-type]
    started = threading.Event()
    startup = server.startup

    async def tell(sockets: object = None) -> None:
        await startup(sockets=sockets)  # type: ignore[arg-type]
        started.set()

    server.startup = tell  # type: ignore[method-assign]

    def run() -> None:
        asyncio.run(server.serve(sockets=listeners))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(20), "the reference server did not start"
    try:
        yield tuple(f"http://127.0.0.1:{each.getsockname()[1]}/mcp" for each in listeners)
    finally:
        server.should_exit = True
        thread.join(10)
        for listener in listeners:
            listener.close()


@pytest.fixture
def reference() -> Iterator[Callable[..., str]]:
    """Run reference servers for the length of a test: call it with the options of `create_app`."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running_reference(**options))


@pytest.fixture(scope="session")
def stateful_url() -> Iterator[str]:
    """URL of a clean reference server with sessions."""
    with running_reference(mode="stateful") as url:
        yield url


@pytest.fixture(scope="session")
def json_url() -> Iterator[str]:
    """URL of a clean reference server with sessions that answers with JSON."""
    with running_reference(mode="stateful", json_response=True) as url:
        yield url


@pytest.fixture(scope="session")
def modern_url() -> Iterator[str]:
    """URL of a clean reference server of the modern era alone."""
    with running_reference(mode="stateless", era="modern") as url:
        yield url
