from __future__ import annotations

import pytest

from pytest_mcp_http._roles import REFERENCE_ROLES, ROLES, Role, missing, parse


@pytest.mark.parametrize("name", ROLES)
def test_the_example_of_each_role_is_accepted(name: str) -> None:
    example = ROLES[name].partition(": ")[2]
    assert parse(example).name == name
    assert example in missing(name)


def test_a_line_becomes_a_call() -> None:
    role = parse('slow = crunch/it {"key": "$KEY", "rows": [$N], "wait": {"ms": $MS}}')
    assert role.params(key="a-1", n=3, ms=20) == {
        "name": "crunch/it",
        "arguments": {"key": "a-1", "rows": [3], "wait": {"ms": 20}},
    }


def test_arguments_may_be_left_out() -> None:
    assert parse("ask=book") == Role("ask", "book", "{}")
    assert parse("ask=book").params(key="x") == {"name": "book", "arguments": {}}


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("", f"with one of the roles {', '.join(ROLES)}"),
        ("slow", "with one of the roles"),
        ("shout = say {}", "with one of the roles"),
        ("slow = ", "with one of the roles"),
        ("slow = count {oops}", "a JSON object as arguments, for example slow = count"),
        ("slow = count [1]", "a JSON object as arguments"),
        ("slow = count {} {}", "a JSON object as arguments"),
        ('slow = count {"a": $WHAT}', "$WHAT is none"),
    ],
)
def test_another_line_is_refused_with_what_is_accepted(line: str, accepted: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(line)
    assert accepted in str(caught.value)


def test_every_role_has_a_tool_of_the_reference_server() -> None:
    assert {role.name for role in REFERENCE_ROLES} <= set(ROLES)
    for role in REFERENCE_ROLES:
        assert role.params(key="k", n=1, ms=1)["name"] == role.tool
