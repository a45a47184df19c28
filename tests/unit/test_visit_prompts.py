"""What the visit makes up for prompts, and what it can ask completions for."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.visit import MADE_UP, argument_names, made_up_arguments, variables_in


@pytest.mark.parametrize(
    ("arguments", "names", "made_up"),
    [
        (None, [], {}),
        ([], [], {}),
        ({"a": {}}, [], {}),
        (["a", 5], [], {}),
        ([{"name": "a"}, {"name": "b", "required": True}], ["a", "b"], {"b": MADE_UP}),
        ([{"name": "a", "required": False}], ["a"], {}),
        ([{"name": 5, "required": True}, {"name": "b", "required": True}], ["b"], None),
        ([{"name": "a", "required": "yes"}], ["a"], {"a": MADE_UP}),
    ],
)
def test_arguments(arguments: Any, names: list[str], made_up: dict[str, str] | None) -> None:
    prompt = {"name": "p", **({} if arguments is None else {"arguments": arguments})}
    assert argument_names(prompt) == names
    assert made_up_arguments(prompt) == made_up


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("a://b", []),
        ("a://{b}/{c}", ["b", "c"]),
        ("a://{+path}{?x,y*}{&z:3}{#f}", ["path", "x", "y", "z", "f"]),
        ("a://{}/{ }", []),
        ("a://{b", []),
        ("a://{b.c}", ["b.c"]),
    ],
)
def test_variables_of_a_template(template: str, names: list[str]) -> None:
    assert variables_in(template) == names
