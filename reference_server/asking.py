"""Asking the client back: by the result of a call in the modern era, by a request of the server's own before.

In the modern era the call ends with what is asked for and a protected state; the client calls again with both
its answer and the state (2026-07-28, basic/patterns/mrtr).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResultWithTools,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, ValidationError

from reference_server._context import MODERN_REVISIONS
from reference_server._jsonrpc import INVALID_PARAMS, MISSING_CLIENT_CAPABILITY
from reference_server._tool import ToolError

ANSWER_SECONDS: Final = 10.0
"""How long a request of the server's own waits for its response."""

ANSWER_KEY: Final = "answer"
"""Under which key something is asked for."""

ELICITATION_SINCE: Final = "2025-06-18"


@dataclass(frozen=True, slots=True)
class Question:
    """What can be asked for.

    Args:
        request: The request that asks for it.
        answer: The type of its result.
        needs: The client capability it needs, as an object of capabilities.
    """

    request: InputRequest
    answer: type[BaseModel]
    needs: Mapping[str, Any]


QUESTIONS: Final[Mapping[str, Question]] = {
    "elicitation": Question(
        ElicitRequest(
            params=ElicitRequestFormParams(
                message="Which text is to be returned?",
                requested_schema={
                    "type": "object",
                    "properties": {"text": {"type": "string", "description": "Any text."}},
                    "required": ["text"],
                },
            )
        ),
        ElicitResult,
        {"elicitation": {"form": {}}},
    ),
    "sampling": Question(
        CreateMessageRequest(
            params=CreateMessageRequestParams(
                messages=[
                    SamplingMessage(
                        role="user", content=TextContent(type="text", text="Say something short.")
                    )
                ],
                max_tokens=100,
            )
        ),
        CreateMessageResultWithTools,
        {"sampling": {}},
    ),
    "roots": Question(ListRootsRequest(), ListRootsResult, {"roots": {}}),
}


class InputNeeded(Exception):  # noqa: N818 - it is an answer, not an error
    """A call that cannot be completed before the client answers.

    Args:
        result: What the client is asked for.
    """

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__()
        self.result = result


async def ask(context: ServerRequestContext[Any, Any], kind: str) -> dict[str, Any]:
    """Ask the client of a tool call and return its answer as JSON object.

    Args:
        context: The call.
        kind: One of `QUESTIONS`.

    Raises:
        InputNeeded: In the modern era, if the call brought no answer.
        MCPError: In the modern era, if the client lacks the capability or its answer is malformed.
        ToolError: In the handshake era, if the client cannot be asked or did not answer.
    """
    capabilities = context.session.client_capabilities
    declared = capabilities.model_dump(by_alias=True, exclude_none=True) if capabilities else {}
    found = declared.get(kind)
    # Without modes, form mode is meant (client/elicitation#capabilities).
    able = found is not None and not (kind == "elicitation" and "url" in found and "form" not in found)
    if context.protocol_version in MODERN_REVISIONS:
        return _brought(context, kind, able)
    if not able or (kind == "elicitation" and context.protocol_version < ELICITATION_SINCE):
        raise ToolError(f"The client did not declare {kind}, or its revision has none")
    return await _requested(context, QUESTIONS[kind])


def _brought(context: ServerRequestContext[Any, Any], kind: str, able: bool) -> dict[str, Any]:
    """Return the answer that the call brought with the state of an earlier one."""
    question = QUESTIONS[kind]
    if not able:
        raise MCPError(
            code=MISSING_CLIENT_CAPABILITY,
            message=f"The client must declare {kind}",
            data={"requiredCapabilities": question.needs},
        )
    params = context.params or {}
    answer = (params.get("inputResponses") or {}).get(ANSWER_KEY) if params.get("requestState") else None
    if answer is not None:
        _check(question, answer)
    if answer is None or (answer.get("action") == "accept" and "text" not in (answer.get("content") or {})):
        raise InputNeeded(
            InputRequiredResult(input_requests={ANSWER_KEY: question.request}, request_state=kind)
        )
    return dict(answer)


def _check(question: Question, answer: Any) -> None:
    try:
        parsed = question.answer.model_validate(answer, by_name=False)
    except ValidationError:
        parsed = None
    text = (parsed.content or {}).get("text", "") if isinstance(parsed, ElicitResult) else ""
    if parsed is None or not isinstance(text, str):
        raise MCPError(code=INVALID_PARAMS, message="The answer does not fit what was asked for")


async def _requested(context: ServerRequestContext[Any, Any], question: Question) -> dict[str, Any]:
    """Send the request on the stream of the call and wait for the response that the client posts."""
    try:
        result = await context.session.send_request(
            question.request,
            question.answer,
            request_read_timeout_seconds=ANSWER_SECONDS,
            metadata=ServerMessageMetadata(related_request_id=context.request_id),
        )
    except NoBackChannelError:
        raise ToolError("The client can be asked only in a session with event streams") from None
    except MCPError as error:
        raise ToolError(f"The client did not answer: {error.error.message}") from None
    except ValidationError:
        raise ToolError("The answer does not fit what was asked for") from None
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


class StateProtection(ServerMiddleware[Any]):
    """Protects the state that goes through the client, by the SDK's means, in the era that has it.

    The SDK's means bind it to method, tool and arguments, let it lapse, and refuse what was not issued here.
    They would also refuse a member of that name before, where it means nothing.

    Args:
        seconds: How long a state is valid.
        audience: Who issues it.
    """

    def __init__(self, seconds: float, audience: str) -> None:
        security = RequestStateSecurity.ephemeral(ttl=seconds)
        self._boundary = RequestStateBoundary(security, default_audience=audience)

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Serve a request with its state checked and the one of its result sealed."""
        if ctx.protocol_version in MODERN_REVISIONS:
            return await self._boundary(ctx, call_next)
        return await call_next(ctx)
