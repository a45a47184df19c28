from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_mcp_http.surface import drift, file


def tool(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"inputSchema": {"type": "object", "properties": properties, "required": list(required)}}


def surface(**tools: Any) -> dict[str, Any]:
    return {"server": "s", "tools": tools}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (surface(a={}), surface(), "breaking    tool a: removed"),
        (surface(), surface(a={}), "compatible  tool a: added"),
        (surface(a=tool(x={})), surface(a=tool()), "breaking    tool a: argument x removed"),
        (surface(a=tool()), surface(a=tool(x={})), "compatible  tool a: argument x added"),
        (surface(a=tool()), surface(a=tool(("x",), x={})), "breaking    tool a: argument x added, required"),
        (
            surface(a=tool(x={})),
            surface(a=tool(("x",), x={})),
            "breaking    tool a: argument x became required",
        ),
        (
            surface(a=tool(("x",), x={})),
            surface(a=tool(x={})),
            "compatible  tool a: argument x became optional",
        ),
        (surface(a=tool(x={})), surface(a=tool(x={"type": "null"})), "changed     tool a: argument x"),
        (surface(a={}), surface(a={"description": "d"}), "changed     tool a: description"),
        (surface(), {"server": "t", "tools": {}}, "changed     the name of the server: s -> t"),
    ],
)
def test_changes_in_words(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    told = drift.report({"2025-11-25": before}, {"2025-11-25": after}, ("2025-11-25",), "f")
    assert f"\n    {words}\n" in told
    assert "+++ the server now" in told


def test_a_revision_that_is_not_judged_is_left_alone_but_one_that_is_gone_is_told() -> None:
    recorded = {"2025-11-25": surface(), "2026-07-28": surface()}
    now = {"2025-11-25": surface()}
    assert drift.report(recorded, now, ("2025-11-25", "2026-07-28"), "f") == ""
    assert "no longer speaks this revision" in drift.report(recorded, now, ("2025-11-25",), "f")


def test_revisions_that_agree_share_a_part_and_text_survives(tmp_path: Path) -> None:
    path = tmp_path / "surface.json"
    odd = surface(a={"description": "schön \u202e \ud800 \x1b"})
    surfaces = {"2025-11-25": odd, "2026-07-28": odd}
    file.write(path, surfaces)
    assert file.read(path) == surfaces
    text = path.read_text(encoding="utf-8")
    assert text.count('"server"') == 1
    assert "schön" in text
    assert "\u202e" not in text
