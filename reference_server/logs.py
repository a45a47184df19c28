"""Log messages: which of them a client gets, by the level of its session or of its request.

Without a session there is nothing in which a level could be kept: before 2026-07-28 all are sent then.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from mcp.server.context import ServerRequestContext
from mcp_types import (
    LOG_LEVEL_META_KEY,
    EmptyResult,
    LoggingLevel,
    LoggingMessageNotification,
    LoggingMessageNotificationParams,
    SetLevelRequestParams,
)

from reference_server._context import MODERN_REVISIONS
from reference_server.sessions import current_session

LOGGER: Final = "reference-server"

_LEVELS: Final[tuple[LoggingLevel, ...]] = get_args(LoggingLevel)
"""All levels, the least severe first."""

_Context = ServerRequestContext[Any, Any]


async def set_level(_: _Context, params: SetLevelRequestParams) -> EmptyResult:
    """Keep the lowest level that the client of a session wants (server/utilities/logging)."""
    session = current_session.get()
    if session is not None:
        session.log_level = params.level
        await session.keep()
    return EmptyResult()


async def log(context: _Context, level: LoggingLevel, data: object) -> None:
    """Send a log message on the stream of the request that it belongs to, if the client wants it."""
    lowest = _lowest(context)
    if lowest is None or _LEVELS.index(level) < _LEVELS.index(lowest):
        return
    params = LoggingMessageNotificationParams(level=level, logger=LOGGER, data=data)
    await context.session.send_notification(
        LoggingMessageNotification(params=params), related_request_id=context.request_id
    )


def _lowest(context: _Context) -> LoggingLevel | None:
    """Return the lowest level that is wanted, or None for no message at all."""
    if context.protocol_version in MODERN_REVISIONS:
        wanted = (context.meta or {}).get(LOG_LEVEL_META_KEY)
        return wanted if wanted in _LEVELS else None
    session = current_session.get()
    return session.log_level if session is not None else _LEVELS[0]
