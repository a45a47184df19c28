"""Message schemas: compare what a server sent with the shape that its revision gives it.

The schemas are package data, generated from the models of mcp-types; jsonschema is imported on first use.
This module must not know how a message arrived, nor which requirement a violation breaks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pytest_mcp_http.spec.revisions import MODERN_REVISIONS, REVISIONS

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

MAX_VIOLATIONS: Final = 100
"""Most schema errors reported for one message; a list of ten thousand bad tools needs no longer report."""

MAX_REMEMBERED: Final = 2000
"""Most values whose violations are remembered; a violation may hold a large value."""

CORE_RESULT_TYPES: Final = frozenset({"complete", "input_required"})
"""Values of `resultType` that the specification itself defines, from 2026-07-28 on."""

MAX_SHOWN: Final = 80
"""Most characters of a value that a message quotes."""

JSON_TYPES: Final = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


INPUT_REQUESTS: Final[Mapping[str, str]] = {
    "elicitation/create": "ElicitRequest",
    "roots/list": "ListRootsRequest",
    "sampling/createMessage": "CreateMessageRequest",
}
"""Schema of each request that a server may ask a client for in an `input_required` result, by method."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a message has not the shape that the specification gives it.

    Attributes:
        path: Where, from the JSON-RPC member on: `result.tools[3].inputSchema.type`, `params.level`.
        message: What is wrong there, one line.
        value: The value at `path`; the enclosing object where a required member is missing.
        rule: The JSON Schema keyword that is broken: `required`, `type`, `enum`, `anyOf`...
    """

    path: str
    message: str
    value: object
    rule: str


def validate_result(method: str, revision: str, result: object) -> list[Violation]:
    """Compare a result with the schema of the method that asked for it.

    Extra members are legal everywhere, formats are not enforced and every number may have a fraction: the
    authority is `schema.ts`, not `schema.json`. A task-augmented request has another result than its method.

    Args:
        method: Method of the request, for example `tools/list`.
        revision: One of `REVISIONS`.
        result: The `result` member of the response.

    Returns:
        The violations, in document order; none for a method that the revision does not define, and none for a
        result of a type that only an extension can define.

    Raises:
        ValueError: If the revision is unknown.
    """
    kind = result.get("resultType") if isinstance(result, dict) else None
    if revision in MODERN_REVISIONS and isinstance(kind, str) and kind not in CORE_RESULT_TYPES:
        return []
    return _violations(revision, "results", method, result, "result")


def validate_server_message(message: object, revision: str) -> list[Violation]:
    """Compare a request or notification of the server with the schema of its method.

    Args:
        message: The whole JSON-RPC object; one with an `id` is a request.
        revision: One of `REVISIONS`.

    Returns:
        The violations, in document order; none for a method that the revision does not let a server send, and
        none for what is no request or notification at all.

    Raises:
        ValueError: If the revision is unknown.
    """
    method = message.get("method") if isinstance(message, dict) else None
    kind = "requests" if isinstance(message, dict) and "id" in message else "notifications"
    return _violations(revision, kind, method if isinstance(method, str) else "", message, "")


def server_requests(revision: str) -> frozenset[str]:
    """Return the methods of the requests that a revision lets a server send.

    Args:
        revision: One of `REVISIONS`.

    Raises:
        ValueError: If the revision is unknown.
    """
    return frozenset(_schemas(revision)["requests"])


def validate_input_request(request: object, revision: str) -> list[Violation]:
    """Compare a member of `inputRequests` with the schema of its method.

    Args:
        request: The member.
        revision: One of `REVISIONS` that has multi round-trip requests.

    Returns:
        The violations, with paths from the request on, in document order; none for what is no object with a
        method of `INPUT_REQUESTS`.

    Raises:
        ValueError: If the revision is unknown.
    """
    method = request.get("method") if isinstance(request, dict) else None
    name = INPUT_REQUESTS.get(method, "") if isinstance(method, str) else ""
    return _violations(revision, "$defs", name, request, "")


def validate_error(error: object, revision: str) -> list[Violation]:
    """Compare the `error` member of a response with its schema.

    Args:
        error: The `error` member.
        revision: One of `REVISIONS`.

    Returns:
        The violations, in document order.

    Raises:
        ValueError: If the revision is unknown.
    """
    return _violations(revision, "error", "", error, "error")


def _violations(revision: str, kind: str, method: str, value: object, root: str) -> list[Violation]:
    """Return the violations of a value, remembered: several requirements look at the same messages."""
    validator = _validator(revision, kind, method)
    if validator is None:
        return []
    key = (revision, kind, method, root, _digest(value))
    if key[-1] is None:
        return _found(validator, value, root)
    if key not in _REMEMBERED:
        if len(_REMEMBERED) >= MAX_REMEMBERED:
            _REMEMBERED.clear()
        _REMEMBERED[key] = tuple(_found(validator, value, root))
    return list(_REMEMBERED[key])


def _digest(value: object) -> bytes | None:
    """Return what stands for a JSON value; None for a value that cannot be written as JSON."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _found(validator: Draft202012Validator, value: object, root: str) -> list[Violation]:
    found: dict[tuple[str, str], Violation] = {}
    for error in islice(validator.iter_errors(value), MAX_VIOLATIONS):
        for cause in _causes(error):
            for violation in _explain(cause, root):
                found.setdefault((violation.path, violation.rule), violation)
    return list(found.values())


_REMEMBERED: Final[dict[tuple[str, str, str, str, bytes | None], tuple[Violation, ...]]] = {}


@cache
def _schemas(revision: str) -> Mapping[str, Any]:
    if revision not in REVISIONS:
        raise ValueError(f"unknown protocol revision {revision!r}; known are {', '.join(REVISIONS)}")
    data = resources.files("pytest_mcp_http.spec") / "schemas" / f"{revision}.json"
    schemas: Mapping[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    return schemas


def _validator(revision: str, kind: str, method: str) -> Draft202012Validator | None:
    """Return the compiled schema, or None for an unknown method.

    Methods are looked up before the cache: their names come from servers and would fill it.
    """
    schemas = _schemas(revision)[kind]
    if kind != "error" and method not in schemas:
        return None
    return _compiled(revision, kind, method)


@cache
def _compiled(revision: str, kind: str, method: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schemas = _schemas(revision)
    schema = schemas[kind] if kind == "error" else schemas[kind][method]
    return Draft202012Validator({**schema, "$defs": schemas["$defs"]})


def _causes(error: ValidationError) -> Iterator[ValidationError]:
    """Replace a broken `anyOf` by the errors of the alternative that was meant, where one stands out.

    Out of the question is an alternative for another JSON type or tag. Of the rest, the one that got furthest
    into the value was meant, then the one with the fewest errors.
    """
    branches: dict[object, list[ValidationError]] = {}
    if error.validator == "anyOf":
        for cause in error.context or ():
            branches.setdefault(cause.schema_path[0], []).append(cause)
    meant = [branch for branch in branches.values() if not any(_is_foreign(cause) for cause in branch)]
    meant.sort(key=_rank)
    if not meant or (len(meant) > 1 and _rank(meant[0]) == _rank(meant[1]) and _rank(meant[0])[0] == 0):
        yield error
        return
    for cause in meant[0]:
        yield from _causes(cause)


def _rank(branch: list[ValidationError]) -> tuple[int, int]:
    return (-max(len(cause.path) for cause in branch), len(branch))


def _is_foreign(cause: ValidationError) -> bool:
    """Tell whether a branch is out of the question: another JSON type at its root, or another tag."""
    at_root = not cause.path
    is_tag = list(cause.path) in (["type"], ["mode"], ["resultType"])
    return (at_root and cause.validator == "type") or (is_tag and cause.validator == "const")


def _explain(error: ValidationError, root: str) -> Iterator[Violation]:
    path = _join(root, error.absolute_path)
    value: Any = error.instance
    if error.validator == "required":
        for name in _missing(error):
            yield Violation(_join(path, [name]), "the required member is missing", value, "required")
    elif error.validator == "anyOf":
        yield _explain_any_of(error, path)
    else:
        yield Violation(path, _sentence(error), value, str(error.validator))


def _sentence(error: ValidationError) -> str:
    expected: Any = error.validator_value
    if error.validator == "type":
        return f"is {_type_of(error.instance)}, must be {expected}"
    if error.validator in ("const", "enum"):
        choices = expected if error.validator == "enum" else [expected]
        return f"is {_shown(error.instance)}, must be {' or '.join(map(_shown, choices))}"
    return f"is {_shown(error.instance)}, which breaks {error.validator} {_shown(expected)}"


def _explain_any_of(error: ValidationError, path: str) -> Violation:
    """Name the tag, the JSON type or the members that would have satisfied one of the alternatives."""
    causes = list(error.context or ())
    value: Any = error.instance
    mistyped = [cause for cause in causes if not cause.path and cause.validator == "type"]
    types = _unique(str(cause.validator_value) for cause in mistyped)
    if types and not isinstance(value, dict):
        return Violation(path, f"is {_type_of(value)}, must be {' or '.join(types)}", value, "type")
    tags = [cause for cause in causes if _is_foreign(cause) and cause.path]
    if tags:
        name = str(tags[0].path[0])
        choices = _unique(_shown(cause.validator_value) for cause in tags)
        message = f"is {_shown(tags[0].instance)}, must be {' or '.join(choices)}"
        return Violation(_join(path, [name]), message, tags[0].instance, "enum")
    incomplete = [cause for cause in causes if not cause.path and cause.validator == "required"]
    members = _unique(name for cause in incomplete for name in _missing(cause))
    if len(members) == 1:
        return Violation(_join(path, members), "the required member is missing", value, "required")
    if members:
        return Violation(path, f"lacks one of the members {', '.join(members)}", value, "anyOf")
    return Violation(path, f"is {_shown(value)}, which is none of the shapes allowed here", value, "anyOf")


def _missing(error: ValidationError) -> list[str]:
    names: Any = error.validator_value
    present: Any = error.instance
    return [name for name in names if name not in present]


def _unique(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _type_of(value: object) -> str:
    return JSON_TYPES.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _join(root: str, path: Any) -> str:
    text = root
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() or part.startswith("$"):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text
