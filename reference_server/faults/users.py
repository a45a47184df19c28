"""Faults of what belongs to one user: another one gets at it, by name, by state, by task or by handle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reference_server._context import MODERN_REVISIONS, RequestContext
from reference_server._layers import Layer, rewrite_message, when
from reference_server.faults import Fault
from reference_server.faults._users import (
    claims,
    has_no_token,
    is_made_up,
    passing_for,
    privileged,
    shared,
    trusting,
)
from reference_server.principals import Principal

STATEFUL: Final = ("stateful",)
STATELESS: Final = ("stateless",)

LISTENING: Final = frozenset({"resources/subscribe", "resources/unsubscribe", "subscriptions/listen"})


def fault(
    id: str,
    requirement: str,
    summary: str,
    layer: Layer,
    modes: tuple[str, ...] = ("stateless", "stateful"),
    **options: Any,
) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(id, (requirement,), modes, summary=summary, layer=layer, rig="auth", **options)


def calls(*names: str) -> Any:
    """Select calls of some tools."""
    return lambda c: c.rpc_method == "tools/call" and c.params.get("name") in names


def uses_tasks(context: RequestContext) -> bool:
    """Select requests for tasks, and those that are to run as one."""
    method = context.rpc_method or ""
    return method.startswith("tasks/") or (method == "tools/call" and "task" in context.params)


def as_owner_of_session(context: RequestContext) -> Principal | None:
    """Return the owner of the session of a request that another user sends."""
    session, name = context.session, claims(context).get("sub")
    if session is None or session.owner is None or name in (None, session.owner):
        return None
    return Principal(session.owner, frozenset(str(claims(context).get("scope", "")).split()))


def all_public(message: Any, _: RequestContext) -> Any:
    """Say of a result that everybody may keep it."""
    result = message.get("result") if isinstance(message, Mapping) else None
    if not isinstance(result, dict) or "cacheScope" not in result:
        return message
    return {**message, "result": {**result, "cacheScope": "public"}}


FAULTS = (
    fault(
        "tools.open-to-all-scopes",
        "tools.access-control",
        "a tool that is listed to some can be called by all",
        privileged(lambda c: c.rpc_method == "tools/call"),
    ),
    fault(
        "resources.open-to-all-scopes",
        "resources.access-control",
        "a resource that is listed to some can be read by all",
        privileged(lambda c: c.rpc_method == "resources/read"),
    ),
    fault(
        "resources.subscribed-without-permission",
        "resources.permissions-checked",
        "all can subscribe to a resource that is listed to some",
        privileged(lambda c: c.rpc_method in LISTENING),
        # At 2026-07-28 a subscription needs no session.
        STATEFUL,
    ),
    fault(
        "completion.tells-all",
        "completion.access-control",
        "suggestions for a template that is listed to some are given to all",
        privileged(lambda c: c.rpc_method == "completion/complete"),
    ),
    fault(
        "caching.hidden-prompts-given",
        "caching.no-reliance-on-scope",
        "a prompt that is listed to some is given to all who name it",
        privileged(lambda c: c.rpc_method == "prompts/get"),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "caching.private-list-public",
        "caching.public-not-user-specific",
        "a list that depends on the user may be kept for all",
        when(lambda c: c.rpc_method == "tools/list", rewrite_message(all_public)),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "mrtr.state-of-anybody",
        "mrtr.state-principal-bound",
        "a state that was given to one user is taken from another",
        shared(calls("ask_back")),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "tasks.of-anybody",
        "tasks.bound-to-auth",
        "who knows the id of a task may use it",
        shared(uses_tasks),
        STATELESS,
        revisions=("2025-11-25",),
    ),
    fault(
        "security.handle-of-anybody",
        "security.handle-not-auth",
        "who knows a handle may use it",
        shared(calls("new_key", "check_key")),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "security.notification-without-token",
        "security.verify-inbound",
        "notifications need no token",
        trusting(lambda c: has_no_token(c) and c.is_notification),
    ),
    fault(
        "security.session-as-token",
        "security.session-not-auth",
        "in a live session any token will do for a ping",
        trusting(lambda c: is_made_up(c) and c.is_plain and c.session is not None),
        STATEFUL,
    ),
    fault(
        "security.session-of-anybody",
        "security.session-bound-to-user",
        "who knows the id of a session may use it with a token of their own",
        passing_for(as_owner_of_session),
        STATEFUL,
    ),
)
