"""Reads bytes as JSON-RPC 2.0 messages, says what each is and what is wrong with it, and builds requests.

It must not know HTTP, MCP methods or revisions beyond the envelope: what a result holds is judged elsewhere.
Rules: https://www.jsonrpc.org/specification and https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_MAX_DEPTH: Final = 128
"""How deeply arrays and objects may nest unless told otherwise; low enough for every stack."""

MAX_FINDINGS: Final = 100
"""A message lists at most this many findings of its text that have a place, and as many that have none."""

MAX_MEMBERS: Final = 10_000
"""Largest batch that is read; judging each member of a larger one would take minutes."""

_MAX_INTEGER_DIGITS: Final = 1000


class Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent.ABSENT
"""Stands for a member that is not there, which is not the same as a member that is null."""


class Kind(str, Enum):
    """What a message is, by its members."""

    REQUEST = "request"
    NOTIFICATION = "notification"
    RESULT = "result"
    ERROR = "error"
    BATCH = "batch"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Explain a finding code.

    Args:
        text: What was seen, in one line.
        invalid: True if a message with this finding is `Kind.INVALID`: it is not JSON, or of no known kind.
    """

    text: str
    invalid: bool = False


FINDING_MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "invalid-utf8": Meaning("the bytes are not UTF-8", invalid=True),
        "invalid-json": Meaning("the text is not JSON", invalid=True),
        "trailing-data": Meaning("text follows the JSON value", invalid=True),
        "non-finite-number": Meaning("NaN or Infinity, which JSON does not have", invalid=True),
        "too-deep": Meaning("arrays and objects nest deeper than the limit of this reader", invalid=True),
        "bom": Meaning("a byte order mark before the text; senders must not add it, readers may skip it"),
        "duplicate-key": Meaning("an object has a member twice; the last one was read"),
        "lone-surrogate": Meaning("an escape for half a surrogate pair, which stands for no character"),
        "huge-number": Meaning("a number beyond what common readers hold; read as infinite"),
        "not-an-object": Meaning("the message is no object", invalid=True),
        "empty-batch": Meaning("the batch is an empty array", invalid=True),
        "huge-batch": Meaning("the batch has more members than this reader takes", invalid=True),
        "neither": Meaning("the object has none of method, result, error", invalid=True),
        "result-and-error": Meaning("the response has both result and error", invalid=True),
        "method-and-response": Meaning("the object has method and also result or error", invalid=True),
        "method-type": Meaning("method is no string", invalid=True),
        "version": Meaning('jsonrpc is absent or not the string "2.0"'),
        "id-type": Meaning("id is neither string nor integer"),
        "id-null": Meaning("id is null where an id is needed"),
        "id-missing": Meaning("a result without id"),
        "id-float": Meaning("id is an integer written with a fraction or an exponent"),
        "notification-with-id": Meaning("a method named notifications/... has an id"),
        "params-type": Meaning("params is no object"),
        "result-not-object": Meaning("result is no object"),
        "error-shape": Meaning("error is no object, or lacks code or message"),
        "error-code-type": Meaning("the code of the error is no integer"),
        "error-message-type": Meaning("the message of the error is no string"),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or unusual in a message.

    Args:
        code: A key of `FINDING_MEANINGS`.
        detail: What was seen here.
        path: Where it is, as a JSON Pointer (RFC 6901); empty for the whole message or an unknown place.
    """

    code: str
    detail: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC message as read.

    Args:
        kind: What it is; INVALID if it is not JSON or of no known kind.
        value: The JSON value; `ABSENT` if there is none. With a finding about the text, what could be read.
        id: The id member. In an error, null and `ABSENT` are no findings: the id may have been unreadable.
        method: The method, if it is a string.
        params: The params member.
        result: The result member.
        error: The error member.
        findings: What is wrong with this message; those of batch members are in the members.
        members: The messages of a batch, in order.
    """

    kind: Kind
    value: Any
    id: Any = ABSENT
    method: str | None = None
    params: Any = ABSENT
    result: Any = ABSENT
    error: Any = ABSENT
    findings: tuple[Finding, ...] = ()
    members: tuple[Message, ...] = ()


def decode(body: bytes, *, max_depth: int = DEFAULT_MAX_DEPTH) -> Message:
    """Read bytes as one JSON-RPC message or batch; never raises for any bytes.

    Args:
        body: The whole body of an HTTP message, or the data of one event in UTF-8.
        max_depth: How deeply arrays and objects may nest.

    Returns:
        The message. If a finding makes it invalid, id and other members are still given as far as they could
        be read.
    """
    findings: list[Finding] = []
    text = _decode_text(body, findings)
    if _too_deep(text, max_depth):
        findings.append(Finding("too-deep", f"nested deeper than {max_depth} levels"))
        return _invalid(findings)
    try:
        value = _Reader(findings).read(text)
    except RecursionError:
        findings.append(Finding("too-deep", "nested deeper than the stack allows here"))
        return _invalid(findings)
    except json.JSONDecodeError as error:
        detail = f"{error.msg} at character {error.pos}" if text.strip(_SPACE) else "no text"
        findings.append(Finding("invalid-json", detail))
        return _invalid(findings)
    message = classify(value)
    if not findings:
        return message
    invalid = any(FINDING_MEANINGS[finding.code].invalid for finding in findings)
    return replace(
        message, kind=Kind.INVALID if invalid else message.kind, findings=(*findings, *message.findings)
    )


def classify(value: object) -> Message:
    """Say what kind of JSON-RPC message a JSON value is, and what is wrong with it.

    Args:
        value: A JSON value as Python's `json` module reads it.

    Returns:
        The message, with a member per array element for a batch.
    """
    if isinstance(value, list):
        return _classify_batch(value)
    if not isinstance(value, dict):
        return Message(
            Kind.INVALID, value, findings=(Finding("not-an-object", f"a JSON {json_type(value)}"),)
        )
    findings: list[Finding] = []
    if value.get("jsonrpc") != "2.0":
        seen = _show(value["jsonrpc"]) if "jsonrpc" in value else "absent"
        findings.append(Finding("version", f"jsonrpc is {seen}", "/jsonrpc"))
    kind = _kind(value, findings)
    findings += _id_findings(value, kind)
    findings += _member_findings(value, kind)
    method = value.get("method")
    return Message(
        kind,
        value,
        id=value.get("id", ABSENT),
        method=method if isinstance(method, str) else None,
        params=value.get("params", ABSENT),
        result=value.get("result", ABSENT),
        error=value.get("error", ABSENT),
        findings=tuple(findings),
    )


def same_id(a: object, b: object) -> bool:
    """Return whether two ids are equal in value and JSON type.

    The string "1" is not the number 1, and true is not 1. JSON has one type of number, so 1 and 1.0 are the
    same id; a message that writes an integer like that has the finding `id-float`.
    """
    return json_type(a) == json_type(b) and a == b


def request(method: str, params: Any = ABSENT, *, id: Any) -> dict[str, Any]:
    """Build a request; params are left out if `ABSENT`, and any id is taken, be it legal or not."""
    return {"jsonrpc": "2.0", "id": id, **_call(method, params)}


def notification(method: str, params: Any = ABSENT) -> dict[str, Any]:
    """Build a notification; params are left out if `ABSENT`."""
    return {"jsonrpc": "2.0", **_call(method, params)}


def encode(value: object) -> bytes:
    """Write a JSON value as compact UTF-8; half surrogate pairs stay escapes, so the bytes are always UTF-8.

    Raises:
        TypeError: If the value is no JSON value.
        ValueError: If it holds NaN or an infinite number.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def json_type(value: object) -> str:
    """Return the JSON type of a value: string, number, boolean, null, array, object; or absent, unknown."""
    if value is None:
        return "null"
    for types, name in _TYPE_NAMES:
        if isinstance(value, types):
            return name
    return "unknown"


_TYPE_NAMES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "boolean"),
    ((int, float), "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
    (Absent, "absent"),
)


def _call(method: str, params: Any) -> dict[str, Any]:
    return {"method": method} if params is ABSENT else {"method": method, "params": params}


def _classify_batch(value: list[Any]) -> Message:
    if not value:
        return Message(Kind.INVALID, value, findings=(Finding("empty-batch", "an array without members"),))
    if len(value) > MAX_MEMBERS:
        return Message(Kind.INVALID, value, findings=(Finding("huge-batch", f"{len(value)} members"),))
    members = tuple(
        Message(Kind.INVALID, member, findings=(Finding("not-an-object", "an array inside a batch"),))
        if isinstance(member, list)
        else classify(member)
        for member in value
    )
    return Message(Kind.BATCH, value, members=members)


def _kind(value: dict[str, Any], findings: list[Finding]) -> Kind:
    responds = "result" in value or "error" in value
    if "method" in value and responds:
        findings.append(Finding("method-and-response", "method beside result or error"))
    elif "method" in value:
        if isinstance(value["method"], str):
            return Kind.REQUEST if "id" in value else Kind.NOTIFICATION
        findings.append(Finding("method-type", f"method is {_show(value['method'])}", "/method"))
    elif "result" in value and "error" in value:
        findings.append(Finding("result-and-error", "result beside error"))
    elif responds:
        return Kind.RESULT if "result" in value else Kind.ERROR
    else:
        findings.append(Finding("neither", f"members: {', '.join(map(_show, list(value)[:10])) or 'none'}"))
    return Kind.INVALID


def _id_findings(value: dict[str, Any], kind: Kind) -> Iterator[Finding]:
    method = value.get("method")
    if isinstance(method, str) and method.startswith("notifications/") and "id" in value:
        yield Finding("notification-with-id", f"{_show(method)} has the id {_show(value['id'])}", "/id")
    if "id" not in value:
        if kind is Kind.RESULT:
            yield Finding("id-missing", "a result without id")
        return
    ident = value["id"]
    if ident is None:
        if kind is not Kind.ERROR:
            yield Finding("id-null", "id is null", "/id")
    elif isinstance(ident, float) and ident.is_integer():
        yield Finding("id-float", f"id is written {ident!r}", "/id")
    elif not isinstance(ident, str) and not _is_integer(ident):
        yield Finding("id-type", f"id is {_show(ident)}", "/id")


def _member_findings(value: dict[str, Any], kind: Kind) -> Iterator[Finding]:
    if "params" in value and "method" in value and not isinstance(value["params"], dict):
        yield Finding("params-type", f"params is a JSON {json_type(value['params'])}", "/params")
    if kind is Kind.RESULT and not isinstance(value["result"], dict):
        yield Finding("result-not-object", f"result is a JSON {json_type(value['result'])}", "/result")
    if "error" in value:
        yield from _error_findings(value["error"])


def _error_findings(error: object) -> Iterator[Finding]:
    if not isinstance(error, dict):
        yield Finding("error-shape", f"error is a JSON {json_type(error)}", "/error")
        return
    for name in ("code", "message"):
        if name not in error:
            yield Finding("error-shape", f"error has no {name}", "/error")
    if "code" in error and not _is_integer(error["code"]):
        yield Finding("error-code-type", f"code is {_show(error['code'])}", "/error/code")
    if "message" in error and not isinstance(error["message"], str):
        yield Finding("error-message-type", f"message is {_show(error['message'])}", "/error/message")


def _is_integer(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _show(value: object) -> str:
    """Write a value for a finding, cut to one short line."""
    if isinstance(value, (list, dict)):
        return f"a JSON {json_type(value)}"
    text = json.dumps(value, default=repr)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _invalid(findings: list[Finding]) -> Message:
    return Message(Kind.INVALID, ABSENT, findings=tuple(findings))


_SPACE: Final = " \t\n\r"
_BOM: Final = "\ufeff"
_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def _decode_text(body: bytes, findings: list[Finding]) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        bad = body[error.start : error.end].hex(" ")
        findings.append(Finding("invalid-utf8", f"{error.reason} at byte {error.start}: {bad}"))
        text = body.decode(errors="replace")
    if text.startswith(_BOM):
        findings.append(Finding("bom", "the text begins with EF BB BF"))
        text = text[1:]
    return text


def _too_deep(text: str, max_depth: int) -> bool:
    """Tell whether the nesting exceeds the limit, without recursion, before the JSON reader recurses."""
    if text.count("[") + text.count("{") <= max_depth:
        return False
    outside_strings = "".join(_ESCAPE.sub("", text).split('"')[::2])
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(outside_strings))
    return any(depth > max_depth for depth in accumulate(steps))


class _Reader:
    """Reads JSON text with the standard reader, and notes what that reader forgives."""

    def __init__(self, findings: list[Finding]) -> None:
        self._findings = findings
        self._duplicates: list[tuple[dict[str, Any], str]] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_int=self._integer,
            parse_float=self._float,
        )

    def read(self, text: str) -> Any:
        start = len(text) - len(text.lstrip(_SPACE))
        value, end = self._decoder.raw_decode(text, start)
        if text[end:].strip(_SPACE):
            self._note("trailing-data", f"more text at character {end}")
        surrogates = _SURROGATE_ESCAPE.search(text) is not None
        if self._duplicates or surrogates:
            self._findings += islice(self._findings_in(value, surrogates), MAX_FINDINGS)
        return value

    def _findings_in(self, value: Any, surrogates: bool) -> Iterator[Finding]:
        """Find in the value read what needs a path: duplicate members and half surrogate pairs."""
        doubled = {id(pairs): name for pairs, name in self._duplicates}
        for path, node in _walk(value):
            if id(node) in doubled:
                name = doubled.pop(id(node))
                yield Finding("duplicate-key", f"member {_show(name)} is given twice", path)
            if surrogates and isinstance(node, str) and _SURROGATE.search(node):
                yield Finding("lone-surrogate", f"in {_show(node)}", path)
        for name in doubled.values():
            yield Finding("duplicate-key", f"member {_show(name)} is given twice")

    def _note(self, code: str, detail: str) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(Finding(code, detail))

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs) and len(self._duplicates) < MAX_FINDINGS:
            names = [name for name, _ in pairs]
            self._duplicates.append((value, next(name for name in value if names.count(name) > 1)))
        return value

    def _constant(self, token: str) -> float:
        self._note("non-finite-number", f"the number {token}")
        return float(token)

    def _integer(self, token: str) -> int | float:
        return int(token) if len(token) <= _MAX_INTEGER_DIGITS else self._float(token)

    def _float(self, token: str) -> float:
        number = float(token)
        if math.isinf(number):
            self._note("huge-number", f"a number of {len(token)} characters: {token[:40]}")
        return number


def _walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give each value with its JSON Pointer, and each member name with the pointer of its object."""
    yield path, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield path, name
            step = name.replace("~", "~0").replace("/", "~1")
            yield from _walk(member, f"{path}/{step}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _walk(member, f"{path}/{index}")
