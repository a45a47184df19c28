"""Asking the client back: by the result of a call in the modern era, by a request of the server's own before.

In the modern era the call ends with what is asked for and a protected state; the client calls again with both
its answers and the state (2026-07-28, basic/patterns/mrtr). The state holds the answers of earlier rounds, so
whoever asks begins anew on each call, and is given at once what the client has answered already.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import jsonschema
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    URL_ELICITATION_REQUIRED,
    CreateMessageRequest,
    CreateMessageResultWithTools,
    ElicitCompleteNotification,
    ElicitCompleteNotificationParams,
    ElicitRequest,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
)
from pydantic import BaseModel, ValidationError

from reference_server._context import MODERN_REVISIONS
from reference_server._jsonrpc import INVALID_PARAMS, MISSING_CLIENT_CAPABILITY
from reference_server._tool import ToolError
from reference_server.memory import Memory
from reference_server.principals import owner
from reference_server.questions import ANY_TIME, ELICIT, LIST_ROOTS, SAMPLE, Json, Question, Terms

ANSWER_SECONDS: Final = 10.0
"""How long a request of the server's own waits for its response."""

_REQUESTS: Final[Mapping[str, type[InputRequest]]] = {
    ELICIT: ElicitRequest,
    SAMPLE: CreateMessageRequest,
    LIST_ROOTS: ListRootsRequest,
}
_RESULTS: Final[Mapping[str, type[BaseModel]]] = {
    ELICIT: ElicitResult,
    SAMPLE: CreateMessageResultWithTools,
    LIST_ROOTS: ListRootsResult,
}


class InputNeeded(Exception):  # noqa: N818 - it is an answer, not an error
    """A call that cannot be completed before the client answers.

    Args:
        result: What the client is asked for.
    """

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__()
        self.result = result


class Asking:
    """Asks the client of one call of a tool, a prompt or a resource.

    Args:
        context: The call.
        memory: What the app remembers.
    """

    def __init__(self, context: ServerRequestContext[Any, Any], memory: Memory) -> None:
        self._context = context
        self._memory = memory
        capabilities = context.session.client_capabilities
        self._declared = capabilities.model_dump(by_alias=True, exclude_none=True) if capabilities else {}
        self._modern = context.protocol_version in MODERN_REVISIONS
        params = context.params or {}
        self._state = params.get("requestState") if self._modern else None
        self._responses: Json = dict(params.get("inputResponses") or {}) if self._state is not None else {}
        kept = json.loads(self._state) if self._state else {}
        self._earlier: list[dict[str, Json]] = kept.get("answers", [])
        self._partial: dict[str, Json] = kept.get("partial", {})
        self._name: str = kept.get("name", "")
        self._issued: float = kept.get("issued", 0.0)
        self._rounds = 0

    def can_ask(self, question: Question) -> bool:
        """Tell whether the client declared what a question needs."""
        return question.allowed_by(self._declared, self._context.protocol_version)

    async def ask_all(
        self, questions: Mapping[str, Question], terms: Terms = ANY_TIME, *, keep: bool = True
    ) -> dict[str, Json]:
        """Ask several things at once and return the client's result for each, under the same key.

        Args:
            questions: What to ask for. Whoever asks more than once for a call asks the same each time that
                the answers so far are the same.
            terms: How long and how often answers are taken.
            keep: In the modern era, keep the answers in a state that the client brings back.

        Raises:
            InputNeeded: In the modern era, if the call brought no answer.
            MCPError: In the modern era, if the client lacks a capability or an answer is malformed. In the
                handshake era, if the user has to open a URL first and the client cannot be asked for that.
            ToolError: In the handshake era, if the client cannot be asked or did not answer.
        """
        lacking = next((each for each in questions.values() if not self.can_ask(each)), None)
        if self._modern:
            if lacking is not None:
                raise MCPError(
                    code=MISSING_CLIENT_CAPABILITY,
                    message=f"The client must declare what {lacking.method} needs",
                    data={"requiredCapabilities": dict(lacking.needs)},
                )
            return await self._kept(questions, terms) if keep else self._brought(questions)
        if lacking is not None:
            raise ToolError(
                f"The client did not declare what {lacking.method} needs, or its revision has none"
            )
        return {key: await self._requested(question) for key, question in questions.items()}

    async def _kept(self, questions: Mapping[str, Question], terms: Terms) -> dict[str, Json]:
        """Return the answers that the call brought, for these questions or those before."""
        self._rounds += 1
        lapsed = terms.seconds is not None and time.time() > self._issued + terms.seconds
        if self._state is not None and (lapsed or await self._memory.used_state(self._name)):
            raise MCPError(code=INVALID_PARAMS, message="The request state is not valid any more")
        if self._rounds <= len(self._earlier):
            return self._earlier[self._rounds - 1]
        answers, self._partial = self._partial, {}
        found = {key: self._responses.pop(key) for key in questions if self._responses.get(key) is not None}
        answers |= {key: answer for key, answer in found.items() if _fits(questions[key], answer)}
        missing = {key: _request(each) for key, each in questions.items() if key not in answers}
        if missing:
            state = {
                "answers": self._earlier,
                "partial": answers,
                "name": str(uuid4()),
                "issued": time.time(),
            }
            raise InputNeeded(InputRequiredResult(input_requests=missing, request_state=json.dumps(state)))
        if terms.once:
            await self._memory.use_state(self._name)
        self._earlier.append(answers)
        return answers

    def _brought(self, questions: Mapping[str, Question]) -> dict[str, Json]:
        """Return the answers that the call brought, all of them at once."""
        responses = (self._context.params or {}).get("inputResponses") or {}
        answers = {key: responses[key] for key in questions if responses.get(key) is not None}
        if all(key in answers and _fits(question, answers[key]) for key, question in questions.items()):
            return answers
        requests = {key: _request(question) for key, question in questions.items()}
        raise InputNeeded(InputRequiredResult(input_requests=requests))

    async def _requested(self, question: Question) -> Json:
        """Send the request on the stream of the call and wait for the response that the client posts."""
        context = self._context
        elicitation = {"elicitationId": str(uuid4())} if question.by_url else {}
        try:
            result = await context.session.send_request(
                _request(question, **elicitation),
                _RESULTS[question.method],
                request_read_timeout_seconds=ANSWER_SECONDS,
                metadata=ServerMessageMetadata(related_request_id=context.request_id),
            )
        except NoBackChannelError:
            if question.by_url:
                raise MCPError(
                    code=URL_ELICITATION_REQUIRED,
                    message="A user has to open a URL first",
                    data={"elicitations": [{**(question.params or {}), **elicitation}]},
                ) from None
            raise ToolError("The client can be asked only in a session with event streams") from None
        except MCPError as error:
            raise ToolError(f"The client did not answer: {error.error.message}") from None
        except ValidationError:
            raise ToolError("The answer does not fit what was asked for") from None
        answer = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        try:
            if not _fits(question, answer):
                raise ToolError("The answer lacks what was asked for")
        except MCPError as error:
            raise ToolError(error.error.message) from None
        if elicitation and answer["action"] == "accept":
            # What the user does behind the URL is simulated, so it is done at once.
            params = ElicitCompleteNotificationParams(elicitation_id=elicitation["elicitationId"])
            await context.session.send_notification(
                ElicitCompleteNotification(params=params), related_request_id=context.request_id
            )
        return answer


def _request(question: Question, **members: str) -> InputRequest:
    params = None if question.params is None else {**question.params, **members}
    return _REQUESTS[question.method].model_validate(
        {"method": question.method, **({} if params is None else {"params": params})}, by_name=False
    )


def _fits(question: Question, answer: Any) -> bool:
    """Tell whether an answer says all that was asked for.

    Raises:
        MCPError: If it is malformed, or what it says does not fit.
    """
    try:
        _RESULTS[question.method].model_validate(answer, by_name=False)
    except ValidationError:
        raise _unfit() from None
    if question.method != ELICIT or question.by_url or answer["action"] != "accept":
        return True
    schema, content = (question.params or {})["requestedSchema"], answer.get("content") or {}
    # What is left out can be asked for again, what is wrong cannot.
    given = {**schema, "required": []}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    if not jsonschema.Draft202012Validator(given, format_checker=checker).is_valid(content):
        raise _unfit()
    return all(name in content for name in schema.get("required", ()))


def _unfit() -> MCPError:
    return MCPError(code=INVALID_PARAMS, message="The answer does not fit what was asked for")


class StateProtection(ServerMiddleware[Any]):
    """Protects the state that goes through the client, by the SDK's means, in the era that has it.

    The SDK's means bind it to principal, method, tool and arguments, let it lapse, and refuse what was not
    issued here. They would also refuse a member of that name before, where it means nothing.

    Args:
        seconds: How long a state is valid.
        audience: Who issues it.
        key: The secret behind it, of at least 32 bytes; None for one that this process alone has.
    """

    def __init__(self, seconds: float, audience: str, key: str | None = None) -> None:
        security = RequestStateSecurity(
            keys=[secrets.token_bytes(32) if key is None else key],
            ttl=seconds,
            bind_principal=lambda _: owner(),
        )
        self._boundary = RequestStateBoundary(security, default_audience=audience)

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Serve a request with its state checked and the one of its result sealed."""
        if ctx.protocol_version in MODERN_REVISIONS:
            return await self._boundary(ctx, call_next)
        return await call_next(ctx)
