"""The committed message schemas are what the generator makes of the installed mcp-types."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from pytest_mcp_http.spec.revisions import REVISIONS

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "pytest_mcp_http" / "spec" / "schemas"


def mcp_types_major() -> int:
    try:
        return int(importlib.metadata.version("mcp-types").partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return 0


needs_mcp_types = pytest.mark.skipif(mcp_types_major() != 2, reason="the generator needs mcp-types 2.x")


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location(
        "generate_schemas", ROOT / "scripts" / "generate_schemas.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_mcp_types
def test_committed_schemas_are_current(generator):
    assert generator.stale() == []


@needs_mcp_types
def test_check_names_stale_and_missing_files_and_writes_nothing(generator, tmp_path, capsys):
    shutil.copytree(SCHEMAS, tmp_path, dirs_exist_ok=True)
    assert generator.main(["--check", "--folder", str(tmp_path)]) == 0
    (tmp_path / "2025-06-18.json").write_text("{}\n", encoding="utf-8")
    (tmp_path / "2025-11-25.json").unlink()
    assert generator.main(["--check", "--folder", str(tmp_path)]) == 1
    reported = [Path(line.removeprefix("stale: ")).name for line in capsys.readouterr().out.splitlines()]
    assert reported == ["2025-06-18.json", "2025-11-25.json"]
    assert (tmp_path / "2025-06-18.json").read_text(encoding="utf-8") == "{}\n"
    assert not (tmp_path / "2025-11-25.json").exists()


@needs_mcp_types
def test_writing_makes_stale_files_current(generator, tmp_path):
    assert generator.main(["--folder", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{revision}.json" for revision in REVISIONS]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (SCHEMAS / path.name).read_bytes()


@needs_mcp_types
def test_a_correction_of_a_vanished_member_is_an_error(generator, monkeypatch):
    monkeypatch.setitem(generator.INTRODUCED["2025-11-25"], "Tool", ("no_such_member",))
    with pytest.raises(KeyError, match="no_such_member"):
        generator.generate("2025-11-25")


@pytest.mark.parametrize("revision", REVISIONS)
def test_schemas_hold_no_prose_no_closed_object_and_no_format(revision):
    schemas = json.loads((SCHEMAS / f"{revision}.json").read_text(encoding="utf-8"))
    roots = [schemas["error"], *schemas["$defs"].values()]
    roots += [
        schema for kind in ("results", "requests", "notifications") for schema in schemas[kind].values()
    ]
    keywords = {key for root in roots for key in keywords_of(root)}
    assert keywords.isdisjoint({"title", "description", "examples", "default", "format", "contentEncoding"})
    assert not any(is_false for root in roots for is_false in closed_objects_of(root))


def keywords_of(schema):
    for key, value in schema.items():
        yield key
        for child in children_of(key, value):
            yield from keywords_of(child)


def closed_objects_of(schema):
    yield schema.get("additionalProperties") is False
    for key, value in schema.items():
        for child in children_of(key, value):
            yield from closed_objects_of(child)


def children_of(key, value):
    if key == "properties":
        return list(value.values())
    if key == "anyOf":
        return value
    return [value] if key in ("items", "additionalProperties") and isinstance(value, dict) else []
