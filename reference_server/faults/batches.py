"""Faults of the jsonrpc chapter in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server import batches
from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, is_answer, is_call
from reference_server._layers import answer_instead, rewrite_message
from reference_server.faults import Fault

Json = dict[str, Any]
INVALID = {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": "Invalid request"}}


def batch(*kinds: Callable[[Any], bool]) -> Callable[[RequestContext], bool]:
    """Select batches in which each member is of one of some kinds, and each kind is there."""

    def chosen(context: RequestContext) -> bool:
        if not context.is_batch or context.revision != batches.REVISION:
            return False
        members = context.members
        return all(any(map(kind, members)) for kind in kinds) and all(
            any(k(m) for k in kinds) for m in members
        )

    return chosen


def is_notification(member: Any) -> bool:
    """Tell whether a member is a notification."""
    return isinstance(member, dict) and "method" in member and "id" not in member


def is_number(member: Any) -> bool:
    """Tell whether a member is a JSON number."""
    return type(member) is int


def is_empty(context: RequestContext) -> bool:
    """Select the empty batch."""
    return context.is_batch and not context.members and context.revision == batches.REVISION


def answers(change: Callable[[Json, RequestContext], Any], select: Callable[[RequestContext], bool]) -> Layer:
    """Change the messages that answer the selected batches."""
    return rewrite_message(lambda m, c: change(m, c) if select(c) and isinstance(m, dict) else m)


def is_error(message: Json) -> bool:
    """Tell whether a message is the error for a member that has an id."""
    return "error" in message and message.get("id") is not None


def with_reply_to_notification(message: Json, context: RequestContext) -> Any:
    """Add an answer to the notification in a batch."""
    return [message, {"jsonrpc": "2.0", "id": None, "result": {}}] if is_error(message) else message


def results_of(context: RequestContext) -> Any:
    """Answer each member of a batch with an empty result."""
    return [{"jsonrpc": "2.0", "id": m.get("id"), "result": {}} for m in context.members if is_call(m)]


ALL_REQUESTS = batch(is_call)
MIXED = batch(is_call, is_notification)
ONE_INVALID = batch(is_call, is_number)

FAULTS = (
    Fault(
        "jsonrpc.batch-refused-early",
        ("jsonrpc.batch-received",),
        summary="At 2025-03-26 batches are refused as in later revisions.",
        layer=answer_instead(ALL_REQUESTS, 400, body=INVALID),
    ),
    Fault(
        "jsonrpc.batch-crash",
        ("jsonrpc.batch-received",),
        summary="A batch crashes the server.",
        layer=answer_instead(ALL_REQUESTS, 500),
    ),
    Fault(
        "jsonrpc.batch-swallowed",
        ("jsonrpc.batch-received",),
        summary="A batch of requests is accepted with 202 and never answered.",
        layer=answer_instead(ALL_REQUESTS, 202),
    ),
    Fault(
        "jsonrpc.batch-error-dropped",
        ("jsonrpc.batch-response-set",),
        summary="A request of a batch that fails gets no response.",
        layer=answers(lambda m, _: None if is_error(m) else m, MIXED),
    ),
    Fault(
        "jsonrpc.batch-error-doubled",
        ("jsonrpc.batch-response-set",),
        summary="A request of a batch that fails gets two responses.",
        layer=answers(lambda m, _: [m, m] if is_error(m) else m, MIXED),
    ),
    Fault(
        "jsonrpc.batch-notification-answered",
        ("jsonrpc.batch-response-set",),
        summary="A notification in a batch gets a response.",
        layer=answers(with_reply_to_notification, MIXED),
    ),
    Fault(
        "jsonrpc.batch-notifications-array",
        ("jsonrpc.batch-notifications-202",),
        summary="A batch of notifications gets 200 with an empty array.",
        layer=answer_instead(batch(is_notification), 200, body=[]),
    ),
    Fault(
        "jsonrpc.batch-notifications-204",
        ("jsonrpc.batch-notifications-202",),
        summary="A batch of notifications gets 204.",
        layer=answer_instead(batch(is_notification), 204),
    ),
    Fault(
        "jsonrpc.batch-responses-refused-200",
        ("jsonrpc.batch-notifications-202",),
        summary="A batch of responses gets an error with 200.",
        layer=answer_instead(batch(is_answer), 200, body=INVALID),
    ),
    Fault(
        "jsonrpc.batch-empty-array",
        ("jsonrpc.batch-empty",),
        summary="An empty batch gets an empty array.",
        layer=answer_instead(is_empty, 200, body=[]),
    ),
    Fault(
        "jsonrpc.batch-empty-error-array",
        ("jsonrpc.batch-empty",),
        summary="An empty batch gets an array with one error.",
        layer=answer_instead(is_empty, 200, body=[INVALID]),
    ),
    Fault(
        "jsonrpc.batch-empty-swallowed",
        ("jsonrpc.batch-empty",),
        summary="An empty batch is accepted with 202.",
        layer=answer_instead(is_empty, 202),
    ),
    Fault(
        "jsonrpc.batch-invalid-ignored",
        ("jsonrpc.batch-invalid-member",),
        summary="An invalid member of a batch gets no error.",
        layer=answers(lambda m, _: None if "error" in m else m, ONE_INVALID),
    ),
    Fault(
        "jsonrpc.batch-invalid-crash",
        ("jsonrpc.batch-invalid-member",),
        summary="An invalid member of a batch crashes the server.",
        layer=answer_instead(ONE_INVALID, 500),
    ),
    Fault(
        "jsonrpc.batch-invalid-other-code",
        ("jsonrpc.batch-invalid-member",),
        summary="An invalid member of a batch gets -32603.",
        layer=answers(
            lambda m, _: {**m, "error": {**m["error"], "code": INTERNAL_ERROR}} if "error" in m else m,
            ONE_INVALID,
        ),
    ),
    Fault(
        "jsonrpc.batch-mixed-crash",
        ("jsonrpc.batch-mixed-kinds",),
        summary="A batch of a request and a response crashes the server.",
        layer=answer_instead(batch(is_call, is_answer), 500),
    ),
    Fault(
        "jsonrpc.batch-served-late",
        ("jsonrpc.batch-refused",),
        summary="Batches are served in every revision.",
        layer=answer_instead(
            lambda c: bool(c.is_batch and c.members) and (c.revision or "") > batches.REVISION,
            200,
            body=results_of,
        ),
    ),
)
