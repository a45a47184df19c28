"""The building blocks for faults and variants, on JSON bodies and on event streams alike."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

import reference_server
from reference_server import _layers as layers
from reference_server._catalogue import choose, gather
from reference_server._sse import BlockSplitter, EventBlock
from reference_server.faults import Fault
from reference_server.faults import catalogue as faults
from reference_server.variants import Variant
from reference_server.variants import catalogue as variants

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture(params=[True, False], ids=["json", "sse"])
def start(request: pytest.FixtureRequest, serve: Any) -> Any:
    return lambda *given: serve("stateful", *given, json_response=request.param)


def test_messages_are_rewritten_in_both_forms(start: Any, rpc: Any) -> None:
    seen: list[tuple[Any, ...]] = []

    def change(message: Any, context: layers.RequestContext) -> Any:
        seen.append((context.method, context.rpc_method, context.rpc_id, context.revision))
        return {**message, "extra": "ü"}

    endpoint = start(layers.rewrite_message(change))
    session = endpoint.initialize("2025-06-18")
    response = endpoint.post(PING, session)
    assert rpc.messages(response) == [{"jsonrpc": "2.0", "id": 1, "result": {}, "extra": "ü"}]
    assert seen == [("POST", "initialize", "init", "2025-06-18"), ("POST", "ping", 1, "2025-06-18")]
    refused = endpoint.post({**PING, "id": None}, session)
    assert refused.json()["extra"] == "ü"
    assert int(refused.headers["content-length"]) == len(refused.content)


def test_messages_are_dropped_or_multiplied(start: Any, rpc: Any) -> None:
    def change(message: Any, context: layers.RequestContext) -> Any:
        return {"ping": None, "tools/list": [message, message]}.get(context.rpc_method or "", message)

    endpoint = start(layers.rewrite_message(change))
    session = endpoint.initialize()
    assert endpoint.post(PING, session).content == b""
    assert len(rpc.messages(endpoint.post({**PING, "method": "tools/list"}, session))) == 2


def test_modern_answers_are_rewritten_too(start: Any, rpc: Any) -> None:
    seen: list[tuple[Any, ...]] = []

    def change(message: Any, context: layers.RequestContext) -> Any:
        seen.append((context.era, context.revision, context.is_plain, context.session, context.is_initialize))
        return {**message, "extra": "ü"}

    async def twice(call: layers.Call) -> None:
        first = await call.capture()
        assert [message["extra"] for message in first.messages] == ["ü"]
        await call.forward()

    endpoint = start(layers.rewrite_message(change), layers.handle(twice))
    [answer] = rpc.messages(endpoint.modern("server/discover"))
    assert answer["extra"] == "ü"
    assert endpoint.modern("ping").json()["extra"] == "ü"
    plain, other = (("modern", "2026-07-28", each, None, False) for each in (True, False))
    assert seen == [plain, plain, other, other]


def test_modern_events_and_whole_answers_are_replaced(serve: Any, rpc: Any) -> None:
    endpoint = serve(
        "stateless",
        layers.rewrite_events(lambda block, _: block.with_field("id", "7"), before=lambda _: b": hello\n\n"),
        layers.tee(
            lambda context: context.rpc_method == "tools/list",
            lambda response, _: layers.Response(418, response.headers, response.body),
        ),
    )
    params = {"name": "count_slowly", "arguments": {"steps": 2, "milliseconds": 1}}
    response = endpoint.modern("tools/call", params, meta={"progressToken": 1})
    assert response.text.startswith(": hello\n\n")
    assert [block.get("id") for block in rpc.blocks(response.text)[1:]] == ["7"] * 3
    assert endpoint.modern("tools/list").status_code == 418


@pytest.mark.parametrize(
    ("era", "version", "stated", "modern"),
    [
        ("dual", None, None, False),
        ("dual", "2025-11-25", None, False),
        ("dual", "garbage", None, False),
        ("dual", "1999-01-01", None, False),
        ("dual", "2026-07-28", None, True),
        ("dual", "2099-01-01", None, True),
        ("dual", None, "2026-07-28", True),
        ("dual", "2025-11-25", "2026-07-28", True),
        ("dual", "garbage", "garbage", True),
        ("dual", None, "2025-11-25", True),
        ("dual", None, 5, True),
        ("dual", "2025-11-25", "2025-11-25", False),
        ("handshake", "2026-07-28", "2026-07-28", False),
        ("modern", None, None, True),
    ],
)
def test_eras_are_told_apart(era: str, version: str | None, stated: object, modern: bool) -> None:
    meta = {} if stated is None else {"_meta": {"io.modelcontextprotocol/protocolVersion": stated}}
    context = layers.RequestContext(
        method="POST",
        path="/mcp",
        headers=() if version is None else (("mcp-protocol-version", version),),
        body=json.dumps({**PING, "params": meta}).encode(),
        facts=layers.Facts("stateless", era=era),
    )
    assert context.is_modern == modern
    assert context.era == ("modern" if modern else "handshake")
    assert context.is_plain is not modern
    assert context.meta == meta.get("_meta", {})


def test_status_and_headers_are_rewritten(start: Any) -> None:
    def change(status: int, headers: Any, context: layers.RequestContext) -> Any:
        return (status + 1 if context.rpc_method == "ping" else status), (*headers, ("x-more", "1"))

    endpoint = start(layers.rewrite_response_start(change))
    response = endpoint.post(PING, endpoint.initialize())
    assert (response.status_code, response.headers["x-more"]) == (201, "1")


def test_an_answer_without_asking(start: Any) -> None:
    def body(context: layers.RequestContext) -> Any:
        return {"got": context.rpc_id}

    def is_ping(context: layers.RequestContext) -> bool:
        return context.rpc_method == "ping"

    endpoint = start(layers.answer_instead(is_ping, 418, [("X-Pot", "tea")], body))
    session = endpoint.initialize()
    response = endpoint.post(PING, session)
    assert (response.status_code, response.json()) == (418, {"got": 1})
    assert (response.headers["x-pot"], response.headers["content-type"]) == ("tea", "application/json")
    assert endpoint.post({**PING, "method": "tools/list"}, session).status_code == 200


def test_requests_are_rewritten(start: Any, rpc: Any) -> None:
    endpoint = start(
        layers.rewrite_request_headers(lambda lines, _: [line for line in lines if line[0] != "origin"]),
        layers.rewrite_request_body(
            lambda context: context.body.replace(b"pong", b"ping") if context.rpc_method == "pong" else None
        ),
    )
    session = endpoint.initialize()
    response = endpoint.post({**PING, "method": "pong"}, session, origin="http://attacker.invalid")
    assert rpc.messages(response) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


def test_the_app_inside_serves_while_something_else_is_answered(start: Any) -> None:
    def answer(response: layers.Response, context: layers.RequestContext) -> layers.Response:
        return layers.Response(200, (), b"was " + str(response.status).encode())

    endpoint = start(layers.tee(lambda context: context.method == "DELETE", answer))
    session = endpoint.initialize()
    assert endpoint.http.delete(endpoint.url, headers=session).text == "was 200"
    assert endpoint.post(PING, session).status_code == 404


def test_a_layer_of_its_own(start: Any, rpc: Any) -> None:
    async def run(call: layers.Call) -> None:
        call.state["count"] = call.state.get("count", 0) + 1
        if call.context.rpc_method == "ping":
            inner = await call.capture(call.context.with_header("origin", None))
            await call.answer(200, (), {"count": call.state["count"], "inner": inner.messages})
        else:
            await call.forward()

    endpoint = start(layers.handle(run))
    answer = endpoint.post(PING, endpoint.initialize(), origin="http://attacker.invalid").json()
    assert answer == {"count": 2, "inner": [{"jsonrpc": "2.0", "id": 1, "result": {}}]}


def test_layers_are_chosen_and_combined(start: Any) -> None:
    def add(name: str) -> layers.Layer:
        return layers.rewrite_response_start(lambda status, lines, _: (status, (*lines, ("x-by", name))))

    endpoint = start(
        layers.when(lambda context: context.rpc_method == "ping", layers.combine(add("outer"), add("inner")))
    )
    session = endpoint.initialize()
    assert endpoint.post(PING, session).headers.get_list("x-by") == ["inner", "outer"]
    assert "x-by" not in endpoint.post({**PING, "method": "tools/list"}, session).headers


def test_bodies_are_rewritten_as_bytes(serve: Any) -> None:
    endpoint = serve(
        "stateful", layers.rewrite_body(lambda body, _: b"\xef\xbb\xbf" + body), json_response=True
    )
    response = endpoint.post(PING)
    assert response.content.startswith(b"\xef\xbb\xbf{")
    assert int(response.headers["content-length"]) == len(response.content)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda block, _: block.encode("\r\n"), b"event: message\r\ndata: {}\r\n\r\n"),
        (lambda block, _: block.encode(end=False), b"event: message\ndata: {}\n"),
        (lambda block, _: [block, block], b"event: message\ndata: {}\n\n" * 2),
        (lambda block, _: block.with_field("id", "7"), b"id: 7\nevent: message\ndata: {}\n\n"),
        (lambda block, _: None, b""),
    ],
)
def test_framing_is_rewritten(serve: Any, change: Any, expected: bytes) -> None:
    def emptied(block: EventBlock, context: layers.RequestContext) -> Any:
        return change(block.with_data("{}"), context) if context.rpc_method == "ping" else block

    endpoint = serve(
        "stateful",
        layers.rewrite_events(emptied, before=lambda _: b"\xef\xbb\xbf", after=lambda _: b": bye\n\n"),
    )
    headers = {"mcp-session-id": endpoint.post(_initialize()).headers["mcp-session-id"]}
    assert endpoint.post(PING, headers).content == b"\xef\xbb\xbf" + expected + b": bye\n\n"


def _initialize() -> dict[str, Any]:
    client = {"name": "tests", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def test_a_stream_can_be_held_open(serve: Any) -> None:
    endpoint = serve("stateful", layers.hold_open(lambda context: context.rpc_method == "ping", seconds=0.2))
    session = endpoint.initialize()
    headers = {**session, "accept": "application/json, text/event-stream"}
    with endpoint.http.stream("POST", endpoint.url, json=PING, headers=headers) as response:
        chunks = response.iter_text()
        assert "result" in next(chunks)
        assert "".join(chunks) == ""


def test_messages_are_pushed_to_get_streams(serve: Any) -> None:
    async def push(call: layers.Call) -> None:
        if call.context.rpc_method == "ping":
            block = EventBlock((("data", '{"pushed":1}'),)).encode()
            call.state["reached"] = await layers.push_to_get_streams(
                call.context.facts, block, session_id=call.context.session_id
            )

    endpoint = serve("stateful", layers.after_response(push))
    session, other = endpoint.initialize(), endpoint.initialize()
    headers = {**session, "accept": "text/event-stream"}
    with endpoint.http.stream("GET", endpoint.url, headers=headers) as stream:
        endpoint.post(PING, other)
        endpoint.post(PING, session)
        assert next(stream.iter_text()) == 'data: {"pushed":1}\n\n'


def test_get_streams_are_not_buffered(serve: Any) -> None:
    endpoint = serve(
        "stateful", layers.rewrite_events(lambda block, _: block, before=lambda _: b": first\n\n")
    )
    headers = {**endpoint.initialize(), "accept": "text/event-stream"}
    with endpoint.http.stream("GET", endpoint.url, headers=headers) as stream:
        assert next(stream.iter_text()) == ": first\n\n"


def test_contexts_know_the_spelling_of_header_names(serve: Any) -> None:
    names: list[tuple[str, ...]] = []

    def note(context: layers.RequestContext) -> None:
        names.append(context.raw_names)

    endpoint = serve("stateless", layers.rewrite_request_body(note))
    endpoint.http.post(endpoint.url, json=PING, headers=[("MCP-Session-ID", "x")])
    assert "MCP-Session-ID" in names[0]


def test_blocks_are_split_and_put_together() -> None:
    splitter = BlockSplitter()
    assert splitter.feed(b"data: a\r\n\r") == []
    assert splitter.feed(b"\n: c\n\ndata") == [b"data: a\r\n\r\n", b": c\n\n"]
    assert splitter.close() == b"data"
    block = EventBlock.parse(b"id: 1\ndata: a\ndata:b\n: note\n\n")
    assert (block.get("id"), block.data, block.get("none")) == ("1", "a\nb", None)
    assert block.with_data("x\ny").encode() == b"id: 1\ndata: x\ndata: y\n: note\n\n"
    assert block.with_field("id", None).get("id") is None


# --- the catalogues ---------------------------------------------------------------------------------------


def test_entries_are_chosen_by_name() -> None:
    fault = Fault("session.x", ("session.y",), ("stateful",), summary="s", layer=lambda inner: inner)
    assert choose("fault", ["session.x"], {fault.id: fault}, "stateful") == [fault]
    with pytest.raises(ValueError, match=r"unknown fault 'sesion\.x'; did you mean session\.x\?"):
        choose("fault", ["sesion.x"], {fault.id: fault}, "stateful")
    with pytest.raises(ValueError, match=r"mode 'stateless'; accepted: stateful"):
        choose("fault", ["session.x"], {fault.id: fault}, "stateless")
    with pytest.raises(FrozenInstanceError):
        fault.id = "y"  # type: ignore[misc]


def test_the_catalogues_are_consistent() -> None:
    for fault in faults().values():
        assert fault.summary
        assert fault.requirements
        assert set(fault.modes) <= {"stateless", "stateful"}
    for variant in variants().values():
        assert variant.summary
        assert set(variant.modes) <= {"stateless", "stateful"}


def test_modules_without_entries_are_passed_over() -> None:
    assert gather("reference_server", reference_server.__path__, "NOTHING_HAS_THIS", Variant) == {}


def test_wrong_options_are_named() -> None:
    with pytest.raises(ValueError, match="mode 'x' is not accepted; accepted: stateless, stateful"):
        reference_server.create_app(mode="x")
    with pytest.raises(ValueError, match="era 'x' is not accepted; accepted: handshake, modern, dual"):
        reference_server.create_app(mode="stateful", era="x")
    with pytest.raises(ValueError, match="path 'mcp' is not accepted"):
        reference_server.create_app(mode="stateful", path="mcp")
    with pytest.raises(ValueError, match="resumable is not accepted with mode 'stateless'"):
        reference_server.create_app(mode="stateless", resumable=True)
    with pytest.raises(ValueError, match="unknown variant 'none'"):
        reference_server.create_app(mode="stateless", variants=["none"])


def test_an_old_sdk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(reference_server.ReferenceServerUnavailable, match='pip install "mcp>=2"'):
        reference_server.create_app(mode="stateful")


def test_the_app_runs_again_after_its_lifespan(rpc: Any) -> None:
    app = reference_server.create_app(mode="stateful")
    for _ in range(2):
        with rpc.running(app) as endpoint:
            assert endpoint.post(PING, endpoint.initialize()).status_code == 200
