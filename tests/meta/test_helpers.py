"""Every assertion helper is the one that the suite judges with, and is proven by the faults of its checks."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pytest_mcp_http import assertions
from pytest_mcp_http.assertions import outcomes
from pytest_mcp_http.spec.registry import requirements
from reference_server.faults import catalogue

SUITE = Path(__file__).resolve().parents[2] / "pytest_mcp_http" / "suite"

HELPERS: dict[str, Callable[..., Any]] = {
    name: getattr(assertions, name) for name in assertions.__all__ if name.startswith("assert_")
}

GENERAL = {
    # The check says which requirement an outcome of this kind breaks.
    "assert_status",
    "assert_no_server_error",
    "assert_refused",
}
COMPOSED = {
    name for name in vars(outcomes) if name in HELPERS and HELPERS[name].__module__ == outcomes.__name__
}
"""What tests expect of one call. They call the others; their own tests prove what they add."""

ALONE = {fault.requirements[0] for fault in catalogue().values() if len(fault.requirements) == 1}


def named(helper: Callable[..., Any]) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(helper, "mcp_requirements", ())
    return found


def used_in_suite() -> Iterator[str]:
    for path in SUITE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Name, ast.Attribute)):
                yield node.id if isinstance(node, ast.Name) else node.attr


def test_the_suite_judges_with_the_public_helpers() -> None:
    # `assert_accepted` is what a test demands of a server that accepts; the check lets it refuse as well.
    assert set(HELPERS) - set(used_in_suite()) - COMPOSED == {"assert_accepted"}


@pytest.mark.parametrize("name", sorted(set(HELPERS) - COMPOSED - GENERAL))
def test_helper_names_requirements_that_a_fault_proves(name: str) -> None:
    ids = named(HELPERS[name])
    assert ids
    assert set(ids) <= set(requirements())
    assert set(ids) & ALONE


def test_helpers_of_one_requirement_have_a_fault_each() -> None:
    of: dict[str, list[str]] = {}
    for name, helper in HELPERS.items():
        for id in named(helper):
            of.setdefault(id, []).append(name)
    alone = {name: [id for id in named(helper) if of[id] == [name]] for name, helper in HELPERS.items()}
    for id, names in of.items():
        faults = [fault for fault in catalogue().values() if fault.requirements == (id,)]
        assert len(faults) >= len([name for name in names if not alone[name]])


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_helper_says_what_it_takes_and_when_it_fails(name: str) -> None:
    text = inspect.getdoc(HELPERS[name]) or ""
    assert text.startswith("Assert that ")
    assert "Raises:" in text
    assert "RequirementViolated" in text


def test_modules_of_the_package_are_public_as_a_whole() -> None:
    for path in (SUITE.parent / "assertions").glob("[a-z]*.py"):
        module = import_module(f"pytest_mcp_http.assertions.{path.stem}")
        helpers = {
            name
            for name, value in vars(module).items()
            if name.startswith("assert_") and value.__module__ == module.__name__
        }
        assert helpers <= set(HELPERS)
