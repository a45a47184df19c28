"""All tools: the article's, with its signatures and its JSON text results, and those that show what is done.

Knows nothing of HTTP; the session it works in comes from `sessions.current_session`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

import anyio

from reference_server._result import ToolResult, text_result
from reference_server._tool import Caller, Parameter, Tool, ToolError
from reference_server.content_tools import CONTENT_TOOLS
from reference_server.extras import CHANGING_TOOLS
from reference_server.handle_tools import HANDLE_TOOLS
from reference_server.log_tools import LOG_TOOLS
from reference_server.place_tools import PLACE_TOOLS
from reference_server.sessions import Session, TransactionError, current_session
from reference_server.task_tools import TASK_TOOLS
from reference_server.witness_tools import WITNESS_TOOLS

MAX_STEPS: Final = 1000
MAX_MILLISECONDS: Final = 10_000
MAX_TOTAL_MILLISECONDS: Final = 30_000
"""Longest run of `count_slowly` as a whole."""


async def analyze_text(text: str, analysis_type: str = "sentiment") -> str:
    """Analyze text: a simulated result, like the article's."""
    results: dict[str, dict[str, Any]] = {
        "sentiment": {"label": "positive", "score": 0.87, "text_length": len(text)},
        "entities": {"entities_found": 3, "types": ["PERSON", "ORG", "DATE"]},
        "summary": {
            "original_length": len(text),
            "summary": text[:100] + "..." if len(text) > 100 else text,
        },
    }
    if analysis_type not in results:
        raise ToolError(f"Unknown analysis type; accepted: {', '.join(results)}")
    return json.dumps(results[analysis_type], indent=2, ensure_ascii=False)


async def health_check() -> str:
    """Tell that the server is healthy, and the time there."""
    now = datetime.now(timezone.utc).isoformat()
    return json.dumps({"status": "healthy", "timestamp": now, "version": "1.0.0"})


_CONVERSIONS: Final[dict[tuple[str, str], Callable[[float], float]]] = {
    ("celsius", "fahrenheit"): lambda value: value * 9 / 5 + 32,
    ("fahrenheit", "celsius"): lambda value: (value - 32) * 5 / 9,
    ("kg", "lb"): lambda value: value * 2.20462,
    ("lb", "kg"): lambda value: value / 2.20462,
}


async def convert_units(value: float, from_unit: str, to_unit: str) -> str:
    """Convert between celsius and fahrenheit or between kg and lb, to four decimals."""
    convert = _CONVERSIONS.get((from_unit.lower(), to_unit.lower()))
    if convert is None:
        pairs = ", ".join(f"{source} to {target}" for source, target in _CONVERSIONS)
        raise ToolError(f"Unknown conversion; accepted: {pairs}")
    try:
        number = float(value)
        result = convert(number)
    except OverflowError:
        raise ToolError("Argument value is out of range") from None
    if not math.isfinite(result):
        raise ToolError("Argument value is out of range")
    return json.dumps({"input": f"{number} {from_unit}", "output": f"{result:.4f} {to_unit}"})


async def start_transaction(session_id: str) -> str:
    """Begin the transaction that `session_id` names inside the MCP session of the caller."""
    await _session().transact(lambda transactions: transactions.start(session_id))
    return json.dumps({"transaction": "started", "session": session_id}, ensure_ascii=False)


async def add_operation(session_id: str, operation: str) -> str:
    """Queue an operation in the transaction that `session_id` names inside the MCP session of the caller."""
    total = await _session().transact(lambda transactions: transactions.add(session_id, operation))
    return json.dumps({"queued": operation, "total_operations": total}, ensure_ascii=False)


def _session() -> Session:
    session = current_session.get()
    if session is None:
        raise TransactionError("Transactions need a session; this server is stateless")
    return session


async def count_slowly(steps: int, milliseconds: int, *, caller: Caller) -> str:
    """Count to `steps` with a pause of `milliseconds` before each, reporting progress."""
    if steps * milliseconds > MAX_TOTAL_MILLISECONDS:
        raise ToolError(f"steps times milliseconds must be at most {MAX_TOTAL_MILLISECONDS}")
    for step in range(1, steps + 1):
        await anyio.sleep(milliseconds / 1000)
        await caller.report(step, steps, f"Step {step} of {steps}")
    return json.dumps({"counted": steps})


_TRANSACTION = Parameter("string", "Name of the transaction, valid inside the caller's MCP session.")

TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool(
            "analyze_text",
            "Analyze text using simulated NLP methods.",
            analyze_text,
            {
                "text": Parameter("string", "The text to analyze."),
                "analysis_type": Parameter("string", "sentiment, entities or summary.", "sentiment"),
            },
        ),
        Tool("health_check", "Return server health status.", health_check),
        Tool(
            "convert_units",
            "Convert between units. Each call is independent.",
            convert_units,
            {
                "value": Parameter("number", "The value to convert."),
                "from_unit": Parameter("string", "celsius, fahrenheit, kg or lb."),
                "to_unit": Parameter("string", "celsius, fahrenheit, kg or lb."),
            },
        ),
        Tool(
            "start_transaction",
            "Begin a simulated transaction in this session.",
            start_transaction,
            {"session_id": _TRANSACTION},
            read_only=False,
        ),
        Tool(
            "add_operation",
            "Add an operation to a transaction of this session.",
            add_operation,
            {"session_id": _TRANSACTION, "operation": Parameter("string", "The operation to queue.")},
            read_only=False,
        ),
        Tool(
            "count_slowly",
            "Count slowly and report progress after each step.",
            count_slowly,
            {
                "steps": Parameter(
                    "integer", "How far to count.", bounds={"minimum": 1, "maximum": MAX_STEPS}
                ),
                "milliseconds": Parameter(
                    "integer", "Pause before each step.", bounds={"minimum": 0, "maximum": MAX_MILLISECONDS}
                ),
            },
            wants_caller=True,
        ),
        *WITNESS_TOOLS,
        *CONTENT_TOOLS,
        *CHANGING_TOOLS,
        *LOG_TOOLS,
        *TASK_TOOLS,
        *PLACE_TOOLS,
        *HANDLE_TOOLS,
    )
}


async def call_tool(tool: Tool, arguments: Mapping[str, object], caller: Caller) -> ToolResult:
    """Call a tool.

    Args:
        tool: One of `TOOLS`.
        arguments: The arguments as received.
        caller: Whom it works for.

    Returns:
        The result; an error is the text of a JSON object with the member `error`.
    """
    try:
        checked = tool.checked(arguments)
        found = await (tool.run(**checked, caller=caller) if tool.wants_caller else tool.run(**checked))
    except (ToolError, TransactionError) as error:
        return text_result(json.dumps({"error": str(error)}), is_error=True)
    return found if isinstance(found, ToolResult) else text_result(found)
