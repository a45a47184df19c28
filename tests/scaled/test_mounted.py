"""The reference server as one part of a FastAPI application, as docs/how-to/mount-a-server.md shows it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_mcp_http._options import Settings
from reference_server.faults.security import SECOND_ADDRESS
from tests.conformance.conftest import judge_settings

pytest.importorskip("fastapi")
pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
pytestmark = pytest.mark.needs_nothing

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "mount-a-server.md"


@contextmanager
def served(app: Any) -> Iterator[str]:
    import uvicorn

    from reference_server.serving import config, listen

    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(config(app))
        ready = threading.Event()
        startup = server.startup

        async def tell(sockets: Any = None) -> None:
            await startup(sockets=sockets)
            ready.set()

        server.startup = tell  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            assert ready.wait(20)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def test_the_suite_is_green_where_it_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_mcp_http.suite.test_security.own_addresses", lambda: (SECOND_ADDRESS,))
    [example] = re.findall(r"```python\n(# mounted\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), module)
    with served(module["app"]) as url:
        assert httpx.get(f"{url}/api/health", trust_env=False).json() == {"status": "healthy"}
        settings = Settings(url=f"{url}/tools/mcp", first_byte_timeout=5.0, timeout=8.0)
        found = judge_settings(settings, ["2025-11-25", "2026-07-28"])
        red = found.hit("fail", "warn", "error")
        assert not red, found.explain(red)
        assert len(found.hit("pass")) > 60
