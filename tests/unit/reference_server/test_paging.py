from __future__ import annotations

from typing import Any

import pytest

from reference_server.paging import UnknownCursor, page


def walk(name: str, items: list[int], paged: str) -> list[list[int]]:
    found, cursor = page(name, items, None, paged=paged)
    pages = [found]
    while cursor is not None:
        found, cursor = page(name, items, cursor, paged=paged)
        pages.append(found)
    return pages


@pytest.mark.parametrize(
    ("name", "count", "paged", "pages"),
    [
        ("resources", 0, "resources", [[]]),
        ("resources", 1, "resources", [[0]]),
        ("resources", 2, "resources", [[0], [1]]),
        ("resources", 5, "resources", [[0, 1], [2, 3, 4]]),
        ("tools", 5, "resources", [[0, 1, 2, 3, 4]]),
        ("tools", 5, "all", [[0, 1], [2, 3, 4]]),
        ("resources", 5, "none", [[0, 1, 2, 3, 4]]),
    ],
)
def test_each_item_comes_once(name: str, count: int, paged: str, pages: list[list[int]]) -> None:
    assert walk(name, list(range(count)), paged) == pages


def test_cursors_hold_when_the_list_changes() -> None:
    _, cursor = page("resources", [0, 1, 2, 3], None, paged="all")
    assert page("resources", [0, 1, 2, 3, 4], cursor, paged="all") == ([2, 3, 4], None)
    assert page("resources", [0, 1], cursor, paged="all") == ([], None)


@pytest.mark.parametrize("cursor", ["", "2", "bogus", "ü"])
@pytest.mark.parametrize("paged", ["none", "all"])
def test_unknown_cursors(cursor: str, paged: str) -> None:
    with pytest.raises(UnknownCursor):
        page("resources", [0, 1, 2], cursor, paged=paged)


def test_cursors_belong_to_their_list() -> None:
    _, cursor = page("tools", [0, 1, 2], None, paged="all")
    for name, paged in (("prompts", "all"), ("tools", "none")):
        with pytest.raises(UnknownCursor):
            page(name, [0, 1, 2], cursor, paged=paged)


@pytest.mark.parametrize("era", ["handshake", "modern"])
def test_cursors_on_the_wire(rpc: Any, serve: Any, era: str) -> None:
    server = serve("stateless", paged="all")

    def ask(method: str, **params: object) -> Any:
        if era == "modern":
            return rpc.messages(server.modern(method, params))[-1]
        return rpc.messages(server.post(rpc.request(method, params)))[-1]

    for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
        for cursor in ("bogus", 5, "x" * 100_000):
            assert ask(method, cursor=cursor)["error"]["code"] == -32602
    first = ask("tools/list")["result"]
    assert "nextCursor" not in ask("tools/list", cursor=first["nextCursor"])["result"]
    assert "nextCursor" not in ask("resources/templates/list")["result"]
