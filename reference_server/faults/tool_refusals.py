"""Faults of tool calls that fail: in the tool, for their arguments, for their name, for their form."""

from __future__ import annotations

from reference_server._context import Layer
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND
from reference_server._layers import combine
from reference_server.faults._tool_calls import (
    answered_by,
    call_of,
    is_malformed,
    is_unknown,
    is_wrong,
    refusal,
    result,
)
from reference_server.faults.tools import (
    NAMED_SINCE,
    fault,
    unknown_method,
    without_capability,
)


def without_tools(answer: Layer) -> Layer:
    """Have no tools, and answer calls in some way."""
    return combine(answer, without_capability("tools"), unknown_method("tools/list"))


FAULTS = (
    fault(
        "failure-as-error",
        "execution-error-in-result",
        "A tool that fails gets a JSON-RPC error.",
        answered_by(
            call_of("convert_units", lambda c: not is_wrong(c)), refusal(INTERNAL_ERROR, "Conversion failed")
        ),
    ),
    fault(
        "failure-unmarked",
        "execution-error-in-result",
        "A tool that fails says so in its text only.",
        answered_by(
            call_of("convert_units", lambda c: not is_wrong(c)), result("Conversion failed", is_error=False)
        ),
    ),
    fault(
        "unknown-as-result",
        "unknown-tool-error",
        "A tool that does not exist gets a result with isError.",
        answered_by(is_unknown, result("Unknown tool", is_error=True)),
    ),
    fault(
        "unknown-as-success",
        "unknown-tool-error",
        "A tool that does not exist gets a result.",
        answered_by(is_unknown, result("Unknown tool", is_error=False)),
    ),
    fault(
        "unknown-internal-error",
        "unknown-tool-code",
        "A tool that does not exist gets -32603.",
        answered_by(is_unknown, refusal(INTERNAL_ERROR, "Unknown tool")),
    ),
    fault(
        "unknown-method-not-found",
        "unknown-tool-code",
        "A tool that does not exist gets -32601.",
        answered_by(is_unknown, refusal(METHOD_NOT_FOUND, "Unknown tool")),
    ),
    fault(
        "unsupported-as-result",
        "call-unsupported",
        "A server without tools answers a call with a result.",
        without_tools(answered_by(is_unknown, result("No tools here", is_error=True))),
    ),
    fault(
        "malformed-as-result",
        "malformed-call",
        "A call whose arguments are no object gets a result with isError.",
        answered_by(is_malformed, result("Arguments must be an object", is_error=True)),
        NAMED_SINCE,
    ),
    fault(
        "malformed-served",
        "malformed-call",
        "A call whose arguments are no object is served as if it had none.",
        answered_by(is_malformed, result("Done.", is_error=False)),
        NAMED_SINCE,
    ),
    fault(
        "wrong-arguments-served",
        "validate-inputs",
        "Wrong arguments get a result as if they were right.",
        answered_by(
            lambda c: is_wrong(c) and c.params.get("name") != "describe_place",
            result("Done.", is_error=False),
        ),
    ),
    fault(
        "missing-arguments-served",
        "validate-inputs",
        "Arguments that are required and missing get a result.",
        answered_by(
            lambda c: is_wrong(c) and call_of("echo_text")(c) and not c.params["arguments"],
            result("Done.", is_error=False),
        ),
    ),
    fault(
        "composition-ignored",
        "schema-2020-12-keywords",
        "What only anyOf forbids is served.",
        answered_by(
            call_of("describe_place", lambda c: "place" in c.params["arguments"] and is_wrong(c)),
            result("Done.", is_error=False),
        ),
        NAMED_SINCE,
    ),
    fault(
        "wrong-arguments-as-error",
        "input-validation-is-error",
        "Wrong arguments get the JSON-RPC error -32602.",
        answered_by(is_wrong, refusal(INVALID_PARAMS, "Wrong arguments")),
        NAMED_SINCE,
    ),
    fault(
        "wrong-arguments-as-crash",
        "input-validation-is-error",
        "Wrong arguments get the JSON-RPC error -32603.",
        answered_by(is_wrong, refusal(INTERNAL_ERROR, "Internal error")),
        NAMED_SINCE,
    ),
)
