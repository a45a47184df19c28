"""The words in which a script says how a server departs from plain answers: data that anybody can write.

A script is a list of steps. Each step waits for requests of one method and says what happens to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Any, Final

from pytest_mcp_http.dialect import CLIENT_CAPABILITIES
from pytest_mcp_http.mock.answers import (
    CUT,
    HOLD,
    Answer,
    Mark,
    Part,
    Pause,
    Until,
    json_answer,
    sse_answer,
    sse_event,
)
from pytest_mcp_http.mock.server import SESSION_HEADER, MockServer, finished, is_modern
from pytest_mcp_http.spec.revisions import REVISIONS, era_of
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Request
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message


@dataclass(frozen=True)
class Turn:
    """One request that a step is about.

    Attributes:
        request: The request.
        message: The JSON-RPC message in it.
        mock: The server, which would answer it plainly.
        count: How many requests the step has taken, this one included.
    """

    request: Request
    message: Message
    mock: MockServer
    count: int

    def plain(self) -> Answer:
        """Return the plain answer."""
        return self.mock.respond(self.request)

    @property
    def modern(self) -> bool:
        """Whether the request is of the modern era."""
        return is_modern(self.request)

    @property
    def meta(self) -> Mapping[str, Any]:
        """The `_meta` of the request."""
        params = self.message.params if isinstance(self.message.params, dict) else {}
        meta = params.get("_meta")
        return meta if isinstance(meta, dict) else {}


Act = Callable[[Turn], Answer]
"""What a step does: a function from the turn to the answer."""


class Item(Enum):
    """Things in a `stream` that depend on the request."""

    ANSWER = "answer"
    """The JSON-RPC response."""
    PRIME = "prime"
    """An event with an id and no data, from which a client can resume."""
    END = "end"
    """The stream ends here, in good order; what follows is sent to a client that resumes."""
    PROGRESS = "progress"
    """A `notifications/progress`, if the request has a token."""
    LOG = "log"
    """A `notifications/message`, where a server may send one: with a handshake."""
    PING = "ping"
    """A request of the server, and then a wait for the response of the client, for half a second at most."""


ANSWER, PRIME, END, PROGRESS, LOG, PING = Item


@dataclass(frozen=True, slots=True)
class Retry:
    """An event that sets the reconnection time, in milliseconds."""

    milliseconds: int


PING_SECONDS: Final = 0.5
"""Seconds that `PING` waits for the response of the client."""


@dataclass(frozen=True)
class Step:
    """What happens to requests of one method.

    Attributes:
        method: JSON-RPC method, or an HTTP method (`GET`, `DELETE`) for requests without a body.
        act: What to answer.
        first: How many of these requests to let pass before.
        times: How many of these requests the step takes; None for all that come.
    """

    method: str
    act: Act
    first: int = 0
    times: int | None = 1


def on(method: str, act: Act, *, first: int = 0, times: int | None = 1) -> Step:
    """Write a step of a script.

    Args:
        method: JSON-RPC method, or an HTTP method (`GET`, `DELETE`) for requests without a body.
        act: What to answer: one of the words of this module, or a function of your own that takes a `Turn`.
        first: How many of these requests to let pass before.
        times: How many of these requests the step takes; None for all that come.
    """
    return Step(method, act, first, times)


@dataclass(frozen=True)
class Script:
    """How a server behaves.

    Attributes:
        name: Name in ids and messages.
        about: What it does, in one sentence.
        steps: The steps; each request goes to the first step that waits for it, or is answered plainly.
        revisions: The revisions that it can be played at.
        sse: Plain answers are event streams.
        sessions: A session id is assigned, at revisions that have sessions.
        page: Tools on one page of `tools/list`; None for all.
        tools: `inputSchema` by tool name; every tool answers with its own name.
        arguments: Arguments for each tool, for clients that are told what to call.
        judges: Requirements that only such a script gives an occasion to.
    """

    name: str
    about: str
    steps: Sequence[Step] = ()
    revisions: tuple[str, ...] = REVISIONS
    sse: bool = False
    sessions: bool = True
    page: int | None = None
    tools: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {
            "first": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
            "second": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        }
    )
    arguments: Mapping[str, Mapping[str, Any]] = field(
        # A letter outside of ASCII: it tells UTF-8 from other codings.
        default_factory=lambda: {"first": {"text": "café"}, "second": {"text": "naïve"}}
    )
    judges: tuple[str, ...] = ()


class Playing:
    """A script that is being played to one client: requests in, answers out.

    Args:
        script: The script.
        revision: The revision that the server speaks.

    Raises:
        ValueError: If the script cannot be played at the revision.
    """

    def __init__(self, script: Script, revision: str) -> None:
        if revision not in script.revisions:
            known = ", ".join(script.revisions)
            raise ValueError(f"script {script.name!r} is not for {revision!r}; accepted: {known}")
        self.script, self.revision = script, revision
        # A client that leaves out a header goes on, so that everything else of it can be seen.
        self.mock = MockServer(
            revision, sse=script.sse, sessions=script.sessions, strict=False, page=script.page
        )
        if era_of(revision) == "handshake":
            self.mock.capabilities["logging"] = {}
        for name, schema in script.tools.items():
            self.mock.tool(name, _says(name), schema=schema)
        self._taken = [0] * len(script.steps)

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request."""
        self.mock.requests.append(request)
        message = request.message
        method = request.method if request.method != "POST" or message is None else message.method
        step = self._next(method)
        if step is None or (message is None and request.method == "POST"):
            return self.mock.respond(request)
        index, taken = step
        empty = Message(Kind.INVALID, ABSENT)
        turn = Turn(request, message or empty, self.mock, taken)
        return self.script.steps[index].act(turn)

    def _next(self, method: str | None) -> tuple[int, int] | None:
        for index, step in enumerate(self.script.steps):
            if step.method != method:
                continue
            self._taken[index] += 1
            taken = self._taken[index] - step.first
            if taken > 0 and (step.times is None or taken <= step.times):
                return index, taken
        return None


def _says(name: str) -> Callable[..., str]:
    return lambda **_: f"{name} was called"


# -- words ----------------------------------------------------------------------------------------------


def stream(
    *items: Item | Retry | Part | dict[str, Any],
    ids: bool = False,
    line_end: str = "\n",
    data_lines: bool = False,
    byte_pause: float | None = None,
) -> Act:
    r"""Answer with an event stream.

    Args:
        items: What is sent, in order: `ANSWER`, `PROGRESS`, `LOG`, `PING`, `PRIME`, `Retry(milliseconds)`,
            `Pause(seconds)`, `END`, `CUT`, `HOLD`, a JSON-RPC message, or raw bytes.
        ids: Give each event an id. A stream that ends without its `ANSWER` then delivers it to a client that
            resumes with the last id.
        line_end: `\n`, `\r\n` or `\r`.
        data_lines: Spread each message over several data lines.
        byte_pause: Send every byte by itself, with so many seconds between; None for whole events.
    """

    def act(turn: Turn) -> Answer:
        plain = turn.plain()
        if plain.message is ABSENT or plain.status != 200:
            return plain
        id: str | None = None
        parts: list[Part] = []
        for item in items:
            if item in (END, CUT):
                if id is not None:
                    turn.mock.pending[id] = plain.message
                parts += [CUT] if item is CUT else []
                break
            if isinstance(item, (bytes, Pause, Until, Mark)):
                parts.append(item)
                continue
            if isinstance(item, Retry):
                parts.append(sse_event(retry=item.milliseconds, line_end=line_end))
                continue
            data = _data(item, turn, plain)
            if data is not None:
                new = turn.mock.next_event_id() if ids or item is PRIME else None
                parts.append(sse_event(data, id=new, line_end=line_end, data_lines=data_lines))
                id = new or id
            if item is PING:
                parts.append(Until(partial(_answered, turn.mock, data), PING_SECONDS))
        if byte_pause is not None:
            parts = [piece for part in parts for piece in _bytewise(part, byte_pause)]
        return sse_answer(plain.message, *parts, headers=_session(plain))

    return act


def _data(item: object, turn: Turn, plain: Answer) -> Any:
    if item is ANSWER:
        return plain.message
    if item is PRIME:
        return ""
    if item is PING:
        # The number of the event makes the id new.
        return jsonrpc.request("ping", id=f"server-{turn.mock.next_event_id()}")
    if item is LOG:
        params = {"level": "info", "logger": "mock", "data": "working"}
        return None if turn.modern else jsonrpc.notification("notifications/message", params)
    if item is PROGRESS:
        token = turn.meta.get("progressToken")
        if token is None:
            return None
        step = int(turn.mock.next_event_id().rpartition("-")[2])
        return jsonrpc.notification("notifications/progress", {"progressToken": token, "progress": step})
    return item


def _answered(mock: MockServer, asked: Any) -> bool:
    return any(jsonrpc.same_id(reply.id, asked["id"]) for reply in mock.replies)


def _bytewise(part: Part, seconds: float) -> list[Part]:
    if not isinstance(part, bytes):
        return [part]
    return [piece for byte in part for piece in (bytes([byte]), Pause(seconds))]


def _session(answer: Answer) -> tuple[tuple[str, str], ...]:
    return tuple(line for line in answer.headers if line[0] == SESSION_HEADER)


def as_json() -> Act:
    """Answer with one JSON body, in a script whose plain answers are event streams."""

    def act(turn: Turn) -> Answer:
        plain = turn.plain()
        if plain.message is ABSENT:
            return plain
        return json_answer(plain.message, plain.status or 200, _session(plain))

    return act


def refuse(
    status: int, *headers: tuple[str, str], code: int | None = None, text: str = "refused", data: Any = ABSENT
) -> Act:
    """Answer with an HTTP status, and with a JSON-RPC error if there is a code.

    Args:
        status: HTTP status code.
        headers: Header lines.
        code: Code of the JSON-RPC error; None for an empty body.
        text: Message of the error.
        data: Data of the error.
    """

    def act(turn: Turn) -> Answer:
        if code is None:
            return Answer(status, headers)
        error = {"code": code, "message": text, **({} if data is ABSENT else {"data": data})}
        return json_answer({"jsonrpc": "2.0", "id": turn.message.id, "error": error}, status, headers)

    return act


def challenge(path: str = "/metadata-of-the-resource") -> Act:
    """Answer with 401 and a challenge that names where the metadata of the resource is.

    Args:
        path: Path of the metadata on the server.
    """

    def act(turn: Turn) -> Answer:
        scheme, _, rest = turn.request.url.partition("://")
        url = f"{scheme}://{rest.partition('/')[0]}{path}"
        return Answer(401, (("WWW-Authenticate", f'Bearer resource_metadata="{url}"'),))

    return act


def lose_session() -> Act:
    """End every session, so that this request and all later ones with an old id get 404."""

    def act(turn: Turn) -> Answer:
        turn.mock.open_sessions.clear()
        return turn.plain()

    return act


def never() -> Act:
    """Send no response at all, and keep the connection open."""
    return lambda turn: Answer(None, parts=(HOLD,))


def later(seconds: float) -> Act:
    """Answer plainly, but only after so many seconds."""

    def act(turn: Turn) -> Answer:
        plain = turn.plain()
        return replace(plain, parts=(Pause(seconds), *plain.parts))

    return act


def result(change: Callable[[dict[str, Any], Turn], dict[str, Any]]) -> Act:
    """Answer with a changed result.

    Args:
        change: Takes the plain result and the turn, and returns the result to send.
    """

    def act(turn: Turn) -> Answer:
        plain = turn.plain()
        if not isinstance(plain.message, dict) or "result" not in plain.message:
            return plain
        changed = {**plain.message, "result": change(plain.message["result"], turn)}
        answer = json_answer(changed, 200, _session(plain))
        return turn.mock.framed(answer, turn.message)

    return act


def input_required(asks: Mapping[str, Mapping[str, Any]] | None = None, *, state: str | None = None) -> Act:
    """Answer that more input is needed, at 2026-07-28.

    Args:
        asks: What to ask for, by key. Only what the client declared a capability for is asked.
        state: The `requestState`.
    """

    def act(turn: Turn) -> Answer:
        declared = turn.meta.get(CLIENT_CAPABILITIES)
        can = declared if isinstance(declared, dict) else {}
        asked = {k: dict(v) for k, v in (asks or {}).items() if str(v["method"]).partition("/")[0] in can}
        found: dict[str, Any] = {"resultType": "input_required"}
        found.update({"inputRequests": asked} if asked else {})
        found.update({"requestState": state} if state is not None else {})
        if len(found) == 1:
            return turn.plain()
        value = finished(found, turn.message, modern=True)
        return turn.mock.framed(
            json_answer({"jsonrpc": "2.0", "id": turn.message.id, "result": value}), turn.message
        )

    return act
