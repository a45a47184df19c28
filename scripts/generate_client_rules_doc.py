"""Write docs/reference/client-rules.md from the scripts and the requirements of clients.

Run it after a change to either; `--check` writes nothing and only compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_mcp_http.client_rules import judged_by
from pytest_mcp_http.mock.scripts import SCRIPTS
from pytest_mcp_http.spec.client_registry import client_requirements

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "client-rules.md"

INTRODUCTION: Final = """\
# Scripts and rules for clients

<!-- Written by scripts/generate_client_rules_doc.py; run it again instead of editing this page. -->

What is played to clients, and what they are judged by. [Test a client](../how-to/test-a-client.md) and
[Judge a client](../how-to/judge-a-client.md) say how. The wording is ours; the link leads to the section at
the newest revision that has the requirement. A rule of level MAY is field experience: it gives a note at
most.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it.

    Returns:
        The exit status: 0, or 1 if the page is not current.
    """
    given = sys.argv[1:] if arguments is None else arguments
    text = "\n".join(page()) + "\n"
    if "--check" in given:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> Iterator[str]:
    """Give the lines of the page."""
    yield from (INTRODUCTION, "## Scripts", "")
    yield from ("| Script | Revisions | What the server does |", "| --- | --- | --- |")
    for script in SCRIPTS.values():
        yield f"| `{script.name}` | {'<br>'.join(script.revisions)} | {script.about} |"
    yield from ("", "## Rules", "", "A rule without scripts is judged in all of them.", "")
    yield "| Requirement | Level | Revisions | Wording | Scripts |"
    yield "| --- | --- | --- | --- | --- |"
    for item in client_requirements().values():
        playable = [s for s in SCRIPTS.values() if any(item.id in judged_by(s, r) for r in s.revisions)]
        named = "<br>".join(f"`{s.name}`" for s in playable if item.id in s.judges)
        wording = f"{item.wording} [Section]({item.url(item.revisions[-1])})"
        yield f"| `{item.id}` | {item.level} | {'<br>'.join(item.revisions)} | {wording} | {named} |"


if __name__ == "__main__":
    sys.exit(main())
