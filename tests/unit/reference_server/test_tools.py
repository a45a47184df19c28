"""The article's tools, prompts and resources: signatures, results, errors."""

from __future__ import annotations

import base64
import inspect
import json
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest

from reference_server import prompts, resources, tools
from reference_server._tool import Caller


async def _ignore(value: float, total: float | None, message: str | None) -> None:
    return None


def run(name: str, /, **arguments: object) -> tuple[Any, bool]:
    result = anyio.run(tools.call_tool, tools.TOOLS[name], arguments, Caller(_ignore))
    return json.loads(result.content[0]["text"]), result.is_error


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("analyze_text", "(text: str, analysis_type: str = 'sentiment') -> str"),
        ("health_check", "() -> str"),
        ("convert_units", "(value: float, from_unit: str, to_unit: str) -> str"),
        ("start_transaction", "(session_id: str) -> str"),
        ("add_operation", "(session_id: str, operation: str) -> str"),
    ],
)
def test_signatures_are_those_of_the_article(name: str, signature: str) -> None:
    function = tools.TOOLS[name].run
    found = str(inspect.signature(function)).replace("'str'", "str").replace("'float'", "float")
    assert found == signature
    parameters = inspect.signature(function).parameters
    assert list(parameters) == list(tools.TOOLS[name].input_schema()["properties"])


def test_analysis() -> None:
    assert run("analyze_text", text="fine") == (
        {"label": "positive", "score": 0.87, "text_length": 4},
        False,
    )
    assert run("analyze_text", text="x" * 101, analysis_type="summary")[0] == {
        "original_length": 101,
        "summary": "x" * 100 + "...",
    }
    assert run("analyze_text", text="", analysis_type="entities")[0]["entities_found"] == 3
    assert run("analyze_text", text="", analysis_type="mood")[1]


def test_health_has_a_time_with_zone() -> None:
    health, failed = run("health_check")
    assert not failed
    assert health["status"] == "healthy"
    assert datetime.fromisoformat(health["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("value", "source", "target", "output"),
    [
        (100, "celsius", "fahrenheit", "212.0000 fahrenheit"),
        (212, "Fahrenheit", "celsius", "100.0000 celsius"),
        (1, "kg", "lb", "2.2046 lb"),
        (1.5, "lb", "KG", "0.6804 KG"),
        (0.1, "celsius", "celsius", None),
        (1, "kg", "celsius", None),
        (10**400, "kg", "lb", None),
    ],
)
def test_conversion(value: float, source: str, target: str, output: str | None) -> None:
    result, failed = run("convert_units", value=value, from_unit=source, to_unit=target)
    assert failed == (output is None)
    if output is None:
        assert result["error"]
    else:
        assert result == {"input": f"{float(value)} {source}", "output": output}


@pytest.mark.parametrize(
    ("name", "arguments", "mentioned"),
    [
        ("analyze_text", {}, "text"),
        ("analyze_text", {"text": 5}, "text"),
        ("analyze_text", {"text": "a", "mood": "b"}, "analysis_type"),
        ("convert_units", {"value": True, "from_unit": "kg", "to_unit": "lb"}, "value"),
        ("count_slowly", {"steps": 0, "milliseconds": 1}, "steps"),
        ("count_slowly", {"steps": 1000, "milliseconds": 1000}, "30000"),
        ("start_transaction", {"session_id": "a"}, "stateless"),
    ],
)
def test_wrong_arguments_give_an_error_that_says_which(
    name: str, arguments: dict[str, object], mentioned: str
) -> None:
    result, failed = run(name, **arguments)
    assert failed
    assert mentioned in result["error"]


def test_hints_are_true() -> None:
    changing = {"start_transaction", "add_operation", "touch_resource", "toggle_item", "run_job", "run_batch"}
    assert changing <= {tool.name for tool in tools.TOOLS.values() if not tool.read_only}


def test_progress_comes_before_the_response_on_the_same_stream(rpc: Any, stateless: Any) -> None:
    response = stateless.post(rpc.call("count_slowly", {"steps": 3, "milliseconds": 1}, "count", "token"))
    *progress, last = rpc.messages(response)
    assert [message["params"]["progress"] for message in progress] == [1, 2, 3]
    assert {message["params"]["progressToken"] for message in progress} == {"token"}
    assert last["id"] == "count"
    assert rpc.messages(stateless.post(rpc.call("count_slowly", {"steps": 3, "milliseconds": 1}))) == [
        {**last, "id": 1}
    ]


def test_resources() -> None:
    pixel = resources.read("reference://pixel")
    assert pixel is not None
    assert base64.b64decode(pixel.blob, validate=True).startswith(b"\x89PNG")
    assert pixel.size == len(base64.b64decode(pixel.blob))
    unit = resources.read("reference://units/kg")
    assert unit is not None
    assert unit.text is not None
    assert json.loads(unit.text)["converts_to"] == "lb"
    assert resources.read("reference://units/none") is None
    assert resources.read("reference://greeting/x") is None


def test_features_over_the_wire(rpc: Any, stateless: Any) -> None:
    def result(method: str, **params: object) -> Any:
        return rpc.messages(stateless.post(rpc.request(method, params)))[0]["result"]

    assert {tool["name"] for tool in result("tools/list")["tools"]} == set(tools.TOOLS)
    assert {prompt["name"] for prompt in result("prompts/list")["prompts"]} == set(prompts.PROMPTS)
    first = result("resources/list")
    second = result("resources/list", cursor=first["nextCursor"])
    assert [item["uri"] for item in (*first["resources"], *second["resources"])] == list(resources.RESOURCES)
    assert result("resources/templates/list")["resourceTemplates"][0]["uriTemplate"] == resources.TEMPLATE_URI
    assert "Grüße" in result("resources/read", uri="reference://greeting")["contents"][0]["text"]
    prompt = result("prompts/get", name="review_text", arguments={"text": "abc"})
    assert "abc" in prompt["messages"][0]["content"]["text"]


@pytest.mark.parametrize("key", ["_meta", "resultType", "ttlMs"])
@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25"])
def test_nothing_of_the_modern_era_leaks(rpc: Any, stateless: Any, key: str, revision: str) -> None:
    for message in (
        rpc.initialize(revision),
        rpc.request("ping"),
        rpc.request("tools/list"),
        rpc.call("health_check", {}),
        rpc.request("resources/list"),
    ):
        [answer] = rpc.messages(stateless.post(message, mcp_protocol_version=revision))
        assert key not in answer["result"]
