"""Puts a mock behind a client of httpx or httpx2, without a socket."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_mcp_http.mock.server import MockServer
from pytest_mcp_http.wire.exchange import Request
from pytest_mcp_http.wire.headers import Headers


def handler(mock: MockServer) -> Callable[[Any], Any]:
    """Return a function from a request to a response, as `MockTransport` and a side effect of respx take it.

    Args:
        mock: The mock that answers.

    Returns:
        A function that takes a `Request` of httpx, or of httpx2, and returns a `Response` of that package. A
        stream that a server would keep open ends at once, since there is no connection to keep.
    """

    def handle(request: Any) -> Any:
        package = sys.modules[type(request).__module__.partition(".")[0]]
        answer = mock.answer(
            Request(request.method, str(request.url), Headers(request.headers.raw), request.content)
        )
        return package.Response(answer.status or 503, headers=list(answer.headers), content=answer.body)

    return handle
