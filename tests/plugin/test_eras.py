"""Which revisions of which era are judged, found out by the plugin itself, in one process and on workers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

HANDSHAKE = ("2025-03-26", "2025-06-18", "2025-11-25")
MODERN = ("2026-07-28",)
SPOKEN = {"handshake": HANDSHAKE, "modern": MODERN, "dual": HANDSHAKE + MODERN}
NEWEST = {"handshake": HANDSHAKE[-1:], "modern": MODERN, "dual": (HANDSHAKE[-1], *MODERN)}
NEGOTIATES = f"initialize negotiates {', '.join(HANDSHAKE)}"
LISTS = "server/discover lists 2026-07-28"
EVIDENCE = {
    "handshake": (NEGOTIATES, "server/discover gets HTTP 400"),
    "modern": ("initialize gets HTTP 400", LISTS),
    "dual": (NEGOTIATES, LISTS),
}
CHECK = "mcp/schema::test_messages_are_valid"
ERAS = pytest.mark.parametrize("era", sorted(SPOKEN))


def run(pytester: pytest.Pytester, era: str, *arguments: str) -> pytest.RunResult:
    """Run one check, which has its requirement at every revision, against the server of an era."""
    return pytester.runpytest_subprocess(
        "--mcp-reference=stateful",
        f"--mcp-reference-option=era={era}",
        "--mcp-case=schema.messages-valid",
        *arguments,
    )


def judged(result: pytest.RunResult) -> list[str]:
    """Return the revisions at which the check was run or collected, oldest first."""
    return sorted(set(re.findall(re.escape(CHECK) + r"\[([^\]]+)\]", result.stdout.str())))


def assert_header(result: pytest.RunResult, era: str, revisions: Sequence[str]) -> None:
    """Assert that era, revisions and evidence are stated, and that no check was run before."""
    lines = result.outlines
    said = " and ".join(f"the {name} era at {', '.join(each)}" for name, each in by_era(revisions))
    evidence = f"mcp: {era}-era server: {EVIDENCE[era][0]}*; {EVIDENCE[era][1]}*"
    result.stdout.fnmatch_lines([f"mcp: http://127.0.0.1:*judging {said}*", evidence])
    stated = next(i for i, line in enumerate(lines) if line.startswith(f"mcp: {era}-era server"))
    assert stated < next(i for i, line in enumerate(lines) if CHECK in line)


def by_era(revisions: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the revisions of each era that has any, oldest era first."""
    eras = (("handshake", HANDSHAKE), ("modern", MODERN))
    found = [(name, [each for each in revisions if each in spoken]) for name, spoken in eras]
    return [(name, each) for name, each in found if each]


@ERAS
def test_auto_is_the_newest_of_each_era(pytester: pytest.Pytester, era: str) -> None:
    result = run(pytester, era, "-v")
    assert result.ret == pytest.ExitCode.OK
    assert judged(result) == list(NEWEST[era])
    assert result.parseoutcomes()["passed"] == len(NEWEST[era])
    assert_header(result, era, NEWEST[era])


@pytest.mark.parametrize(("era", "workers"), [("handshake", ()), ("modern", ()), ("dual", ("-n", "2"))])
def test_all_is_what_the_server_speaks(pytester: pytest.Pytester, era: str, workers: tuple[str, ...]) -> None:
    result = run(pytester, era, "-v", "--mcp-revision=all", *workers)
    assert result.ret == pytest.ExitCode.OK
    assert judged(result) == list(SPOKEN[era])
    assert result.parseoutcomes()["passed"] == len(SPOKEN[era])
    assert_header(result, era, SPOKEN[era])


@pytest.mark.parametrize(
    ("era", "listed"),
    [("handshake", "2025-11-25,2025-03-26"), ("modern", "2026-07-28"), ("dual", "2026-07-28,2025-06-18")],
)
def test_list_is_taken_as_it_is(pytester: pytest.Pytester, era: str, listed: str) -> None:
    result = run(pytester, era, "--collect-only", "-q", f"--mcp-revision={listed}")
    assert judged(result) == sorted(listed.split(","))


@pytest.mark.parametrize(
    ("era", "listed", "missing", "workers"),
    [
        ("handshake", "2025-11-25,2026-07-28", "2026-07-28", ()),
        ("modern", "2026-07-28,2025-06-18", "2025-06-18", ("-n", "2")),
    ],
)
def test_revision_that_is_not_spoken_is_a_usage_error(
    pytester: pytest.Pytester, era: str, listed: str, missing: str, workers: tuple[str, ...]
) -> None:
    result = run(pytester, era, f"--mcp-revision={listed}", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: mcp: *does not speak {missing}.",
            f"*got:*it speaks {', '.join(SPOKEN[era])}: {EVIDENCE[era][0]}*; {EVIDENCE[era][1]}*",
        ]
    )
    assert not judged(result)
