"""Legal but unusual resources: their URIs, their contents, their pages, and how changes are announced."""

from __future__ import annotations

import copy
from typing import Any, Final

import anyio

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    SESSION_HEADER,
    Layer,
    RequestContext,
)
from reference_server._jsonrpc import METHOD_NOT_FOUND, encode, error_message
from reference_server._layers import Call, answer_instead, combine, handle, when
from reference_server._layers import rewrite_message as rewrite
from reference_server.extras import KINDS
from reference_server.faults.pagination import lists, pages
from reference_server.faults.resources import UNKNOWN, served
from reference_server.faults.schema import result_of
from reference_server.variants import Variant

UPDATED: Final = "notifications/resources/updated"
CHANGES: Final = (
    UPDATED,
    *(f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")),
)
LATE_SECONDS: Final = 0.2

ODD_URIS: Final = (
    "urn:isbn:0451450523",
    "tag:example.com,2026:notes/1",
    "a+b.c-d:opaque;v=1?q=(x)#part",
    "notes://user@[::1]:8080/a%20b/%C3%BC",
    "file:///C:/notes/",
    "https://docs.example/page",
)
DATES: Final = (
    "2026-01-12",
    "20260112T150058+0100",
    "2026-W03-1",
    "2026-01-12T15:00:58.123456+01:00",
    "2026-01",
)


def odd_uris(result: dict[str, Any]) -> None:
    """List resources that nobody can read."""
    result["resources"] += [{"uri": uri, "name": f"odd {uri}"} for uri in ODD_URIS]


def dated(result: dict[str, Any]) -> None:
    """Write timestamps in the forms that ISO 8601 has, and priorities at their ends."""
    result["resources"] += [
        {"uri": f"dated://{n}", "name": when, "annotations": {"lastModified": when, "priority": n % 2}}
        for n, when in enumerate(DATES)
    ]


def on_last_page(change: Any) -> Layer:
    """Change the last page of the resources."""

    def changed(result: dict[str, Any], context: RequestContext) -> None:
        if context.rpc_method == "resources/list" and "nextCursor" not in result:
            result["resources"] = copy.deepcopy(result["resources"])
            change(result)

    return pages(changed)


def with_parts(result: dict[str, Any]) -> None:
    """Give the parts of a directory in place of its own contents."""
    for item in list(result["contents"]):
        if item["uri"].startswith("file:"):
            parts = [{**item, "uri": f"{item['uri']}/{part}", "text": part} for part in ("a", "b")]
            result["contents"] = [
                *parts,
                {"uri": "reference://note.svg", "mimeType": "image/svg+xml", "text": ""},
            ]


def blank_cursor(result: dict[str, Any], context: RequestContext) -> None:
    """Give out an empty text as cursor."""
    if "nextCursor" in result:
        context.state[f"blank {context.rpc_method}"] = result["nextCursor"]
        result["nextCursor"] = ""


async def from_blank(call: Call) -> None:
    """Take an empty text for the cursor of the second page."""
    context = call.context
    known = context.state.get(f"blank {context.rpc_method}")
    if known and lists(lambda cursor: cursor == "")(context):
        context = context.changed(
            body=encode({**context.value, "params": {**context.params, "cursor": known}})
        )
    await call.forward(context)


def cursor_of_session(result: dict[str, Any], context: RequestContext) -> None:
    """Give out cursors that name their session."""
    if "nextCursor" in result:
        result["nextCursor"] = f"{context.header(SESSION_HEADER)}.{result['nextCursor']}"


async def in_session(call: Call) -> None:
    """Take the cursors of one's own session only."""
    context = call.context
    if lists(lambda cursor: isinstance(cursor, str))(context):
        session, _, cursor = context.params["cursor"].partition(".")
        if session == context.header(SESSION_HEADER):
            params = {**context.params, "cursor": cursor}
            context = context.changed(body=encode({**context.value, "params": params}))
    await call.forward(context)


def covers_everything(result: dict[str, Any]) -> None:
    """List a template that covers every URI."""
    result["resourceTemplates"].append({"uriTemplate": "{+uri}", "name": "anything"})


def below(message: Any, context: RequestContext) -> Any:
    """Announce a part of the resource that changed."""
    if not isinstance(message, dict) or message.get("method") != UPDATED:
        return message
    return {**message, "params": {**message["params"], "uri": f"{message['params']['uri']}/part"}}


def announced_twice(message: Any, context: RequestContext) -> Any:
    """Announce each change twice."""
    announced = isinstance(message, dict) and message.get("method") in CHANGES
    return [message, message] if announced else message


def unannounced(message: Any, context: RequestContext) -> Any:
    """Leave announcements out."""
    return None if isinstance(message, dict) and message.get("method") in CHANGES else message


def with_announcement(message: Any, context: RequestContext) -> Any:
    """Announce what a call changed ahead of its result."""
    arguments = context.params.get("arguments")
    found: dict[str, Any] = {"jsonrpc": "2.0"}
    if not isinstance(arguments, dict):
        return message
    if context.params.get("name") == "toggle_item" and arguments.get("kind") in KINDS:
        found["method"] = f"notifications/{arguments['kind']}/list_changed"
    elif context.session is not None and arguments.get("uri") in context.session.subscribed:
        found |= {"method": UPDATED, "params": {"uri": arguments["uri"]}}
    return [found, message] if "method" in found and "result" in message else message


async def later(call: Call) -> None:
    """Let a change be seen before it is announced."""
    send = call.send

    async def delayed(message: Any) -> None:
        if any(method.encode() in message.get("body", b"") for method in CHANGES):
            await anyio.sleep(LATE_SECONDS)
        await send(message)

    await call.forward(send=delayed)


VARIANTS = (
    Variant(
        "uris-in-other-forms",
        ("stateless",),
        summary="resources have URIs without authority, with other schemes, or at other hosts",
        layer=on_last_page(odd_uris),
    ),
    Variant(
        "dates-in-other-forms",
        ("stateless",),
        summary="lastModified is in any form of ISO 8601, and a priority is 0 or 1",
        layer=on_last_page(dated),
    ),
    Variant(
        "contents-of-parts",
        ("stateless",),
        summary="a read gives several contents under other URIs, one of them an image that is text",
        layer=result_of("resources/read", with_parts),
    ),
    Variant(
        "everything-is-a-resource",
        ("stateless",),
        summary="a template covers every URI, so none is unknown",
        layer=combine(
            result_of("resources/templates/list", covers_everything),
            served(lambda uri: uri.startswith(UNKNOWN), {"text": "Here you are.\n"}),
        ),
    ),
    Variant(
        "no-templates",
        ("stateless",),
        summary="a server without templates does not know their list",
        layer=answer_instead(
            lambda c: c.is_request and c.rpc_method == "resources/templates/list" and c.revision is not None,
            200,
            body=lambda c: error_message(METHOD_NOT_FOUND, "Method not found", request_id=c.rpc_id),
        ),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "no-resources-now",
        summary="the list of resources is empty",
        layer=pages(
            lambda result, context: (
                (result.update(resources=[]), result.pop("nextCursor", None))
                if "resources" in result
                else None
            )
        ),
    ),
    Variant(
        "blank-cursor",
        ("stateless",),
        summary="a cursor is an empty text",
        layer=combine(pages(blank_cursor), handle(from_blank)),
    ),
    Variant(
        "cursors-of-sessions",
        ("stateful",),
        summary="a cursor holds in its session only",
        layer=when(lambda c: not c.is_modern, combine(pages(cursor_of_session), handle(in_session))),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "updates-of-parts",
        ("stateful",),
        summary="the change of a resource is announced as one of its part",
        layer=rewrite(below),
    ),
    Variant(
        "announces-twice",
        ("stateful",),
        summary="each change is announced twice",
        layer=rewrite(announced_twice),
    ),
    Variant(
        "announces-on-calls",
        ("stateful",),
        summary="a change is announced on the stream of the call that caused it",
        layer=combine(
            when(lambda c: c.method == "GET", rewrite(unannounced)),
            when(lambda c: c.rpc_method == "tools/call" and not c.is_modern, rewrite(with_announcement)),
        ),
        options={"json_response": False},
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "announces-late",
        ("stateful",),
        summary="changes are announced after a while",
        layer=when(lambda c: c.stays_open, handle(later)),
    ),
    Variant(
        "one-page",
        ("stateless",),
        summary="no list has pages",
        layer=combine(),
        options={"paged": "none"},
    ),
)
