"""The generated page of requirements is what the registry, the suite and the faults say now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pytest_mcp_http._list import rows

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "generate_requirements_doc.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_requirements_doc", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_of_client_rules_is_current() -> None:
    script = SCRIPT.with_name("generate_client_rules_doc.py")
    spec = importlib.util.spec_from_file_location("client_rules_doc", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--check"]) == 0, "run: python scripts/generate_client_rules_doc.py"


def test_page_of_requirements_is_current(generator: ModuleType) -> None:
    current = generator.PAGE.read_text(encoding="utf-8") == generator.page(rows())
    assert current, "run: python scripts/generate_requirements_doc.py"


def test_check_tells_a_stale_page(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "PAGE", tmp_path / "requirements.md")
    assert generator.main(["--check"]) == 1
    assert "run python scripts/generate_requirements_doc.py" in capsys.readouterr().err
    assert not generator.PAGE.exists()
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    generator.PAGE.write_text(generator.PAGE.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert generator.main(["--check"]) == 1


def test_every_requirement_check_and_fault_is_on_the_page(generator: ModuleType) -> None:
    listed = rows()
    text = generator.page(listed)
    for row in listed:
        assert f"| `{row.id}` | {row.level} |" in text
        assert all(f"`{name}`" in text for name in (*row.checks, *row.faults))


def test_wordings_mean_themselves_in_a_table(generator: ModuleType) -> None:
    assert generator._escaped("a | b <c> *d* _e_") == "a \\| b \\<c> \\*d\\* \\_e\\_"
