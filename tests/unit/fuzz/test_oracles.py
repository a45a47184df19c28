"""Every legal outcome of a changed request is taken, and what breaks a requirement is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.fuzz import oracles
from pytest_mcp_http.fuzz.mutation import Base, Mutation, Node, Path
from pytest_mcp_http.fuzz.oracles import Oracle, Sent
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import ABSENT, encode

PROMPT = Base("prompts/get x", {"jsonrpc": "2.0", "method": "prompts/get", "params": {"name": "x"}})
OPENING = Base("initialize", {"jsonrpc": "2.0", "method": "initialize", "params": {}}, opens=True)
TOOL = {
    "name": "t",
    "inputSchema": {
        "type": "object",
        "properties": {"n": {"type": "integer", "maximum": 9}, "o": {"type": "string"}},
        "required": ["n"],
    },
}
CALL = Base(
    "tools/call t",
    {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "t", "arguments": {"n": 1}}},
    tool=TOOL,
)
NAME: Path = ("params", "name")
NUMBER: Path = ("params", "arguments", "n")


def error(code: int = -32602, id: object = 7, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "No", **members}}


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "result": members}


def sent(
    *answer: Any,
    base: Base = PROMPT,
    path: Path = NAME,
    after: Any = "y",
    before: Any = "x",
    status: int | None = 200,
    end: End = End.EOF,
    stream: bool = False,
    revision: str = "2025-11-25",
    then: Exchange | None = None,
) -> Sent:
    mutation = Mutation(Node(base, path, before), after)
    message = mutation.message(7)
    body = b"".join(each if isinstance(each, bytes) else encode(each) for each in answer)
    kind = "text/event-stream" if stream else "text/html" if body[:1] == b"<" else "application/json"
    headers = (("MCP-Protocol-Version", "2025-11-25"),)
    exchange = Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(headers), encode(message)),
        status=status,
        headers=Headers((("content-type", kind),) if body or stream else ()),
        chunks=(Chunk(b"data: " + body + b"\n\n" if stream and body else body, 0.0),) if body else (),
        end=end,
    )
    return Sent(mutation, message, revision, exchange, then, "ping")


def verdict(oracle: Oracle, judged: Sent) -> str:
    try:
        return "pass" if oracle(judged) else "nothing"
    except RequirementViolated as outcome:
        if outcome.exchange is not judged.exchange:
            return "no proof"
        return "note" if outcome.note else "red"


HALF = {"after": "\ud800"}
NO_ID: dict[str, Any] = {"path": ("id",), "after": ABSENT, "before": 0}
BAD_VERSION: dict[str, Any] = {"path": ("jsonrpc",), "after": "1.0", "before": "2.0"}
BAD_ID: dict[str, Any] = {"path": ("id",), "after": {}, "before": 0}
NO_METHOD: dict[str, Any] = {"path": ("method",), "after": ABSENT, "before": "prompts/get"}
CRASH = b"<h1>Internal Server Error</h1>"
TIMEOUT: dict[str, Any] = {"status": None, "end": End.TIMEOUT}
ARGUMENT: dict[str, Any] = {"base": CALL, "path": NUMBER, "before": 1}
TOOL_ERROR = result(content=[], isError=True)
SERVED = result(content=[])
INPUT_REQUIRED = result(resultType="input_required", inputRequests={})

CASES: list[tuple[Callable[[Sent], bool], Sent, str]] = [
    (oracles.answered, sent(result()), "pass"),
    (oracles.answered, sent(error()), "pass"),
    (oracles.answered, sent(error(), status=400), "pass"),
    (oracles.answered, sent(CRASH, status=413), "pass"),
    (oracles.answered, sent(error(), stream=True), "pass"),
    (oracles.answered, sent(CRASH, status=500), "red"),
    (oracles.answered, sent(CRASH, status=502), "red"),
    (oracles.answered, sent(error(-32603), status=500), "note"),
    (oracles.answered, sent(CRASH, status=500, **HALF), "note"),
    (oracles.answered, sent(**TIMEOUT), "red"),
    (oracles.answered, sent(status=None, end=End.RESET), "red"),
    (oracles.answered, sent(status=None, end=End.UNREACHABLE), "nothing"),
    (oracles.answered, sent(status=202), "red"),
    (oracles.answered, sent(CRASH), "red"),
    (oracles.answered, sent(stream=True), "note"),
    (oracles.answered, sent(b"{", end=End.TOO_LARGE), "pass"),
    (oracles.answered, sent(status=403), "nothing"),
    (oracles.answered, sent(CRASH, status=500, **BAD_VERSION), "nothing"),
    (oracles.answered, sent(status=202, **NO_ID), "pass"),
    (oracles.answered, sent(CRASH, status=500, **NO_ID), "note"),
    (oracles.answered, sent(**TIMEOUT, **NO_ID), "red"),
    (oracles.answered, sent(**TIMEOUT, **ARGUMENT, after=5), "nothing"),
    (oracles.answered, sent(CRASH, status=500, **ARGUMENT, after=5), "red"),
    (oracles.survived, sent(result()), "nothing"),
    (oracles.survived, sent(result(), then=sent(result()).exchange), "pass"),
    (oracles.survived, sent(result(), then=sent(status=None, end=End.UNREACHABLE).exchange), "red"),
    (oracles.survived, sent(result(), then=sent(CRASH, status=500).exchange, **HALF), "note"),
    (oracles.content_type, sent(result()), "pass"),
    (oracles.content_type, sent(CRASH), "red"),
    (oracles.content_type, sent(CRASH, status=500), "nothing"),
    (oracles.utf8, sent(result(text="é")), "pass"),
    (oracles.utf8, sent(b'{"jsonrpc":"2.0","id":7,"result":{"text":"\xff"}}'), "red"),
    (oracles.version, sent({**result(), "jsonrpc": 2.0}), "red"),
    (oracles.version, sent(CRASH), "nothing"),
    (oracles.result_xor_error, sent({**result(), "error": None}), "red"),
    (oracles.error_shape, sent({**error(), "error": "No"}), "red"),
    (oracles.error_shape, sent(result()), "nothing"),
    (oracles.error_code, sent(error(code=1.5)), "red"),  # type: ignore[arg-type]
    (oracles.result_id, sent(result()), "pass"),
    (oracles.result_id, sent({**result(), "id": "7"}), "red"),
    (oracles.result_id, sent(error(id=None)), "nothing"),
    (oracles.result_id, sent({**result(), "id": 2**63}, path=("id",), after=2**63 + 1, before=0), "nothing"),
    (oracles.error_id, sent(error()), "pass"),
    (oracles.error_id, sent(error(id=None)), "red"),
    (oracles.error_id, sent(error(id=None), **HALF), "nothing"),
    (oracles.error_id, sent(error(id=None), **BAD_VERSION), "nothing"),
    (oracles.error_id, sent(error(id=None), base=OPENING, path=("method",), after="x"), "nothing"),
    (oracles.malformed_refused, sent(error(-32600), **BAD_VERSION), "pass"),
    (oracles.malformed_refused, sent(error(-32600), status=400, **BAD_VERSION), "pass"),
    (oracles.malformed_refused, sent(CRASH, status=400, **BAD_VERSION), "pass"),
    (oracles.malformed_refused, sent(error(-32602), status=400, **BAD_VERSION), "note"),
    (oracles.malformed_refused, sent(result(), **BAD_VERSION), "red"),
    (oracles.malformed_refused, sent(CRASH, status=500, **BAD_VERSION), "red"),
    (oracles.malformed_refused, sent(error(), **BAD_ID), "pass"),
    (oracles.malformed_refused, sent(status=202, **BAD_ID), "pass"),
    (oracles.malformed_refused, sent(CRASH, status=500, **BAD_ID), "red"),
    (oracles.malformed_refused, sent(status=202, **NO_METHOD), "note"),
    (oracles.malformed_refused, sent(CRASH, status=500), "nothing"),
    (oracles.params_refused, sent(error(), after=5), "pass"),
    (oracles.params_refused, sent(error(), after=ABSENT), "pass"),
    (oracles.params_refused, sent(error(-32600), after=5), "note"),
    (oracles.params_refused, sent(result(), after=5), "red"),
    (oracles.params_refused, sent(error(-32603), after=5), "red"),
    (oracles.params_refused, sent(result(), after="y"), "nothing"),
    (oracles.params_refused, sent(result(), path=("params", "extra"), after=5, before=ABSENT), "nothing"),
    (oracles.arguments_refused, sent(TOOL_ERROR, **ARGUMENT, after=[]), "pass"),
    (oracles.arguments_refused, sent(error(), **ARGUMENT, after=[]), "pass"),
    (oracles.arguments_refused, sent(SERVED, **ARGUMENT, after=[]), "red"),
    (oracles.arguments_refused, sent(SERVED, **ARGUMENT, after=ABSENT), "red"),
    (oracles.arguments_refused, sent(SERVED, **ARGUMENT, after="5"), "note"),
    (oracles.arguments_refused, sent(SERVED, **ARGUMENT, after=10), "note"),
    (oracles.arguments_refused, sent(INPUT_REQUIRED, **ARGUMENT, after=[]), "pass"),
    (oracles.arguments_refused, sent(SERVED, **ARGUMENT, after=5), "nothing"),
    (
        oracles.arguments_refused,
        sent(SERVED, base=CALL, path=("params", "arguments", "o"), before=ABSENT, after=None),
        "nothing",
    ),
    (oracles.arguments_refused, sent(SERVED), "nothing"),
    (oracles.arguments_tool_error, sent(TOOL_ERROR, **ARGUMENT, after=10), "pass"),
    (oracles.arguments_tool_error, sent(error(), **ARGUMENT, after=10), "red"),
    (oracles.arguments_tool_error, sent(error(), **ARGUMENT, after=10, revision="2026-07-28"), "note"),
    (
        oracles.arguments_tool_error,
        sent(error(), base=CALL, path=("params", "arguments"), before={}, after=[]),
        "nothing",
    ),
]


@pytest.mark.parametrize(
    ("oracle", "judged", "expected"),
    CASES,
    ids=[f"{oracle.__name__}-{number}" for number, (oracle, _, _) in enumerate(CASES)],
)
def test_outcomes_are_judged(oracle: Oracle, judged: Sent, expected: str) -> None:
    assert verdict(oracle, judged) == expected


def test_every_oracle_is_tested() -> None:
    assert {oracle for oracle, _, _ in CASES} == set(oracles.ORACLES)


@pytest.mark.parametrize("schema", [{"type": 5}, {"$ref": "https://elsewhere.example/x"}, {"pattern": "("}])
def test_schemas_that_cannot_be_read_judge_nothing(schema: dict[str, Any]) -> None:
    base = Base("tools/call t", CALL.message, tool={"name": "t", "inputSchema": schema})
    assert verdict(oracles.arguments_refused, sent(SERVED, base=base, path=NUMBER, after=[])) == "nothing"
