"""What the documentation shows is true: its examples run, its options exist, its links lead somewhere."""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi
import pytest

from pytest_mcp_http._list import rows
from pytest_mcp_http._options import settings_from
from pytest_mcp_http.report.json_report import schema
from pytest_mcp_http.spec.registry import requirements
from reference_server import crashes, faults, variants

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
OPTIONS_PAGE = ROOT / "docs" / "reference" / "options.md"
LOCUSTFILE = ROOT / "pytest_mcp_http" / "load" / "locustfile.py"
TUTORIAL = ROOT / "docs" / "tutorial.md"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# ([\w/]+\.py)\n")
OPTION = re.compile(r"(?<![\w-])--mcp-[a-z-]*[a-z]")
INI = re.compile(r"(?<![\w.])mcp_[a-z_]+(?= =|` \(|`)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that the block is, named by its first line."""
        found = FILE_NAME.match(self.text)
        return found[1] if found else None


def blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.language in languages]


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def examples(*, tutorial: bool) -> dict[str, str]:
    """Return the Python files that the pages show, by name."""
    found: dict[str, str] = {}
    for block in blocks("python"):
        name = block.file_name
        if name is not None and (block.page == TUTORIAL) == tutorial:
            assert name not in found, f"{block.place}: {name} is shown twice"
            found[name] = block.text
    return found


@pytest.fixture(scope="session")
def help_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    command = [sys.executable, "-m", "pytest", "--help"]
    done = subprocess.run(
        command, cwd=tmp_path_factory.mktemp("help"), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


# -- examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [pytest.param(b, id=b.place) for b in blocks("python")])
def test_python_compiles_and_names_its_file(block: Block) -> None:
    compile(block.text, block.place, "exec")
    assert block.file_name, "the first line of an example names its file"


def test_examples_run(pytester: pytest.Pytester) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
    files = examples(tutorial=False)
    for name, text in files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
        if not name.startswith(("test_", "conftest")):
            (pytester.path / f"test_import_{name}").write_text(
                f"def test_import():\n    import {name.removesuffix('.py')}\n", encoding="utf-8"
            )
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess(
        "--mcp-suite", "--mcp-revision", "2025-11-25", "--mcp-case", "session.id-visible-ascii"
    )
    outcomes = result.parseoutcomes()
    functions = sum(len(re.findall(r"^(?:async )?def test_", text, re.MULTILINE)) for text in files.values())
    imports = sum(not name.startswith(("test_", "conftest")) for name in files)
    marks = [
        mark for text in files.values() for mark in re.findall(r"@pytest.mark.mcp_revisions\((.*)\)", text)
    ]
    again = sum(mark.count(",") for mark in marks)  # a marked test is run once for each revision
    assert outcomes["passed"] == functions + imports + again + 1
    assert not {"failed", "errors", "skipped"} & set(outcomes)


def test_tutorial_runs(pytester: pytest.Pytester) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="the server of the tutorial needs mcp 2.x")
    files = examples(tutorial=True)
    for name, text in files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    result = pytester.runpytest_subprocess(
        "--mcp-app", "server:app", "--mcp-case", "lifecycle.initialize-result"
    )
    assert result.parseoutcomes()["passed"] == 5


def set_variables(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Set the variables of the environment that a text names."""
    for name in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(name, "a-token-for-the-test")


@pytest.mark.parametrize("block", [pytest.param(b, id=b.place) for b in blocks("toml")])
def test_toml_is_accepted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, block: Block) -> None:
    set_variables(monkeypatch, block.text)
    pytester.makepyprojecttoml(block.text)
    assert settings_from(pytester.parseconfig()) is not None  # a wrong value raises UsageError


def test_report_that_is_shown_fulfils_its_schema() -> None:
    import jsonschema

    shown = [block for block in blocks("json") if '"schema"' in block.text]
    assert shown
    for block in shown:
        report = json.loads(block.text)
        jsonschema.validate(report, schema())
        counted = Counter(row["verdict"] for row in report["results"])
        assert report["totals"] == {verdict: counted[verdict] for verdict in report["totals"]}


def test_every_module_of_helpers_is_described() -> None:
    page = (ROOT / "docs" / "how-to" / "use-assertion-helpers.md").read_text(encoding="utf-8")
    modules = {path.stem for path in (ROOT / "pytest_mcp_http" / "assertions").glob("[a-z]*.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == modules


# -- commands -------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, str, bool]]:
    """Yield every command that the pages show: its place, and whether its output is shown as well."""
    for block in blocks("console"):
        lines = block.text.replace("\\\n", " ").splitlines()
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        # A quoted argument may go on in lines of its own.
        whole = [line for line in lines if line.strip() and not line.startswith(" ")]
        for line in prompted or whole:
            yield block.place, line, bool(prompted)


def commands_of(*starts: str, shown: bool = False) -> list[Any]:
    """Return the commands that start so, or those of them whose output is shown, as parameters of a test."""
    found = [
        (place, line) for place, line, output in commands() if line.startswith(starts) and output >= shown
    ]
    return [pytest.param(line, id=f"{place}-{number}") for number, (place, line) in enumerate(found)]


NOT_RUN = (
    # Set up a machine, or need what no test may count on.
    ("mkdir ", "cd ", ". .venv", "python -m venv", "pip install", "export ", "npx ", "jq ", "diff "),
    # Wait for somebody to end them; the first is run by the tests of its module.
    ("python -m reference_server --mode", "python -m reference_server scale", "uvicorn ", "curl "),
    # A test of its own, tests/conformance/test_official_run.py.
    ("python scripts/official_suite.py",),
    # Its own tests are in tests/plugin/test_load.py; the other one takes minutes.
    ("locust ", "python benchmarks/"),
)


@pytest.mark.parametrize("line", commands_of("pytest"))
def test_command_of_pytest_is_accepted(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    set_variables(monkeypatch, line)
    (pytester.path / "company-root.pem").write_bytes(Path(certifi.where()).read_bytes())
    config = pytester.parseconfig(*shlex.split(line)[1:])
    assert settings_from(config) is not None  # a wrong value raises UsageError


@pytest.mark.parametrize("line", commands_of("pytest", shown=True))
def test_command_with_output_runs(pytester: pytest.Pytester, line: str) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
    fault = re.search(r"fault=([\w.-]+)", line)
    broken = {**faults.catalogue(), **crashes.catalogue()}[fault[1]].requirements if fault else ()
    narrowed = [] if "-k" in line else ["--mcp-case", *(broken or ["lifecycle.initialize-result"])]
    result = pytester.runpytest_subprocess(*shlex.split(line)[1:], *narrowed, timeout=120)
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if fault else pytest.ExitCode.OK)
    assert result.parseoutcomes()


@pytest.mark.parametrize(
    "line", commands_of("python -m pytest_mcp_http", "python -m reference_server --list", "python -c ")
)
def test_command_that_prints_runs(line: str) -> None:
    command = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout


def test_every_other_command_is_known() -> None:
    runs = ("pytest", "python -m pytest_mcp_http", "python -m reference_server --list", "python -c ")
    known = (*runs, *(start for starts in NOT_RUN for start in starts))
    assert not [(place, line) for place, line, _ in commands() if not line.startswith(known)]


# -- names ----------------------------------------------------------------------------------------------


def test_options_that_are_named_exist(help_text: str) -> None:
    known = set(OPTION.findall(help_text))
    assert len(known) > 15
    # Locust has options of the same kind.
    known |= set(OPTION.findall(LOCUSTFILE.read_text(encoding="utf-8")))
    named = {(p.name, option) for p in PAGES for option in OPTION.findall(p.read_text(encoding="utf-8"))}
    assert not [(name, option) for name, option in named if option not in known]


def test_page_of_options_is_complete(help_text: str) -> None:
    page = OPTIONS_PAGE.read_text(encoding="utf-8")
    described = re.findall(r"^\| `(--mcp-[a-z-]+)[^`]*` \| `(mcp_[a-z_]+)`", page, re.MULTILINE)
    assert {option for option, _ in described} == set(OPTION.findall(help_text))
    assert {ini for _, ini in described} == set(re.findall(r"^  (mcp_[a-z_]+) \(", help_text, re.MULTILINE))
    assert len(described) == len(set(described))


def test_defaults_on_the_page_of_options_are_those_of_the_help(help_text: str) -> None:
    page = OPTIONS_PAGE.read_text(encoding="utf-8")
    text = " ".join(help_text.partition("MCP servers over Streamable HTTP")[2].partition("\n\n")[0].split())
    stated = dict(re.findall(r"(--mcp-[a-z-]+)=\S+ (?:(?!--mcp-).)*?\(default ([^)]+)\)", text))
    assert len(stated) >= 7
    for option, default in stated.items():
        row = re.search(rf"^\| `{option} [^`]*` \|[^|]*\| `?([^|`]+)`? \|", page, re.MULTILINE)
        assert row is not None, option
        assert row[1].strip() == default, option


def test_ini_values_in_examples_exist(help_text: str) -> None:
    known = set(re.findall(r"^  (mcp_[a-z_]+) \(", help_text, re.MULTILINE))
    for block in blocks("toml", "ini"):
        for name in re.findall(r"^(mcp_\w+) ?=", block.text, re.MULTILINE):
            assert name in known, block.place


def test_faults_variants_and_requirements_that_are_named_exist() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"(?:fault=|--fault )([a-z][\w.-]*\w)", text):
            assert name in {**faults.catalogue(), **crashes.catalogue()}, f"{page.name}: fault {name}"
        for name in re.findall(r"(?:variant=|--variant )([a-z][\w.-]*\w)", text):
            assert name in variants.catalogue(), f"{page.name}: variant {name}"
        for pattern in re.findall(r'--mcp-case "?([a-z][\w.*-]*)', text):
            assert fnmatch.filter(requirements(), pattern), f"{page.name}: requirement {pattern}"


def test_checks_that_are_named_exist() -> None:
    known = {check for row in rows() for check in row.checks}
    named = {
        (page.name, check)
        for page in PAGES
        for check in re.findall(r"mcp/\w+::test_\w+", page.read_text(encoding="utf-8"))
    }
    assert named
    assert not [(name, check) for name, check in named if check not in known]


def test_modules_that_are_named_exist() -> None:
    for page in PAGES:
        for name in set(re.findall(r"pytest_mcp_http(?:\.[a-z]\w*)+", prose(page))):
            assert importlib.util.find_spec(name) or has(name), f"{page.name}: {name}"


def has(name: str) -> bool:
    """Tell whether a dotted name is an attribute of a module."""
    module, _, attribute = name.rpartition(".")
    found = importlib.util.find_spec(module)
    return found is not None and hasattr(importlib.import_module(module), attribute)


# -- links ----------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_internal_links_lead_somewhere() -> None:
    seen = 0
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), f"{page.relative_to(ROOT)}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.relative_to(ROOT)}: {link}"
            seen += 1
    assert seen > 30


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        page = waiting.pop()
        for link in re.findall(r"\]\(([^)\s#]+\.md)", prose(page)):
            target = (page.parent / link).resolve()
            if target not in reached and not re.match(r"[a-z]+:", link):
                reached.add(target)
                waiting.append(target)
    assert set(PAGES) == reached
