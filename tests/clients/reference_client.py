"""A small client of both eras that breaks no rule, or exactly the one that a named fault is about.

It does what a command of `--mcp-client-command` has to do: list the tools, call each of them once, leave. It
stands on `http.client` alone, so it shares no code with the server that judges it.

    python reference_client.py URL [FAULT]
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

META = "io.modelcontextprotocol/"
UNSAFE = re.compile(r"^\s|\s$|[^\x20-\x7e\t]|^=\?base64\?.*\?=$")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Failed(Exception):  # noqa: N818 - an outcome
    """A request that got no answer."""


class Refused(Exception):  # noqa: N818 - an outcome
    """A request that was answered with an HTTP status or a JSON-RPC error."""

    def __init__(self, status: int, error: dict[str, Any] | None, challenge: str | None = None) -> None:
        super().__init__(f"HTTP {status}, {error}")
        self.status, self.code, self.challenge = status, (error or {}).get("code"), challenge


class Client:
    def __init__(self, url: str, revision: str, fault: str = "", timeout: float = 2.0) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.path = parts.hostname or "", parts.port or 80, parts.path
        self.revision, self.modern = revision, revision >= "2026"
        self.fault, self.timeout = fault, timeout
        self.session: str | None = None
        self.negotiated: str | None = None
        self.last_id = 0
        self.state: str | None = None
        self.schemas: dict[str, Any] = {}
        self.kept: list[http.client.HTTPConnection] = []

    # -- HTTP -------------------------------------------------------------------------------------------

    def headers(self, message: Any) -> dict[str, str]:
        accept = (
            "application/json" if self.fault == "accept-json-only" else "application/json, text/event-stream"
        )
        found = {"Content-Type": "application/json", "Accept": accept}
        method = message.get("method") if isinstance(message, dict) else None
        if self.modern:
            if self.fault != "no-version-header":
                found["MCP-Protocol-Version"] = self.revision
            if method and self.fault != "no-mcp-method":
                found["Mcp-Method"] = method
            if method == "tools/call":
                found.update(self.mirrored(message["params"]))
            return found
        bare = self.fault == "no-session-header" and method == "notifications/initialized"
        if self.session and method != "initialize" and not bare:
            found["Mcp-Session-Id"] = self.session
        if self.negotiated and method != "initialize" and self.fault != "no-version-header":
            old = self.fault == "old-version-header"
            found["MCP-Protocol-Version"] = "2025-03-26" if old else self.negotiated
        return found

    def mirrored(self, params: dict[str, Any]) -> dict[str, str]:
        found = {} if self.fault == "no-mcp-name" else {"Mcp-Name": encoded(params["name"])}
        if self.fault == "no-param":
            return found
        for path, name in annotations(self.schemas.get(params["name"], {})):
            value: Any = params.get("arguments", {})
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            if value is None:
                if self.fault == "null-param":
                    found[f"Mcp-Param-{name}"] = "null"
                continue
            text = str(value).lower() if isinstance(value, bool) else str(value)
            raw = self.fault == "raw-literal" and text.startswith("=?")
            found[f"Mcp-Param-{name}"] = text if raw else encoded(text)
        return found

    def open(
        self, method: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, self.path, body, headers)
            return connection, connection.getresponse()
        except BaseException:
            if self.fault == "no-cancel" and self.modern:
                self.kept.append(connection)
            else:
                connection.close()
            raise

    def post(self, message: Any, **more: str | None) -> Any:
        """POST a message; return the result, or None where there is none to come."""
        body = json.dumps(message, ensure_ascii=False).encode()
        if self.fault == "latin-1" and "caf" in str(message):
            body = json.dumps(message, ensure_ascii=False).encode("latin-1")
        headers = {k: v for k, v in {**self.headers(message), **more}.items() if v is not None}
        connection, response = self.open("POST", body, headers)
        with contextlib.closing(connection):
            return self.read(message, response)

    def read(self, message: Any, response: http.client.HTTPResponse, resumed: bool = False) -> Any:
        wanted = message.get("id") if isinstance(message, dict) else None
        kind = response.headers.get_content_type()
        if wanted is None or response.status == 202:
            response.read()
            return None
        if kind == "text/event-stream" and self.fault != "no-sse":
            return self.read_stream(message, response, resumed)
        text = response.read()
        found = json.loads(text) if kind == "application/json" and text else None
        if response.status >= 400:
            error = found.get("error") if found else None
            raise Refused(response.status, error, response.headers.get("WWW-Authenticate"))
        if found is None or self.fault == "no-json":
            raise Failed("no answer that this client understands")
        return result_of(found)

    def read_stream(self, message: Any, response: http.client.HTTPResponse, resumed: bool) -> Any:
        events: list[str] = []
        wait = 0.5
        try:
            for event in self.events(response):
                if event.get("id"):
                    events.append(event["id"])
                if "retry" in event:
                    wait = int(event["retry"]) / 1000
                if "data" not in event or (not event["data"] and self.fault != "empty-data-is-message"):
                    continue
                received = json.loads(event["data"])
                if self.fault == "first-message-only" and "method" in received:
                    raise Failed("no response")
                if "method" in received and "id" in received:
                    self.answer(received)
                elif "method" not in received and (
                    received.get("id") == message["id"] or self.fault == "any-response"
                ):
                    return result_of(received)
        except http.client.HTTPException:
            pass
        if not events or resumed or self.modern or self.fault == "no-resume":
            raise Failed("the stream ended without a response")
        if self.fault != "no-wait":
            time.sleep(wait)
        last = events[0] if self.fault == "first-event-id" else events[-1]
        headers = {**self.headers({}), "Accept": "text/event-stream", "Last-Event-ID": last}
        headers["Accept"] = "application/json" if self.fault == "get-without-sse" else "text/event-stream"
        connection, again = self.open("GET", None, headers)
        with contextlib.closing(connection):
            return self.read(message, again, resumed=True)

    def events(self, response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
        if self.fault == "piece-is-event":
            while piece := response.read1():
                yield from fields(piece.decode().split("\n"))
            return
        block: list[str] = []
        while line := response.readline():
            text = line.decode().rstrip("\n" if self.fault == "lf-only" else "\r\n")
            if text.startswith(":") and self.fault == "comment-fails":
                raise Failed("no field name")
            block.append(text)
            if not text:
                yield from fields(block, last=self.fault == "last-data-line")
                block = []

    def answer(self, request: dict[str, Any]) -> None:
        """Answer a request of the server, which only the handshake era has."""
        ignored = self.fault == "ignores-ping" if not self.modern else self.fault != "posts-responses"
        if not ignored:
            self.post({"jsonrpc": "2.0", "id": request["id"], "result": {}})

    # -- messages ---------------------------------------------------------------------------------------

    def message(self, method: str, params: dict[str, Any] | None = None, *, notify: bool = False) -> Any:
        params = dict(params or {})
        if self.modern:
            meta = dict(params.get("_meta", {}))
            if self.fault != "no-meta-version":
                meta[f"{META}protocolVersion"] = self.revision
            if self.fault != "no-capabilities":
                meta[f"{META}clientCapabilities"] = {"elicitation": {"form": {}}}
            if self.fault != "no-client-info":
                meta[f"{META}clientInfo"] = {"name": "reference", "version": "1"}
            params["_meta"] = meta
        found: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if not notify:
            self.last_id += 1
            found["id"] = self.last_id
        return {**found, "params": params} if params else found

    def request(self, method: str, params: dict[str, Any] | None = None) -> Any:
        return self.post(self.message(method, params))

    def connect(self) -> None:
        if self.modern:
            return
        if self.fault == "ping-first":
            with contextlib.suppress(Refused):
                self.request("ping")
        info = {} if self.fault == "no-client-info" else {"clientInfo": {"name": "reference", "version": "1"}}
        params = {"protocolVersion": self.revision, "capabilities": {}, **info}
        opening = self.message("initialize", params)
        old = self.session if self.fault == "initialize-with-id" else None
        self.session = self.negotiated = None
        headers = {**self.headers(opening), **({"Mcp-Session-Id": old} if old else {})}
        if self.fault == "early-list":
            early = threading.Timer(0.1, self.attempt, [self.message("tools/list")])
            early.start()
        try:
            connection, response = self.open("POST", json.dumps(opening).encode(), headers)
        except TimeoutError:
            if self.fault == "cancels-initialize":
                self.cancel(opening["id"])
            raise
        with contextlib.closing(connection):
            session = response.headers.get("Mcp-Session-Id")
            result = self.read(opening, response)
        self.session, self.negotiated = session, result["protocolVersion"]
        if self.negotiated[:2] != "20" and self.fault != "any-version":
            raise Failed("a version that this client does not know")
        if self.fault != "no-initialized":
            ready = self.message("notifications/initialized", notify=True)
            self.attempt({**ready, "id": 77} if self.fault == "notification-with-id" else ready)

    def attempt(self, message: Any, **more: str | None) -> None:
        """POST a message whose answer does not matter."""
        with contextlib.suppress(Refused, Failed, OSError):
            self.post(message, **more)

    def cancel(self, id: object) -> None:
        self.attempt(self.message("notifications/cancelled", {"requestId": id}, notify=True))

    def tools(self) -> list[str]:
        names: list[str] = []
        params: dict[str, Any] = {}
        for _ in range(10):
            page = self.request("tools/list", params)
            for tool in page["tools"]:
                if self.fault == "calls-bad-tools" or well_annotated(tool["inputSchema"]):
                    names.append(tool["name"])
                    self.schemas[tool["name"]] = tool["inputSchema"]
            if "nextCursor" not in page:
                return names
            cursor = page["nextCursor"]
            params = {"cursor": cursor.strip() if self.fault == "trims-cursor" else cursor}
        raise Failed("too many pages")

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        params: dict[str, Any] = {"name": name, "arguments": arguments}
        if self.fault == "leaks-state" and self.state:
            params["requestState"] = self.state
        params["_meta"] = {"progressToken": 1.5 if self.fault == "token-float" else f"token-{self.last_id}"}
        message = self.message("tools/call", params)
        if self.fault == "jsonrpc-1" and name == "second":
            message["jsonrpc"] = "1.0"
        if self.fault in ("same-id", "same-token"):
            self.repeat(message)
        try:
            result = self.post(message)
        except TimeoutError:
            if not self.modern and self.fault != "no-cancel":
                self.cancel(message["id"])
            raise Failed("no answer in time") from None
        except Refused as refused:
            if refused.code != -32020 or self.fault == "no-relist":
                raise
            self.tools()
            result = self.request("tools/call", params)
        if result.get("resultType") == "input_required":
            return self.retry(message, result)
        return result

    def repeat(self, message: Any) -> None:
        """Send another request with the id or the token of a call that is about to begin."""
        token = message["params"]["_meta"]["progressToken"]
        if self.fault == "same-id":
            again = {**self.message("tools/list"), "id": message["id"]}
        else:
            again = self.message("tools/list", {"_meta": {"progressToken": token}})
        threading.Timer(0.3, self.attempt, [again]).start()

    def retry(self, message: Any, asked: dict[str, Any]) -> Any:
        params = {key: value for key, value in message["params"].items() if key != "_meta"}
        self.state = asked.get("requestState")
        if self.state is not None and self.fault != "drops-state":
            params["requestState"] = self.state
        if self.state is None and self.fault == "invents-state":
            params["requestState"] = "none"
        if "inputRequests" in asked:
            answers = {
                key: {"action": "accept", "content": {"colour": "red"}} for key in asked["inputRequests"]
            }
            params["inputResponses"] = {} if self.fault == "drops-responses" else answers
        again = self.message("tools/call", params)
        return self.post({**again, "id": message["id"]} if self.fault == "same-id-retry" else again)

    # -- the whole visit --------------------------------------------------------------------------------

    def visit(self, arguments: dict[str, Any]) -> None:
        names = self.again(self.tools) if self.opened() else []
        listing = self.message("tools/list")
        if self.fault == "put":
            connection, response = self.open("PUT", json.dumps(listing).encode(), self.headers(listing))
            response.read()
            connection.close()
        if self.fault == "batch":
            mixed = [{"jsonrpc": "2.0", "id": "x", "result": {}}] if self.revision == "2025-03-26" else []
            self.attempt([listing, *mixed], **self.headers(listing))
        for name in names:
            with contextlib.suppress(Failed, Refused, OSError):
                self.again(lambda name=name: self.call(name, arguments.get(name, {})))
        plain = "server/discover" if self.modern else "ping"
        if self.fault == "fraction-id":
            self.attempt({**self.message(plain), "id": 1.5})
        if self.fault == "reuses-id":
            self.attempt({**self.message(plain), "id": 2})
        if self.fault == "notification-with-id" and self.modern:
            self.attempt({**self.message("notifications/other", notify=True), "id": 77})
        if self.fault == "cancels-unknown":
            self.cancel(9999)
        if self.session and self.fault != "no-delete":
            connection, response = self.open("DELETE", None, self.headers({}))
            response.read()
            connection.close()

    def close(self) -> None:
        for connection in self.kept:
            connection.close()

    def opened(self) -> bool:
        """Connect, a second time if the server does not answer or wants a token."""
        for _ in range(2):
            try:
                self.connect()
            except Refused as refused:
                self.look_for_metadata(refused)
                continue
            except OSError:
                continue
            return True
        return False

    def again(self, act: Any) -> Any:
        """Do something, once more where the specification names a way to go on."""
        try:
            return act()
        except Refused as refused:
            if refused.status == 401:
                self.look_for_metadata(refused)
                return act()
            if refused.status == 400 and self.fault == "falls-back":
                opening = {"jsonrpc": "2.0", "id": 99, "method": "initialize", "params": {}}
                self.attempt(opening, **{"MCP-Protocol-Version": None, "Mcp-Method": None})
            if refused.status != 404 or not self.session or self.fault == "ignores-404":
                raise
        self.connect()
        return act()

    def look_for_metadata(self, refused: Refused) -> None:
        found = re.search(r'resource_metadata="([^"]*)"', refused.challenge or "")
        if refused.status == 401 and found:
            guessed = "/.well-known/oauth-protected-resource" + self.path
            path = guessed if self.fault == "guesses-metadata" else urlsplit(found[1]).path
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            connection.request("GET", path, None, {"Accept": "application/json"})
            connection.getresponse().read()
            connection.close()


def result_of(message: dict[str, Any]) -> Any:
    if "error" in message:
        raise Refused(200, message["error"])
    return message["result"]


def fields(lines: list[str], *, last: bool = False) -> Iterator[dict[str, str]]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        joined = name == "data" and "data" in found and not last
        if name in ("data", "id", "retry"):
            found[name] = f"{found['data']}\n{value}" if joined else value
    if found:
        yield found


def encoded(text: str) -> str:
    if not UNSAFE.search(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def annotations(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, each in schema.get("properties", {}).items():
        if "x-mcp-header" in each:
            yield (*path, name), each["x-mcp-header"]
        yield from annotations(each, (*path, name))


def well_annotated(schema: dict[str, Any]) -> bool:
    names = [name for _, name in annotations(schema)]
    numbers = any(
        each.get("type") == "number" and "x-mcp-header" in each
        for each in schema.get("properties", {}).values()
    )
    unique = len({name.lower() for name in names}) == len(names)
    return unique and not numbers and all(TOKEN.fullmatch(name) for name in names)


def main() -> None:
    url, fault = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "")
    timeout = float(os.environ.get("MCP_CLIENT_TIMEOUT", "2"))
    client = Client(url, os.environ["MCP_CLIENT_REVISION"], fault, timeout)
    client.visit(json.loads(os.environ["MCP_CLIENT_ARGUMENTS"]))


if __name__ == "__main__":
    main()
