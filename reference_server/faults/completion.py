"""Faults of completion: its result, what is refused, and completions that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST
from reference_server._layers import combine
from reference_server.faults import Fault
from reference_server.faults.prompts import UNKNOWN, answers, fails, is_asked
from reference_server.faults.schema import result_of
from reference_server.prompts import PAGES
from reference_server.variants.lifecycle import with_capabilities

Json = dict[str, Any]
METHOD = "completion/complete"

LONG = 10_000
"""Characters from which on a value is a long one."""

NOTHING: Json = {"completion": {"values": []}}


def completes(test: Callable[[Json, Json], bool]) -> Callable[[RequestContext], bool]:
    """Select completions by what they refer to and their argument, as far as these are objects."""

    def chosen(context: RequestContext) -> bool:
        ref, argument = (context.params.get(name) for name in ("ref", "argument"))
        return test(ref if isinstance(ref, dict) else {}, argument if isinstance(argument, dict) else {})

    return is_asked(METHOD, chosen)


ALL = completes(lambda ref, argument: True)
OF_UNKNOWN = completes(lambda ref, argument: str(ref.get("name")).startswith(UNKNOWN))
LACKS_MEMBER = is_asked(METHOD, lambda c: not {"ref", "argument"} <= c.params.keys())
OF_NO_KIND = completes(
    lambda ref, argument: ref.get("type", "ref/prompt") not in ("ref/prompt", "ref/resource")
)
WITH_OBJECT = completes(lambda ref, argument: argument.get("value") == {})
IS_LONG = completes(lambda ref, argument: len(str(argument.get("value"))) > LONG)
OF_PAGE = completes(lambda ref, argument: argument == {"name": "page", "value": ""})


def completion(change: Callable[[Json], object]) -> Layer:
    """Change the completion in results."""
    return result_of(METHOD, lambda result: change(result["completion"]))


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault that breaks one requirement."""
    id, requirement = f"completion.{id}", f"completion.{requirement}"
    return Fault(id, (requirement,), ("stateless",), summary=summary, layer=layer)


def undeclared(layer: Layer) -> Layer:
    """Do not declare completions, and answer them in some way."""
    return combine(layer, with_capabilities(completions=None))


FAULTS = (
    fault(
        "undeclared",
        "capability-declared",
        "values are suggested, although completions is not declared",
        with_capabilities(completions=None),
    ),
    fault(
        "undeclared-empty",
        "unsupported-32601",
        "completions is not declared, and nothing is suggested instead of an error",
        undeclared(answers(ALL, NOTHING)),
    ),
    fault(
        "undeclared-invalid-params",
        "unsupported-32601",
        "completions is not declared, and its method refuses what is referred to",
        undeclared(fails(ALL, INVALID_PARAMS, "Unknown reference")),
    ),
    fault(
        "flat",
        "result-shape",
        "the values stand in the result itself",
        result_of(METHOD, lambda r: r.update(r.pop("completion"))),
    ),
    fault(
        "labelled-values",
        "result-shape",
        "each value is an object with a label",
        completion(lambda c: c.update(values=[{"value": each, "label": each} for each in c["values"]])),
    ),
    fault(
        "total-text",
        "result-shape",
        "the total number is a text",
        completion(lambda c: c.update(total=str(c["total"]))),
    ),
    fault(
        "has-more-number",
        "result-shape",
        "hasMore is a number",
        completion(lambda c: c.update(hasMore=int(c["hasMore"]))),
    ),
    fault(
        "too-many-values",
        "max-100",
        "all values are suggested at once",
        completion(lambda c: c.update(values=list(PAGES)) if c["hasMore"] else None),
    ),
    fault(
        "unknown-prompt-empty",
        "unknown-prompt-32602",
        "nothing is suggested for an unknown prompt",
        answers(OF_UNKNOWN, NOTHING),
    ),
    fault(
        "unknown-prompt-internal-error",
        "unknown-prompt-32602",
        "an unknown prompt gets -32603",
        fails(OF_UNKNOWN, INTERNAL_ERROR, "KeyError"),
    ),
    fault(
        "missing-members-internal-error",
        "missing-arguments-32602",
        "a completion without ref or argument gets -32603",
        fails(LACKS_MEMBER, INTERNAL_ERROR, "Cannot read properties of undefined"),
    ),
    fault(
        "missing-members-empty",
        "missing-arguments-32602",
        "nothing is suggested for a completion without ref or argument",
        answers(LACKS_MEMBER, NOTHING),
    ),
    fault(
        "unknown-kind-suggested",
        "validate-inputs",
        "values are suggested for a reference of an unknown type",
        answers(OF_NO_KIND, {"completion": {"values": ["everything"]}}),
    ),
    fault(
        "object-crash",
        "validate-inputs",
        "an object as value makes the server fail",
        fails(WITH_OBJECT, INTERNAL_ERROR, "Internal error", 500),
    ),
    fault(
        "long-value-crash",
        "validate-inputs",
        "a long value makes the server fail",
        fails(IS_LONG, INTERNAL_ERROR, "Internal error", 500),
    ),
    fault(
        "failure-invalid-request",
        "internal-error",
        "a completion that fails gets -32600",
        fails(OF_PAGE, INVALID_REQUEST, "The backend is down"),
    ),
    fault(
        "failure-own-code",
        "internal-error",
        "a completion that fails gets a code of the server's own",
        fails(OF_PAGE, 5, "The backend is down"),
    ),
)
