from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.elicitation import (
    assert_demanded_elicitations,
    assert_elicitation_modes,
    assert_elicitation_params,
    assert_form_schemas,
    assert_no_links_in_forms,
    assert_no_secrets_asked,
    demanded_elicitations,
    elicitation_ids,
    elicitations,
)
from pytest_mcp_http.errors import RequirementViolated

NEW = "2025-11-25"
OLD = "2025-06-18"


def request(params: Any, id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": params}


def form(properties: Any, **members: Any) -> dict[str, Any]:
    return {
        "message": "Why?",
        "requestedSchema": {"type": "object", "properties": properties, **members.pop("schema", {})},
        **members,
    }


def field(**members: Any) -> dict[str, Any]:
    return form({"a": members})


@pytest.fixture(params=["request on a stream", "input request"])
def asking(request: pytest.FixtureRequest, reply: Any) -> Any:
    """Return what makes a response that asks for an elicitation with some params, in one of the eras."""

    def make(params: Any) -> Any:
        message = {"method": "elicitation/create", "params": params}
        if request.param == "input request":
            result = {"resultType": "input_required", "inputRequests": {"k": message}}
            return reply({"jsonrpc": "2.0", "id": 1, "result": result})
        return reply({"jsonrpc": "2.0", "id": "e", **message}, stream=True)

    return make


def test_elicitations_of_both_eras_are_found(asking: Any) -> None:
    [(place, params)] = elicitations(asking({"message": "Why?"}))
    assert place in ("the request 'e'", "inputRequests['k']")
    assert params == {"message": "Why?"}
    assert elicitations(asking(5))[0][1] == {}


@pytest.mark.parametrize(
    ("declared", "mode"), [({}, "form"), ({"form": {}}, "form"), ({"form": {}}, None), ({"url": {}}, "url")]
)
def test_declared_modes(asking: Any, declared: Any, mode: str | None) -> None:
    assert_elicitation_modes(asking({} if mode is None else {"mode": mode}), {"elicitation": declared})


@pytest.mark.parametrize(
    ("declared", "mode"), [({}, "url"), ({"form": {}}, "url"), ({"url": {}}, "form"), ({"url": {}}, None)]
)
def test_undeclared_modes(asking: Any, declared: Any, mode: str | None) -> None:
    with pytest.raises(RequirementViolated, match="mode"):
        assert_elicitation_modes(asking({} if mode is None else {"mode": mode}), {"elicitation": declared})


@pytest.mark.parametrize("params", [{"message": ""}, {"mode": "form", "message": "a"}, {"mode": "url"}])
def test_good_params(asking: Any, params: Any) -> None:
    assert_elicitation_params(asking(params))


@pytest.mark.parametrize("params", [{}, 5, {"message": 5}, {"mode": "x", "message": "a"}, {"mode": ["form"]}])
def test_bad_params(asking: Any, params: Any) -> None:
    with pytest.raises(RequirementViolated):
        assert_elicitation_params(asking(params))


@pytest.mark.parametrize("revision", [OLD, NEW, "2026-07-28"])
@pytest.mark.parametrize(
    "params",
    [
        form({}),
        form(
            {"a": {"type": "string"}},
            schema={"required": ["a"], "$schema": "x", "additionalProperties": False},
        ),
        field(type="string", format="email", minLength=1, pattern="a", default="a@b.c"),
        field(type="string", enum=["a"], enumNames=["A"]),
        field(type="integer", minimum=0),
        field(type="boolean", default=True),
        {"mode": "url", "requestedSchema": 5},
    ],
)
def test_good_forms(asking: Any, params: Any, revision: str) -> None:
    assert_form_schemas(asking(params), revision)


CHOICES = [{"const": "a", "title": "A"}]


@pytest.mark.parametrize(
    "params",
    [
        field(type="array", items={"type": "string", "enum": ["a"]}),
        field(type="array", items={"anyOf": CHOICES}),
    ],
)
def test_choices_came_later(asking: Any, params: Any) -> None:
    assert_form_schemas(asking(params), NEW)
    with pytest.raises(RequirementViolated, match="array"):
        assert_form_schemas(asking(params), OLD)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"requestedSchema": []},
        form(5),
        form({"a": 5}),
        form({}, schema={"type": "array"}),
        form({}, schema={"required": "a"}),
        form({}, schema={"required": [5]}),
        field(type="object", properties={}),
        field(type=["string", "null"]),
        field(anyOf=[{"type": "string"}]),
        field(type="string", format="password"),
        field(type="string", enum=[1]),
        field(type="string", oneOf=[{"const": "a"}]),
        field(type="array", items={"type": "object"}),
        field(type="array"),
    ],
)
def test_bad_forms(asking: Any, params: Any) -> None:
    with pytest.raises(RequirementViolated):
        assert_form_schemas(asking(params), NEW)


@pytest.mark.parametrize(
    "params",
    [
        form({"a": {"type": "string", "default": "https://a.b/", "enum": ["https://a.b/"]}}),
        form({"a": {"type": "string", "title": 5}}, message=5),
        {"mode": "url", "message": "https://a.b/"},
        {"requestedSchema": {"properties": [5]}},
    ],
)
def test_forms_without_links(asking: Any, params: Any) -> None:
    assert_no_links_in_forms(asking(params))


@pytest.mark.parametrize(
    ("params", "note"),
    [
        (form({}, message="Go to [a](https://a.b/)"), False),
        (form({}, message='<a class="b" href="//a.b">a</a>'), False),
        (field(type="string", description="see <https://a.b>"), False),
        (form({}, message="Fetch https://a.b/?"), True),
        (field(type="string", title="HTTP://a.b"), True),
    ],
)
def test_forms_with_links(asking: Any, params: Any, note: bool) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_no_links_in_forms(asking(params))
    assert caught.value.note is note


@pytest.mark.parametrize(
    "name", ["password", "Client-Secret", "api_key", "accessToken", "CVV", "credit_card"]
)
def test_secrets_are_known_by_name(asking: Any, name: str) -> None:
    with pytest.raises(RequirementViolated, match=name):
        assert_no_secrets_asked(asking(form({name: {"type": "string"}})))


def test_secrets_are_known_by_format(asking: Any) -> None:
    with pytest.raises(RequirementViolated):
        assert_no_secrets_asked(asking(field(type="string", format="password")))


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("email", "string"),
        ("password_hint", "string"),
        ("token", "string"),
        ("secret", "boolean"),
        ("keyword", "string"),
    ],
)
def test_other_names_are_left_alone(asking: Any, name: str, type: str) -> None:
    assert_no_secrets_asked(asking(form({name: {"type": type}, "b": 5})))


def demand(reply: Any, *elicitations: Any, code: int = -32042) -> Any:
    error = {"code": code, "message": "m", "data": {"elicitations": list(elicitations)}}
    return reply({"jsonrpc": "2.0", "id": 1, "error": error})


GOOD = {"mode": "url", "message": "m", "url": "https://a.b/", "elicitationId": "e"}


def test_demanded_elicitations(reply: Any) -> None:
    exchange = demand(reply, GOOD)
    assert demanded_elicitations(assert_demanded_elicitations(exchange)) == [
        ("error.data.elicitations[0]", GOOD)
    ]
    assert elicitation_ids(exchange) == ["e"]
    assert not demanded_elicitations(demand(reply, GOOD, code=-32602))


@pytest.mark.parametrize(
    "elicitation",
    [5, {}, {**GOOD, "mode": "form"}, *({k: v for k, v in GOOD.items() if k != name} for name in GOOD)],
)
def test_demands_of_something_else(reply: Any, elicitation: Any) -> None:
    with pytest.raises(RequirementViolated):
        assert_demanded_elicitations(demand(reply, GOOD, elicitation))


def test_ids_of_requests(reply: Any) -> None:
    exchange = reply(request(GOOD), request({**GOOD, "elicitationId": 5}, 2), request(form({})), stream=True)
    assert elicitation_ids(exchange) == ["e", 5]
