"""A mock MCP server without a socket: a request goes in, an answer comes out.

Needs no MCP library and knows no sockets. It behaves as the specification asks of a server, at each revision.
"""

from __future__ import annotations

import inspect
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.dialect import CLIENT_CAPABILITIES, PROTOCOL_VERSION, SERVER_INFO, SUBSCRIPTION_ID
from pytest_mcp_http.mock.answers import HOLD, Answer, Part, json_answer, sse_answer, sse_event
from pytest_mcp_http.spec.error_codes import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
)
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS
from pytest_mcp_http.wire import jsonrpc, mirror
from pytest_mcp_http.wire.exchange import Request
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message

SESSION_HEADER: Final = "Mcp-Session-Id"
VERSION_HEADER: Final = "MCP-Protocol-Version"


DEFAULT_REVISIONS: Final = (HANDSHAKE_REVISIONS[-1], MODERN_REVISIONS[-1])
"""What a mock speaks unless told otherwise: the newest revision of each era."""


@dataclass(frozen=True)
class Tool:
    """A tool of a mock.

    Attributes:
        name: Its name.
        function: Called with the arguments by name; what it returns is the result.
        schema: Its `inputSchema`.
        description: What it says of itself.
    """

    name: str
    function: Callable[..., Any]
    schema: Mapping[str, Any]
    description: str = ""

    def listed(self) -> dict[str, Any]:
        """Return the tool as `tools/list` shows it."""
        found: dict[str, Any] = {"name": self.name, "inputSchema": dict(self.schema)}
        return {**found, "description": self.description} if self.description else found

    def call(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a call; an exception of the function becomes a result with `isError`."""
        try:
            value = self.function(**arguments)
        except Exception as error:
            return {"content": [_text(f"{type(error).__name__}: {error}")], "isError": True}
        if isinstance(value, dict) and "content" in value:
            return value
        if isinstance(value, str):
            return {"content": [_text(value)]}
        found: dict[str, Any] = {"content": [_text(jsonrpc.encode(value).decode())]}
        return {**found, "structuredContent": value} if isinstance(value, dict) else found


class MockServer:
    """An MCP server that answers requests, sans-IO.

    Args:
        revisions: The revisions to speak, of either era or both; the newest of each if none is given.
        sse: Answer requests with an event stream instead of a JSON body.
        sessions: Assign a session id, at revisions that have sessions.
        strict: Refuse modern requests whose headers do not repeat their body, as a server has to.
        page: Tools on one page of `tools/list`; None for all.

    Attributes:
        requests: Every request so far.
        replies: Every JSON-RPC response that the client posted.

    Raises:
        ValueError: If a revision is unknown.
    """

    def __init__(
        self,
        *revisions: str,
        sse: bool = False,
        sessions: bool = True,
        strict: bool = True,
        page: int | None = None,
    ) -> None:
        for revision in revisions:
            if revision not in REVISIONS:
                raise ValueError(f"unknown protocol revision {revision!r}; known are {', '.join(REVISIONS)}")
        self.revisions: tuple[str, ...] = tuple(r for r in REVISIONS if r in (revisions or DEFAULT_REVISIONS))
        self.sse, self.sessions, self.strict, self.page = sse, sessions, strict, page
        self.requests: list[Request] = []
        self.replies: list[Message] = []
        self.capabilities: dict[str, Any] = {"tools": {}}
        self.tools: dict[str, Tool] = {}
        self.open_sessions: dict[str, str] = {}
        """The revision of each session that has not ended, by its id."""
        self.pending: dict[str, Any] = {}
        """Responses that a stream ended without, by the last event id of the stream."""
        self._events = 0
        self._lock = threading.Lock()

    def tool(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        schema: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> None:
        """Offer a tool.

        Args:
            name: Its name.
            function: Called with the arguments by name. A text is the content of the result; a dict with the
                key `content` is the result itself; anything else is written as JSON; an exception becomes a
                result with `isError`.
            schema: Its `inputSchema`; by default an object with the parameters of the function.
            description: What it says of itself.

        Raises:
            TypeError: If the function is asynchronous.
        """
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"tool {name!r}: the function is asynchronous; accepted: a plain function")
        self.tools[name] = Tool(name, function, _schema(function) if schema is None else schema, description)

    # -- requests -------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request."""
        with self._lock:
            self.requests.append(request)
            return self.respond(request)

    def respond(self, request: Request) -> Answer:
        """Return the answer to a request that is not kept among the requests."""
        if request.method == "POST":
            return self._post(request)
        if self._handshake and not is_modern(request):
            if request.method == "DELETE" and self.sessions:
                refused = self._session_refusal(request)
                if refused is None:
                    del self.open_sessions[request.headers.get(SESSION_HEADER) or ""]
                return refused or Answer(204)
            if request.method == "GET" and request.headers.get("last-event-id") in self.pending:
                return self._resumed(request.headers.get("last-event-id") or "")
        return Answer(405, (("Allow", "POST"),))

    def _post(self, request: Request) -> Answer:
        message = request.message
        if message is None or message.kind is Kind.INVALID:
            return _error(400, ABSENT, INVALID_REQUEST, "the body is no JSON-RPC message")
        if message.kind is Kind.BATCH:
            return self._batch(request, message)
        if message.method == "initialize" and self._handshake:
            return self._initialize(message)
        modern = bool(self._modern) and (is_modern(request) or not self._handshake)
        refused = self._refusal(request, message) if modern else self._handshake_refusal(request)
        if refused is not None:
            return refused
        if message.kind in (Kind.RESULT, Kind.ERROR):
            self.replies.append(message)
            return Answer(400 if modern else 202)
        if message.kind is Kind.NOTIFICATION:
            return Answer(202)
        return self.framed(self._result(message, modern), message)

    def _batch(self, request: Request, batch: Message) -> Answer:
        if "2025-03-26" not in self.revisions:
            return _error(400, ABSENT, INVALID_REQUEST, "batches are not served")
        refused = self._handshake_refusal(request)
        if refused is not None:
            return refused
        asked = [m for m in batch.members if m.kind is Kind.REQUEST]
        self.replies += [m for m in batch.members if m.kind in (Kind.RESULT, Kind.ERROR)]
        replies = [self._result(m, modern=False).message for m in asked]
        return json_answer(replies) if replies else Answer(202)

    def framed(self, answer: Answer, message: Message) -> Answer:
        """Return an answer in the style of this mock: an event stream if it has to be one."""
        listening = message.method == "subscriptions/listen"
        if answer.status != 200 or not (self.sse or listening):
            return answer
        first: list[Part] = [sse_event(_acknowledged(message)), HOLD] if listening else []
        return sse_answer(answer.message, *first, sse_event(answer.message))

    def next_event_id(self) -> str:
        """Return an event id that no other event of this mock has."""
        self._events += 1
        return f"event-{self._events}"

    # -- the eras -------------------------------------------------------------------------------------------

    @property
    def _handshake(self) -> tuple[str, ...]:
        return tuple(r for r in self.revisions if r in HANDSHAKE_REVISIONS)

    @property
    def _modern(self) -> tuple[str, ...]:
        return tuple(r for r in self.revisions if r in MODERN_REVISIONS)

    def _initialize(self, message: Message) -> Answer:
        params = message.params if isinstance(message.params, dict) else {}
        asked = params.get("protocolVersion")
        revision = asked if asked in self._handshake else self._handshake[-1]
        result = {
            "protocolVersion": revision,
            "capabilities": self.capabilities,
            "serverInfo": {"name": "mock", "version": "1"},
        }
        answer = self.framed(json_answer({"jsonrpc": "2.0", "id": message.id, "result": result}), message)
        if not self.sessions:
            return answer
        session = uuid.uuid4().hex
        self.open_sessions[session] = revision
        return answer.with_headers((SESSION_HEADER, session))

    def _handshake_refusal(self, request: Request) -> Answer | None:
        if is_modern(request):
            return _error(400, _id(request), INVALID_REQUEST, "this protocol version is not served")
        return self._session_refusal(request) if self.sessions else None

    def _session_refusal(self, request: Request) -> Answer | None:
        session = request.headers.get(SESSION_HEADER)
        if session is None:
            return _error(400, _id(request), INVALID_REQUEST, "the session id is missing")
        if session not in self.open_sessions:
            return _error(404, _id(request), INVALID_REQUEST, "there is no such session")
        return None

    def _refusal(self, request: Request, message: Message) -> Answer | None:
        """Return why a modern request is not served, or None."""
        if message.kind is not Kind.REQUEST:
            return None
        meta = _meta(message)
        version = meta.get(PROTOCOL_VERSION, request.headers.get(VERSION_HEADER))
        if version not in self._modern and (version is not None or message.method == "initialize"):
            data = {"supported": list(self.revisions), "requested": version or "none"}
            return _error(400, message.id, UNSUPPORTED_VERSION, "unsupported protocol version", data)
        if not self.strict:
            return None
        if not isinstance(meta.get(CLIENT_CAPABILITIES), dict) or PROTOCOL_VERSION not in meta:
            return _error(400, message.id, INVALID_PARAMS, "_meta lacks a required member")
        schemas = {tool.name: tool.schema for tool in self.tools.values()}
        wanted = {VERSION_HEADER: str(version), **mirror.mirrored(message.value, schemas)}
        for name, value in wanted.items():
            got = request.headers.get(name)
            if got is None or mirror.decode_value(got) != mirror.decode_value(value):
                return _error(400, message.id, HEADER_MISMATCH, f"{name} does not match the body")
        return None

    # -- methods --------------------------------------------------------------------------------------------

    def _result(self, message: Message, modern: bool) -> Answer:
        params = message.params if isinstance(message.params, dict) else {}
        if message.method == "tools/list":
            outcome = self._listed(params)
        elif message.method == "tools/call":
            outcome = self._called(params)
        elif message.method == "ping" and not modern:
            outcome = {}
        elif message.method == "server/discover" and modern:
            outcome = {"supportedVersions": list(self.revisions), "capabilities": self.capabilities}
        elif message.method == "subscriptions/listen" and modern:
            outcome = {"_meta": {SUBSCRIPTION_ID: message.id}}
        else:
            return _error(404 if modern else 200, message.id, METHOD_NOT_FOUND, "method not found")
        if isinstance(outcome, str):
            return _error(200, message.id, INVALID_PARAMS, outcome)
        return json_answer({"jsonrpc": "2.0", "id": message.id, "result": finished(outcome, message, modern)})

    def _listed(self, params: Mapping[str, Any]) -> dict[str, Any] | str:
        tools = [tool.listed() for tool in self.tools.values()]
        if self.page is None:
            return {"tools": tools}
        starts = {_cursor(start): start for start in range(self.page, len(tools), self.page)}
        start = starts.get(params["cursor"]) if "cursor" in params else 0
        if start is None:
            return "there is no such cursor"
        end = start + self.page
        more = {"nextCursor": _cursor(end)} if end < len(tools) else {}
        return {"tools": tools[start:end], **more}

    def _called(self, params: Mapping[str, Any]) -> dict[str, Any] | str:
        tool = self.tools.get(str(params.get("name")))
        arguments = params.get("arguments", {})
        if tool is None:
            return "there is no such tool"
        return tool.call(arguments) if isinstance(arguments, dict) else "arguments is no object"

    def _resumed(self, last: str) -> Answer:
        reply = self.pending.pop(last)
        return sse_answer(reply, sse_event(reply, id=self.next_event_id()))


def finished(result: Mapping[str, Any], message: Message, modern: bool) -> dict[str, Any]:
    """Return a result with the members that every result of the modern era has."""
    if not modern:
        return dict(result)
    meta = {SERVER_INFO: {"name": "mock", "version": "1"}, **result.get("_meta", {})}
    found: dict[str, Any] = {"resultType": "complete", **result, "_meta": meta}
    if message.method in ("tools/list", "server/discover"):
        found = {"ttlMs": 0, "cacheScope": "private", **found}
    return found


def is_modern(request: Request) -> bool:
    """Return whether a request is of the modern era, by its header or the `_meta` of its message."""
    if request.headers.get(VERSION_HEADER) in MODERN_REVISIONS:
        return True
    message = request.message
    return message is not None and PROTOCOL_VERSION in _meta(message)


def _meta(message: Message) -> Mapping[str, Any]:
    params = message.params if isinstance(message.params, dict) else {}
    meta = params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _id(request: Request) -> Any:
    message = request.message
    return message.id if message is not None and message.kind is Kind.REQUEST else ABSENT


def _acknowledged(message: Message) -> dict[str, Any]:
    params = message.params if isinstance(message.params, dict) else {}
    wanted = {"_meta": {SUBSCRIPTION_ID: message.id}, "notifications": params.get("notifications", {})}
    return jsonrpc.notification("notifications/subscriptions/acknowledged", wanted)


def _error(status: int, id: Any, code: int, text: str, data: Any = ABSENT) -> Answer:
    error = (
        {"code": code, "message": text} if data is ABSENT else {"code": code, "message": text, "data": data}
    )
    message = {"jsonrpc": "2.0", "error": error}
    return json_answer(message if id is ABSENT else {**message, "id": id}, status)


def _cursor(start: int) -> str:
    # White space, signs and a letter outside of ASCII: whoever changes a cursor on its way shows.
    return f" {start}+/=é "


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _schema(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a schema that takes what a function takes by name."""
    named = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    required = [parameter.name for parameter in named if parameter.default is parameter.empty]
    found: dict[str, Any] = {"type": "object", "properties": {parameter.name: {} for parameter in named}}
    return {**found, "required": required} if required else found
