"""Tampered forms of a state: all differ from it, and reach the values of those that can be read."""

from __future__ import annotations

import base64
import json

import pytest

from pytest_mcp_http.suite._tampering import MAX_VALUES, forms

VALUES = {"step": 1, "name": "ab", "done": False, "more": [2.5, None], "": ""}
PLAIN = json.dumps(VALUES)


def coded(text: str, *, padded: bool = True) -> str:
    found = base64.urlsafe_b64encode(text.encode()).decode()
    return found if padded else found.rstrip("=")


TOKEN = ".".join(coded(part, padded=False) for part in ('{"alg":"HS256"}', '{"n":1}', "signature"))


@pytest.mark.parametrize(
    "state", ["x", "1", "v1.dtMPR7kfpqdhntG8aOO3w0wi1OM", PLAIN, coded(PLAIN), TOKEN, "ü✓ ", "[[["]
)
def test_every_form_differs(state: str) -> None:
    found = [form.of(state) for form in forms(state)]
    assert state not in found
    assert len(forms(state)) >= 4


def test_an_empty_state_gets_no_value() -> None:
    assert [form.of("") for form in forms("")] == ["A", "", "A", "mcp-http-check"]


def test_values_of_plain_json_are_changed_one_at_a_time() -> None:
    found = [json.loads(form.of(PLAIN)) for form in forms(PLAIN) if form.name.startswith("value")]
    assert len(found) == MAX_VALUES
    assert [each["step"] for each in found] == [2, 1, 1, 1]
    assert [each["name"] for each in found] == ["ab", "ac", "ab", "ab"]
    assert [each["done"] for each in found] == [False, False, True, False]
    assert [each["more"][0] for each in found] == [2.5, 2.5, 2.5, 3.5]


@pytest.mark.parametrize("padded", [True, False])
def test_values_in_base64_are_changed(padded: bool) -> None:
    state = coded('{"step":1}', padded=padded)
    (form,) = [form for form in forms(state) if form.name.startswith("value")]
    changed = form.of(state)
    assert json.loads(base64.urlsafe_b64decode(changed + "=" * (-len(changed) % 4))) == {"step": 2}
    assert changed.endswith("=") is state.endswith("=")


def test_values_of_a_token_are_changed_and_its_signature_kept() -> None:
    found = [form.of(TOKEN).split(".") for form in forms(TOKEN) if form.name.startswith("value")]
    assert [parts[2] for parts in found] == [TOKEN.split(".")[2]] * 2
    assert json.loads(base64.urlsafe_b64decode(found[1][1] + "==")) == {"n": 2}


def test_forms_of_one_state_fit_another() -> None:
    # The state of each dialogue is new, and need not have the same values.
    for form in forms(PLAIN):
        assert form.of("other") != "other"
