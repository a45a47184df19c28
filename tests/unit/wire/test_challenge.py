from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcp_http.wire.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Bearer", [("bearer", {})]),
        ('Bearer realm="x"', [("bearer", {"realm": "x"})]),
        ("bEaReR  Scope=a", [("bearer", {"scope": "a"})]),
        (
            'Bearer error="invalid_token", scope="a b" ,resource_metadata = "https://h/x?a=b,c"',
            [
                (
                    "bearer",
                    {"error": "invalid_token", "scope": "a b", "resource_metadata": "https://h/x?a=b,c"},
                )
            ],
        ),
        ('Basic realm="a, b", Bearer error=x', [("basic", {"realm": "a, b"}), ("bearer", {"error": "x"})]),
        ("Negotiate YWJj==, Bearer", [("negotiate", {}), ("bearer", {})]),
        ("Negotiate, Basic realm=x, ,", [("negotiate", {}), ("basic", {"realm": "x"})]),
        (
            r'Bearer realm="a \"quoted\" word"',
            [("bearer", {"realm": 'a "quoted" word'})],
        ),
        # By the grammar this is no parameter, but a token with padding.
        ("Bearer scope=", [("bearer", {})]),
    ],
)
def test_good(value: str, found: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges([value]) == tuple(Challenge(*each) for each in found)


@pytest.mark.parametrize(
    "value", ['Bearer scope="a', "=x", 'Bearer "x"', "Bearer a=b c=d", 'Bearer a="b"c', "ä"]
)
def test_bad(value: str) -> None:
    assert parse_challenges([value]) is None


def test_several_lines_are_one_list() -> None:
    found = parse_challenges(["Basic", 'Bearer scope="a"'])
    assert found is not None
    assert [each.scheme for each in found] == ["basic", "bearer"]


def test_a_repeated_parameter_is_told_and_the_first_counts() -> None:
    assert parse_challenges(["Bearer scope=a, scope=b"]) == (Challenge("bearer", {"scope": "a"}, ("scope",)),)


def test_nothing() -> None:
    assert parse_challenges([]) == ()


@given(st.text(alphabet=st.sampled_from('Bb =,"\\a1\t'), max_size=40))
def test_any_text_gives_challenges_or_none(value: str) -> None:
    found = parse_challenges([value])
    assert found is None or all(isinstance(each, Challenge) for each in found)
