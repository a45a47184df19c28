"""Which answers to a modern probe prove the modern era, and that no other answer is taken for a proof."""

from __future__ import annotations

import json

import pytest

from pytest_mcp_http._discover import discover
from pytest_mcp_http._modern import probe
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS
from pytest_mcp_http.wire.http import HttpWire, Limits

LIMITS = Limits(connect=2.0, first_byte=5.0, total=5.0)
SHORT = Limits(connect=2.0, first_byte=0.3, total=0.6)
JSON = b"Content-Type: application/json"

MODERN_RESULT = {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}}


def message(sent, **members):
    return json.dumps({"jsonrpc": "2.0", "id": sent["id"], **members}).encode()


def error(code, data=None):
    return {"error": {"code": code, "message": "no", **({"data": data} if data is not None else {})}}


class Server:
    """A server whose answers to the handshake and to modern requests are two functions."""

    def __init__(self, modern, handshake=None):
        self.modern = modern
        self.handshake = handshake or negotiates
        self.probes = []

    def __call__(self, connection):
        while request := connection.read_request():
            head, _, body = request.partition(b"\r\n\r\n")
            if not head.startswith(b"POST"):
                connection.reply(status=b"405 Method Not Allowed")
                continue
            sent = json.loads(body)
            if sent["method"] == "initialize":
                self.handshake(connection, sent)
            else:
                self.probes.append(sent["method"])
                self.modern(connection, sent)


def negotiates(connection, sent):
    version = sent["params"]["protocolVersion"]
    result = {"protocolVersion": version, "capabilities": {}, "serverInfo": {"name": "old", "version": "1"}}
    connection.reply(message(sent, result=result), JSON)


def says(members, status=b"200 OK"):
    return lambda connection, sent: connection.reply(message(sent, **members), JSON, status=status)


def raw(body, *lines, status=b"200 OK"):
    return lambda connection, sent: connection.reply(body, *lines, status=status)


def silence(connection, sent):
    connection.peer.released.wait(20)


def hangs_up(connection, sent):
    connection.reset()


def endless_stream(connection, sent):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: wait\n\n")
    connection.wait_for_end()


def echo(connection, sent):
    connection.reply(message(sent, result=sent.get("params", {})), JSON)


def served_the_old_way(connection, sent):
    result = {"tools": [{"name": "a", "inputSchema": {"type": "object"}}]} if "list" in sent["method"] else {}
    connection.reply(message(sent, result=result), JSON)


LEGACY = {
    "method not found, 200": says(error(-32601)),
    "method not found, 404": says(error(-32601), b"404 Not Found"),
    "invalid request, 400": says(error(-32600), b"400 Bad Request"),
    "missing session, 400": says(error(-32000), b"400 Bad Request"),
    "unknown session, 404": raw(b"", status=b"404 Not Found"),
    "bad request in words": raw(
        b"unsupported version", b"Content-Type: text/plain", status=b"400 Bad Request"
    ),
    "internal error": says(error(-32603), b"500 Internal Server Error"),
    "crash": raw(b"", status=b"500 Internal Server Error"),
    "web page": raw(b"<html>hello</html>", b"Content-Type: text/html"),
    "error page": raw(b"<html>oops</html>", b"Content-Type: text/html", status=b"404 Not Found"),
    "accepted": raw(b"", status=b"202 Accepted"),
    "empty result": says({"result": {}}),
    "result of its own": says({"result": {"supportedVersions": "all", "ok": True}}),
    "lists the handshake revisions": says({"result": {"supportedVersions": list(HANDSHAKE_REVISIONS)}}),
    "echoes the params": echo,
    "serves the old way": served_the_old_way,
    "silence": silence,
    "hangs up": hangs_up,
    "endless stream": endless_stream,
    "not JSON": raw(b"{oops", JSON),
    "an array": raw(b"[]", JSON),
    "code of its own": says(error(-32019, {"supported": ["2026-07-28"]})),
    "code as text": says(error("-32022", {"supported": ["2026-07-28"]})),
}


def sessions_only(connection, sent):
    """Know the modern requests, but name 2026-07-28 only to those who ask for another version."""
    version = sent["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"]
    if sent["method"] == "server/discover" and version == "2026-07-28":
        connection.reply(message(sent, result={"supportedVersions": list(HANDSHAKE_REVISIONS)}), JSON)
        return
    supported = [*HANDSHAKE_REVISIONS, *(["2026-07-28"] if version != "2026-07-28" else [])]
    refusal = error(-32022, {"supported": supported, "requested": version})
    connection.reply(message(sent, **refusal), JSON, status=b"400 Bad Request")


LEGACY["names it to strangers only"] = sessions_only
LEGACY["refuses it as unsupported"] = says(
    error(-32022, {"supported": list(HANDSHAKE_REVISIONS)}), b"400 Bad Request"
)


@pytest.mark.parametrize("name", LEGACY)
def test_a_legacy_server_is_none_whatever_it_answers(serve, name):
    server = Server(LEGACY[name])
    with HttpWire(SHORT) as wire:
        facts = discover(wire, serve(server).url)
    assert facts.era == "handshake"
    assert facts.revisions == HANDSHAKE_REVISIONS
    assert facts.evidence[1].startswith("server/discover ")
    assert 1 <= len(server.probes) <= 3


def test_a_server_that_falls_over_is_told_so(serve):
    fallen = []

    def modern(connection, sent):
        fallen.append(sent["method"])
        connection.reply(status=b"500 Internal Server Error")

    def handshake(connection, sent):
        if fallen:
            connection.reply(status=b"500 Internal Server Error")
        else:
            negotiates(connection, sent)

    with HttpWire(LIMITS) as wire, pytest.raises(TargetError, match="no longer does since") as caught:
        discover(wire, serve(Server(modern, handshake)).url)
    assert "restart the server" in str(caught.value)


def test_a_silent_server_is_probed_once(serve):
    server = Server(silence)
    with HttpWire(SHORT) as wire:
        found = probe(wire, serve(server).url, ())
    assert not found.spoken
    assert server.probes == ["server/discover"]


def at_other_versions(code, data):
    """Refuse every version but 2026-07-28, and have no server/discover."""

    def answer(connection, sent):
        version = sent["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"]
        refusal = error(-32601) if version == "2026-07-28" else error(code, data)
        connection.reply(message(sent, **refusal), JSON, status=b"400 Bad Request")

    return answer


def lists_tools_only(connection, sent):
    if sent["method"] == "tools/list":
        connection.reply(message(sent, result={"resultType": "complete", "tools": []}), JSON)
    else:
        connection.reply(message(sent, **error(-32601)), JSON, status=b"404 Not Found")


MODERN = {
    "discover": (says({"result": MODERN_RESULT}), ("2026-07-28",), "server/discover lists 2026-07-28"),
    "header mismatch": (says(error(-32020), b"400 Bad Request"), ("2026-07-28",), "refused with -32020"),
    "missing capability": (says(error(-32021), b"400 Bad Request"), ("2026-07-28",), "refused with -32021"),
    "no discover, but refuses versions": (
        at_other_versions(-32022, {"supported": ["2026-07-28"], "requested": "1999-01-01"}),
        ("2026-07-28",),
        "names 2026-07-28",
    ),
    "no discover, but result types": (lists_tools_only, ("2026-07-28",), "tools/list at 2026-07-28"),
}

REFUSALS = {
    "400": says(error(-32020), b"400 Bad Request"),
    "404": says(error(-32601), b"404 Not Found"),
    "200": says(error(-32601)),
    "500": raw(b"", status=b"500 Internal Server Error"),
    "405": raw(b"", status=b"405 Method Not Allowed"),
    "page": raw(b"<html>", b"Content-Type: text/html", status=b"400 Bad Request"),
    "silence": silence,
    "hangs up": hangs_up,
    "negotiates the modern one": says(
        {"result": {"protocolVersion": "2026-07-28", "capabilities": {}, "serverInfo": {"name": "x"}}}
    ),
}


@pytest.mark.parametrize("name", MODERN)
def test_what_only_a_modern_server_says_proves_the_era(serve, name):
    answer, revisions, evidence = MODERN[name]
    with HttpWire(LIMITS) as wire:
        facts = discover(wire, serve(Server(answer)).url)
    assert facts.era == "dual"
    assert facts.revisions == (*HANDSHAKE_REVISIONS, *revisions)
    assert evidence in facts.evidence[1]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_modern_server_may_refuse_the_handshake_in_any_way(serve, refusal):
    server = Server(says({"result": MODERN_RESULT}), REFUSALS[refusal])
    with HttpWire(SHORT) as wire:
        facts = discover(wire, serve(server).url)
    assert facts.era == "modern"
    assert facts.revisions == ("2026-07-28",)
    assert facts.sessions == {}
    assert facts.evidence[0].startswith("initialize ")


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"403 Forbidden", b"429 Too Many Requests"])
def test_what_stands_in_front_of_a_server_is_told_instead(serve, status):
    server = Server(says({"result": MODERN_RESULT}), raw(b"", status=status))
    with HttpWire(LIMITS) as wire, pytest.raises(TargetError, match=r"cannot be judged"):
        discover(wire, serve(server).url)
    assert server.probes == []


def test_name_and_version_come_from_the_meta_of_the_result(serve):
    info = {"name": "new", "version": "3"}
    result = {**MODERN_RESULT, "_meta": {"io.modelcontextprotocol/serverInfo": info}}
    with HttpWire(LIMITS) as wire:
        facts = discover(wire, serve(Server(says({"result": result}), REFUSALS["400"])).url)
    assert (facts.server_name, facts.server_version) == ("new", "3")


@pytest.mark.parametrize(
    "answer",
    [
        says({"result": {**MODERN_RESULT, "supportedVersions": ["2027-01-01"]}}),
        says(error(-32022, {"supported": ["2027-01-01"], "requested": "2026-07-28"}), b"400 Bad Request"),
        says(error(-32022), b"400 Bad Request"),
    ],
    ids=["discover", "refusal", "bare refusal"],
)
def test_only_modern_revisions_that_are_not_judged_here(serve, answer):
    with HttpWire(LIMITS) as wire, pytest.raises(TargetError, match="speaks no revision that is judged here"):
        discover(wire, serve(Server(answer, REFUSALS["400"])).url)


def test_hostile_texts_of_the_evidence_stay_short_and_printable(serve):
    versions = ["2026-07-28", *(f"9999-{n}\x1b[31m" + "x" * 500 for n in range(100))]
    answer = says(error(-32022, {"supported": versions}), b"400 Bad Request")
    with HttpWire(LIMITS) as wire:
        facts = discover(wire, serve(Server(answer)).url)
    assert len(facts.evidence[1]) < 600
    assert facts.evidence[1].isprintable()
    assert len(facts.named) < 60
