"""The prompts and their completion, as each revision has them."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from reference_server.prompts import PAGES, PROMPTS, PromptError

HANDSHAKE = ("2025-03-26", "2025-06-18", "2025-11-25")
REVISIONS = (*HANDSHAKE, "2026-07-28")

UNITS = {"type": "ref/resource", "uri": "reference://units/{unit}"}


def prompt(name: str) -> dict[str, str]:
    """Return a reference to a prompt."""
    return {"type": "ref/prompt", "name": name}


def ask(endpoint: Any, rpc: SimpleNamespace, revision: str, method: str, params: dict[str, Any]) -> Any:
    """Return the response message to a request at a revision."""
    if revision in HANDSHAKE:
        response = endpoint.post(rpc.request(method, params), endpoint.initialize(revision))
    else:
        response = endpoint.modern(method, params)
    return rpc.messages(response)[-1]


def complete(endpoint: Any, rpc: SimpleNamespace, revision: str, ref: object, name: str, value: str) -> Any:
    params = {"ref": ref, "argument": {"name": name, "value": value}}
    return ask(endpoint, rpc, revision, "completion/complete", params)


def test_a_missing_or_impossible_argument_is_named() -> None:
    with pytest.raises(PromptError, match="Missing prompt arguments: text"):
        PROMPTS["review_text"].messages({}, HANDSHAKE[0])
    with pytest.raises(PromptError, match="page must be 1 to 250"):
        PROMPTS["explain_page"].messages({"page": "251"}, HANDSHAKE[0])
    [message] = PROMPTS["review_text"].messages({"text": "abc"}, HANDSHAKE[0])
    assert message["role"] == "user"
    assert "sentiment" in message["content"]["text"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_messages_have_the_content_of_the_revision(
    stateful: Any, rpc: SimpleNamespace, revision: str
) -> None:
    result = ask(stateful, rpc, revision, "prompts/get", {"name": "explain_page"})["result"]
    blocks = [message["content"] for message in result["messages"]]
    links = [] if revision == HANDSHAKE[0] else ["resource_link"]
    assert [block["type"] for block in blocks] == [
        "text",
        "image",
        "audio",
        "resource",
        "resource",
        *links,
        "text",
    ]
    assert {message["role"] for message in result["messages"]} == {"user", "assistant"}
    assert base64.b64decode(blocks[2]["data"], validate=True).startswith(b"RIFF")
    assert blocks[4]["resource"]["blob"] == blocks[1]["data"]


@pytest.mark.parametrize(
    ("ref", "name", "typed", "values"),
    [
        (prompt("review_text"), "focus", "", ["sentiment", "entities", "summary"]),
        (prompt("review_text"), "focus", "S", ["sentiment", "summary"]),
        (prompt("review_text"), "text", "a", []),
        (prompt("explain_page"), "page", "250", ["250"]),
        (UNITS, "unit", "k", ["kg"]),
    ],
)
@pytest.mark.parametrize("revision", REVISIONS)
def test_completion_suggests_what_begins_so(
    stateful: Any,
    rpc: SimpleNamespace,
    revision: str,
    ref: object,
    name: str,
    typed: str,
    values: list[str],
) -> None:
    found = complete(stateful, rpc, revision, ref, name, typed)["result"]["completion"]
    assert found == {"values": values, "total": len(values), "hasMore": False}


def test_completion_gives_a_hundred_values_at_most(stateful: Any, rpc: SimpleNamespace) -> None:
    found = complete(stateful, rpc, HANDSHAKE[-1], prompt("explain_page"), "page", "")["result"]["completion"]
    assert found == {"values": list(PAGES[:100]), "total": 250, "hasMore": True}


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (prompt("none"), "page"),
        (prompt("explain_page"), "none"),
        (prompt("server_status"), "page"),
        ({"type": "ref/resource", "uri": "reference://none/{unit}"}, "unit"),
        ({"type": "ref/resource", "uri": "reference://greeting"}, "unit"),
        ({"type": "ref/none", "name": "explain_page"}, "page"),
        (None, "page"),
        (prompt("explain_page"), 5),
    ],
)
@pytest.mark.parametrize("revision", REVISIONS)
def test_completion_of_nothing_is_refused(
    stateful: Any, rpc: SimpleNamespace, revision: str, ref: object, name: Any
) -> None:
    assert complete(stateful, rpc, revision, ref, name, "")["error"]["code"] == -32602
