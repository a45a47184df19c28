"""The file that a surface is recorded in: JSON for a review, with one part for revisions that agree.

Knows the form of the file; nothing of servers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_mcp_http.report.json_report import replace_file
from pytest_mcp_http.spec.revisions import REVISIONS
from pytest_mcp_http.surface.recording import KEYS, Surface

FORMAT: Final = "pytest-mcp-http surface 1"


def read(path: str | Path) -> dict[str, Surface]:
    """Return the surfaces in a file by revision; none of a file that does not exist.

    Raises:
        ValueError: If it cannot be read, or was not written by `write`; the message is the reason.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    found: dict[str, Surface] = {}
    parts = content.get("surfaces")
    for part in parts if isinstance(parts, list) else [None]:
        if not isinstance(part, dict) or not isinstance(part.get("revisions"), list):
            raise ValueError("its surfaces are not a list of objects with revisions")
        for revision in part["revisions"]:
            if revision not in REVISIONS or revision in found:
                raise ValueError(f"{revision!r} is an unknown revision, or stands there twice")
            found[revision] = {name: value for name, value in part.items() if name != "revisions"}
        for section in KEYS:
            items = part.get(section, {})
            if not isinstance(items, dict) or not all(isinstance(item, dict) for item in items.values()):
                raise ValueError(f"its {section} are not an object of objects")
    return found


def write(path: str | Path, surfaces: Mapping[str, Surface]) -> None:
    """Write surfaces whole or not at all; a file that holds the same already is not touched.

    Args:
        path: Where to; its directory has to exist.
        surfaces: The surfaces by revision.

    Raises:
        OSError: If it cannot be written.
    """
    parts: list[dict[str, Any]] = []
    for revision in REVISIONS:
        if revision not in surfaces:
            continue
        surface = surfaces[revision]
        for part in parts:
            if {name: value for name, value in part.items() if name != "revisions"} == surface:
                part["revisions"].append(revision)
                break
        else:
            parts.append({"revisions": [revision], **surface})
    text = text_of({"format": FORMAT, "surfaces": parts})
    place = Path(path).resolve()
    if not place.exists() or place.read_text(encoding="utf-8") != text:
        replace_file(place, text)


def text_of(value: object) -> str:
    """Return JSON as it stands in the file: what is not printable, and lone surrogates, as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text) + "\n"
