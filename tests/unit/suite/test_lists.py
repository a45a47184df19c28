from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_mcp_http.suite._lists import pages_of


def asked(*cursors: object, most: int = 10) -> list[object]:
    """Return the cursors that were sent to a server that hands out these."""
    handed_out = iter(cursors)
    sent: list[object] = []

    def request(method: str, params: dict[str, object]) -> Any:
        assert method == "tools/list"
        sent.append(params.get("cursor"))
        return SimpleNamespace(result={"tools": [], "nextCursor": next(handed_out)})

    client: Any = SimpleNamespace(request=request)
    assert len(list(pages_of(client, "tools/list", most))) == len(sent)
    return sent


def test_pages_end_with_the_last_cursor() -> None:
    assert asked("a", "b", None) == [None, "a", "b"]
    assert asked(5) == [None]


def test_pages_end_with_a_cursor_that_comes_again() -> None:
    assert asked("a", "b", "a") == [None, "a", "b"]


def test_pages_have_a_limit() -> None:
    assert asked("a", "b", "c", most=2) == [None, "a"]
