"""The report for machines: one JSON document per run, the same bytes for the same results.

Must not know the terminal or pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pytest_mcp_http.errors import McpHttpError
from pytest_mcp_http.report.masking import mask_url
from pytest_mcp_http.report.rows import Result, count, merge, remarks, revision_position

SCHEMA: Final = "pytest-mcp-http/report/1"
"""Value of the member `schema`; the number grows when a reader of older reports would misread a newer one."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema that every report fulfils."""
    text = (resources.files("pytest_mcp_http.report") / "report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def build(results: Iterable[Result], target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report of a run: one row per requirement and revision, in catalogue order.

    Args:
        results: The results of the checks, in any order.
        target: `url`, `server` (name and version), `eras`, `evidence` and `revisions`; others are
            ignored.

    Returns:
        `{"schema", "target", "results", "totals"}`, and `remarks` where something was seen besides. It holds
        no time and no machine name, so the same results give the same report. The reason of `not-applicable`,
        `not-verified` and `error` stands in `actual`.
    """
    results = list(results)
    rows, seen = merge(results), remarks(results)
    return {
        "schema": SCHEMA,
        "target": {
            "url": _text(mask_url(target["url"])),
            "server": _text(target["server"]),
            "eras": list(target["eras"]),
            "evidence": [_text(line) for line in target["evidence"]],
            "revisions": sorted(target["revisions"], key=revision_position),
        },
        "results": [_row(row) for row in rows],
        "totals": count(rows),
        **({"remarks": _texts(seen)} if seen else {}),
    }


def _row(result: Result) -> dict[str, Any]:
    return {
        "requirement": result["requirement"],
        "level": result["level"],
        "revision": result["revision"],
        "chapter": result["chapter"],
        "verdict": result["verdict"],
        "check": result["check"],
        "section": result["section"],
        "expected": [_text(line) for line in result.get("expected") or ()],
        "actual": _text(result.get("actual") or result.get("reason")),
    }


def _texts(value: Any) -> Any:
    """Return the texts in lists and objects fit for a report."""
    if isinstance(value, dict):
        return {_text(name): _texts(each) for name, each in value.items()}
    return [_text(each) for each in value]


def _text(value: str | None) -> str:
    # A lone surrogate of a hostile server is no Unicode text: strict readers of JSON refuse it.
    return (value or "").encode("utf-8", "backslashreplace").decode("utf-8")


def write(path: str | os.PathLike[str], report: Mapping[str, Any]) -> None:
    """Write a report whole or not at all: into a file beside its place, then moved there.

    Args:
        path: Where to; its directory has to exist. What is no file (`/dev/stdout`) is written directly.
        report: A report made by `build`.

    Raises:
        McpHttpError: If it cannot be written; names the path.
    """
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    # The target of a link is replaced, never the link.
    place = Path(os.path.realpath(path))
    try:
        if not place.parent.is_dir():
            raise McpHttpError(f"cannot write the report {path}: the directory {place.parent} does not exist")
        if place.is_dir():
            raise McpHttpError(f"cannot write the report {path}: it is a directory")
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8")
            return
        replace_file(place, text)
    except OSError as error:
        raise McpHttpError(f"cannot write the report {path}: {error.strerror or error}") from error


def replace_file(place: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    beside = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
