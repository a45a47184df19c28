"""Variants of what users, models and clients are asked for, in both eras."""

from __future__ import annotations

from typing import Any, Final

from reference_server._calls import Call, push_to_get_streams
from reference_server._context import HANDSHAKE_REVISIONS, REVISIONS, Layer, Message, RequestContext
from reference_server._layers import handle, rewrite_message
from reference_server.faults._asking import Json, asked, is_call, requests_of
from reference_server.faults.server_requests import named
from reference_server.variants import Variant

SINCE_MODES: Final = REVISIONS[2:]
SINCE_FORMS: Final = REVISIONS[1:]

FIELDS: Final[Json] = {
    "email": {"type": "string", "format": "email", "title": "Email", "default": "anna@example.com"},
    "password_hint": {"type": "string", "maxLength": 20},
    "age": {"type": "integer", "minimum": 0, "maximum": 150, "default": 30},
    "share": {"type": "number", "minimum": 0},
    "secret": {"type": "boolean", "title": "Keep it secret?", "default": False},
    "size": {"type": "string", "enum": ["S", "M"], "enumNames": ["small", "medium"]},
    "homepage": {"type": "string", "format": "uri", "default": "https://example.com/"},
}
"""Fields of all kinds that every revision with forms has."""

LATER_FIELDS: Final[Json] = {
    "colour": {"type": "string", "oneOf": [{"const": "r", "title": "Red"}, {"const": "b", "title": "Blue"}]},
    "sizes": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["S", "M"]}},
    "colours": {"type": "array", "items": {"anyOf": [{"const": "r", "title": "Red"}]}, "default": ["r"]},
}
"""Fields of the kinds that came with modes."""


def _form(fields: Json) -> Layer:
    """Ask for more fields, which may be left out."""
    return asked(
        lambda request: request["params"]["requestedSchema"]["properties"].update(fields), "elicitation"
    )


def _url(url: str) -> Layer:
    return asked(lambda request: request["params"].update(url=url), "url")


def _without_mode(request: Json) -> None:
    request["params"].pop("mode", None)


def _pings_first(message: Any, context: RequestContext) -> Any:
    """Ping the client before it is asked for something."""
    if "method" not in message or not requests_of(message):
        return message
    return [{"jsonrpc": "2.0", "id": f"ping-{message['id']}", "method": "ping"}, message]


async def _completed_beside(call: Call) -> None:
    """Tell on the GET stream of the session that a visit to a URL is complete, if it has one."""

    async def send(message: Message) -> None:
        body = message.get("body", b"")
        if b"notifications/elicitation/complete" in body and await push_to_get_streams(
            call.context.facts, body, session_id=call.context.session_id
        ):
            message = {**message, "body": b""}
        await call.send(message)

    await call.forward(send=send)


def _does_without(message: Any, context: RequestContext) -> Any:
    """Complete calls whose client cannot be asked."""
    result = message.get("result", {})
    if not is_call()(context) or "did not declare" not in str(result.get("content")):
        return message
    content = [{"type": "text", "text": "Done without asking."}]
    return {**message, "result": {**result, "content": content, "isError": False}}


def variant(
    name: str,
    summary: str,
    layer: Layer,
    revisions: tuple[str, ...] = REVISIONS,
) -> Variant:
    """Make a variant of a server with sessions and event streams."""
    return Variant(name, ("stateful",), summary=summary, layer=layer, revisions=revisions)


VARIANTS = (
    variant(
        "forms-of-all-kinds",
        "forms with formats, defaults, bounds and enumerations; a boolean may be called secret",
        _form(FIELDS),
        SINCE_FORMS,
    ),
    variant(
        "forms-with-choices",
        "forms with titled and multiple choices, which came with modes",
        _form({**FIELDS, **LATER_FIELDS}),
        SINCE_MODES,
    ),
    variant(
        "form-without-mode",
        "a form without mode; form mode is the default",
        asked(_without_mode, "elicitation"),
        SINCE_FORMS,
    ),
    variant(
        "url-with-opaque-state",
        "a URL to open with an opaque token that gives access to nothing by itself",
        _url("https://example.com/connect?state=eyJhIjoxfQ.eyJiIjoyfQ.c2ln&elicitation=7#top"),
        SINCE_MODES,
    ),
    variant(
        "url-of-development",
        "a URL to open of this machine, where HTTP will do",
        _url("http://localhost:8080/confirm"),
        SINCE_MODES,
    ),
    variant(
        "url-of-an-app",
        "a URL to open with a scheme of its own",
        _url("myapp://confirm"),
        SINCE_MODES,
    ),
    variant(
        "pings-before-asking",
        "the client is pinged on the stream of a call before it is asked for something",
        rewrite_message(_pings_first),
        HANDSHAKE_REVISIONS,
    ),
    variant(
        "texts-as-request-ids",
        "requests of the server with texts and numbers as ids, equal but for their type",
        named(lambda number: number if number % 2 else str(number - 1)),
        HANDSHAKE_REVISIONS,
    ),
    variant(
        "completion-beside",
        "the completion of a visit on the GET stream of the session that was asked",
        handle(_completed_beside),
        HANDSHAKE_REVISIONS,
    ),
    variant(
        "does-without-asking",
        "calls whose client cannot be asked are completed all the same",
        rewrite_message(_does_without),
        HANDSHAKE_REVISIONS,
    ),
)
