"""What a load came to: numbers from Locust's statistics, as JSON or Markdown. Must not import Locust."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

PERCENTILES: Final = (0.5, 0.9, 0.95, 0.99, 1.0)
FORMATS: Final = (".json", ".md")


def summary(stats: Any, memory: Iterable[int], users: int) -> dict[str, Any]:
    """Return the numbers of a run as plain JSON.

    Args:
        stats: Locust's `RequestStats`.
        memory: Bytes that the process took, sampled while all users ran.
        users: Users at once, at most.
    """
    samples = list(memory)
    total = stats.total
    return {
        "users": users,
        "seconds": round((total.last_request_timestamp or total.start_time) - total.start_time, 3),
        "total": _entry(total),
        "requests": {
            entry.name: _entry(entry) for entry in sorted(stats.entries.values(), key=lambda e: e.name)
        },
        "errors": _errors(stats.errors.values()),
        "memory": {"first": samples[0], "last": samples[-1], "most": max(samples)} if samples else None,
    }


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "count": entry.num_requests,
        "failures": entry.num_failures,
        "per_second": round(entry.total_rps, 1),
        "milliseconds": {
            f"p{share * 100:g}": entry.get_response_time_percentile(share) for share in PERCENTILES
        },
    }


def _errors(errors: Iterable[Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for error in errors:
        kinds = found.setdefault(str(error.error), {})
        kinds[error.name] = kinds.get(error.name, 0) + error.occurrences
    return found


def markdown(numbers: Mapping[str, Any]) -> str:
    """Return the numbers of a run as a page of Markdown."""
    heads = [f"p{share * 100:g} ms" for share in PERCENTILES]
    lines = [
        f"# Load: {numbers['users']} users at once, {numbers['total']['count']} requests",
        "",
        _line("Request", "count", "failures", "per second", *heads),
        _line("---", *["---:"] * (3 + len(heads))),
    ]
    for name, entry in {**numbers["requests"], "all": numbers["total"]}.items():
        times = [f"{value:g}" for value in entry["milliseconds"].values()]
        lines.append(_line(name, entry["count"], entry["failures"], entry["per_second"], *times))
    lines += ["", "## Errors by kind", ""]
    for kind, places in numbers["errors"].items():
        shown = ", ".join(f"{count} of {name}" for name, count in places.items())
        lines.append(f"- {kind}: {shown}")
    lines += [] if numbers["errors"] else ["None."]
    memory = numbers["memory"]
    if memory:
        first, last, most = (f"{memory[name] / 2**20:.0f} MiB" for name in ("first", "last", "most"))
        lines += [
            "",
            f"The process with the users took {first} at first, {last} at last, {most} at most.",
        ]
    return "\n".join(lines) + "\n"


def _line(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def write(path: Path, numbers: Mapping[str, Any]) -> None:
    """Write the numbers of a run, in the format that the name of the file asks for.

    Args:
        path: A file whose name ends in `.json` or `.md`.
        numbers: What `summary` returned.
    """
    text = json.dumps(numbers, indent=2) + "\n" if path.suffix == ".json" else markdown(numbers)
    path.write_text(text, encoding="utf-8")
